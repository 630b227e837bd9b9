"""Keep to the limits of story.toml: the run of an agent that could pass one is not made, and a person decides.

A run that is made is told how much money it may take.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.files.config import NAME, Bound, line_of, seconds
from engine.look import Seen
from engine.model.step import Place, Todo, Waiting
from engine.rules.spending import Spent, agent_runs, beyond, dearest, paused, total


def not_yet(seen: Seen, todo: tuple[Todo, ...], since: int, now: str) -> Waiting | None:
    """Whom the next runs of agents wait for: the clock of a provider's limit, or a person; None where nobody.

    `since` is the number of events that the journal had when this run of the engine began, `now` the time, ISO 8601.
    """
    if held := paused(seen.progress, todo, now):
        places = tuple(Place(file=seen.shown.path, line=1, text=failure.why) for failure in held)
        return Waiting(for_="clock", items=places, until=held[-1].until)
    coming = sum(bool(one.role) and one.call is None for one in todo)  # what has begun is paid for, or attached to
    limit = held_back(seen, coming, since)
    return Waiting(for_="person", items=(limit,)) if limit else None


def held_back(seen: Seen, coming: int, since: int) -> Place | None:
    """The limit that so many runs could pass, with its line in story.toml; None where they may be made."""
    if not coming:
        return None
    most = dearest(agent_runs(seen.events))
    for name, bound, spent in _bounds(seen, since):
        why = beyond(spent, coming, most, cost=bound.cost, calls=bound.calls, seconds=_time(bound))
        if why:
            text = f"limits.{name}: {why}. Raise the limit, and run it again."
            return Place(file=NAME, line=line_of(seen.repository.root, ["limits", name]) or 1, text=text)
    return None


def share(seen: Seen, running: int, since: int) -> float | None:
    """US dollars that the limits leave to each of so many runs side by side; None where nothing bounds them."""
    left = [bound.cost - spent.cost for _, bound, spent in _bounds(seen, since) if bound.cost is not None]
    return max(min(left), 0.0) / max(running, 1) if left else None


def _bounds(seen: Seen, since: int) -> Iterator[tuple[str, Bound, Spent]]:
    """Each limit of story.toml with what was spent of it."""
    every = list(agent_runs(seen.events))
    now = every[len(list(agent_runs(seen.events[:since]))) :]
    limits = seen.repository.config.limits
    yield "story", limits.story, total(every)
    yield "run", limits.run, total(now)


def _time(bound: Bound) -> float | None:
    return None if bound.time is None else seconds(bound.time)
