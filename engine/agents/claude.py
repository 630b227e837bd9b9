"""Claude Code: `claude -p`, in our cage, and each of its commands in a cage of its own inside of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from engine.agents.event import count, listed, part, words
from engine.agents.player import Player, Transcript
from engine.agents.program import Program, below_home
from engine.agents.refusal import stamp
from engine.cage import passed
from engine.model.call import Usage, Workspace

_READ, _WRITE = "Read,Grep,Glob", "Read,Grep,Glob,Edit,Write,Bash"
_ENDS = ("end_turn", "stop_sequence")
"""Why a whole answer stops; a stream that was cut has no reason."""


class Claude(Program):
    """Reads where the workspace is read-only, edits it and runs commands where it is writable.

    What settings files say is left aside: they could allow more, or name programs to run unconfined.
    """

    name, provider, title = "claude", "anthropic", "Claude Code"
    install = "Install it (`npm install -g @anthropic-ai/claude-code`) and log in (`claude`, then `/login`)."
    login = "Run `claude` and `/login`, or name a `key` in story.toml"

    def __init__(self, player: Player, space: Workspace, transcript: Transcript, *, caged: bool) -> None:
        super().__init__(player, space, transcript, caged=caged)
        self._charged, self._began, self._ran = False, set[str](), 0
        self._took = dict[str, Usage]()
        self._caging = caged and space.writable
        self._shell, self._list = transcript.folder / "shell", transcript.folder / "commands"

    def argv(self, session: str | None) -> list[str]:
        """The command line."""
        player = self.player
        said = [self.file, "-p", "--output-format", "stream-json", "--verbose", "--model", player.model]
        said += ["--permission-mode", "dontAsk", "--tools", _WRITE if self.space.writable else _READ]
        said += ["--allowedTools", f"Edit(/{self.root}/**),Bash"] if self.space.writable else []
        said += ["--max-turns", str(player.requests), "--setting-sources", "", "--strict-mcp-config"]
        said += ["--effort", player.effort] if player.effort else []
        return [*said, *(("--resume", session) if session else ())]

    def probe(self) -> list[str]:
        """Its commands go through a script of ours that cages each of them: does that start in the cage?"""
        if not self._caging:
            return []
        self.transcript.save(self._shell.name, self._script())
        self._shell.chmod(0o755)
        self.transcript.save(self._list.name, "")
        return [str(self._shell), "true"]

    def environ(self) -> dict[str, str]:
        """Where its login is, its key and server, and how its commands are caged: by us, else by itself."""
        name, own = self.key(), os.environ.get("CLAUDE_CONFIG_DIR")
        caging = {"CLAUDE_CODE_SHELL_PREFIX": str(self._shell)} if self._caging else {}
        return {
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_SUBPROCESS_ENV_SCRUB": "0" if caging else "1",
            **caging,
            **({"CLAUDE_CONFIG_DIR": own} if own else {}),
            **({"ANTHROPIC_BASE_URL": self.player.base_url} if self.player.base_url else {}),
            **({"ANTHROPIC_API_KEY": os.environ[name]} if name else {}),
        }

    def folder(self) -> Path:
        """`~/.claude`, with its login and its sessions."""
        return below_home("CLAUDE_CONFIG_DIR", ".claude")

    def login_file(self) -> Path:
        """Where it keeps its login."""
        return self.folder() / ".credentials.json"

    def more(self) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """Our script and its list, and what Claude Code knows of itself."""
        return (self._shell,), (Path(f"{self.folder()}.json"), self._list)

    def hear(self, event: Mapping[str, object]) -> None:
        """Take in one event of `stream-json`."""
        self.session = self.session or words(event, "session_id") or None
        blocks = listed(event, "message", "content")
        match words(event, "type"):
            case "system" if words(event, "subtype") == "init":
                self._charged = words(event, "apiKeySource") not in ("", "none")
            case "assistant":
                self.doing = next(filter(None, map(_doing, blocks)), self.doing)
                self._took[words(event, "message", "id")] = _usage(part(event, "message"))
                self.usage = _sum(self._took.values())
                model = words(event, "message", "model")
                self.model = self.model if model.startswith("<") else model or self.model
                self._began |= {words(block, "id") for block in blocks if words(block, "name") == "Bash"}
            case "user":
                ended = {words(block, "tool_use_id") for block in blocks if part(block, "is_error") is not True}
                self._ran += len(self._began & ended)
            case "rate_limit_event" if words(event, "rate_limit_info", "status") == "rejected":
                self.until = stamp(count(event, "rate_limit_info", "resetsAt"))
            case "result":
                self._end(event)

    def check(self) -> None:
        """A command that did not go through our script was not caged: whatever it answers then, it does not count."""
        if self._caging:
            caged = self._list.read_bytes().count(b"\n") - 1  # the first one was the probe
            if self._ran > caged:
                self.done = self.passes = False
                self.stopped = f"it ran {self._ran} commands, of which only {caged} were caged"

    def _end(self, event: Mapping[str, object]) -> None:
        self.usage = self._used(event)
        self.text = words(event, "result")
        if part(event, "is_error") is not False or words(event, "subtype") != "success":
            errors = "; ".join(map(str, listed(event, "errors")))
            self.stopped = self.text or errors or words(event, "subtype") or "it failed"
        elif words(event, "stop_reason") not in _ENDS:
            self.stopped, self.passes = f"its answer was cut off (stop reason {part(event, 'stop_reason')!r})", True
        else:
            self.done = True

    def _used(self, event: Mapping[str, object]) -> Usage:
        """What this run took, of which alone it tells; what it costs counts where a key is charged for it."""
        cost = part(event, "total_cost_usd")
        charged = float(cost) if self._charged and isinstance(cost, int | float) and cost >= 0 else None
        return _usage(event).model_copy(update={"cost": charged})

    def _script(self) -> str:
        """What Claude Code hands each command to, as one argument: it runs in a cage inside of the cage."""
        inner = replace(self.cage, tree=self.root, network=False, kept=self.player.room.kept, passing=(), inside=True)
        seen = {**passed(()), **inner.environ}
        line = ["env", "-i", *(f"{name}={value}" for name, value in seen.items())]
        line += inner.argv(["/bin/bash", "-c"])
        return f'#!/bin/sh\necho . >> {shlex.quote(str(self._list))} || exit 1\nexec {shlex.join(line)} "$1"\n'


def _usage(said: object) -> Usage:
    """The tokens that a message or a result names; those of the input that came from the cache are among them."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    fresh, kept, cached, output = (count(said, "usage", name) for name in names)
    return Usage(input=fresh + kept + cached, output=output, cached=cached)


def _sum(each: Iterable[Usage]) -> Usage:
    """What several messages took together."""
    every = list(each)
    return Usage(**{name: sum(getattr(one, name) for one in every) for name in ("input", "output", "cached")})


def _doing(block: object) -> str:
    """What a block of a message is about: a tool with what it is given, or words."""
    given = part(block, "input")
    first = next((value for value in given.values() if isinstance(value, str)), "") if isinstance(given, dict) else ""
    return " ".join(filter(None, [words(block, "name"), first])) or words(block, "text")
