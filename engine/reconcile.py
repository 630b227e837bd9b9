"""A look at a pack from a clone: read what is there, go as far as replies allow, push, and say which calls must run.

look_at_pack
├── Clone.sync       where the remote stands, with the replies that have come
├── Pipeline.run     every story as far as it goes; a call without reply waits for nobody, it is noted
├── Clone.push       all of it at once, or nothing: then the look is taken again on the fresh head
└── CallOrder        the calls that began and have no reply: starting one twice is starting it once
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.calls.elsewhere import CallsElsewhere
from engine.errors import Locked, UsageError
from engine.files.branches import ENGINE
from engine.files.clone import Clone
from engine.files.config import Config, RoleConfig, seconds
from engine.files.journal import is_calling, journal_of, read_journal
from engine.files.pack import list_stories
from engine.homes import home_at, home_of, inside
from engine.lanes import Left, Ran, Told
from engine.look import Repository, Seen, look
from engine.model.call import Brief, Reply
from engine.model.events import Began, Ended
from engine.model.fleet import CallOrder, Due, Looked, PackOrder
from engine.model.machine import GateAct, Machine, Role, SimpleAct
from engine.model.step import Place, Todo
from engine.pipeline import Pipeline
from engine.ports import Ports
from engine.room import Providers, Ranks, Room, Sizes
from engine.rules.schedule import Wanted
from engine.rules.workplace import WORK

_TRIES = 20
"""How often a look is taken anew because somebody else pushed meanwhile."""
_GRACE = 600.0
"""Seconds more than its deadlines, after which a call is surely dead."""
_TURN = 24 * 3600.0
"""Seconds that a call may wait at a worker until others there have ended; a worker that died misses its heartbeat."""
PortsOf = Callable[[Repository], Ports]


class Raced(UsageError):
    """Somebody else pushed first, each time."""


def look_at_pack(clone: Clone, order: PackOrder, ports_of: PortsOf) -> Looked:
    """Advance a pack as far as it goes now; nothing is kept of a look that could not be pushed."""
    clone.demand_branch(order.branch, order.pack)
    for _ in range(_TRIES):
        clone.sync(order.pack)
        looked, ended, apart = _look(clone, order, ports_of)
        while not (pushed := clone.push(ended)) and clone.replay(apart):
            pass
        if pushed:
            head = {"commit": clone.head(clone.tree)}
            calls = (call.model_copy(update=head) if call.on == clone.branch else call for call in looked.calls)
            return looked.model_copy(update={"calls": tuple(calls)})
    raise Raced(f"{order.pack}: somebody else pushed to {clone.branch} first, {_TRIES} times. It is tried again.")


class NoQueue(Room):
    """A room in which nobody waits: who finds none is left for the next look; calls that run keep their place."""

    def __init__(
        self, rank: Ranks, size: Sizes, providers: Providers, *, holds: Collection[str], runs: Callable[[str], bool]
    ) -> None:
        super().__init__(rank, size, providers)
        self._holds, self._runs = holds, runs
        self._refused: list[Wanted] = []

    def holds(self, story: str) -> bool:
        """Had its calls begun before this look?"""
        return story in self._holds

    @asynccontextmanager
    async def admit(self, story: str, machine: Machine, state: str, todo: tuple[Todo, ...]) -> AsyncIterator[bool]:
        """Take room, or refuse; what was begun before has its place already."""
        one = self._wanted(story, machine, state, todo)
        if not one.fits(self._taken) and not any(act.call for act in todo):
            self._refused.append(one)
            raise Locked("it waits for room: [pipeline] in story.toml says how much there is")
        self._taken.update(one.takes)
        try:
            yield False
        finally:
            if gives := not self._runs(story):
                self._taken.subtract(one.takes)
        if gives:  # by going on; who failed would fail again
            self.again |= any(other.fits(self._taken) for other in self._refused)


class _Rests(Exception):
    """Nothing goes on before a time."""


def _look(clone: Clone, order: PackOrder, ports_of: PortsOf) -> tuple[Looked, list[str], list[str]]:
    """(what it came to, the calls whose replies were taken in, the folders in which changes touch none of it)."""
    main = Repository(root=clone.tree, state=clone.state, config=clone.config)
    folder = main.root / order.pack
    if folder not in main.packs():
        raise UsageError(f"{clone.url} has no pack {order.pack!r} on {clone.branch}.")
    calls, pauses = CallsElsewhere(clone.reply), list[float]()

    def runs(story: str) -> bool:
        return any(call.startswith(f"{pipeline.lanes[story].listed.story.id}/") for call in calls.running)

    pipeline = Pipeline(
        main,
        [folder],
        lambda home: _from_afar(ports_of(home), calls),
        lambda machine: _providers(machine, main.config),
        Told(),
        room=partial(NoQueue, holds=[*_at_work(main, folder)], runs=runs),
    )

    async def rest(pause: float) -> None:
        pauses.append(pause)
        raise _Rests

    with suppress(_Rests):
        asyncio.run(pipeline.run(rest))
    clone.commit(f"chore({order.pack}): looked at")
    ran, orders, by_hand, heads = pipeline.ran(), list[CallOrder](), list[Due](), dict[Path, tuple[str, str]]()
    for story in _stories(calls.running):
        seen = _seen(main, folder, story)
        root = seen.repository.root
        heads[root] = heads.get(root) or (clone.head(root), clone.branch_at(root))
        for began in (began for began in seen.progress.running.values() if began.call in calls.running):
            one = _order(order, seen, began, *heads[root])
            orders += [one] if one else []
            by_hand += [] if one else [_by_hand(seen, began, heads[root][1], order.branch)]
    looked = Looked(
        calls=tuple(orders),
        due=(*by_hand, *(due for left in ran.left for due in _due(main, left))),
        steps=len(ran.steps),
        complete=ran.complete,
        ended=sum(lane.over for lane in pipeline.lanes.values()),
        total=ran.total,
        again=pipeline.room.again,
        pause=min(pauses, default=None),
    )
    return looked, [*_ended(main, folder, calls.given)], _apart(main, folder, pipeline, ran)


def _apart(main: Repository, folder: Path, pipeline: Pipeline, ran: Ran) -> list[str]:
    """The other packs' folders; none where a story took the tree, which one of theirs may have taken as well."""
    machines = {lane.name: lane.row.machine for lane in pipeline.lanes.values()}
    if any(main.chart(str(machines[name])).machine.phase_of(step.dest) in WORK for name, step in ran.steps):
        return []
    return [other.relative_to(main.root).as_posix() for other in main.packs() if not folder.is_relative_to(other)]


def _at_work(main: Repository, folder: Path) -> Iterator[str]:
    """The stories whose calls had begun before."""
    for story in list_stories(main.root, folder):
        home = home_at(main, folder, story)
        if is_calling(journal_of(inside(home, story.file))):
            yield story.file.relative_to(main.root).as_posix()


def _stories(calls: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(call.partition("/")[0] for call in calls))


def _seen(main: Repository, folder: Path, story: str) -> Seen:
    home = home_of(main, folder, story)
    return look(home, inside(home, folder), story)


def _ended(main: Repository, folder: Path, given: Collection[str]) -> Iterator[str]:
    """The calls of those whose replies were given that the journals say have ended."""
    for story in list_stories(main.root, folder):
        if story.id not in _stories(given):
            continue
        events = read_journal(journal_of(inside(home_at(main, folder, story), story.file)))
        yield from (event.call for event in events if isinstance(event, Ended) and event.call in given)


def _from_afar(ports: Ports, calls: CallsElsewhere) -> Ports:
    """Ports that commit each step, count boxes by their commits, and perform nothing."""
    stand_in = _StandIn()
    return replace(
        ports,
        calls=calls,
        author=lambda: ENGINE,
        agents=lambda *_: stand_in,
        demand=lambda *_: None,
        commit=True,
        committed=True,
    )


class _StandIn:
    """Stands for an agent that works elsewhere."""

    in_copy = False

    async def run(self, brief: Brief) -> Reply:
        raise AssertionError(f"{brief.call} is performed elsewhere")


def player_of(name: str, role: Role, config: Config) -> tuple[str, str]:
    """(who plays a role as story.toml says: `auto`, `scripted`, `person`, …; the provider of its model)."""
    own = config.roles.get(name, RoleConfig())
    return own.agent, own.provider or role.provider


def _providers(machine: Machine, config: Config) -> dict[str, str]:
    players = {name: player_of(name, role, config) for name, role in machine.roles.items()}
    return {name: provider for name, (kind, provider) in players.items() if kind not in ("person", "scripted")}


def queue_of(machine: Machine, act: SimpleAct, role: str, config: Config) -> str:
    """What performing an action takes, as the name of the queue that workers offer it by; "" for a person."""
    if isinstance(act, GateAct):
        return f"gate/{_command(machine, act)}"
    return role_queue(role, *player_of(role, machine.roles[role], config))


def role_queue(role: str, kind: str, provider: str) -> str:
    """The queue of the workers that can play a role; "" for a person."""
    by_model = "" if kind == "scripted" else f"-{provider}"
    return "" if kind == "person" else f"role/{role}/{kind}{by_model}"


def _order(order: PackOrder, seen: Seen, began: Began, commit: str, branch: str) -> CallOrder | None:
    """The order for a call that began at a commit of a branch; None where a person plays the role."""
    machine, config = seen.machine, seen.repository.config
    act = next(act for act in machine.states[seen.progress.state].acts() if act.id == began.act)
    queue = queue_of(machine, act, began.role, config)
    if not queue:
        return None
    keeps = [e.worker for e in seen.events if isinstance(e, Ended) and began.resumes and e.session == began.resumes]
    return CallOrder(
        fleet=order.fleet,
        pack=order.pack,
        branch=order.branch,
        story=seen.shown.id,
        state=seen.progress.state,
        role=began.role,
        act=began.act,
        call=began.call,
        commit=commit,
        on=branch,
        queue=queue,
        worker=keeps[-1] if keeps else "",
        seconds=_TURN + _GRACE + _deadline(machine, act, began.role, config),
        pace=order.pace,
    )


def _deadline(machine: Machine, act: SimpleAct, role: str, config: Config) -> float:
    if isinstance(act, GateAct):
        gate = config.gates[_command(machine, act)]
        return 2 * len(gate.run) * seconds(gate.timeout)
    return seconds(config.roles.get(role, RoleConfig()).total or machine.roles[role].timeout)


def _command(machine: Machine, act: GateAct) -> str:
    """What a gate is called in story.toml."""
    return machine.gates[act.run].command or act.run


def _by_hand(seen: Seen, began: Began, branch: str, main: str) -> Due:
    who = seen.machine.roles[began.role].title
    there = "" if branch == main else f", on branch {branch}"
    text = f"{who} is played by hand: run `story advance {seen.shown.id}` in your clone{there}, then commit and push"
    return Due(story=seen.shown.id, state=seen.progress.state, waiting_for="person", text=text)


def _due(main: Repository, left: Left) -> Iterator[Due]:
    """What is left of a story, as somebody with another clone reads it."""
    if left.error:
        yield Due(story=left.story, state=left.state, waiting_for="refused", text=_plain(main, left.error))
    elif left.waiting and left.waiting.for_ not in ("calls", "engine", "tree"):
        for place in left.waiting.items or (Place(file="", line=0, text=""),):
            where = f"{place.file}:{place.line}: " if place.file else ""
            text = _plain(main, where + place.text)
            yield Due(story=left.story, state=left.state, waiting_for=left.waiting.for_, text=text)


def _plain(main: Repository, text: str) -> str:
    """A text without the folders of the worker: a worktree of its is a branch to everybody else."""
    apart = re.sub(re.escape(f"{main.state}/worktrees/") + r"([^/\s]+)/", r"(branch story/\1) ", text)
    return apart.replace(f"{main.root}/", "")
