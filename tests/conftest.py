"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling


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


SHARED = ("tests/faults/", "tests/test_corpus_run.py", "tests/test_example.py", "tests/test_security.py")
"""Where one life, which takes seconds, serves many tests: these run in the same process."""


class Sharing(LoadScopeScheduling):  # the `xdist_group` of pytest-xdist 3.8 groups nothing under pytest 9.2
    """Each test goes to the process that is free, but those of one shared place to the same."""

    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in SHARED if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Sharing | None:
    """With `--dist loadgroup` the groups are those above."""
    return Sharing(config, log) if config.getoption("dist") == "loadgroup" else None


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
