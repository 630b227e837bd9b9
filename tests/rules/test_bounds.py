"""What no order can beat: the longest way, and the work for what there is little of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.rules.bounds import TREE, bounds
from engine.rules.schedule import Wanted, order
from engine.rules.walk import PEOPLE, Kind, Stage, Walk

NEEDS = {"1": [], "2": ["1"], "3": []}


def story(validation: float, execution: float, person: float = 0.0, notice: float = 0.0) -> Walk:
    """A story of which a person is asked at the end of its validation."""
    room = Wanted("", {"phase validation": 1}, {"phase validation": 2})
    ask = Stage(Kind("validation", Wanted("", {PEOPLE: 1}, {PEOPLE: 1}), asks=True), person, notice)
    work = Stage(Kind("execution", Wanted("", {})), execution)
    return Walk([Stage(Kind("validation", room), validation), ask, work])


@pytest.mark.parametrize(
    ("walks", "apart", "critical", "resource", "scarce"),
    [
        ([story(5, 10), story(5, 10), story(5, 2)], True, 25, 25, PEOPLE),  # a chain: behind who is asked are 20
        ([story(5, 10), story(5, 10), story(5, 9)], False, 25, 5 + 29, TREE),  # from the first validation on
        ([story(9, 1), story(9, 1), story(9, 1)], True, 11, 27 / 2 + 1, "phase validation"),
        ([story(1, 1, 6, 2), story(1, 1, 6, 2), story(1, 1, 6, 2)], False, 11, 3 + 18 + 1, PEOPLE),
    ],
)
def test_a_bound_counts_what_comes_before_and_after(
    walks: list[Walk], apart: bool, critical: float, resource: float, scarce: str
) -> None:
    """A scarce resource is needed for all its minutes, from when it can be first used to what must follow it."""
    played = {name: replace(walk, in_tree=not apart) for name, walk in zip(NEEDS, walks, strict=True)}
    found = bounds(order(NEEDS), NEEDS, played)
    assert (found.critical, found.resource, found.scarce) == (critical, pytest.approx(resource), scarce)
    assert found.lower == max(found.critical, found.resource)
