"""What no order can beat: the longest way through the stories, and the work for what there is little of. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.rules.walk import Walk

TREE = "tree"
"""What a story takes from its first Red until it is over, unless it has a worktree of its own."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Minutes that a run takes at least; `scarce` is what there is too little of to be faster."""

    critical: float = 0.0
    resource: float = 0.0
    scarce: str = ""

    @property
    def lower(self) -> float:
        return max(self.critical, self.resource)


@dataclass(frozen=True, slots=True)
class _Use:
    """A story's use of something: not before `head`, so many `minutes`, and `tail` minutes of other things after."""

    head: float
    minutes: float
    tail: float


def bounds(after: Mapping[str, Sequence[str]], needs: Mapping[str, Sequence[str]], walks: Mapping[str, Walk]) -> Bounds:
    """The bounds of a run, of walks that are known to the end; `after` is what `order` gives."""
    length = {story: _lengths(walk) for story, walk in walks.items()}
    ready: dict[str, float] = {}
    done: dict[str, float] = {}
    for story in after:
        before, work = length[story]
        others = max((done[need] for need in needs[story]), default=0.0) if work else 0.0
        ready[story] = max(before, others)
        done[story] = ready[story] + work
    tail: dict[str, float] = {}
    for story in reversed([*after]):
        tail[story] = max((length[other][1] + tail[other] for other in after[story]), default=0.0)
    uses: dict[str, list[_Use]] = {}
    limits: dict[str, int] = {TREE: 1}
    for story, walk in walks.items():
        before, work = length[story]
        if work and walk.in_tree:
            uses.setdefault(TREE, []).append(_Use(ready[story], work, tail[story]))
        for what, use in _uses(walk, ready[story] - before, tail[story], limits).items():
            uses.setdefault(what, []).append(use)
    most = {what: _least(found, limits[what]) for what, found in uses.items()}
    scarce = max(most, key=lambda what: most[what], default="")
    return Bounds(max(done.values(), default=0.0), most.get(scarce, 0.0), scarce)


def _lengths(walk: Walk) -> tuple[float, float]:
    """Minutes before a story is at work, and at work."""
    split = walk.split()
    minutes = [stage.notice + stage.minutes for stage in walk.stages]
    return sum(minutes[:split]), sum(minutes[split:])


def _uses(walk: Walk, waits: float, tail: float, limits: dict[str, int]) -> dict[str, _Use]:
    """What a story uses; `waits` is how long it waits at least before it is at work."""
    now, split = 0.0, walk.split()
    ends = waits + tail + sum(stage.notice + stage.minutes for stage in walk.stages)
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    minutes: dict[str, float] = {}
    for number, stage in enumerate(walk.stages):
        now += stage.notice + (waits if number == split else 0.0)
        for what, n in stage.kind.wants.takes.items():
            limit = stage.kind.wants.limits[what]
            limits[what] = max(limit, limits.get(what, 0))
            first.setdefault(what, now)
            last[what] = now + stage.minutes
            minutes[what] = minutes.get(what, 0.0) + stage.minutes * min(n, limit)
        now += stage.minutes
    before = sum(stage.notice + stage.minutes for stage in walk.stages[:split])
    return {
        what: _Use(first[what], used, ends - last[what] - (waits if last[what] <= before else 0.0))
        for what, used in minutes.items()
    }


def _least(uses: list[_Use], limit: int) -> float:
    """Those that cannot begin before a moment need, from then on, the minutes of all of them."""
    best, minutes, tail = 0.0, 0.0, float("inf")
    for use in sorted(uses, key=lambda use: -use.head):
        minutes += use.minutes
        tail = min(tail, use.tail)
        best = max(best, use.head + minutes / limit + tail)
    return best
