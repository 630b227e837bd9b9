"""Keep to the limits of story.toml: the run of an agent that could pass one is not made, and a person decides."""

from __future__ import annotations

from engine.files.config import NAME, Bound, line_of, seconds
from engine.look import Seen
from engine.model.step import Place, Todo
from engine.rules.spending import agent_runs, beyond, dearest, total


def held_back(seen: Seen, todo: tuple[Todo, ...], since: int) -> Place | None:
    """The limit that these runs could pass, with its line in story.toml; None where they may be made.

    `since` is the number of events that the journal had when this run of the engine began.
    """
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
