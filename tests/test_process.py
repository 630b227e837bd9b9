"""One process, run to its end or stopped: its output is kept, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from engine.process import Deadlines, run_process


def run(folder: Path, line: str, *, limit: int | None = None, total: float = 20) -> tuple[int | None, str]:
    words = ["/bin/sh", "-c", line]
    deadlines = Deadlines(total=total)
    return asyncio.run(run_process(words, cwd=folder, raw=folder / "raw", deadlines=deadlines, limit=limit))


def test_without_a_limit_both_outputs_are_one(tmp_path: Path) -> None:
    """A gate's log shows stdout and stderr as they came."""
    assert run(tmp_path, "echo out; echo err >&2; exit 3") == (3, "")
    assert (tmp_path / "raw").read_text() == "out\nerr\n"


def test_with_a_limit_they_are_apart(tmp_path: Path) -> None:
    """Whoever reads what a command prints must not find a warning in it."""
    assert run(tmp_path, "echo out; echo err >&2", limit=1000) == (0, "")
    assert (tmp_path / "raw").read_text() == "out\n"
    assert (tmp_path / "raw.err").read_text() == "err\n"


def test_a_command_that_prints_too_much_is_stopped(tmp_path: Path) -> None:
    """On either output, in bytes; it ends long before its deadline."""
    for line in ("yes", "yes >&2"):
        assert run(tmp_path, line, limit=2**20) == (None, "it printed more than 1 MB")


def test_a_limit_does_not_lift_the_deadline(tmp_path: Path) -> None:
    """A silent command under a limit is stopped at its deadline."""
    assert run(tmp_path, "sleep 30", limit=2**20, total=0.5) == (None, "it took longer than 0.5 seconds")


@pytest.mark.long
@pytest.mark.parametrize("turns", range(6))
def test_who_is_cancelled_while_a_command_starts_leaves_nothing(tmp_path: Path, turns: int) -> None:
    """After however many turns of the loop: also what runs before anybody has hold of it is gone."""
    line = "while :; do date +%s%N >> alive; sleep 0.02; done & wait"
    words, alive = ["/bin/sh", "-c", line], tmp_path / "alive"

    async def cancel() -> None:
        started = run_process(words, cwd=tmp_path, raw=tmp_path / "raw", deadlines=Deadlines(total=20))
        task = asyncio.create_task(started)
        for _ in range(turns):
            await asyncio.sleep(0)
        until = time.monotonic() + 1
        while not alive.exists() and time.monotonic() < until:
            time.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    before = alive.read_text() if alive.exists() else ""
    time.sleep(0.3)
    assert (alive.read_text() if alive.exists() else "") == before
