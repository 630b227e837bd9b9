"""A row of `story status`: a plain dataclass, since the fast way imports no pydantic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Took:
    """What a story's agents took: tokens and US dollars; `unpriced` are the runs whose price nobody knows."""

    input: int = 0
    cached: int = 0
    output: int = 0
    cost: float = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One story in `story status`. `needs` are the stories it depends on; `problem` says why it cannot be read.

    `took` is None where no agent has run yet. `parts` are the sections of the checklist: title, ticked, all.
    """

    id: str
    pack: str
    title: str
    machine: str | None
    state: str | None
    phase: str | None
    done: int
    total: int
    waiting_for: str
    path: str
    complete: bool = False
    queued: bool = False
    needs: tuple[str, ...] = ()
    took: Took | None = None
    parts: tuple[tuple[str, int, int], ...] = ()
    problem: str = ""
