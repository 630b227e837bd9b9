"""What agents cost by the journal, and whether the next of them may still run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from engine.model.base import Value
from engine.model.events import Began, Ended, Event
from engine.model.step import Todo
from engine.rules.history import Progress


class Spent(Value):
    """Runs of agents with their seconds, tokens and US dollars; `unpriced` are the runs whose price nobody knows."""

    calls: int = 0
    seconds: float = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    cost: float = 0
    unpriced: int = 0

    def __add__(self, other: Spent) -> Spent:
        sums = {name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields}
        return Spent(**{**sums, "cost": round(sums["cost"], 6)})


class Run(Value):
    """One run of an agent: its action, role and turn in the story, how it ended, and what it took."""

    act: str
    role: str
    turn: int
    model: str | None
    status: str
    spent: Spent


def agent_runs(events: Iterable[Event]) -> Iterator[Run]:
    """Every run of an agent that ended, in order; those that failed cost as well."""
    began: dict[str, Began] = {}
    for event in events:
        if isinstance(event, Began):
            began[event.call] = event
        elif isinstance(event, Ended) and (first := began.get(event.call)) and first.role:
            used = event.usage
            spent = Spent(
                calls=1,
                seconds=_seconds(first.at, event.at),
                input=used.input,
                cached=used.cached,
                output=used.output,
                cost=used.cost or 0,
                unpriced=int(used.cost is None and bool(used.input or used.output)),
            )
            yield Run(
                act=first.act, role=first.role, turn=first.turn, model=event.model, status=event.status, spent=spent
            )


def total(runs: Iterable[Run]) -> Spent:
    """The sum of runs."""
    return sum((run.spent for run in runs), Spent())


def beyond(
    spent: Spent, coming: int, dearest: Spent, *, cost: float | None, calls: int | None, seconds: float | None
) -> str:
    """Why that many more runs could pass a limit, "" where they cannot. A run may take what the dearest one took."""
    if calls is not None and spent.calls + coming > calls:
        return f"{spent.calls} of {calls} runs of agents are made"
    if cost is not None and (spent.cost >= cost or spent.cost + coming * dearest.cost > cost):
        return f"{spent.cost:.2f} of {cost:.2f} dollars are spent, and one run took up to {dearest.cost:.2f}"
    if cost is not None and spent.unpriced:
        return f"{spent.unpriced} runs have no price, so that a limit in dollars cannot be kept"
    if seconds is not None and (spent.seconds >= seconds or spent.seconds + coming * dearest.seconds > seconds):
        return f"agents ran for {spent.seconds / 60:.0f} of {seconds / 60:.0f} minutes"
    return ""


def dearest(runs: Iterable[Run]) -> Spent:
    """The most that one run took, of each thing."""
    each = [run.spent for run in runs]
    return Spent(cost=max((one.cost for one in each), default=0), seconds=max((one.seconds for one in each), default=0))


def paused(progress: Progress, todo: Iterable[Todo], now: str) -> tuple[Ended, ...]:
    """The failures that hold these runs up until a time that has not come yet, by that time.

    Times are ISO 8601 in UTC, to the second. What has begun, and what nobody limits, is not held up.
    """
    failed = (progress.failures.get((one.act.id, one.role), []) for one in todo if one.call is None)
    held = [failures[-1] for failures in failed if failures and (failures[-1].until or "") > now]
    return tuple(sorted(held, key=lambda failure: failure.until or ""))


def _seconds(began: str, ended: str) -> float:
    try:
        return max(0.0, (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds())
    except ValueError:
        return 0.0
