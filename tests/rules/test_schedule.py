"""The scheduler: an order or a reason why there is none, who goes first, and what may run side by side."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.files.machine_file import find_machine, read_machine
from engine.model.machine import AgentAct, Phase
from engine.model.step import Todo
from engine.rules.schedule import ESTIMATE, Wanted, behind, choose, order, ranks, wanted

NAMES = [*"abcdefgh"]
THINGS = ("phase validation", "role engineer", "provider anthropic")
graphs = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4), max_size=8)
phases = st.sampled_from(["validation", "ready", "execution", "verification", "done"])


@st.composite
def packs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Stories in some order, each of which needs some of those before it."""
    needs: dict[str, list[str]] = {}
    for name in draw(st.permutations(NAMES[: draw(st.integers(1, 8))])):
        needs[name] = draw(st.lists(st.sampled_from([*needs]), unique=True)) if needs else []
    return dict(draw(st.permutations([*needs.items()])))


@st.composite
def lines(draw: st.DrawFn) -> list[Wanted]:
    """Some who wait, and all of whom have the same idea of the limits."""
    limits = {what: draw(st.integers(1, 3)) for what in THINGS}
    takes = st.dictionaries(st.sampled_from(THINGS), st.integers(1, 2), max_size=3)
    return [Wanted(name, draw(takes), limits) for name in NAMES[: draw(st.integers(0, 8))]]


@given(graphs)
def test_there_is_an_order_or_a_path_that_says_why_not(needs: dict[str, list[str]]) -> None:
    """Each story comes after all that it needs; a cycle is told as a path of what is written."""
    try:
        after = [*order(needs)]
    except UsageError as err:
        if unknown := re.search(r"story (\w) depends on (\w), which is not there", str(err)):
            assert unknown[2] in needs[unknown[1]]
            assert unknown[2] not in needs
            return
        path = re.search(r"wait for each other: (.+)\. Correct", str(err))
        assert path is not None
        told = path[1].split(" → ")
        assert len(told) > 1
        assert told[0] == told[-1]
        assert all(other in needs[story] for story, other in pairwise(told))
    else:
        assert {*after} == {*needs}
        assert all(after.index(need) < after.index(story) for story, names in needs.items() for need in names)


@given(packs(), st.data())
def test_the_way_behind_a_story_is_the_longest(needs: dict[str, list[str]], data: st.DataObject) -> None:
    """What lies behind a story is the longest of all ways through its dependents, found by trying each."""
    at: dict[str, Phase] = {story: data.draw(phases) for story in needs}

    def longest(story: str) -> float:
        later = [ESTIMATE[phase] for phase in ("execution", "verification")]
        ways = [longest(other) + sum(later[_begun(at[other]) :]) for other, names in needs.items() if story in names]
        return max(ways, default=0.0)

    assert behind(order(needs), at) == {story: longest(story) for story in needs}


@given(packs(), st.data(), st.sets(st.sampled_from(NAMES)))
def test_who_holds_others_up_goes_first(needs: dict[str, list[str]], data: st.DataObject, apart: set[str]) -> None:
    """Who holds the tree goes before all others, then those of which all that they need is complete or at work."""
    at: dict[str, Phase] = {story: data.draw(phases) for story in needs}
    rank = ranks(order(needs), at, apart=apart)

    def tier(story: str) -> int:
        if at[story] in ("execution", "verification") and story not in apart:
            return 2
        return all(at[need] in ("execution", "verification", "done") for need in needs[story])

    for one in needs:
        for other in needs:
            assert tier(one) <= tier(other) or rank[one] > rank[other]
            if one in needs[other] and tier(one) == tier(other) and at[one] == at[other] == "validation":
                assert rank[one] > rank[other]


@given(lines(), st.data())
def test_as_much_begins_as_there_is_room_for(line: list[Wanted], data: st.DataObject) -> None:
    """No limit is passed but by one that runs alone; nobody who still waits would fit; who is in front goes first."""
    rank = {one.story: data.draw(st.floats(0, 9)) for one in line}
    chosen, taken = choose(line, {}, rank)
    count: Counter[str] = Counter()
    for one in chosen:
        assert all(not count[what] or count[what] + n <= one.limits[what] for what, n in one.takes.items())
        count.update(one.takes)
    assert {what: n for what, n in taken.items() if n} == dict(count)
    assert not any(one.fits(taken) for one in line if one not in chosen)
    assert [rank[one.story] for one in chosen] == sorted((rank[one.story] for one in chosen), reverse=True)
    assert not line or max(line, key=lambda one: rank[one.story]) in chosen


def test_shared_documents_are_changed_by_one_at_a_time() -> None:
    """Two stories are validated side by side, but what other stories rest on is fixed by one after the other."""
    machine = read_machine(find_machine("story")).machine

    def group(story: str, state: str) -> Wanted:
        todo = [Todo(act=act, role="engineer") for act in machine.states[state].acts() if isinstance(act, AgentAct)]
        return wanted(story, machine, state, todo, {})

    begun, _ = choose([group("1", "fixing"), group("2", "fixing"), group("3", "validating")], {}, {})
    assert [one.story for one in begun] == ["1", "3"]


def _begun(phase: Phase) -> int:
    """How many of execution and verification lie behind a phase."""
    return {"validation": 0, "ready": 0, "execution": 0, "verification": 1, "done": 2}[phase]
