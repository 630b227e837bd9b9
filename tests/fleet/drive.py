"""A pack that is run to its end through workers, Ana answering, while something happens to them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from difflib import unified_diff
from typing import TypeVar

from engine.model.fleet import Pace
from engine.temporal.fleet import Fleet
from engine.temporal.here import fleet_of
from tests.fleet.audit import Audit
from tests.fleet.hosts import Hosts
from tests.fleet.server import Server
from tests.fleet.world import ASKS, World, plain
from tests.packs import PACK
from tests.repo import git

QUICK = Pace(beat=6, gone=8, resync=30)
"""A pace at which tests need not wait for minutes until somebody is given up."""
_T = TypeVar("_T")


class Drive(AbstractContextManager["Drive"]):
    """Workers that can be struck, the workflow of their pack, and who looks at what they push."""

    def __init__(self, world: World, server: Server, *names: str, pace: Pace = QUICK) -> None:
        self.world, self.server, self.names, self._pace = world, server, names, pace
        self.strikes = world.folder / "strikes"
        self.strikes.mkdir()
        self.hosts = Hosts(world, server, *names, env={"STORY_STRIKES": str(self.strikes)}, module="tests.fleet.struck")
        self.audit = Audit(world)
        self.been = set[str]()
        """The states that were seen."""

    def __enter__(self) -> Drive:
        self.hosts.__enter__()
        self.fleet(lambda fleet: fleet.start(PACK))
        return self

    def __exit__(self, *_: object) -> None:
        self.hosts.__exit__()

    def fleet(self, body: Callable[[Fleet], Awaitable[_T]]) -> _T:
        """Ask the server something, as `story` does."""

        async def main() -> _T:
            name = fleet_of(str(self.world.remote))
            done = await body(Fleet(await self.server.client(), name, "main", self._pace))
            await asyncio.sleep(0.1)
            return done

        return asyncio.run(main())

    def struck(self, instant: str) -> int:
        """The process that took the last blow at an instant, 0 where none did yet."""
        if (self.strikes / instant).exists():
            return 0
        last = max(self.strikes.glob(f"{instant} *"), key=lambda file: file.stat().st_mtime_ns)
        return int(last.name.rpartition(" ")[2])

    def name_of(self, pid: int) -> str:
        """The worker that a process is."""
        return next(name for name, process in self.hosts._running.items() if process.pid == pid)

    def noted(self) -> list[str]:
        """What the workers noted: `performed CALL`, `kept CALL`."""
        file = self.strikes / "noted"
        return file.read_text().splitlines() if file.exists() else []

    def doubled(self) -> list[str]:
        """The calls that were begun to be performed although their reply was kept already."""
        lines, kept, found = self.noted(), set[str](), list[str]()
        for what, _, call in (line.partition(" ") for line in lines):
            if what == "kept":
                kept.add(call)
            elif call in kept:
                found.append(call)
        return found

    def answer(self) -> bool:
        """Ana answers what is asked, and says so; False where nothing is."""
        states = {*self.world.states().values()}
        self.been |= states
        if not states & {*ASKS}:
            return False
        try:
            answered = bool(self.world.person())
        except subprocess.CalledProcessError:
            return False  # a worker pushed meanwhile: she does it again
        if answered:
            self.fleet(lambda fleet: fleet.signal([]))
        return answered

    def until(self, holds: Callable[[], bool], what: str, patience: float = 120) -> None:
        """Let the pack go on until something holds; nothing may be wrong meanwhile."""
        end = time.monotonic() + patience
        while not holds():
            self.answer()
            assert self.audit.look() == []
            logs = "\n".join(f"--- {name}\n{self.hosts.log(name)[-2000:]}" for name in self.names)
            assert time.monotonic() < end, f"not within {patience} s: {what}; {self.world.states()}\n{logs}"
            time.sleep(0.3)

    def over(self) -> bool:
        """Is every story complete on the main branch?"""
        return {*self.world.states().values()} == {"complete"} and self.world.branches() == ["main"]

    def blow(self, instant: str, kind: str = "kill", call: str = "") -> str:
        """Strike one at an instant, and wait until others went on; the worker that was struck."""
        name = self.fell(instant, kind, call)
        head = self.head()
        self.until(lambda: self.head() != head, f"others go on after: {instant}", patience=60)
        return name

    def fell(self, instant: str, kind: str = "kill", call: str = "") -> str:
        """Strike one at an instant; the worker that was struck."""
        (self.strikes / instant).write_text(f"{kind} {call}".strip())
        self.until(lambda: bool(self.struck(instant)), f"struck: {instant}")
        name = self.name_of(self.struck(instant))
        if kind == "kill":
            assert self.hosts._running.pop(name).wait(20) == -signal.SIGKILL
        return name

    def back(self, name: str, instant: str) -> None:
        """The one that was struck comes back, or wakes up."""
        pid = self.struck(instant)
        if name in self.hosts._running:
            os.kill(pid, signal.SIGCONT)
        else:
            self.hosts.start(name)

    def head(self) -> str:
        """All that the remote holds."""
        return git(self.world.remote, "for-each-ref")

    def ends_as_alone(self, *, slept: bool = False) -> None:
        """The pack ends, and its stories are as one engine alone leaves them; nothing lost, nothing doubled.

        Who `slept` may push a reply in the moment in which another begins to perform that call: nobody can know of it,
        so it is performed twice. One reply counts, as the journal says.
        """
        self.until(self.over, "every story is complete", patience=200)
        assert self.audit.look(over=True) == []
        assert self.audit.complete()
        assert slept or self.doubled() == []
        local = self.world.local_run()
        for id_, text in local.items():
            alone, here = plain(text).splitlines(), plain(self.world.text(id_)).splitlines()
            assert "\n".join(unified_diff(alone, here, n=0)) == ""
