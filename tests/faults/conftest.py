"""The undisturbed run of a whole story, recorded once for all suites of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.whole import Whole, record, scratch


@pytest.fixture(scope="session")
def whole() -> Iterator[Whole]:
    """A whole story, undisturbed, with its durable moments counted and a copy of the tree before each step."""
    with scratch("faults") as place:
        yield record(place)
