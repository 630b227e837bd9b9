"""Keep to the limits of story.toml: the run of an agent that could pass one is not made, and a person decides."""

from __future__ import annotations

from engine.files.config import NAME, Bound, line_of, seconds
from engine.look import Seen
from engine.model.step import Place, Todo, Waiting
from engine.rules.spending import agent_runs, beyond, dearest, total


def not_yet(seen: Seen, todo: tuple[Todo, ...], since: int, now: str) -> Waiting | None:
    """Whom the next runs of agents wait for: the clock of a provider's limit, or a person; None where nobody.

    `since` is the number of events that the journal had when this run of the engine began, `now` the time, ISO 8601.
    """
    for one in todo:
        failures = seen.progress.failures.get((one.act.id, one.role), [])
        until = failures[-1].until if failures and one.call is None else None
        if until is not None and until > now:
            paused = Place(file=seen.shown.path, line=1, text=f"{failures[-1].why} Paused until {until}.")
            return Waiting(for_="clock", items=(paused,), until=until)
    held = held_back(seen, todo, since)
    return Waiting(for_="person", items=(held,)) if held else None


def held_back(seen: Seen, todo: tuple[Todo, ...], since: int) -> Place | None:
    """The limit that these runs could pass, with its line in story.toml; None where they may be made."""
    coming = sum(bool(one.role) and one.call is None for one in todo)  # what has begun is paid for, or attached to
    if not coming:
        return None
    every = list(agent_runs(seen.events))
    now = every[len(list(agent_runs(seen.events[:since]))) :]
    limits = seen.repository.config.limits
    for name, bound, runs in (("story", limits.story, every), ("run", limits.run, now)):
        why = beyond(total(runs), coming, dearest(every), cost=bound.cost, calls=bound.calls, seconds=_time(bound))
        if why:
            text = f"limits.{name}: {why}. Raise the limit, and advance again."
            return Place(file=NAME, line=line_of(seen.repository.root, ["limits", name]) or 1, text=text)
    return None


def _time(bound: Bound) -> float | None:
    return None if bound.time is None else seconds(bound.time)
