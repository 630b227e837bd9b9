"""Fixtures of the checks: the story pack that was judged by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of story packs that $STORY_CORPUS names."""
    where = os.environ.get("STORY_CORPUS")
    if not where:
        pytest.skip("STORY_CORPUS is not set: it names the folder that holds builder-epic-01")
    return Path(where)
