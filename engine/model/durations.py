"""What a simulated run is made of: how long things take, how often they go wrong, what they cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from engine.model.base import Value
from engine.model.machine import Phase

_Minutes = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Chance = Annotated[float, Field(ge=0, le=1)]


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("write the shorter time first")
    return pair


class Skewed(Value):
    """Half of all take longer than `median`; two thirds lie between `median` / `spread` and `median` × `spread`."""

    median: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    spread: Annotated[float, Field(ge=1, le=10)] = 1.5


Span = _Minutes | Annotated[tuple[_Minutes, _Minutes], AfterValidator(_rising)] | Skewed
"""Minutes: always the same, [shortest, longest] alike likely, or {median, spread}."""


class Odds(Value):
    """What holds in a state, in a phase, or wherever nothing else is said. Times in minutes, chances from 0 to 1."""

    agent: Span | None = Field(None, description="One run of an agent.")
    gate: Span | None = Field(None, description="One run of a gate.")
    notice: Span | None = Field(None, description="Until a person sees that she is asked.")
    person: Span | None = Field(None, description="What answering takes her.")
    finds: Chance | None = Field(None, description="An agent that judges for the first time says FAIL.")
    again: Chance | None = Field(None, description="An agent that judges what was fixed says FAIL.")
    unclear: Chance | None = Field(None, description="A claim is refuted, so that a person must look.")
    fails: Chance | None = Field(None, description="A gate does not end as it should.")
    deviates: Chance | None = Field(None, description="A self-review tells of a deviation from the spec.")
    crashes: Annotated[float, Field(ge=0, le=0.9)] | None = Field(None, description="A run ends without an answer.")
    cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(None, description="Dollars per agent run.")


class Durations(Value):
    """A file of durations; the nearest table that has a key counts: the state's, the phase's, `default`."""

    default: Odds = Odds()
    phases: dict[Phase, Odds] = {}
    states: dict[str, Odds] = {}
    answers: dict[str, dict[str, Chance]] = Field(
        {}, description="Decision → option → how often; what is left is the first option."
    )
