"""Fixtures of the whole suite."""

from __future__ import annotations

import os
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
