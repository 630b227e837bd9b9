"""Many stories at once: each advances as far as it can, side by side, and nobody waits who need not.

run_packs
├── _Pipeline._start    a task for each story that may move; what waits for another story is left alone
├── room.Room.admit     actions begin when there is room, longest way first (rules/schedule.py)
├── _Pipeline._ended    a story that moved wakes those that waited for it
└── _Pipeline._left     what only a person can do, most blocking first
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from engine.advance import Advanced
from engine.budget import Purse
from engine.errors import EngineError, Locked
from engine.homes import home_at
from engine.living import PortsOf, advance_home, tidy
from engine.look import Repository
from engine.model.machine import Phase
from engine.model.row import Row
from engine.model.step import Place, Step, Waiting
from engine.read_rows import Listed, list_all, read_row
from engine.room import Providers, Room
from engine.rules.schedule import order, ranks

Sleep = Callable[[float], Awaitable[None]]
Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Left:
    """A story that does not go on by itself: who must do what, or why it was refused."""

    story: str
    state: str
    waiting: Waiting | None
    error: str = ""


@dataclass(slots=True)
class Ran:
    """What a run of the pipeline did, and what is left, most blocking first."""

    steps: list[tuple[str, Step]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    complete: int = 0
    total: int = 0


@dataclass(slots=True)
class Lane:
    """One story in the pipeline: where it stands, and whom it waits for.

    That was found when its file was like `stamp`, and `freed` stories had ended.
    """

    name: str
    listed: Listed
    row: Row
    waiting: Waiting | None = None
    error: str = ""
    stamp: Stamp = (0, 0)
    freed: int = 0

    @property
    def over(self) -> bool:
        return self.row.waiting_for == "nobody"


@dataclass(frozen=True, slots=True)
class Told:
    """Whom the pipeline tells of what it does: a step, and a story that waits for a person."""

    step: Callable[[str, Step], None] = lambda _story, _step: None
    waits: Callable[[str, Advanced], None] = lambda _story, _advanced: None


def run_packs(
    repository: Repository,
    folders: Sequence[Path],
    *,
    ports_of: PortsOf,
    providers: Providers,
    told: Told | None = None,
    sleep: Sleep = asyncio.sleep,
) -> Ran:
    """Advance every story of these packs that may move, until nothing moves without a person."""
    return asyncio.run(Pipeline(repository, folders, ports_of, providers, told or Told()).run(sleep))


class Pipeline:
    """The stories of some packs, and the tasks that advance them."""

    def __init__(
        self, repository: Repository, folders: Sequence[Path], ports_of: PortsOf, providers: Providers, told: Told
    ) -> None:
        self._repository, self._folders, self._told = repository, folders, told
        self._room = Room(lambda: self._ranks, repository.pipeline, providers)
        purse = Purse()
        self._ports: PortsOf = lambda home: replace(ports_of(home), admit=self._room.admit, purse=purse)
        self._clock = ports_of(repository).clock
        names = [folder.relative_to(repository.root).as_posix() for folder in folders]
        listed = [one for one in list_all(repository).stories if one.pack in names]
        several = len({one.pack for one in listed}) > 1
        root = repository.root
        self.lanes = {one.story.file.relative_to(root).as_posix(): self._lane(one, several) for one in listed}
        self._paths = {(lane.listed.pack, lane.listed.story.id): path for path, lane in self.lanes.items()}
        self._tasks: dict[asyncio.Task[Advanced], Lane] = {}
        self._ran = Ran(total=len(self.lanes))
        self._after = order({key: self._needs(lane) for key, lane in self.lanes.items()})
        self._ranks: dict[str, float] = {}
        self._freed = 0
        self._rank()

    async def run(self, sleep: Sleep) -> Ran:
        """Go on until nothing moves without a person; stopped from outside, every agent is stopped as well."""
        for folder in self._folders:
            tidy(self._repository, folder, self._ports(self._repository))
        try:
            while True:
                self._start()
                pause = self._pause()
                if self._tasks:
                    done, _ = await asyncio.wait(self._tasks, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        await self._ended(task)
                elif pause is not None:
                    await sleep(pause)
                else:
                    break
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ran.left = list(self._left())
        self._ran.complete = sum(lane.row.complete for lane in self.lanes.values())
        return self._ran

    def _start(self) -> None:
        """A task for each story that may move, longest way first."""
        now = self._clock()
        running = {lane.name for lane in self._tasks.values()}
        for key in sorted(self.lanes, key=lambda key: -self._ranks[key]):
            lane = self.lanes[key]
            if lane.name not in running and self._may_move(lane, now):
                lane.waiting, lane.error, lane.freed = None, "", self._freed
                folder = self._repository.root / lane.listed.pack
                run = advance_home(self._repository, folder, lane.listed.story.id, ports_of=self._ports)
                self._tasks[asyncio.create_task(run)] = lane

    def _may_move(self, lane: Lane, now: str) -> bool:
        if lane.row.state is None or lane.over:
            return False
        if lane.row.queued and not all(self.lanes[key].row.complete for key in self._needs(lane)):
            return False
        if lane.waiting is None and not lane.error:
            return True
        if lane.waiting is not None and lane.waiting.until and lane.waiting.until <= now:
            return True
        return _stamp(lane.listed.file) != lane.stamp

    async def _ended(self, task: asyncio.Task[Advanced]) -> None:
        """A story stopped: note why, and wake those that its steps may have freed."""
        lane = self._tasks.pop(task)
        try:
            advanced = task.result()
        except Locked as err:
            lane.waiting = Waiting(for_="engine", items=(Place(file=lane.row.path, line=1, text=str(err)),))
            advanced = Advanced()
        except (EngineError, OSError) as err:
            lane.error = str(err)
            advanced = Advanced()
        else:
            lane.waiting = advanced.waiting or _too_long(lane)
        folder = self._repository.root / lane.listed.pack
        lane.listed = replace(lane.listed, home=home_at(self._repository, folder, lane.listed.story))
        lane.row = read_row(lane.listed)
        lane.stamp = _stamp(lane.listed.file)
        for step in advanced.steps:
            self._ran.steps.append((lane.name, step))
            self._told.step(lane.name, step)
        self._rank()
        self._freed += bool(advanced.steps)
        for other in self.lanes.values():
            if (
                other.freed != self._freed
                and other.waiting
                and other.waiting.for_ in ("dependencies", "tree", "engine")
            ):
                other.waiting = None  # what it waits for may be there by now
        if lane.waiting is not None and lane.waiting.for_ == "person":
            await asyncio.to_thread(self._told.waits, lane.name, advanced)

    def _pause(self) -> float | None:
        """Seconds until the first story that is paused goes on."""
        now = datetime.fromisoformat(self._clock())
        until = [lane.waiting.until for lane in self.lanes.values() if lane.waiting and lane.waiting.until]
        return min((max(0.0, (datetime.fromisoformat(at) - now).total_seconds()) for at in until), default=None)

    def _left(self) -> Iterator[Left]:
        for key in sorted(self.lanes, key=lambda key: -self._ranks[key]):
            lane = self.lanes[key]
            if lane.row.state is None:
                place = Place(file=lane.row.path, line=1, text="not adopted yet: `story adopt`")
                yield Left(lane.name, "raw", Waiting(for_="person", items=(place,)))
            elif lane.error or (lane.waiting is not None and not lane.over):
                yield Left(lane.name, lane.row.state, lane.waiting, lane.error)

    def _rank(self) -> None:
        phases: dict[str, Phase] = {key: _phase(lane.row) for key, lane in self.lanes.items()}
        self._ranks = ranks(self._after, phases)

    def _lane(self, listed: Listed, several: bool) -> Lane:
        name = f"{listed.pack}/{listed.story.id}" if several else listed.story.id
        return Lane(name=name, listed=listed, row=read_row(listed))

    def _needs(self, lane: Lane) -> list[str]:
        """The stories that it depends on; what is not there is left as it was written."""
        return [self._paths.get((lane.listed.pack, name), name) for name in lane.row.needs]


def _phase(row: Row) -> Phase:
    return "done" if row.complete else row.phase or "validation"  # type: ignore[return-value]


def _too_long(lane: Lane) -> Waiting:
    text = "stopped after as many steps as limits.steps in story.toml says; run it again"
    return Waiting(for_="person", items=(Place(file=lane.row.path, line=1, text=text),))


def _stamp(file: Path) -> Stamp:
    try:
        stat = file.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)
