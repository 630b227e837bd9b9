"""A row of `story status`: a plain dataclass, since the fast way imports no pydantic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One story in `story status`. `needs` are the stories it depends on; `problem` says why it cannot be read."""

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
    problem: str = ""
