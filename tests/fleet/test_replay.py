"""Recorded runs replay with the workflows as they are now; what would break packs that run fails here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from tests.fleet.changed import GreetsFirst, SleepsFirst
from tests.fleet.replay import HISTORIES, replay


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_recorded_runs_replay_under_any_hash_seed(seed: str) -> None:
    """A pack to its end, one with continue-as-new, a call whose session was lost: each goes the way that it went."""
    line = [sys.executable, "-m", "tests.fleet.replay"]
    environ = {**os.environ, "PYTHONHASHSEED": seed}
    root = Path(__file__).parents[2]
    done = subprocess.run(line, env=environ, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [file.stem for file in HISTORIES]
    assert len(HISTORIES) == 5


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
def test_a_changed_workflow_fails_its_replay(file: Path) -> None:
    """Another activity before the first look, or a timer before a call, is found with each recording."""
    with pytest.raises(NondeterminismError):
        replay(file, (GreetsFirst, SleepsFirst))


def test_recordings_are_small() -> None:
    """They weigh little, and say nothing of the machine that they were made on."""
    assert sum(file.stat().st_size for file in HISTORIES) < 300_000
    assert not [file.stem for file in HISTORIES if "/tmp" in file.read_text() or "@" in file.read_text()]
