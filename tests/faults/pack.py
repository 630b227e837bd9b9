"""A pack of small stories, run by real `story` processes that are killed at random instants, until all are complete.

live
├── Engine          `story run`, another one, or `story advance N` beside it, each a process of its own
├── Life.person     ticks what is asked and writes remarks of her own, throughout
└── Life.look       the checker of invariants.py looks at every kill and at every save
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.cli import main
from engine.files.repository import state_folder
from tests.faults.driver import put
from tests.faults.invariants import Pack
from tests.faults.points import Fault, Points, doubled, watch
from tests.packs import PACK, PEOPLE, PackRepo
from tests.repo import git

Needs = Mapping[str, Sequence[str] | None]
MACHINE = Path(__file__).parents[2] / "machines/story.yaml"
NEEDS: Needs = {"1": None, "2": ["1"], "3": [], "4": ["2", "3"]}
"""The stories, and what each depends on."""
SMALL: Needs = {"1": [], "2": ["1"]}
"""Fewer of them, for a short run."""
ASKS = {"approving": PEOPLE[0], "gorilla": PEOPLE[1], "accepting": PEOPLE[2]}
"""What a person is asked in which state."""
MOST = 150
"""More rounds than any pack needs."""
_REMARK = re.compile(r"\nA remark \d+ of hers\.\n")
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DERIVED = re.compile(r"- \[.\] (Story N\+1 already validated|Or validation in progress)")
_OLDER = re.compile(r"\d+ (passed|older ones pass)")


@dataclass(frozen=True)
class Kind:
    """How a pack is run: its configuration, the options of `story run`, and what is started beside it."""

    config: str = ""
    options: tuple[str, ...] = ()
    beside: str = ""

    def commands(self, rng: random.Random, stories: Sequence[str]) -> list[list[str]]:
        """The commands that are started at once."""
        run = ["run", *self.options]
        other = {"": [], "run": [run], "advance": [["advance", rng.choice(stories), *self.options]]}[self.beside]
        return [run, *other]


TREE = Kind()
APART = Kind('\n[pipeline]\nisolation = "worktree"\nconcurrency = {execution = 2}\n', ("--commit",))
SUITES = {
    "killed in one tree": TREE,
    "killed in worktrees": APART,
    "two at once in one tree": replace(TREE, beside="run"),
    "two at once in worktrees": replace(APART, beside="run"),
    "`story advance` beside it in one tree": replace(TREE, beside="advance"),
    "`story advance` beside it in worktrees": replace(APART, beside="advance"),
}


@dataclass
class Lived:
    """How a pack fared: the processes that were started and killed, and what was wrong at any moment."""

    runs: int = 0
    kills: int = 0
    looks: int = 0
    saves: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Life:
    """One pack and all that happens to it."""

    def __init__(self, folder: Path, kind: Kind, seed: int, needs: Needs) -> None:
        self.rng, self.kind, self.needs = random.Random(seed), kind, needs
        self.repo = PackRepo(folder, needs, config=kind.config)
        self.root = self.repo.root
        self.state = self.repo.state = state_folder(self.root, {"XDG_STATE_HOME": str(folder / "home")})
        apart = bool(kind.config)
        self.pack = Pack(self.root / PACK, self.root, self.state / "worktrees", MACHINE, one_tree=not apart)
        self.lived = Lived()
        self.remarks: list[tuple[str, str]] = []

    def look(self, when: str, *, over: bool = False) -> bool:
        """Let the checker look; False where something does not hold."""
        self.lived.looks += 1
        self.lived.wrong += [f"{when}: {wrong}" for wrong in self.pack.look(over=over)]
        return not self.lived.wrong

    def round(self, *, kill: bool) -> bool:
        """Start what the kind says, let her save meanwhile, kill them or let them end; False where that went wrong."""
        engines = [Engine(self.root, words) for words in self.kind.commands(self.rng, [*self.needs])]
        self.lived.runs += len(engines)
        killed = False
        for engine in engines:
            due = self._due() if kill else lambda: False
            saves = 0.0
            while engine.alive() and not due():
                time.sleep(0.004)
                if kill and time.monotonic() > saves:
                    saves = time.monotonic() + self.rng.uniform(0.03, 0.3)
                    with frozen(engines):
                        self.person()
                        if not self.look("at a save"):
                            break
            git_as_well = self.rng.random() < 0.3
            if (kill or self.lived.wrong) and engine.kill(git=git_as_well):
                killed = True
                self.lived.kills += 1
                self.look("at a kill")
                if git_as_well:
                    unlock(self.root)
        codes = {engine.code for engine in engines}
        if codes - {0, 1, -signal.SIGKILL}:
            self.lived.wrong.append(f"exit codes {codes}")
        return self.look("at the end", over=not killed)

    def _due(self) -> Callable[[], bool]:
        """When to kill: after some time, or a little after something is seen to change."""
        rng, begin = self.rng, time.monotonic()
        what = rng.choice(("time", "journal", *(("log", "lock", "worktrees", "merges") if self.kind.options else ())))
        until, more = rng.uniform(0.05, 2.5), rng.choice((0.0, rng.uniform(0, 0.03), rng.uniform(0, 0.3)))
        places = {
            "time": [],
            "journal": list((self.root / PACK).glob("*/evidence/journal.jsonl")),
            "log": [self.root / ".git/logs/HEAD"],
            "lock": [self.root / ".git/index.lock"],
            "worktrees": [self.state / "worktrees", self.root / ".git/worktrees"],
            "merges": [self.state / "merges"],
        }[what]
        before, seen = stamps(places), [0.0]

        def due() -> bool:
            now = time.monotonic()
            if not seen[0] and (now - begin > until if what == "time" else stamps(places) != before):
                seen[0] = now
            return now - begin > 4 or (bool(seen[0]) and now - seen[0] >= more)

        return due

    def person(self) -> None:
        """She answers what is asked, saves without a change, or writes a remark into the checklist's own section."""
        id_ = self.rng.choice([*self.needs])
        story = self.repo.story(id_)
        if not story.exists():
            return  # git is just bringing it
        text = before = story.read_bytes().decode()
        if (what := self.rng.choice(("touch", "remark", "tick", "tick"))) == "remark":
            line = f"A remark {len(self.remarks)} of hers."
            heading = f"## Story {id_} Execution Checklist\n"
            text = text.replace(heading, f"{heading}\n{line}\n")
            if text != before:
                self.remarks.append((id_, line))
        elif what == "tick":
            text = ticked(text)
        self.lived.saves += 1
        put(story, text.encode())

    def forgotten(self) -> Iterator[str]:
        """What she wrote and what is not there exactly once."""
        for id_, line in self.remarks:
            count = self.repo.story(id_).read_text().count(f"\n{line}\n")
            if count != 1:
                yield f"story {id_}: {line!r} is there {count} times"

    def end(self) -> Lived:
        """All is complete: nothing of hers is forgotten, no reply was asked for again."""
        lived = self.lived
        lived.wrong += [
            *self.forgotten(),
            *(f"{call} was asked again" for call in doubled(self.root.parent / "calls.log")),
        ]
        if self.kind.options:
            lived.wrong += [f"not committed: {name}" for name in uncommitted(self.root)]
        if left := git(self.root, "branch", "--list", "story/*"):
            lived.wrong.append(f"branches left: {left}")
        lived.texts = {id_: plain(self.repo.story(id_).read_text()) for id_ in self.needs}
        return lived


def live(folder: Path, kind: Kind, seed: int, *, needs: Needs = NEEDS, kills: int = MOST) -> Lived:
    """A pack's life, with processes killed and a person who saves; without kills she answers between the runs."""
    life = Life(folder, kind, seed, needs)
    for _ in range(MOST):
        if not life.round(kill=life.lived.kills < kills):
            return life.lived
        if life.pack.complete():
            break
        if life.lived.kills >= kills:
            for id_ in needs:
                story = life.repo.story(id_)
                put(story, ticked(story.read_text()).encode())
    else:
        life.lived.wrong.append(f"not complete after {MOST} rounds: {life.repo.states()}")
        return life.lived
    life.round(kill=False)
    return life.end()


@contextmanager
def frozen(engines: Sequence[Engine]) -> Iterator[None]:
    """Stop the engines where they are, so that she saves at one instant of theirs; what they started goes on."""
    for engine in engines:
        engine.freeze()
    try:
        yield
    finally:
        for engine in engines:
            engine.thaw()


def ticked(text: str) -> str:
    """The text with what is asked in its state ticked."""
    state = re.search(r"^state: (\w+)$", text, re.M)
    asked = ASKS.get(state[1]) if state else None
    return text.replace(f"- [ ] {asked}", f"- [x] {asked}") if asked else text


def plain(text: str) -> str:
    """story.md without her remarks, times, and how many tests of other stories there were by then."""
    return _OLDER.sub(r"some \1", _TIME.sub("then", _REMARK.sub("", text)))


def uncommitted(root: Path) -> Iterator[str]:
    """The files that hold more than what is committed, her remarks and derived items."""
    for line in git(root, "status", "--porcelain").splitlines():
        name = line[3:]
        texts = ((root / name).read_text(), git(root, "show", f"HEAD:{name}")) if line[:2] == " M" else ("", line)
        if len({_DERIVED.sub("", plain(text)) for text in texts}) > 1:
            yield line


def unlock(root: Path) -> None:
    """A person removes the locks of a git that was killed, as git tells her to."""
    for lock in (root / ".git").rglob("*.lock"):
        lock.unlink(missing_ok=True)


def stamps(places: Sequence[Path]) -> list[tuple[int, int] | None]:
    """What changes when a place does."""
    found: list[tuple[int, int] | None] = []
    for place in places:
        try:
            stat = place.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_mtime_ns, stat.st_size))
    return found


class Engine:
    """A `story` command in a process of its own."""

    def __init__(self, root: Path, words: Sequence[str]) -> None:
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _be(root, words)

    def alive(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is None

    def freeze(self) -> None:
        if self.alive():
            os.kill(self.pid, signal.SIGSTOP)
            status = os.waitpid(self.pid, os.WUNTRACED)[1]
            self.code = None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)

    def thaw(self) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self, *, git: bool) -> bool:
        """SIGKILL, also to the git that it runs; False where it had ended by itself."""
        if not self.alive():
            return False
        (os.killpg if git else os.kill)(self.pid, signal.SIGKILL)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code == -signal.SIGKILL


def _be(root: Path, words: Sequence[str]) -> None:
    """Become the command; what it prints is kept beside the repository. Never returns."""
    code = 70
    signal.alarm(120)  # one that never ends fails the test by its exit code
    try:
        os.setsid()
        os.chdir(root)
        os.environ["XDG_STATE_HOME"] = str(root.parent / "home")
        output = os.open(root.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
        os.write(2, f"--- story {' '.join(words)}\n".encode())
        watch(Points(root, Fault(kinds=frozenset())), root.parent / "calls.log")
        sys.argv = ["story", *words]
        main()
    except SystemExit as err:
        code = err.code if isinstance(err.code, int) else 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)
