"""Who waits for room, and what is taken: the choices of rules/schedule.py among thousands of stories. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from engine.rules.schedule import Wanted, choose


class _Turn(NamedTuple):
    """A place in the line: the least comes first."""

    behind: float
    number: int
    one: Wanted


class Line:
    """Who waits for room, and what is taken. It admits whom `choose` would, without a look at each who waits."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[object, ...], list[_Turn]] = {}
        self._turns: dict[str, _Turn] = {}  # each story has one that counts
        self._taken: dict[str, int] = {}
        self._numbers = count()

    def has_room(self, one: Wanted) -> bool:
        """Could somebody begin now?"""
        return one.fits(self._taken)

    def join(self, one: Wanted, rank: float) -> None:
        """Wait. Of those that take the same, only the first can be next."""
        self._put(_Turn(-rank, next(self._numbers), one))

    def move_up(self, story: str, rank: float) -> None:
        """Who waits already is further in front now."""
        if turn := self._turns.get(story):
            self._put(turn._replace(behind=-rank))

    def leave(self) -> Iterator[Wanted]:
        """Those for which there is room now, longest way first; each takes its room."""
        while True:
            firsts = sorted(turn for line in self._waiting.values() if (turn := self._first(line)))
            ranks = {turn.one.story: -turn.behind for turn in firsts}
            chosen, _ = choose((turn.one for turn in firsts), self._taken, ranks)
            if not chosen:
                return
            del self._turns[chosen[0].story]
            self._count(chosen[0], 1)
            yield chosen[0]

    def give_back(self, one: Wanted) -> None:
        """Leave the room."""
        self._count(one, -1)

    def _put(self, turn: _Turn) -> None:
        self._turns[turn.one.story] = turn
        alike = (*turn.one.takes.items(), *turn.one.limits.items())
        heapq.heappush(self._waiting.setdefault(alike, []), turn)

    def _first(self, line: list[_Turn]) -> _Turn | None:
        while line and self._turns.get(line[0].one.story) is not line[0]:
            heapq.heappop(line)  # it left, or moved up
        return line[0] if line else None

    def _count(self, one: Wanted, sign: int) -> None:
        for what, n in one.takes.items():
            self._taken[what] = self._taken.get(what, 0) + sign * n
