"""Many stories at once: each advances as far as it can, side by side, and nobody waits who need not.

run_packs
├── Pipeline._start    a task for each story that may move; what waits for another story is left alone
├── room.Room.admit    actions begin when there is room, longest way first (rules/schedule.py)
├── Pipeline._ended    a story that moved wakes those that waited for it
├── Pipeline._heard    with `watch`: what somebody saved wakes those that it may concern
└── Pipeline._left     what only a person can do, most blocking first
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from engine.advance import Advanced
from engine.budget import Purse
from engine.errors import EngineError, Locked
from engine.homes import home_at
from engine.lanes import Lane, Left, Ran, Standing, Told, held_up, name_of, stamp
from engine.living import PortsOf, advance_home, foresee_home, tidy
from engine.look import Repository, open_repository
from engine.model.machine import Machine, Phase
from engine.model.machine import Pipeline as Size
from engine.model.step import Place, Step, Waiting
from engine.ports import Ports
from engine.read_rows import Listed, at_home, list_all, read_row
from engine.room import Providers, Room
from engine.rules.schedule import order, ranks
from engine.saved import Ear

_OTHERS = ("dependencies", "tree")
"""What a story waits for that other stories bring about."""
Sleep = Callable[[float], Awaitable[None]]


def run_packs(
    repository: Repository,
    folders: Sequence[Path],
    *,
    ports_of: PortsOf,
    providers: Providers,
    told: Told | None = None,
    watch: bool = False,
    sleep: Sleep = asyncio.sleep,
) -> Ran:
    """Advance every story of these packs that may move, until nothing moves without a person.

    With `watch` go on from there whenever a file is saved, until all stories are over. Ctrl-C ends it either way.
    """
    told = told or Told()
    pipeline = Pipeline(repository, folders, ports_of, providers, told)
    stopped = False
    with told.shown(pipeline.now):
        try:
            asyncio.run(pipeline.run(sleep, watch=watch))
        except KeyboardInterrupt:
            stopped = True
    return pipeline.ran(stopped=stopped)


class Pipeline:
    """The stories of some packs, and the tasks that advance them."""

    def __init__(
        self,
        repository: Repository,
        folders: Sequence[Path],
        ports_of: PortsOf,
        providers: Providers,
        told: Told,
        *,
        room: Callable[[Callable[[], Mapping[str, float]], Callable[[Machine], Size], Providers], Room] = Room,
    ) -> None:
        self._repository, self._folders, self._told = repository, folders, told
        self.room = room(lambda: self._ranks, lambda machine: self._repository.pipeline(machine), providers)
        self._ports_of, self._purse = ports_of, Purse()
        self._clock = ports_of(repository).clock
        self._tasks: dict[asyncio.Task[Advanced], Lane] = {}
        self._ran = Ran()
        self._ear: Ear | None = None
        self._freed = 0
        self.lanes: dict[str, Lane] = {}
        self._paths: dict[tuple[str, str], str] = {}
        self._ranks: dict[str, float] = {}
        self._read(repository)

    def _read(self, repository: Repository) -> None:
        """List the stories; those that were there before stay as they are."""
        root = repository.root
        names = [folder.relative_to(root).as_posix() for folder in self._folders]
        listed = [one for one in list_all(repository).stories if one.pack in names]
        several = len({one.pack for one in listed}) > 1
        lanes = {}
        for one in listed:
            key = one.story.file.relative_to(root).as_posix()
            lanes[key] = self.lanes.get(key) or Lane(name_of(one, several=several), one, read_row(one))
            if key in self.lanes:
                lanes[key].listed, lanes[key].row = one, read_row(one)
        self._paths = {(lane.listed.pack, lane.listed.story.id): path for path, lane in lanes.items()}
        self._after = order({key: self._needs(lane) for key, lane in lanes.items()})
        self._repository, self.lanes = repository, lanes
        self._rank()

    async def run(self, sleep: Sleep, *, watch: bool = False) -> None:
        """Go on until nothing moves without a person; stopped from outside, every agent is stopped as well."""
        for folder in self._folders:
            tidy(self._repository, folder, self._ports_of(self._repository))
        try:
            while True:
                await self._listen(watch)
                self._start()
                pause = self._pause()
                ear = None if self._all_over() else self._ear
                ears = ear.tasks if ear else set()
                if self._tasks or ears:
                    if not self._tasks:
                        self._told.rests(self.ran())
                    waits: set[asyncio.Task[Advanced] | asyncio.Task[set[Path]]] = {*self._tasks, *ears}
                    done, _ = await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    for task in [task for task in self._tasks if task in done]:
                        await self._ended(task)
                    if ear:
                        self._heard({path for task in ears & done for path in ear.heard(task)})
                elif pause is not None:
                    await sleep(pause)
                else:
                    break
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._ear:
                await self._ear.close()

    def ran(self, *, stopped: bool = False) -> Ran:
        """What was done until now, and what is left; stories that were stopped at work are looked at again."""
        for lane in self._tasks.values() if stopped else ():
            folder, id_ = self._repository.root / lane.listed.pack, lane.listed.story.id
            try:
                lane.waiting = foresee_home(self._repository, folder, id_, ports_of=partial(self._ports, lane))
            except (EngineError, OSError) as err:
                lane.error = str(err)
        self._ran.left, self._ran.stopped = list(self._left()), stopped
        self._ran.complete = sum(lane.row.complete for lane in self.lanes.values())
        self._ran.total = len(self.lanes)
        return self._ran

    async def _listen(self, watch: bool) -> None:
        """Have an ear for all folders in which somebody may save something now, as long as a story is not over."""
        if not watch or self._all_over():
            return
        self._ear = self._ear or Ear(self._repository.root)
        new = await self._ear.turn_to(self._audible())
        for lane in self.lanes.values():
            if lane.listed.file.parent in new:
                lane.wake()

    def _all_over(self) -> bool:
        return all(lane.over for lane in self.lanes.values())

    def _audible(self) -> Iterator[Path]:
        """The packs, the machines, and each story that lives in a worktree."""
        yield from (folder for folder in (*self._folders, self._repository.root / "machines") if folder.is_dir())
        yield from (lane.listed.file.parent for lane in self.lanes.values() if lane.listed.home.main)

    def _heard(self, saved: set[Path]) -> None:
        """Look again at the stories that may go on by what was saved: its own, or all where it is none's."""
        if not saved:
            return
        whose = {path: lane for lane in self.lanes.values() for path in lane.own_paths()}
        lanes = [next((whose[part] for part in (path, *path.parents) if part in whose), None) for path in saved]
        for lane in {lane.name: lane for lane in lanes if lane}.values():
            before = lane.row
            lane.row = read_row(lane.listed)
            lanes += [None] if (before.needs, before.state is None) != (lane.row.needs, lane.row.state is None) else []
            lane.wake()
        if None not in lanes:
            return
        try:
            self._read(open_repository(self._repository.root, self._repository.state))
        except (EngineError, OSError) as err:
            self._told.wrong(str(err))
        for lane in self.lanes.values():
            lane.wake()

    def now(self) -> list[Standing]:
        """Each story as it stands at this moment, in the order of its pack; those at work are read anew."""
        at_work = {lane.name for lane in [*self._tasks.values()]}
        return [self._standing(key, lane, lane.name in at_work) for key, lane in self.lanes.items()]

    def _standing(self, key: str, lane: Lane, at_work: bool) -> Standing:
        row = read_row(self._found(lane)) if at_work else lane.row
        after = self._open_needs(lane)
        return Standing(
            name=lane.name,
            key=key,
            row=row,
            at_work=at_work,
            after=tuple(other.name for other in after) if row.queued else (),
            waiting=lane.waiting,
            error=lane.error,
            rank=self._ranks.get(key, 0.0),
        )

    def _start(self) -> None:
        """A task for each story that may move, longest way first."""
        now = self._clock()
        running = {lane.name for lane in self._tasks.values()}
        for key in sorted(self.lanes, key=lambda key: -self._ranks[key]):
            lane = self.lanes[key]
            if lane.name not in running and self._may_move(lane, now):
                lane.waiting, lane.error, lane.freed = None, "", self._freed
                folder = self._repository.root / lane.listed.pack
                ports = partial(self._ports, lane)
                run = advance_home(self._repository, folder, lane.listed.story.id, ports_of=ports)
                self._tasks[asyncio.create_task(run)] = lane

    def _ports(self, lane: Lane, home: Repository) -> Ports:
        return replace(
            self._ports_of(home), admit=self.room.admit, purse=self._purse, stepped=partial(self._stepped, lane)
        )

    def _stepped(self, lane: Lane, step: Step) -> None:
        self._ran.steps.append((lane.name, step))
        self._told.step(lane.name, step)

    def _may_move(self, lane: Lane, now: str) -> bool:
        if lane.row.state is None or lane.over:
            return False
        if lane.row.queued and self._open_needs(lane):
            return False
        if lane.waiting is None and not lane.error:
            return True
        if lane.waiting is not None and lane.waiting.until and lane.waiting.until <= now:
            return True
        return stamp(lane.listed.file) != lane.stamp

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
            lane.waiting = advanced.waiting or lane.too_long()
        lane.listed = self._found(lane)
        lane.row = read_row(lane.listed)
        lane.stamp = stamp(lane.listed.file)
        self._rank()
        self._freed += lane.over
        for other in self.lanes.values():
            if other.freed != self._freed and other.waiting and other.waiting.for_ in _OTHERS:
                other.waiting = None  # what it waits for may be there by now
        if lane.asks_anew():
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
            elif lane.row.queued and not lane.error and (open_ := self._open_needs(lane)):
                yield from held_up(lane, open_)
            elif lane.error or (lane.waiting is not None and not lane.over):
                yield Left(lane.name, lane.row.state, lane.waiting, lane.error)

    def _rank(self) -> None:
        phases: dict[str, Phase] = {key: lane.phase for key, lane in self.lanes.items()}
        apart = {key for key, lane in self.lanes.items() if lane.listed.home.main}
        self._ranks = ranks(self._after, phases, apart=apart)

    def _found(self, lane: Lane) -> Listed:
        """A story where it lives now."""
        folder = self._repository.root / lane.listed.pack
        return at_home(lane.listed, home_at(self._repository, folder, lane.listed.story))

    def _open_needs(self, lane: Lane) -> list[Lane]:
        return [other for need in self._needs(lane) if (other := self.lanes.get(need)) and not other.row.complete]

    def _needs(self, lane: Lane) -> list[str]:
        """The stories that it depends on; what is not there is left as it was written."""
        return [self._paths.get((lane.listed.pack, name), name) for name in lane.row.needs]
