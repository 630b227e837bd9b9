"""What happens to workers, servers and remotes in the middle of a pack; in the end it is as if nothing had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.drive import Drive
from tests.fleet.server import Server
from tests.fleet.world import APART, World

pytestmark = pytest.mark.slow
KILLS = ("look before push", "agent at work", "look after push", "reply before push", "reply after push")


def test_a_worker_killed_at_each_instant_is_replaced(tmp_path: Path, temporal: Server) -> None:
    """SIGKILL in each activity, before and after it pushed: the other worker takes over, the killed one comes back."""
    with Drive(World(tmp_path, {"1": []}, config=APART), temporal, "a", "b") as drive:
        for instant in KILLS:
            drive.back(drive.blow(instant), instant)
        drive.ends_as_alone()


def test_a_worker_that_slept_does_nothing_twice(tmp_path: Path, temporal: Server) -> None:
    """A worker that stops for longer than it is waited for, and wakes up after another has done its work, is late."""
    with Drive(World(tmp_path, {"1": []}, config=APART), temporal, "a", "b") as drive:
        for instant in ("look before push", "reply before push"):
            drive.back(drive.blow(instant, "stop"), instant)
        drive.ends_as_alone()
