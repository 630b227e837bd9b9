"""Repositories to run verbs in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.run import run
from tests.faults.slice_repo import commit, make_repository

STORY = "docs/stories/story-1-file/story.md"


@pytest.fixture(scope="session")
def _raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli") / "r"
    root.mkdir()
    make_repository(root)
    return root


@pytest.fixture(scope="session")
def _adopted(_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shutil.copytree(_raw, tmp_path_factory.mktemp("cli") / "r")
    assert run(root, "adopt").code == 0
    commit(root, "adopt")
    return root


@pytest.fixture
def raw(_raw: Path, tmp_path: Path) -> Path:
    """The smallest repository: one story, not adopted."""
    return shutil.copytree(_raw, tmp_path / "r")


@pytest.fixture
def adopted(_adopted: Path, tmp_path: Path) -> Path:
    """The smallest repository: one story, adopted and committed."""
    return shutil.copytree(_adopted, tmp_path / "r")


@pytest.fixture
def asking(adopted: Path) -> Path:
    """The same, advanced step by step, each committed, until a person is asked whether to ship it."""
    for number in (1, 2):
        assert run(adopted, "advance", "1", "--step").code == 0
        commit(adopted, f"step {number}")
    return adopted
