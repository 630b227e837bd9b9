"""Everything that reaches out of the engine, as one value that the wiring puts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from engine.agents.protocol import Agent, Clock
from engine.budget import Purse
from engine.cage import Cage
from engine.calls.port import Calls
from engine.live import Watch
from engine.model.machine import Machine, Role
from engine.model.step import Place, Step, Todo

Admit = Callable[[str, Machine, str, tuple[Todo, ...]], AbstractAsyncContextManager[bool]]
"""Lets a group of actions of a story begin, as soon as there is room for it among those of other stories.

Given the path of story.md, the machine, the state and the group: entered when it may begin, left when it has ended.
True says that it took a while, so that the story must be looked at again.
"""


def at_once(*_: object) -> AbstractAsyncContextManager[bool]:
    """Admit everything: one story alone has nobody to wait for."""
    return nullcontext(enter_result=False)


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that reaches out of the engine, handed in by the wiring."""

    calls: Calls
    clock: Clock
    mint: Callable[[], str]
    author: Callable[[], str]
    agents: Callable[[str, Role], Agent]
    demand: Callable[[str, Role], None]
    tell: Callable[[str], None]
    cage: Callable[[Machine, Path], Cage | None]
    watch: Watch
    purse: Purse
    admit: Admit = at_once
    before: Callable[[str], Sequence[Place]] = lambda _: ()
    """The stories that take a free tree before this one, given the path of its story.md."""
    commit: bool = False
    """Is each step committed?"""
    committed: bool = False
    """Does a box count for who committed it? So it is where nobody sits at the keyboard."""
    stepped: Callable[[Step], None] = lambda _: None
    """Told of each step as it is taken."""
