"""Fixtures of the markdown tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder of the real story pack."""
    folder = os.environ.get("STORY_CORPUS")
    if not folder:
        pytest.skip("STORY_CORPUS is not set: it names the folder of a real story pack")
    return Path(folder)
