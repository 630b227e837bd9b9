"""The durable moments of an engine's process: they are counted, and something happens at the chosen ones.

A point is every write, fsync, rename, truncate, exchange, unlink and new file, every reply that is remembered and every
commit of SQLite, every evidence file, and the start and the end of every agent and gate.
"""

from __future__ import annotations

import errno
import os
import random
import re
import signal
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import engine.actions.gate as gate
import engine.files.disk as disk
import engine.perform as performing
from engine.agents.scripted import ScriptedAgent
from engine.calls.local import LocalCalls
from engine.model.call import Brief, Reply
from tests.faults.shadow import Shadow

TIME = "2026-01-01T00:00:00Z"
_CALLS = ("write", "fsync", "rename", "truncate", "exchange", "exchanged")
SLICE = frozenset((*_CALLS, "remember", "remembered", "agent starts", "agent ends"))
"""The kinds of points that the first slice strikes at."""
Act = Callable[[Path, random.Random], None]


@dataclass(frozen=True)
class Fault:
    """What happens at which points of one process.

    `count` nothing, `kill` SIGKILL before it, `half` SIGKILL after half of a write, `full` no space left from here on,
    `short` half of a write and then no space left, `denied` no new name in the repository from here on, `cut` and
    `cut early` the power fails (see shadow.py), `act` what a person or another engine does just then, `act+kill` both.
    """

    mode: str = "count"
    strikes: frozenset[int] = frozenset()
    act: Act | None = None
    seed: int = 0
    clock: str = TIME
    mint: str = ""
    broken: str = ""
    step: bool = True
    kinds: frozenset[str] | None = None


class Points:
    """Counts the durable moments and strikes at the chosen ones."""

    def __init__(self, root: Path, fault: Fault, shadow: Shadow | None = None) -> None:
        self.root, self.fault, self.shadow = root, fault, shadow
        self.names: list[str] = []
        self.full = self.denied = self.quiet = False

    def reach(self, name: str) -> bool:
        """Count a point; True when a write must be done by half."""
        kinds = self.fault.kinds
        if self.quiet or (kinds is not None and name not in kinds):
            return False
        self.names.append(name)
        if len(self.names) not in self.fault.strikes:
            return False
        strike(self.root)
        mode = self.fault.mode
        match mode:
            case "kill":
                die()
            case "half" | "short":
                if name == "write":
                    return True
                if mode == "half":
                    die()
                self.full = True
            case "full":
                self.full = True
            case "denied":
                self.denied = True
            case "cut" | "cut early":
                assert self.shadow is not None
                self.shadow.restore(early=mode == "cut early")
                die()
            case "act" | "act+kill":
                assert self.fault.act is not None
                self.quiet = True
                self.fault.act(self.root, random.Random(f"{self.fault.seed}/{len(self.names)}"))
                self.quiet = False
                if mode == "act+kill":
                    die()
        return False

    def demand_space(self, path: str | None = None) -> None:
        """Refuse as a full disk does; as the real call, only those that know a path name it."""
        if self.full and not self.quiet:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([path] if path else []))

    def demand_names(self, path: str | os.PathLike[str]) -> None:
        """Refuse as a read-only folder does."""
        if self.denied and not self.quiet and self.inside(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))

    def inside(self, path: str | os.PathLike[str]) -> bool:
        """Does a path lie in the story's repository?"""
        return os.fspath(path).startswith(f"{self.root}/")


def die() -> None:
    """End this process as the kernel does: nothing is flushed, nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def note(log: Path, line: str) -> None:
    """Write down what happened, without being a point of the engine."""
    with log.open("a") as file:
        file.write(line + "\n")


def strike(root: Path) -> None:
    """Count a strike, beside the folder of the run."""
    note(root.parent.parent / "strikes", "")


def watch(points: Points, log: Path) -> None:
    """Put the points into this process: the system calls, the memory of calls, agents, gates and evidence."""
    _watch_descriptors(points)
    _watch_names(points)
    _watch_memory(points, log)
    _watch_actions(points, log)


def _watch_descriptors(points: Points) -> None:
    write, fsync, truncate = os.write, os.fsync, os.ftruncate
    shadow = points.shadow

    def watched_write(descriptor: int, data: bytes) -> int:
        if shadow:
            shadow.before_write(descriptor)
        if points.reach("write"):
            done = write(descriptor, bytes(data)[: len(data) // 2])
            if points.fault.mode == "half":
                die()
            points.full = True
            return done
        points.demand_space()
        return write(descriptor, data)

    def watched_fsync(descriptor: int) -> None:
        points.reach("fsync")
        points.demand_space()
        fsync(descriptor)
        if shadow:
            shadow.synced(descriptor)

    def watched_truncate(descriptor: int, length: int) -> None:
        points.reach("truncate")
        truncate(descriptor, length)

    os.write, os.fsync, os.ftruncate = watched_write, watched_fsync, watched_truncate


def _watch_names(points: Points) -> None:
    rename, unlink, open_, make, swap = os.replace, os.unlink, os.open, tempfile.mkstemp, disk.exchange

    def watched_replace(source: str | Path, target: str | Path) -> None:
        points.reach("rename")
        points.demand_names(target)
        rename(source, target)

    def watched_unlink(path: str | Path, *more: object, **fields: object) -> None:
        if isinstance(path, str | Path) and points.inside(path):
            points.reach("unlink")
        unlink(path, *more, **fields)

    def watched_open(path: str | Path, flags: int, *more: int, **fields: int) -> int:
        if flags & os.O_CREAT and isinstance(path, str | Path) and points.inside(path):
            points.reach("open")
            if not os.path.exists(path):  # noqa: PTH110 - Path.exists would be one more call to watch
                points.demand_names(path)
                points.demand_space(os.fspath(path))
        return open_(path, flags, *more, **fields)

    def watched_exchange(one: Path, other: Path) -> bool:
        points.reach("exchange")
        if points.denied:
            return False
        done = swap(one, other)
        points.reach("exchanged")
        return done

    os.replace, os.unlink, os.open = watched_replace, watched_unlink, watched_open
    disk.exchange = watched_exchange
    assert make.__globals__["_os"] is os


def _watch_memory(points: Points, log: Path) -> None:
    remember, recall, connect = LocalCalls._remember, LocalCalls._recall, sqlite3.connect

    class Watched(sqlite3.Connection):
        def __exit__(self, *error: object) -> bool:
            points.reach("commit")
            if points.full and not points.quiet:
                self.rollback()
                raise _full_database()
            ended = super().__exit__(*error)
            points.reach("committed")
            return bool(ended)

    def watched_remember(calls: LocalCalls, call: str, reply: Reply) -> None:
        points.reach("remember")
        remember(calls, call, reply)
        points.quiet, quiet = True, points.quiet
        if recall(calls, call) is not None:  # a full disk keeps nothing
            note(log, f"kept {call}")
        points.quiet = quiet
        points.reach("remembered")

    def watched_connect(path: Path, **fields: float) -> sqlite3.Connection:
        if points.full and not points.quiet and not path.exists():
            raise _full_database()
        return connect(path, factory=Watched, **fields)

    LocalCalls._remember, sqlite3.connect = watched_remember, watched_connect


def _full_database() -> sqlite3.OperationalError:
    err = sqlite3.OperationalError("database or disk is full")
    err.sqlite_errorcode, err.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
    return err


def _watch_actions(points: Points, log: Path) -> None:
    run, perform, save = ScriptedAgent.run, gate._perform, performing.save_evidence

    async def watched_run(agent: ScriptedAgent, brief: Brief) -> Reply:
        note(log, f"run {brief.call}")
        points.reach("agent starts")
        reply = await run(agent, brief)
        points.reach("agent ends")
        return reply

    async def watched_perform(*asked: object) -> Reply:
        points.reach("gate starts")
        reply = await perform(*asked)
        points.reach("gate ends")
        return reply

    def watched_save(path: Path, head: dict[str, object], body: str, **fields: Callable[[], None]) -> str:
        points.reach("evidence")
        digest = save(path, head, body, **fields)
        points.reach("evidence kept")
        return digest

    ScriptedAgent.run, gate._perform, performing.save_evidence = watched_run, watched_perform, watched_save


def doubled(log: Path) -> list[str]:
    """Calls whose agent was run again after its reply was kept, whatever the end of their ids."""
    kept: set[str] = set()
    found = []
    for line in log.read_text().splitlines() if log.exists() else ():
        word, call = line.split(" ", 1)
        name = re.sub(r"-\w+$", "", call)
        if word == "kept":
            kept.add(name)
        elif name in kept:
            found.append(call)
    return found
