"""A worker: one clone of one repository, looking at its packs and performing the calls that this machine can.

work
├── offers        the queues that it polls: what it can play, run and remember
├── Hands.look    engine/reconcile.py in the clone, one at a time
└── Hands.carry_out, .lose    engine/carry_out.py, each in a thread with a loop of its own
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TypeVar

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from engine.agents.ready import unready
from engine.carry_out import Unable, carry_out, lose
from engine.errors import FormatError, UsageError
from engine.files.clone import Clone
from engine.files.config import RoleConfig
from engine.files.machine_file import machine_names
from engine.look import Repository
from engine.model.fleet import VERSION, CallOrder, Looked, PackOrder
from engine.model.machine import Machine, Role
from engine.ports import Ports
from engine.process import Deadlines, run_process
from engine.reconcile import look_at_pack, player_of, role_queue
from engine.temporal.workflows import OLD, UNABLE, CallWorkflow, PackWorkflow
from engine.wiring import gate_cage, now, player_for, who_plays, wire

_T = TypeVar("_T")
_BEATS = timedelta(seconds=1)
"""How often heartbeats reach the server at most."""
_BACK = 100
"""Calls that may come back to sessions at once: they wait here for their turn, lest this worker passes for gone."""
_LEAVE = timedelta(seconds=20)
"""How long calls may go on when the worker is told to stop; then others take them over."""


@dataclass(slots=True)
class Hands:
    """The activities of one worker."""

    clone: Clone
    name: str
    tell: Callable[[str], None]
    sizes: Mapping[str, int]
    """How many calls of each queue at once, those included that come back to a session."""
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _turns: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    @activity.defn(name="look")
    async def look(self, order: PackOrder) -> Looked:
        """Look at a pack."""
        _demand_version(order.version)

        def body() -> Looked:
            with self._looking:
                looked = look_at_pack(self.clone, order, self._ports)
            self.tell(f"{order.pack}: {looked.steps} steps, {len(looked.calls)} calls run, {looked.complete} complete")
            return looked

        return await _beating(asyncio.to_thread(body))

    @activity.defn(name="carry_out")
    async def carry_out(self, order: CallOrder) -> str:
        """Perform a call."""
        _demand_version(order.version)
        self.tell(f"{order.call} …")
        done = await _beating(self._in_turn(order))
        self.tell(f"{order.call}: {done}")
        return done

    async def _in_turn(self, order: CallOrder) -> str:
        turn = self._turns.setdefault(order.queue, asyncio.Semaphore(self.sizes.get(order.queue, 1)))
        async with turn:
            try:
                return await _apart(lambda: carry_out(self.clone, order, self.name, self._ports))
            except Unable as err:  # who alone keeps the session would be asked for ever; others pass it on to who can
                raise ApplicationError(str(err), type=UNABLE, non_retryable=bool(order.worker)) from err

    @activity.defn(name="lose")
    async def lose(self, order: CallOrder) -> str:
        """Say that the worker is gone which keeps a call's session."""
        _demand_version(order.version)
        return await _beating(asyncio.to_thread(lose, self.clone, order, now()))

    def _ports(self, home: Repository) -> Ports:
        return wire(home, tell=self.tell, alone=False)


async def work(
    client: Client,
    clone: Clone,
    fleet: str,
    name: str,
    *,
    offer: Sequence[str],
    at_once: int,
    tell: Callable[[str], None],
) -> None:
    """Work until cancelled; then let what runs come to an end for a while, and leave the rest to others."""
    sizes = dict(offers(clone, at_once))
    hands = Hands(clone, name, tell, sizes)
    queues = [(queue, size) for queue, size in sizes.items() if any(fnmatchcase(queue, one) for one in offer)]
    if not queues:
        raise UsageError(f"this worker offers nothing of {', '.join(offer)}: see `story doctor`.")
    workers = [_worker(client, f"{fleet}/worker/{name}", hands, _BACK)]
    for queue, size in queues:
        workers.append(_worker(client, f"{fleet}/{queue}", hands, size))
    if why := uncaged(Repository(root=clone.tree, state=clone.state, config=clone.config)):
        tell(f"packs and gates are not offered: {why}")
    tell(f"worker {name} of {fleet} offers {', '.join(queue for queue, _ in queues)}")
    await asyncio.gather(*(worker.run() for worker in workers))


async def prepared(clone: Clone, command: str, tell: Callable[[str], None]) -> None:
    """Run what gates stand on in the clone, where git ignores it; trees of calls see it by links."""
    if not command:
        return
    tell(f"{command} …")
    log = clone.home / "prepare.log"
    code, _ = await run_process(["/bin/sh", "-c", command], cwd=clone.tree, raw=log, deadlines=Deadlines(3600))
    if code != 0:
        raise UsageError(f"`{command}` ended with exit {code}; {log} says why.")


def offers(clone: Clone, at_once: int) -> Iterator[tuple[str, int]]:
    """(the queues that this machine can serve, how many calls of each at once)."""
    repository = Repository(root=clone.tree, state=clone.state, config=clone.config)
    if not uncaged(repository):
        yield "packs", 1
        for command in sorted(repository.config.gates):
            yield f"gate/{command}", at_once
    found: dict[str, int] = {}
    for machine in _machines(repository):
        room = repository.pipeline(machine).providers
        for role in sorted(machine.roles):
            kind, provider = player_of(role, machine.roles[role], repository.config)
            if _plays(role, machine.roles[role], repository):
                limit = at_once if kind == "scripted" else room.get(provider, at_once)
                found[role_queue(role, kind, provider)] = min(at_once, limit)
    yield from found.items()


def uncaged(repository: Repository) -> str:
    """Why gates may not run here on what agents wrote, "" where they may: those of merges run in a look."""
    packs = repository.config.packs
    try:
        for machine in _machines(repository, {packs.machine, *packs.machines.values()}):
            gate_cage(machine, repository.state, repository, alone=False)
    except UsageError as err:
        return str(err)
    return ""


def _machines(repository: Repository, only: Collection[str] = ()) -> Iterator[Machine]:
    own = repository.root / "machines"
    for name in only or machine_names(own=own):
        try:
            yield repository.chart(name).machine
        except FormatError:
            continue  # told where a story lives by it


def _plays(name: str, role: Role, repository: Repository) -> bool:
    """Can this machine play a role?"""
    kind, _ = who_plays(name, role, repository)
    if kind == "person":
        return False
    script = repository.config.roles.get(name, RoleConfig()).script
    where = repository.root / script if script else None
    return unready(kind, player_for(name, role, repository), script=where) == ("", "")


def _worker(client: Client, queue: str, hands: Hands, size: int) -> Worker:
    packs = queue.endswith("/packs")
    return Worker(
        client,
        task_queue=queue,
        workflows=[PackWorkflow, CallWorkflow] if packs else [],
        activities=[hands.look, hands.lose] if packs else [hands.carry_out],
        max_concurrent_activities=size,
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=1),
        identity=hands.name,
        graceful_shutdown_timeout=_LEAVE,
        max_heartbeat_throttle_interval=_BEATS,
    )


def _demand_version(version: int) -> None:
    if version != VERSION:
        raise ApplicationError(
            f"this worker speaks version {VERSION} of orders, the pack was started with version {version}. "
            "Upgrade the older side; what was started with an old version is terminated and started again: "
            "docs/distributed.md, Upgrade.",
            type=OLD,
        )


async def _beating(work: Awaitable[_T]) -> _T:
    """Let Temporal know that somebody works, until it is done."""
    task, patience = asyncio.ensure_future(work), activity.info().heartbeat_timeout or _LEAVE
    try:
        while not task.done():
            activity.heartbeat()
            await asyncio.wait([task], timeout=patience.total_seconds() / 8)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    return task.result()


async def _apart(body: Callable[[], Coroutine[None, None, _T]]) -> _T:
    """Run a coroutine in a thread with a loop of its own; cancelled with this one, and awaited then as well."""
    begun: asyncio.Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[_T]]] = (
        asyncio.get_running_loop().create_future()
    )
    here = asyncio.get_running_loop()

    async def main() -> _T:
        task = asyncio.ensure_future(body())
        here.call_soon_threadsafe(begun.set_result, (asyncio.get_running_loop(), task))
        return await task

    thread = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(main())))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        loop, task = await begun
        loop.call_soon_threadsafe(task.cancel)
        await asyncio.wait([thread])
        raise
