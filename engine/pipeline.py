"""Many stories at once: each advances as far as it can, side by side, and nobody waits who need not.

run_packs
├── Pipeline._start    a task for each story that may move; what waits for another story is left alone
├── room.Room.admit    actions begin when there is room, longest way first (rules/schedule.py)
├── Pipeline._ended    a story that moved wakes those that waited for it
├── Pipeline._before   a free tree is taken by the longest way first
└── Pipeline._heard    with `watch`: what somebody saved wakes those that it may concern
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.advance import Advanced
from engine.budget import Purse
from engine.errors import EngineError, Locked
from engine.homes import home_at
from engine.lanes import Lane, Ran, Standing, Told, left_over, name_of, seconds_left, stamp
from engine.living import PortsOf, advance_home, foresee_home, tidy
from engine.look import Repository, open_repository
from engine.model.machine import Phase
from engine.model.step import Place, Step, Waiting
from engine.ports import Ports
from engine.read_rows import Listed, at_home, list_all, read_row
from engine.room import MakeRoom, Providers, Room
from engine.rules.schedule import order, ranks
from engine.rules.workplace import WORK
from engine.saved import Ear

PACE = 5.0
"""Seconds between two looks at all stories while some are at work."""
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
        room: MakeRoom = Room,
    ) -> None:
        self._repository, self._folders, self._told = repository, folders, told
        self.room = room(lambda: self._ranks, lambda machine: self._repository.pipeline(machine), providers)
        self._ports_of, self._purse = ports_of, Purse()
        self._clock = ports_of(repository).clock
        self._tasks: dict[asyncio.Task[Advanced], Lane] = {}
        self._ran = Ran()
        self._ear: Ear | None = None
        self._due, self._looked, self._wrong, self._freed = False, 0.0, "", 0
        self.lanes: dict[str, Lane] = {}
        self._paths: dict[tuple[str, str], str] = {}
        self._ranks: dict[str, float] = {}
        self._read(repository)

    def _read(self, repository: Repository) -> None:
        """List the stories; those that were there before stay as they are."""
        root = repository.root
        listed = list_all(repository, self._folders).stories
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
                later = self._again()
                self._start()
                pause = seconds_left(self.lanes.values(), self._clock(), later)
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
        self._ran.left, self._ran.stopped = list(left_over(self._in_order(), self._open_needs)), stopped
        self._ran.complete = sum(lane.row.complete for lane in self.lanes.values())
        self._ran.total = len(self.lanes)
        return self._ran

    async def _listen(self, watch: bool) -> None:
        """Have an ear for all that somebody may save now, as long as a story is not over."""
        if not watch or self._all_over():
            return
        root = self._repository.root
        self._ear = self._ear or Ear(root, self._repository.state)
        trees = {lane.listed.home.root for lane in self.lanes.values()}
        if await self._ear.turn_to((*self._folders, root / "machines"), trees):
            self._due = True

    def _all_over(self) -> bool:
        return all(lane.over for lane in self.lanes.values())

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
        self._due = self._due or None in lanes

    def _again(self) -> float | None:
        """Look again at all stories where something was saved that is not one's own; seconds until it is time to.

        Agents at work save as well: while they do, it is not done each time.
        """
        now = asyncio.get_running_loop().time()
        if not self._due or (self._tasks and now < self._looked + PACE):
            return self._looked + PACE - now if self._due else None
        self._due, self._looked = False, now
        before, self._wrong = self._wrong, ""
        try:
            self._read(open_repository(self._repository.root, self._repository.state))
        except (EngineError, OSError) as err:
            self._wrong = str(err)
        if self._wrong not in ("", before):
            self._told.wrong(self._wrong)
        for lane in self.lanes.values():
            lane.wake()
        return None

    def now(self) -> list[Standing]:
        """Each story as it stands at this moment, in the order of its pack; those at work are read anew."""
        at_work = {lane.name for lane in [*self._tasks.values()]}
        return [self._standing(key, lane, lane.name in at_work) for key, lane in self.lanes.items()]

    def _standing(self, key: str, lane: Lane, at_work: bool) -> Standing:
        row = read_row(self._found(lane)) if at_work else lane.row
        after = tuple(other.name for other in self._open_needs(lane)) if row.queued else ()
        rank = self._ranks.get(key, 0.0)
        return Standing(lane.name, key, row, at_work, after, lane.waiting, lane.error, rank)

    def _start(self) -> None:
        """A task for each story that may move, longest way first; before them those that hold a place."""
        now = self._clock()
        running = {lane.name for lane in self._tasks.values()}
        for key in sorted(self.lanes, key=lambda key: (not self.room.holds(key), -self._ranks[key])):
            lane = self.lanes[key]
            if lane.name not in running and self._may_move(lane, now):
                lane.waiting, lane.error, lane.freed = None, "", self._freed
                folder = self._repository.root / lane.listed.pack
                ports = partial(self._ports, lane)
                run = advance_home(self._repository, folder, lane.listed.story.id, ports_of=ports)
                self._tasks[asyncio.create_task(run)] = lane

    def _ports(self, lane: Lane, home: Repository) -> Ports:
        return replace(
            self._ports_of(home),
            admit=self.room.admit,
            before=self._before,
            purse=self._purse,
            stepped=partial(self._stepped, lane),
        )

    def _before(self, story: str) -> list[Place]:
        """The stories that take a free tree before this one: they are further in front, and could take it now."""
        for lane in self._tasks.values():
            lane.row = read_row(self._found(lane))
        ahead = [lane for key, lane in self.lanes.items() if self._ranks[key] > self._ranks[story]]
        return [lane.goes_first() for lane in ahead if lane.takes_tree() and not self._open_needs(lane)]

    def _in_order(self) -> list[Lane]:
        """All stories, longest way first."""
        return [self.lanes[key] for key in sorted(self.lanes, key=lambda key: -self._ranks[key])]

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
            gone = other.freed != self._freed or (lane.row.phase not in WORK and other.after(lane))
            if gone and other.waits_for_others:
                other.waiting = None  # what it waits for may be there by now
        if lane.asks_anew():
            await asyncio.to_thread(self._told.waits, lane.name, advanced)

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
