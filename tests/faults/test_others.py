"""People, other engines and git do not wait until the engine is done: whatever they do meanwhile, nothing is lost."""

from __future__ import annotations

import random
from functools import partial

import pytest

from tests.faults.driver import advance_struck, end, start
from tests.faults.figures import keep_wrong
from tests.faults.others import forgotten, meddle, rival, switch, uncommitted, unremarked, write
from tests.faults.points import Fault, strike
from tests.faults.slice_repo import git
from tests.faults.whole import (
    HOME,
    LEGS,
    Whole,
    copy_of,
    differs,
    everywhere,
    go_on,
    known,
    lost,
    person,
    result,
    sample,
    strike_everywhere,
)

EARLIER = "2020-02-02T02:02:02Z"


def meddled(whole: Whole, seed: int) -> str:
    """A person saves at random moments of three steps; what is wrong after any of them."""
    rng = random.Random(seed)
    first = rng.randrange(len(whole.legs) - 2)
    with copy_of(whole, first) as root:
        for number in range(first, first + 3):
            leg = whole.legs[number]
            strikes = frozenset(rng.choices(range(1, len(leg.points) + 1), k=rng.randint(1, 4)))
            struck = advance_struck(root, Fault("act", strikes, act=meddle, seed=seed))
            said = f"seed {seed}, step {number}, points {sorted(strikes)}"
            if struck.code:
                return f"{said}: {struck}"
            person(root)
            wrong = differs(leg.after, unremarked(known(root)), said)
            if wrong or forgotten(root) or lost(root):
                return wrong or f"{said}: forgot {forgotten(root)}, asked again {lost(root)}"
    return ""


def written(whole: Whole, seed: int) -> str:
    """A person changes her own text, on which evidence rests; when she stops, the story ends, with all her words."""
    rng = random.Random(seed)
    leg = rng.randrange(len(whole.legs))
    with copy_of(whole, leg) as root:
        for number in range(LEGS):
            strikes = frozenset(rng.choices(range(1, 60), k=2)) if number < 15 and rng.random() < 0.5 else frozenset()
            struck = advance_struck(root, Fault("act", strikes, act=write, seed=seed))
            said = f"seed {seed}, from step {leg}, points {sorted(strikes)}"
            if struck.code == 70 or (struck.code and not struck.said.startswith("StoryChanged")):
                return f"{said}: {struck}"
            if struck.said == "nobody":
                break
            person(root)
        else:
            return f"seed {seed}: not complete after {LEGS} steps"
        wrong = [*forgotten(root), *lost(root), *(str(path) for path in root.glob(f"{HOME}/**/.*"))]
        return f"seed {seed}: {wrong}" if wrong else ""


def switched(whole: Whole, at: tuple[int, int]) -> str:
    """Another branch is checked out at a point; what is wrong after it and when the first branch is back."""
    with copy_of(whole, at[0]) as root:
        struck = advance_struck(root, Fault("act", frozenset([at[1]]), act=switch))
        said = f"branch at {at} ({whole.name(at)})"
        if struck.code and not struck.said.startswith("StoryChanged"):
            return f"{said}: {struck}"
        strayed = [line for line in git(root, "status", "--porcelain", HOME).splitlines() if struck.code]
        if strayed:
            return f"{said}: strayed {strayed}"
        for name in git(root, "ls-files", "--others").splitlines():
            if name in git(root, "ls-tree", "-r", "--name-only", "main").splitlines():
                (root / name).unlink()
        git(root, "checkout", "-q", "main")
        try:
            person(root)
            go_on(root)
        except AssertionError as err:
            return f"{said}: {err}"
        wrong = differs(uncommitted(whole.final), uncommitted(result(root)), said)
        return wrong or "".join(f"{said}: {call} again" for call in lost(root))


def raced(whole: Whole, leg: int) -> str:
    """Two engines begin a step at once; what is wrong after it."""
    with copy_of(whole, leg) as root:
        both = [start(root, Fault(step=False)) for _ in range(2)]
        strike(root)
        ended = [end(*one) for one in both]
        refused = [struck for struck in ended if struck.code]
        if len(refused) > 1 or any(not struck.said.startswith("Locked") for struck in refused):
            return f"race at step {leg}: {ended}"
        person(root)
        go_on(root) if not all(struck.said == "nobody" for struck in ended if not struck.code) else None
        return differs(whole.final, result(root), f"race at step {leg}") or "".join(lost(root))


@pytest.mark.long
def test_whatever_a_person_saves_meanwhile_is_kept(whole: Whole) -> None:
    """She saves remarks, the same bytes or an answer at random moments: all else is as undisturbed, byte for byte."""
    assert everywhere(partial(meddled, whole), range(8)) == []


@pytest.mark.long
def test_her_own_text_changed_meanwhile_is_kept(whole: Whole) -> None:
    """Where her text changes under the validations, they are done again, and every word of hers is in the end."""
    assert everywhere(partial(written, whole), range(2)) == []


@pytest.mark.long
def test_a_second_engine_is_refused_at_any_point(whole: Whole) -> None:
    """While one engine is at work, another on the same story says so in one line and changes nothing."""
    assert strike_everywhere(whole, Fault("act", act=rival), sample(whole, 6, 2)) == []


@pytest.mark.long
def test_two_engines_at_once_end_with_one_result(whole: Whole) -> None:
    """Of two engines that begin together, one is refused or finds nothing to do: no step is done twice."""
    assert everywhere(partial(raced, whole), [1, len(whole.legs) - 1]) == []


@pytest.mark.long
def test_another_branch_checked_out_in_mid_run(whole: Whole) -> None:
    """Nothing of one branch's run is written into another; back on its own branch it ends as if undisturbed."""
    assert everywhere(partial(switched, whole), sample(whole, 5, 3)) == []


@pytest.mark.long
def test_a_clock_that_goes_back_changes_times_only(whole: Whole) -> None:
    """Where the clock goes back after a kill, the end is the same but for the times themselves."""
    assert strike_everywhere(whole, Fault("kill"), sample(whole, 4, 4), after=Fault(clock=EARLIER)) == []


@pytest.mark.long
def test_other_ids_after_a_kill_ask_nothing_twice(whole: Whole) -> None:
    """A call's id is minted once: a process that would mint others finds the reply that is remembered."""
    assert strike_everywhere(whole, Fault("kill"), sample(whole, 4, 5), after=Fault(mint="z")) == []


SUITES = {
    "a person saves at random moments of three steps, seeds 0 to 999": (meddled, lambda _: range(1000)),
    "a person changes her own text at random moments, seeds 0 to 99": (written, lambda _: range(100)),
    "two engines begin a step at once": (raced, lambda whole: range(len(whole.legs))),
    "another branch is checked out": (switched, Whole.points),
}
"""What others do, the check, and what it is done with: each seed, step or point."""
ENGINES = {
    "a second engine begins": (Fault("act", act=rival), None),
    "SIGKILL, then the clock is years back": (Fault("kill"), Fault(clock=EARLIER)),
    "SIGKILL, then other ids are minted": (Fault("kill"), Fault(mint="z")),
}
"""What engines do, as a fault and what the processes after it have."""


@pytest.mark.slow
@pytest.mark.timeout(14400)
@pytest.mark.parametrize("what", SUITES)
def test_others_at_every_moment(whole: Whole, what: str) -> None:
    """A thousand interleavings, a race at every step, another branch at every point: nothing is lost or doubled."""
    check, every = SUITES[what]
    cases, before = every(whole), whole.struck()
    wrong = everywhere(partial(check, whole), cases)
    keep_wrong(what, len(cases), whole.struck() - before, wrong)
    assert wrong == []


@pytest.mark.slow
@pytest.mark.timeout(14400)
@pytest.mark.parametrize("what", ENGINES)
def test_engines_at_every_point(whole: Whole, what: str) -> None:
    """A second engine, an earlier clock and other ids after a kill, each at every point."""
    (fault, after), before = ENGINES[what], whole.struck()
    wrong = strike_everywhere(whole, fault, whole.points(), after=after)
    keep_wrong(what, len(whole.points()), whole.struck() - before, wrong)
    assert wrong == []
