"""A run of many stories on virtual time: the scheduler of real runs, no agent, no clock, no file. Pure.

simulate
├── _Run._go       what a story does next: a stage, a place to be executed in, or nothing more
├── Line.leave     who waits begins as there is room, as rules/schedule.py chooses
└── _Run._pass     time goes on to what ends next
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import NamedTuple

from engine.model.machine import Phase
from engine.rules.bounds import TREE, Bounds, bounds
from engine.rules.line import Line
from engine.rules.schedule import Wanted, behind, lefts, order, rank
from engine.rules.walk import Kind, Stage, Walk
from engine.rules.workplace import WORK


class Span(NamedTuple):
    """A stage as it was, or a story's stay in its place: when room was asked for, when it began, when it ended.

    The story `came` to it before that, where a person has to notice first; `each` role ended after so long.
    """

    story: str
    kind: Kind
    asked: float
    began: float
    ended: float
    came: float = 0.0
    each: tuple[float, ...] = ()


@dataclass(slots=True)
class Busy:
    """What a role did: its runs, and their minutes."""

    runs: int = 0
    minutes: float = 0.0


@dataclass(slots=True)
class Played:
    """What a simulated run came to. Times in minutes."""

    stories: int
    abandoned: list[str]
    blocked: list[str]  # behind an abandoned one
    bounds: Bounds
    complete: int = 0
    makespan: float = 0.0
    unvalidated: float = 0.0  # while any story waited for its validation after those that it needs were complete
    idle: float = 0.0  # of that, while there was room to execute the one that waited longest
    late: int = 0  # the stories that waited so
    crowded: float = 0.0  # how much sooner those were validated, all together, had they never waited for room before
    roles: dict[str, Busy] = field(default_factory=dict)
    asked: int = 0
    waited: float = 0.0  # for people: from question to answer, all stories together
    answering: float = 0.0  # of that, while a person was at it
    cost: float = 0.0

    @property
    def ratio(self) -> float:
        """The makespan against what no order could beat."""
        return self.makespan / self.bounds.lower if self.bounds.lower else 1.0


def simulate(
    needs: Mapping[str, Sequence[str]],
    walks: Mapping[str, Walk],
    *,
    note: Callable[[Span], None] = lambda _: None,
) -> Played:
    """Play a run of stories, each of which is executed when those that it needs are complete."""
    after = order(needs)
    failed = [story for story in after if not walks[story].success]
    held = _all_behind(failed, after)
    abandoned = [story for story in failed if story not in held or not walks[story].works]
    blocked = held.keys() - {*abandoned}
    gone = {story: _unexecuted(walks[story]) if story in blocked else walks[story] for story in after}
    told = Played(len(after), abandoned, sorted(blocked), bounds(after, needs, gone))
    _Run(after, needs, gone, told, note).play()
    return told


def random_needs(stories: int, dice: Random) -> dict[str, list[str]]:
    """A pack that is made up: each story depends on none to three of the ten before it."""
    names = [str(number) for number in range(stories)]
    needs = {}
    for number, name in enumerate(names):
        before = names[max(0, number - 10) : number]
        needs[name] = dice.sample(before, min(len(before), dice.choice((0, 1, 1, 1, 2, 3))))
    return needs


class _Run:
    """Virtual time, and where every story stands."""

    def __init__(
        self,
        after: dict[str, list[str]],
        needs: Mapping[str, Sequence[str]],
        walks: Mapping[str, Walk],
        told: Played,
        note: Callable[[Span], None],
    ) -> None:
        self._after, self._walks, self._told, self._note = after, walks, told, note
        self._tree = Kind("ready", Wanted("", {TREE: 1}, {TREE: 1}))
        self._apart = Kind("ready", Wanted("", {}))
        self._open = {story: len(set(names)) for story, names in needs.items()}
        self._far = dict(self._open)  # how many of those that each needs are not at work yet
        self._left = lefts()
        self._behind = behind(after, {story: _starts(walk) for story, walk in walks.items()})
        self._stages = {story: iter(walk.stages) for story, walk in walks.items()}
        self._now = 0.0
        self._stage: dict[str, Stage] = {}  # the one that each story is in, or asks for
        self._asked: dict[str, float] = {}  # when each story came to it
        self._joined: dict[str, float] = {}  # when each story began to wait for room
        self._began: dict[str, float] = {}
        self._placed: dict[str, tuple[float, float]] = {}  # who is at work: asked for its place, and took it
        self._parked: set[str] = set()  # validated, and waiting for those that they need
        self._validated: set[str] = set()
        self._unvalidated: dict[str, float] = {}  # … although those that it needs are complete, since when
        self._queued: dict[str, float] = {}  # how long each waited for room before it was validated
        self._lost = {*told.abandoned, *told.blocked}
        self._line = Line()
        self._due: list[tuple[float, int, str, bool]] = []  # when a stage ends, or a person notices its question
        self._numbers = count()

    def play(self) -> None:
        """Until nothing is under way any more."""
        for story in self._after:
            self._go(story)
        self._admit()
        while self._due:
            self._pass()
            self._admit()
        told = self._told
        told.makespan = self._now
        assert told.complete + len(told.abandoned) + len(told.blocked) == told.stories, "somebody waits for ever"

    def _pass(self) -> None:
        """Go on to the next moment at which something ends, and end all that ends then."""
        then = self._due[0][0]
        if self._unvalidated:
            self._told.unvalidated += then - self._now
            self._told.idle += (then - self._now) * self._has_room(next(iter(self._unvalidated)))
        self._now = then
        while self._due and self._due[0][0] == then:
            *_, story, ends = heapq.heappop(self._due)
            if ends:
                self._end(story)
                self._go(story)
            else:
                self._join(story, self._stage[story].kind)

    def _go(self, story: str) -> None:
        """What a story does next."""
        stage = next(self._stages[story], None)
        if stage is None:
            self._over(story)
            return
        self._stage[story], self._asked[story] = stage, self._now
        if stage.kind.phase in WORK and story not in self._placed:
            self._validate(story)
            if self._open[story]:
                self._parked.add(story)
            else:
                self._join(story, self._place(story))
        else:
            self._ask(story)

    def _ask(self, story: str) -> None:
        stage = self._stage[story]
        if stage.notice:
            self._later(stage.notice, story, ends=False)
        else:
            self._join(story, stage.kind)

    def _join(self, story: str, kind: Kind) -> None:
        """Wait for room, unless nobody limits it."""
        self._joined[story] = self._now
        if kind.wants.takes:
            self._line.join(Wanted(story, kind.wants.takes, kind.wants.limits), self._rank(story, kind.phase))
        elif kind is self._apart:
            self._work(story)
        else:
            self._begin(story)

    def _place(self, story: str) -> Kind:
        """Where a story is executed: in the tree, or apart from all others."""
        return self._tree if self._walks[story].in_tree else self._apart

    def _has_room(self, story: str) -> bool:
        """Could it be executed now, were it validated?"""
        walk = self._walks[story]
        first = walk.stages[walk.split()].kind if walk.works else self._apart
        return self._line.has_room(first.wants) and self._line.has_room(self._place(story).wants)

    def _rank(self, story: str, phase: Phase) -> float:
        holds = story in self._placed and self._walks[story].in_tree
        return rank(self._left[phase], self._behind[story], holds=holds, near=not self._far[story])

    def _admit(self) -> None:
        for one in self._line.leave():
            if TREE in one.takes:
                self._work(one.story)
            else:
                self._begin(one.story)

    def _work(self, story: str) -> None:
        """A story has its place: those that need it can be next."""
        self._placed[story] = (self._joined[story], self._now)
        self._asked[story] = self._now
        self._ask(story)
        for other in self._after[story]:
            self._far[other] -= 1
            if not self._far[other] and other in self._stage:
                self._line.move_up(other, self._rank(other, self._stage[other].kind.phase))

    def _begin(self, story: str) -> None:
        stage = self._stage[story]
        if story not in self._validated:
            self._queued[story] = self._queued.get(story, 0.0) + self._now - self._joined[story]
        self._began[story] = self._now
        self._later(stage.minutes, story, ends=True)

    def _later(self, minutes: float, story: str, *, ends: bool) -> None:
        heapq.heappush(self._due, (self._now + minutes, next(self._numbers), story, ends))

    def _end(self, story: str) -> None:
        """A stage is through: give its room back, and count it."""
        stage, told = self._stage[story], self._told
        told.cost += stage.kind.cost * len(stage.each)
        self._line.give_back(stage.kind.wants)
        times = (self._joined[story], self._began[story], self._now, self._asked[story])
        self._note(Span(story, stage.kind, *times, stage.each))
        for role, minutes in zip(stage.kind.roles, stage.each, strict=True):
            busy = told.roles.setdefault(role, Busy())
            busy.runs += 1
            busy.minutes += minutes
        if stage.kind.asks:
            told.asked += 1
            told.waited += self._now - self._asked[story]
            told.answering += stage.minutes

    def _over(self, story: str) -> None:
        """A story is through: those that need it have one less to wait for."""
        self._validate(story)
        if story in self._placed:
            self._line.give_back(self._place(story).wants)
            self._note(Span(story, self._place(story), *self._placed.pop(story), self._now))
        if story in self._lost:
            return
        self._told.complete += 1
        for other in self._after[story]:
            self._open[other] -= 1
            if not self._open[other]:
                if other in self._parked:
                    self._parked.discard(other)
                    self._join(other, self._place(other))
                elif other not in self._validated:
                    self._unvalidated[other] = self._now

    def _validate(self, story: str) -> None:
        self._validated.add(story)
        if story in self._unvalidated:
            waited = self._now - self._unvalidated.pop(story)
            self._told.late += 1
            self._told.crowded += min(waited, self._queued.get(story, 0.0))


def _starts(walk: Walk) -> Phase:
    return walk.stages[0].kind.phase if walk.stages else "done"


def _unexecuted(walk: Walk) -> Walk:
    """What is done of a story that may never be executed."""
    return replace(walk, stages=walk.stages[: walk.split()])


def _all_behind(stories: Sequence[str], after: Mapping[str, Sequence[str]]) -> dict[str, None]:
    """All stories that need one of these, directly or not."""
    found: dict[str, None] = {}
    todo = [*stories]
    while todo:
        for other in after[todo.pop()]:
            if other not in found:
                found[other] = None
                todo.append(other)
    return found
