"""Many packs run by a fleet to their end: workers as processes, a person who accepts, and what it took."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus

from engine.temporal.fleet import Fleet
from engine.temporal.here import fleet_of
from engine.temporal.workflows import pack_id
from tests.fleet.many import MACHINE, make_many
from tests.fleet.server import Server
from tests.repo import git

ENGINE = ("-m", "engine", "worker", "--at-once", "4", "--name")


@dataclass
class Took:
    """What a run took: seconds; history events and bytes of packs' and of calls' workflows; how many of each."""

    seconds: float = 0.0
    packs: int = 0
    calls: int = 0
    looks: int = 0
    events: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)


class Crowd(AbstractContextManager["Crowd"]):
    """So many packs of so many stories behind a bare remote, and workers that are started with `program`."""

    def __init__(
        self,
        folder: Path,
        server: Server,
        packs: int,
        stories: int,
        *,
        workers: int = 2,
        program: Sequence[str] = ENGINE,
        machine: str = MACHINE,
    ) -> None:
        self.folder, self.remote, self._server, self._program = folder, folder / "remote.git", server, program
        self.packs, self.total = make_many(folder / "made", packs, stories, machine), packs * stories
        git(folder, "clone", "-q", "--bare", "made", "remote.git")
        git(folder, "clone", "-q", "remote.git", "ana")
        self.ana = folder / "ana"
        git(self.ana, "config", "user.name", "Ana")
        git(self.ana, "config", "user.email", "ana@example.org")
        self._workers = [f"w{number}" for number in range(workers)]
        self._running: list[subprocess.Popen[bytes]] = []
        self.name = fleet_of(str(self.remote))

    def __enter__(self) -> Crowd:
        for name in self._workers:
            git(self.folder, "clone", "-q", "remote.git", name)
            state = {"XDG_STATE_HOME": str(self.folder / "states" / name), "TEMPORAL_ADDRESS": self._server.address}
            with (self.folder / f"{name}.log").open("wb") as log:
                words = [sys.executable, *self._program, name]
                env = {**os.environ, **state}
                place = self.folder / name
                self._running.append(subprocess.Popen(words, cwd=place, env=env, stdout=log, stderr=log))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(60)

    def run(self, patience: float) -> Took:
        """Start every pack and answer whatever asks, until all are complete."""
        return asyncio.run(self._run(patience))

    async def _run(self, patience: float) -> Took:
        client = await self._server.client()
        while not all((self.folder / f"{name}.log").stat().st_size for name in self._workers):
            await asyncio.sleep(0.1)  # a worker's first words are what it offers
        fleet, began = Fleet(client, self.name, "main"), time.monotonic()
        for pack in self.packs:
            await fleet.start(pack)
        while await self._open(client):
            assert time.monotonic() - began < patience, f"{self.accepted()} of {self.total} after {patience:.0f} s"
            assert all(one.poll() is None for one in self._running), "a worker died"
            if await asyncio.to_thread(self.accept):
                await fleet.signal([])
            await asyncio.sleep(0.5)
        took = Took(seconds=time.monotonic() - began)
        for kind in ("story-pack", "story-call"):
            async for one in client.list_workflows(
                f"WorkflowType = '{kind}' AND WorkflowId STARTS_WITH '{self.name}/'"
            ):
                took.events[kind] = took.events.get(kind, 0) + one.history_length
                took.bytes[kind] = took.bytes.get(kind, 0) + one.raw_info.history_size_bytes
                took.calls += kind == "story-call"
                took.packs += kind == "story-pack"
        logs = [(self.folder / f"{name}.log").read_text() for name in self._workers]
        took.looks = sum(log.count(" steps, ") for log in logs)
        return took

    async def _open(self, client: Client) -> bool:
        told = [await client.get_workflow_handle(pack_id(self.name, pack)).describe() for pack in self.packs]
        return any(one.status == WorkflowExecutionStatus.RUNNING for one in told)

    def accept(self) -> int:
        """Ana ticks what every story asks her, in one commit, and pushes; how many."""
        git(self.ana, "fetch", "-q", "origin", "main")
        git(self.ana, "reset", "-q", "--hard", "FETCH_HEAD")
        ticked = 0
        for file in self.ana.glob("docs/*/story-*/story.md"):
            text = file.read_text()
            if "\nstate: accepting\n" in text and "- [ ] Accepted (human)" in text:
                file.write_text(text.replace("- [ ] Accepted (human)", "- [x] Accepted (human)"))
                ticked += 1
        if ticked:
            git(self.ana, "commit", "-qam", "Ana accepts")
            if subprocess.run(["git", "push", "-q"], cwd=self.ana, capture_output=True, check=False).returncode:
                return 0  # somebody pushed meanwhile: she looks again
        return ticked

    def accepted(self) -> int:
        """How many stories are complete, by what the remote has."""
        git(self.ana, "fetch", "-q", "origin", "main")
        git(self.ana, "reset", "-q", "--hard", "FETCH_HEAD")
        return sum("\nstate: complete\n" in file.read_text() for file in self.ana.glob("docs/*/story-*/story.md"))
