"""The harness proves itself: an engine with one thing missing is found out."""

from __future__ import annotations

import pytest

from tests.faults.broken import BREAKS
from tests.faults.others import remark
from tests.faults.points import Fault
from tests.faults.whole import Whole, advance_struck, copy_of, known, person, struck_at

NOTICED_BY = {
    "no fsync of the new file": Fault("cut early"),
    "no fsync of the journal": Fault("cut"),
    "no fsync of the folder": Fault("cut"),
    "began is written late": Fault("kill"),
    "stepped is written late": Fault("kill"),
    "a plain write for the rename": Fault("half"),
    "no compare after the swap": Fault("act", act=remark),
    "a torn line stays": Fault("half"),
    "remembered replies are not asked for": Fault("kill"),
}
"""The fault that shows each break; an undisturbed run hides it."""
QUICK = ("a torn line stays", "began is written late")
"""The breaks that are tried in the ordinary suite, too."""
LEG = 1
"""The step in which both validators are asked: every kind of point but the gates' is in it."""


def first_wrong(whole: Whole, fault: Fault) -> str:
    """What is wrong first when a fault strikes at one point of the step after the other; "" when nothing is."""
    after = Fault(mint="z", broken=fault.broken) if fault.broken == "began is written late" else None
    for point in range(2, len(whole.legs[LEG].points) + 1):
        if fault.mode == "act":
            wrong = saved(whole, fault, point)
        else:
            wrong = struck_at(whole, fault, (LEG, point), after=after)
        if wrong:
            return wrong
    return ""


def saved(whole: Whole, fault: Fault, point: int) -> str:
    """A person's remark at one point: is it gone?"""
    with copy_of(whole, LEG) as root:
        struck = advance_struck(root, Fault("act", frozenset([point]), act=remark, broken=fault.broken))
        said = (root.parent / "remarks").read_text().strip() if (root.parent / "remarks").exists() else ""
        text = "\n".join(path.read_text() for path in root.glob("docs/stories/*/story.md"))
        return "" if not struck.code and said in text else f"{said!r} is lost: {struck}"


def undisturbed(whole: Whole, broken: str) -> str:
    """Does a broken engine differ even when nothing strikes?"""
    with copy_of(whole, LEG) as root:
        struck = advance_struck(root, Fault(broken=broken))
        person(root)
        return "" if not struck.code and known(root) == whole.legs[LEG].after else f"differs: {struck}"


@pytest.mark.long
@pytest.mark.parametrize(
    "broken", [broken if broken in QUICK else pytest.param(broken, marks=pytest.mark.slow) for broken in BREAKS]
)
def test_a_broken_engine_is_noticed(whole: Whole, broken: str) -> None:
    """With one fsync, journal write, rename, compare or look into the memory missing, the harness fails."""
    fault = NOTICED_BY[broken]
    assert undisturbed(whole, broken) == "", "the break shows by itself: it proves nothing about the fault"
    assert first_wrong(whole, Fault(fault.mode, act=fault.act, broken=broken))


@pytest.mark.long
def test_the_sound_engine_passes_where_the_broken_ones_fail(whole: Whole) -> None:
    """The faults that find the breaks find nothing in the engine as it is."""
    every = range(2, len(whole.legs[LEG].points) + 1, 30)
    for mode in ("cut", "cut early", "half"):
        assert [*filter(None, (struck_at(whole, Fault(mode), (LEG, point)) for point in every))] == []
    assert [*filter(None, (saved(whole, Fault("act", act=remark), point) for point in every))] == []
