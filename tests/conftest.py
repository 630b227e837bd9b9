"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real story packs; where STORY_CORPUS does not name one, its tests say that they are skipped."""
    named = os.environ.get("STORY_CORPUS")
    if not named:
        pytest.skip("STORY_CORPUS is not set: it names the folder that holds builder-epic-01")
    folder = Path(named).resolve()
    if not (folder / "builder-epic-01").is_dir():
        pytest.fail(f"STORY_CORPUS={named} holds no builder-epic-01")
    return folder


COLLECTED = pytest.StashKey[list[tuple[str, frozenset[str]]]]()
"""(id, markers) of each test that was collected, also of those that `-m` leaves out."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was collected, for the test that each of them belongs to a target."""
    config.stash[COLLECTED] = [(item.nodeid, frozenset(m.name for m in item.iter_markers())) for item in items]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is skipped but what is for root alone, or for all others: what a test needs has to be there."""
    report = yield
    if os.environ.get("STORY_CI") and report.skipped and "root" not in str(report.longrepr):
        report.outcome, report.longrepr = "failed", f"skipped, and in CI nothing may be: {report.longrepr}"
    return report
