"""Killed, cut off from power or from the disk at any durable moment of a whole story, it ends as if undisturbed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.figures import keep_wrong
from tests.faults.points import Fault
from tests.faults.whole import Whole, copy_of, differs, go_on, lost, result, sample, strike_everywhere

MODES = {
    "kill": ("SIGKILL before it", None),
    "half": ("SIGKILL in the middle of a write", {"write"}),
    "cut": ("power cut: only what was synced is there", None),
    "cut early": ("power cut: names are there, contents only if synced", None),
    "full": ("disk full from there on", None),
    "short": ("half a write, then the disk is full", {"write"}),
    "denied": ("read-only folder from there on", {"open", "rename", "exchange"}),
}
"""What happens at a point, in words, and at which kinds of points; None stands for all."""
SEED = 1


def test_a_whole_story_has_hundreds_of_durable_moments(whole: Whole) -> None:
    """The points lie in every step from drafted to complete, and every kind of durable moment is among them."""
    kinds = Counter(whole.name(at) for at in whole.points())
    wanted = {"write", "fsync", "rename", "exchange", "unlink", "open", "remember", "commit", "evidence"}
    assert wanted | {"agent starts", "agent ends", "gate starts", "gate ends"} <= set(kinds)
    assert len(whole.points()) >= 700
    assert all(leg.points for leg in whole.legs)


@pytest.mark.long
def test_step_by_step_is_the_same_as_at_once(whole: Whole) -> None:
    """Advanced until a person is needed, a story ends with the same bytes as advanced step by step."""
    with copy_of(whole, 0) as root:
        go_on(root)
        assert differs(whole.final, result(root), "at once") == ""
        assert lost(root) == []


@pytest.mark.parametrize(
    ("mode", "count"),
    [
        ("kill", 12),
        *(pytest.param(*more, marks=pytest.mark.long) for more in (("half", 4), ("cut", 5), ("cut early", 4))),
    ],
)
def test_killed_at_some_points_it_ends_the_same(whole: Whole, mode: str, count: int) -> None:
    """Killed or cut off at a sample of the points, story.md, evidence, journal and code end byte for byte the same."""
    points = [at for at in sample(whole, 10_000, SEED) if _struck(whole, mode, at)][:count]
    assert strike_everywhere(whole, Fault(mode), points) == []


@pytest.mark.long
@pytest.mark.parametrize(("mode", "count"), [("full", 8), ("short", 4), ("denied", 4)])
def test_without_a_disk_it_says_so_and_goes_on_later(whole: Whole, mode: str, count: int) -> None:
    """A full disk or a read-only folder is one line with the path; when it is gone, the run ends as if undisturbed."""
    points = [at for at in sample(whole, 10_000, SEED) if _struck(whole, mode, at)][:count]
    assert strike_everywhere(whole, Fault(mode), points) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("mode", MODES)
def test_struck_at_every_point_it_ends_the_same(whole: Whole, mode: str) -> None:
    """Whatever happens to the process or its disk at whatever point, nothing is lost and nothing is done twice."""
    points = [at for at in whole.points() if _struck(whole, mode, at)]
    before = whole.struck()
    wrong = strike_everywhere(whole, Fault(mode), points)
    keep_wrong(MODES[mode][0], len(points), whole.struck() - before, wrong)
    assert wrong == []


def _struck(whole: Whole, mode: str, at: tuple[int, int]) -> bool:
    kinds = MODES[mode][1]
    return kinds is None or whole.name(at) in kinds
