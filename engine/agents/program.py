"""What the Codex CLI and Claude Code have in common: a program in a cage, which tells by events what it does.

ProgramAgent.run ── once, and once more from the start where the session that a killed engine left is gone
└── Program.run
    ├── probe   will the commands that it runs be confined? If not, nothing is spent
    └── hear    its events; a session's id is saved before anything else is done with it
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from engine.agents.choice import KEYS
from engine.agents.event import read_event
from engine.agents.player import Player, Transcript
from engine.agents.protocol import Clock
from engine.agents.refusal import Refusal, read_refusal
from engine.cage import Cage, demand_cage, home, passed
from engine.model.call import Brief, Reply, Usage, Workspace
from engine.process import Deadlines, run_process

NETWORK = (
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"),
)
"""The variables by which a program finds its way to its provider."""
_BARE = ("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR")
"""What a program needs where it has no cage."""
_PROBING = Deadlines(total=60)
_GONE = re.compile(r"(?i)no rollout found|no conversation found|not a UUID|context window|prompt is too long")
"""How they say that a session is not there any more, or has outgrown the model."""


class OtherSession(Exception):
    """The program began a session of its own where it should have gone on with one."""


class Program(ABC):
    """One run of a CLI, and what it has said so far; `doing` is what it does now.

    It is `done` when it says so itself, with `text` as its last word; `stopped` says why it could not go on, `passes`
    that this is worth another try, `until` from when on; it is `refused` where it was not even begun.
    """

    name: ClassVar[str]
    provider: ClassVar[str]
    title: ClassVar[str]
    install: ClassVar[str]
    login: ClassVar[str]

    def __init__(self, player: Player, space: Workspace, transcript: Transcript, *, caged: bool) -> None:
        self.player, self.space, self.transcript, self.caged = player, space, transcript, caged
        self.file = os.path.realpath(shutil.which(self.name) or self.name)
        self.session: str | None = None
        self.model: str | None = None
        self.usage = Usage()
        self.text = self.stopped = self.doing = ""
        self.done = self.lost = self.passes = self.refused = False
        self.until: str | None = None

    @property
    def root(self) -> Path:
        """Where the program finds the tree: in the cage at the repository's own path, else in the copy itself."""
        return Path(self.space.root if self.caged else self.space.tree)

    @abstractmethod
    def argv(self, session: str | None) -> list[str]:
        """Its command line; the prompt comes by stdin."""

    @abstractmethod
    def probe(self) -> list[str]:
        """A command that only succeeds where the program's commands will be confined; empty where it runs none."""

    @abstractmethod
    def environ(self) -> dict[str, str]:
        """The variables that it needs besides the harmless ones."""

    @abstractmethod
    def folder(self) -> Path:
        """Where its login and its sessions are."""

    @abstractmethod
    def login_file(self) -> Path:
        """The file that is there when somebody has logged in."""

    @abstractmethod
    def hear(self, event: Mapping[str, object]) -> None:
        """Take in one event."""

    def more(self) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """(files of ours that it runs, other files that it writes)."""
        return (), ()

    def misplaced(self) -> str:
        """Why it cannot work where it and the tree are, with what to do; "" where it can."""
        return ""

    def check(self) -> None:  # noqa: B027 (nothing to check is right for most)
        """Hold what it said against what is known otherwise."""

    def key(self) -> str | None:
        """The variable with the key to use: the one that story.toml names, else the usual one without a login."""
        if self.player.key is None and self.login_file().is_file():
            return None
        name = self.player.key or KEYS[self.provider]
        return name if os.environ.get(name) else None

    @cached_property
    def given(self) -> dict[str, str]:
        """All variables that it is given by name."""
        return {**{name: os.environ[name] for name in NETWORK if name in os.environ}, **self.environ()}

    @cached_property
    def cage(self) -> Cage:
        """The cage around it, in which another sandbox can start."""
        run, written = self.more()
        return self.player.room.cage(
            self.space,
            network=True,
            shown=(_belongings(Path(self.file)), *run),
            kept=(self.folder(), *written),
            passing=tuple(self.given),
            nests=True,
        )

    async def run(self, session: str | None, prompt: str, call: str) -> None:
        """Run it to its end or its deadline, in a session where one is named."""
        self.transcript.folder.mkdir(parents=True, exist_ok=True)
        self.stopped = self.misplaced()
        if not self.stopped:
            self.folder().mkdir(parents=True, exist_ok=True)  # else its sessions would go with the cage's private home
            self.stopped = await self._unconfined()
        self.refused = bool(self.stopped)
        if self.refused:
            return
        raw = _unused(self.transcript.raw)

        def heard(line: bytes) -> None:
            known = self.session
            self.hear(read_event(line))
            self.player.tell(call, self.doing, self.usage)
            if self.session and not known:
                if session and self.session != session:
                    raise OtherSession
                self.transcript.save_session(self.session)

        try:
            _, why = await run_process(
                self._line(self.argv(session)),
                cwd=self._cwd,
                raw=raw,
                deadlines=self.player.deadlines,
                environ=self._environ,
                given=prompt.encode(),
                heard=heard,
            )
        except OtherSession:
            self.lost, self.done, self.stopped = True, False, f"session {session} is gone"
            return
        if not self.done and not self.stopped:
            errors = raw.with_name(raw.name + ".err").read_text("utf-8", "replace").strip()
            self.stopped = why or errors.split("\n")[-1][-500:] or "it ended without a word"
            self.passes = bool(why or self.session or not errors)
        self.check()
        self.lost = bool(session and not self.done and _GONE.search(self.stopped))

    async def _unconfined(self) -> str:
        """Why the commands that it runs would not be confined, "" where they will be."""
        words = self.probe()
        if not words:
            return ""
        raw = self.transcript.folder / "probe"
        code, why = await run_process(
            self._line(words), cwd=self._cwd, raw=raw, deadlines=_PROBING, environ=self._environ
        )
        if code == 0:
            return ""
        said = " ".join(raw.read_text("utf-8", "replace").split())[-300:]
        return f"its sandbox cannot start ({why or said or f'exit {code}'}). docs/security.md says more"

    @property
    def _cwd(self) -> Path:
        return self.transcript.folder if self.caged else self.root

    @property
    def _environ(self) -> dict[str, str]:
        """All of the engine's where a cage takes out what nobody named, else no more than that."""
        if self.caged:
            return {**os.environ, **self.given}
        return {**passed((*_BARE, *self.player.room.env)), **self.given}

    def _line(self, words: list[str]) -> list[str]:
        return self.cage.argv(words) if self.caged else words


class ProgramAgent:
    """Plays a role by running a CLI; a failure of whatever kind is a failed reply that says what to do."""

    in_copy = True

    def __init__(self, kind: type[Program], player: Player, *, clock: Clock, platform: str = sys.platform) -> None:
        self._kind, self._player, self._clock, self._caged = kind, player, clock, platform == "linux"

    async def run(self, brief: Brief) -> Reply:
        """Answer a brief; what a killed engine began under the same call is gone on with."""
        started = self._clock()
        kind, space = self._kind, brief.workspace
        if shutil.which(kind.name) is None or space is None:
            why = f"{kind.name} is not on PATH. {kind.install}" if space else f"{kind.name} has no copy to work in"
            return Reply(status="failed", text="", why=why, started=started, ended=self._clock())
        if self._caged:
            demand_cage()
        transcript = self._player.transcript(brief.call)
        began = transcript.began()
        program = kind(self._player, space, transcript, caged=self._caged)
        await program.run(began or brief.session, _go_on(brief) if began else brief.text, brief.call)
        if program.lost and began and began != brief.session:
            program = kind(self._player, space, transcript, caged=self._caged)
            await program.run(brief.session, brief.text, brief.call)
        return self._reply(program, started)

    def _reply(self, program: Program, started: str) -> Reply:
        ended = self._clock()
        good = program.done and not program.stopped and bool(program.text.strip())
        why = program.stopped or "its last message is empty"
        refusal = Refusal() if program.refused else read_refusal(why, now=ended)
        passes = not good and not program.lost and not refusal.login and (program.passes or refusal.passes)
        remedy = f". {program.login}" if refusal.login else ""
        return Reply(
            status="ok" if good else "failed",
            text=program.text,
            started=started,
            ended=ended,
            why="" if good else f"{program.title}: {why}{remedy}",
            session=None if program.lost else program.session,
            model=program.model or self._player.model,
            usage=self._player.priced(program.usage),
            passes=passes,
            until=program.until or refusal.until if passes else None,
            lost=program.lost,
        )


def below_home(variable: str, folder: str) -> Path:
    """A folder of a program's own: as a variable says, else below home."""
    return Path(os.environ.get(variable) or home() / folder).absolute()


def _go_on(brief: Brief) -> str:
    """What a session hears that a killed engine left: not the whole brief again."""
    about = brief.text.split("\n", 1)[0].lstrip("# ")
    return (
        f"You were interrupted at this task: {about}. Go on where you stopped, and end with the answer in the form "
        "that the task gives. If you cannot see that task above, say only that."
    )


def _unused(raw: Path) -> Path:
    """The file for what a run prints: what a killed run printed stays."""
    number, path = 1, raw
    while path.exists():
        number += 1
        path = raw.with_name(f"{raw.name}-{number}")
    return path


def _belongings(file: Path) -> Path:
    """What a program is made of: the packages of npm that its file lies in, else the file alone."""
    packages = [folder for folder in file.parents if folder.name == "node_modules"]
    return packages[-1] if packages else file
