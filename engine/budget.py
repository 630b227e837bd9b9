"""Keep to the limits of story.toml: the run of an agent that could pass one is not made, and a person decides.

A run that is made is told how much money it may take.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.files.config import NAME, Bound, line_of, seconds
from engine.look import Seen
from engine.model.step import Place, Todo, Waiting
from engine.rules.spending import Spent, agent_runs, beyond, dearest, paused, total


@dataclass(slots=True)
class Purse:
    """What agents took in one run of the engine, over all its stories, and how many of them run now."""

    spent: Spent = field(default_factory=Spent)
    running: int = 0


def not_yet(seen: Seen, todo: tuple[Todo, ...], purse: Purse, now: str) -> Waiting | None:
    """Whom the next runs of agents wait for: the clock of a provider's limit, or a person; None where nobody.

    `now` is the time, ISO 8601.
    """
    if held := paused(seen.progress, todo, now):
        places = tuple(Place(file=seen.shown.path, line=1, text=failure.why) for failure in held)
        return Waiting(for_="clock", items=places, until=held[-1].until)
    coming = sum(bool(one.role) and one.call is None for one in todo)  # what has begun is paid for, or attached to
    limit = held_back(seen, coming, purse)
    return Waiting(for_="person", items=(limit,)) if limit else None


def held_back(seen: Seen, coming: int, purse: Purse) -> Place | None:
    """The limit that so many runs could pass, with its line in story.toml; None where they may be made."""
    if not coming:
        return None
    most = dearest(agent_runs(seen.events))
    for name, bound, spent, running in _bounds(seen, purse):
        why = beyond(spent, running + coming, most, cost=bound.cost, calls=bound.calls, seconds=_time(bound))
        if why:
            why += f", while {running} run" if running else ""
            text = f"limits.{name}: {why}. Raise the limit, and run it again."
            main = seen.repository.main  # which says the limits of a story on a branch, too
            file, root = (str(main / NAME), main) if main else (NAME, seen.repository.root)
            return Place(file=file, line=line_of(root, ["limits", name]) or 1, text=text)
    return None


def share(seen: Seen, coming: int, purse: Purse) -> float | None:
    """US dollars that the limits leave to each of so many runs side by side; None where nothing bounds them."""
    left = [
        max(bound.cost - spent.cost, 0.0) / max(running + coming, 1)
        for _, bound, spent, running in _bounds(seen, purse)
        if bound.cost is not None
    ]
    return min(left, default=None)


def _bounds(seen: Seen, purse: Purse) -> Iterator[tuple[str, Bound, Spent, int]]:
    """Each limit of story.toml with what was spent of it, and how many runs are still to be paid of it."""
    limits = seen.repository.config.limits
    yield "story", limits.story, total(agent_runs(seen.events)), 0
    yield "run", limits.run, purse.spent, purse.running


def _time(bound: Bound) -> float | None:
    return None if bound.time is None else seconds(bound.time)
