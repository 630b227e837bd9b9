"""The shortest run that any order could give, found by branch and bound: for packs of up to eight stories.

A story is two stages: so many minutes of validation in one of some slots, then so many of execution in another, once
all that it needs are complete. The search knows every duration beforehand, which no scheduler does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EPSILON = 1e-9


class GaveUp(Exception):
    """The search took too many turns."""


@dataclass(slots=True)
class Search:
    """A pack, and the best run found so far."""

    needs: Mapping[str, Sequence[str]]
    validation: Mapping[str, float]
    execution: Mapping[str, float]
    slots: tuple[int, int]
    best: float
    turns: int = 50_000

    def optimum(self) -> float:
        """The least makespan; `best` is one that is known to be possible."""
        self._validate({}, (0.0,) * self.slots[0])
        return self.best

    def _turn(self) -> None:
        self.turns -= 1
        if self.turns < 0:
            raise GaveUp

    def _validate(self, ready: dict[str, float], free: tuple[float, ...]) -> None:
        """Try each story as the next to be validated: a run is found from the order in which its stages begin."""
        self._turn()
        left = [story for story in self.needs if story not in ready]
        least = ready | {story: free[0] + self.validation[story] for story in left}
        if self._bound(least, {}, 0.0) >= self.best - EPSILON:
            return
        if not left:
            self._execute(ready, {}, (0.0,) * self.slots[1])
            return
        for story in left:
            ends = free[0] + self.validation[story]
            self._validate(ready | {story: ends}, tuple(sorted((*free[1:], ends))))

    def _execute(self, ready: dict[str, float], done: dict[str, float], free: tuple[float, ...]) -> None:
        """Try each story as the next to be executed."""
        self._turn()
        if len(done) == len(self.needs):
            self.best = min(self.best, max(done.values(), default=0.0))
            return
        if self._bound(ready, done, free[0]) >= self.best - EPSILON:
            return
        begins = {
            story: max(ready[story], free[0], *(done[need] for need in self.needs[story]))
            for story in self.needs
            if story not in done and all(need in done for need in self.needs[story])
        }
        soonest = min(begin + self.execution[story] for story, begin in begins.items())
        for story, begin in begins.items():
            if begin <= soonest:  # else another could be executed before it, and nobody would wait for that
                ends = begin + self.execution[story]
                self._execute(ready, done | {story: ends}, tuple(sorted((*free[1:], ends))))

    def _bound(self, ready: Mapping[str, float], done: Mapping[str, float], free: float) -> float:
        """What those that are left take at least."""
        heads: dict[str, float] = {}
        tails: dict[str, float] = {}
        for story in self.needs:  # in an order in which each comes after what it needs
            if story not in done:
                before = (done.get(need, heads.get(need, 0.0) + self.execution[need]) for need in self.needs[story])
                heads[story] = max(ready[story], free, *before)
        for story in reversed([*heads]):
            after = (self.execution[other] + tails[other] for other in heads if story in self.needs[other])
            tails[story] = max(after, default=0.0)
        best, work, tail = max(done.values(), default=0.0), 0.0, float("inf")
        for story in sorted(heads, key=lambda story: -heads[story]):
            work += self.execution[story]
            tail = min(tail, tails[story])
            best = max(
                best, heads[story] + work / self.slots[1] + tail, heads[story] + self.execution[story] + tails[story]
            )
        return best
