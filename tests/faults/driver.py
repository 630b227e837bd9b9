"""Run one `advance` in a forked process, and do something at one of its durable moments.

A point is every write, fsync, rename, truncate and exchange, every reply that is remembered, and the start and
the end of every agent. The mode says what happens at one of them: `count` nothing, `kill` SIGKILL before it, `half`
SIGKILL after half of a write, `save` a person saves story.md just then, `save+kill` both, `branch` another branch is
checked out just then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import traceback
from dataclasses import dataclass
from pathlib import Path

import engine.files.disk as disk
from engine.advance import advance
from engine.agents.scripted import ScriptedAgent
from engine.calls.local import LocalCalls
from engine.errors import EngineError
from engine.look import open_repository
from engine.model.call import Brief, Reply
from engine.wiring import wire

TIME = "2026-01-01T00:00:00Z"
PACK = "docs/stories"


class Points:
    """Counts the durable moments and strikes at one of them."""

    def __init__(self, root: Path, mode: str, strike: int) -> None:
        self.root, self.mode, self.strike = root, mode, strike
        self.count = 0
        self.names: list[str] = []

    def reach(self, name: str) -> bool:
        """Count a point; True when a write must be done by half and then killed."""
        self.count += 1
        self.names.append(name)
        if self.count != self.strike:
            return False
        match self.mode:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "half":
                if name == "write":
                    return True
                os.kill(os.getpid(), signal.SIGKILL)
            case "save" | "save+kill":
                for story in sorted((self.root / PACK).glob("story-*/story.md")):
                    save(story)
                if self.mode == "save+kill":
                    os.kill(os.getpid(), signal.SIGKILL)
            case "branch":
                commit_and_switch(self.root)
        return False


def save(story: Path) -> None:
    """A person saves story.md with a word of hers changed, as an editor does: a new file in its place."""
    text = story.read_bytes().replace(b"The author's words", b"The author's new words")
    mine = story.with_suffix(".editor")
    mine.write_bytes(text)
    mine.replace(story)


def commit_and_switch(root: Path) -> None:
    """Commit what is there and check out the branch `other`."""
    for words in (("add", "-A"), ("commit", "-qm", "half way", "--allow-empty"), ("checkout", "-q", "other")):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def mint(root: Path) -> str:
    """The end of a call's id: random in life; here the same in every run, but for the branch."""
    return (root / ".git/HEAD").read_text().strip()[-1]


def watch(points: Points, log: Path) -> None:
    """Put the points into this process: around the system calls, the memory of calls and the agents."""
    write, fsync, rename, truncate, swap = os.write, os.fsync, os.replace, os.ftruncate, disk.exchange

    def watched_write(descriptor: int, data: bytes) -> int:
        if points.reach("write"):
            write(descriptor, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(descriptor, data)

    def watched_fsync(descriptor: int) -> None:
        if not os.environ.get("STORY_TEST_NO_FSYNC"):
            points.reach("fsync")
        fsync(descriptor)

    def watched_replace(source: str | Path, target: str | Path) -> None:
        points.reach("rename")
        rename(source, target)

    def watched_truncate(descriptor: int, length: int) -> None:
        points.reach("truncate")
        truncate(descriptor, length)

    def watched_exchange(one: Path, other: Path) -> bool:
        points.reach("exchange")
        done = swap(one, other)
        points.reach("exchanged")
        return done

    os.write, os.fsync, os.replace, os.ftruncate = (
        watched_write,
        watched_fsync,
        watched_replace,
        watched_truncate,
    )
    disk.exchange = watched_exchange
    run, remember = ScriptedAgent.run, LocalCalls._remember

    async def watched_run(agent: ScriptedAgent, brief: Brief) -> Reply:
        note(log, f"run {brief.call}")
        points.reach("agent starts")
        reply = await run(agent, brief)
        points.reach("agent ends")
        return reply

    def watched_remember(calls: LocalCalls, call: str, reply: Reply) -> None:
        points.reach("remember")
        remember(calls, call, reply)
        note(log, f"kept {call}")
        points.reach("remembered")

    ScriptedAgent.run, LocalCalls._remember = watched_run, watched_remember


def note(log: Path, line: str) -> None:
    """Write down what happened, without being a point of the engine."""
    with log.open("a") as file:
        file.write(line + "\n")


@dataclass(frozen=True)
class Struck:
    """How a driven advance ended: -9 when it was killed, else whom it waited for or why it refused."""

    code: int
    said: str
    points: list[str]


def drive(root: Path, mode: str = "count", strike: int = 0) -> Struck:
    """Advance story 1 in a process of its own until it waits, is refused or is killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.close(reader)
            write = os.write
            code, said = _advance(root, mode, strike)
            write(writer, said.encode())
        except BaseException:
            write(writer, traceback.format_exc().encode())
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said, _, names = pipe.read().partition("\n")
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Struck(code, said if code != 70 else f"{said}\n{names}", names.split(",") if names else [])


def _advance(root: Path, mode: str, strike: int) -> tuple[int, str]:
    state = root.parent / "state"
    points = Points(root, mode, strike)
    repository = open_repository(root, state)
    ports = wire(repository, tell=lambda _: None, clock=lambda: TIME)
    object.__setattr__(ports, "mint", lambda: mint(root))
    watch(points, root.parent / "calls.log")
    try:
        result = advance(repository, root / PACK, "1", ports=ports)
    except EngineError as err:
        return 1, f"{type(err).__name__}: {err}\n"
    waiting = result.waiting.for_ if result.waiting else "?"
    return 0, f"{waiting}\n{','.join(points.names)}"
