"""Who may begin: the groups of actions that wait, and what those take that run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from engine.model.machine import Machine, Pipeline
from engine.model.step import Todo
from engine.rules.schedule import Wanted, choose, wanted

Providers = Callable[[Machine], Mapping[str, str]]
"""The provider of each role of a machine that a model plays."""
Ranks = Callable[[], Mapping[str, float]]
"""How much each story blocks, by now."""
Sizes = Callable[[Machine], Pipeline]
"""What many stories of a machine may do at once."""
MakeRoom = Callable[[Ranks, Sizes, Providers], "Room"]
AT_ONCE = 0.05
"""Seconds: who was admitted sooner need not look at the story again."""


class Room:
    """Admits groups of actions as there is room for them, those of the longest way first."""

    again = False
    """Was room given back that somebody was refused before? Here nobody is refused."""

    def holds(self, story: str) -> bool:  # noqa: ARG002 — for rooms that begin with stories at work
        """Has a story its place already, since its calls run?"""
        return False

    def __init__(self, rank: Ranks, size: Sizes, providers: Providers) -> None:
        self._rank, self._size, self._providers = rank, size, providers
        self._waiting: list[tuple[Wanted, asyncio.Future[None]]] = []
        self._taken: Counter[str] = Counter()
        self._due = False

    @asynccontextmanager
    async def admit(self, story: str, machine: Machine, state: str, todo: tuple[Todo, ...]) -> AsyncIterator[bool]:
        """Wait for room, take it, and give it back; True says that this took a while."""
        one = self._wanted(story, machine, state, todo)
        loop = asyncio.get_running_loop()
        asked = loop.time()
        if one.takes:
            await self._turn(one, loop)
        try:
            yield loop.time() - asked > AT_ONCE
        finally:
            self._give_back(one, loop)

    def _wanted(self, story: str, machine: Machine, state: str, todo: tuple[Todo, ...]) -> Wanted:
        sized = machine.model_copy(update={"pipeline": self._size(machine)})
        return wanted(story, sized, state, todo, self._providers(machine))

    async def _turn(self, one: Wanted, loop: asyncio.AbstractEventLoop) -> None:
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append((one, turn))
        self._soon(loop)
        try:
            await turn
        except asyncio.CancelledError:
            self._waiting = [(other, future) for other, future in self._waiting if future is not turn]
            if turn.done() and not turn.cancelled():
                self._give_back(one, loop)
            raise

    def _give_back(self, one: Wanted, loop: asyncio.AbstractEventLoop) -> None:
        self._taken.subtract(one.takes)
        self._soon(loop)

    def _soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Grant after those that ask in this turn of the loop have asked."""
        if not self._due:
            self._due = True
            loop.call_soon(self._grant)

    def _grant(self) -> None:
        self._due = False
        begins, taken = choose([one for one, _ in self._waiting], self._taken, self._rank())
        self._taken = Counter(taken)
        chosen = {id(one) for one in begins}
        for one, turn in self._waiting:
            if id(one) in chosen and not turn.done():
                turn.set_result(None)
        self._waiting = [(one, turn) for one, turn in self._waiting if id(one) not in chosen]
