"""Simulated runs: the same limits as real ones, nobody too early, nobody waits without need, the same for a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.files.durations import SHIPPED, read_durations
from engine.files.machine_file import find_machine, read_machine
from engine.model.machine import Phase
from engine.rules.bounds import TREE
from engine.rules.line import Line
from engine.rules.schedule import Wanted, choose
from engine.rules.simulate import Played, Span, random_needs, simulate
from engine.rules.statechart import Statechart
from engine.rules.walk import PEOPLE, Kind, Stage, Walk, Walker
from tests.rounds import rounds
from tests.rules.test_schedule import NAMES, lines, packs

WORK = ("execution", "verification")
LIMITS = {"phase validation": 2, "phase execution": 1, "provider anthropic": 2, PEOPLE: 1, TREE: 1}
minutes = st.integers(0, 6).map(float)


@st.composite
def stages(draw: st.DrawFn, phase: Phase) -> Stage:
    """A group of actions with room that it takes, or a question."""
    asks = draw(st.booleans())
    things = st.sampled_from([f"phase {phase}", "provider anthropic"])
    takes = {PEOPLE: 1} if asks else draw(st.dictionaries(things, st.integers(1, 3), max_size=2))
    return Stage(Kind(phase, Wanted("", takes, LIMITS), asks=asks), draw(minutes), draw(minutes) if asks else 0.0)


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """Any way through validation, and through work that may lead back to validation."""
    before = draw(st.lists(stages("validation"), max_size=3))
    work = draw(st.lists(st.one_of(stages("execution"), stages("validation")), max_size=3))
    return Walk(
        [*before, draw(stages("execution")), *work], success=draw(st.integers(0, 9)) > 0, in_tree=draw(st.booleans())
    )


@settings(deadline=None, max_examples=rounds(80))
@given(packs(), st.data())
def test_every_run_keeps_to_the_rules(needs: dict[str, list[str]], data: st.DataObject) -> None:
    """No limit is passed, no story is executed too early, nobody waits while there is room, and every run ends."""
    told, spans = play(needs, {story: data.draw(walks()) for story in needs})
    assert told.complete + len(told.abandoned) + len(told.blocked) == len(needs)
    complete = {span.story: span.ended for span in spans if span.kind.phase == "ready"}
    for span in spans:
        if span.kind.phase in WORK:
            stay = next(one for one in spans if one.story == span.story and one.kind.phase == "ready")
            assert stay.began <= span.began <= span.ended <= stay.ended
            assert all(complete[need] <= stay.began for need in needs[span.story])
    for now in {moment for span in spans for moment in (span.asked, span.began, span.ended)}:
        running = [span.kind.wants for span in spans if span.began <= now < span.ended]
        taken: Counter[str] = Counter()
        for one in running:
            taken.update(one.takes)
        for what, n in taken.items():
            assert n <= LIMITS[what] or sum(what in one.takes for one in running) == 1
        waiting = [span for span in spans if span.asked <= now < span.began]
        assert not any(span.kind.wants.fits(taken) for span in waiting), now


@settings(deadline=None, max_examples=rounds(60))
@given(packs(), st.data())
def test_no_run_beats_its_bounds(needs: dict[str, list[str]], data: st.DataObject) -> None:
    """The critical path and the scarcest resource are less than what any run takes."""
    told, spans = play(needs, {story: data.draw(walks()) for story in needs})
    assert told.makespan == max((span.ended for span in spans), default=0.0)
    assert told.bounds.lower <= told.makespan + 1e-9


@settings(deadline=None)
@given(lines(), st.data())
def test_the_line_admits_whom_the_scheduler_chooses(line: list[Wanted], data: st.DataObject) -> None:
    """The line of a simulation, which looks only at the first of each kind, gives what `choose` gives for all."""
    rank = {one.story: float(data.draw(st.integers(0, 4))) for one in line}
    first, later = Line(), data.draw(st.sets(st.sampled_from(NAMES)))
    for one in line:
        first.join(one, -1.0 if one.story in later else rank[one.story])
    for one in line:
        if one.story in later:
            first.move_up(one.story, rank[one.story])
    assert [*first.leave()] == choose(line, {}, rank)[0]
    assert [*first.leave()] == []


@pytest.mark.parametrize("seed", range(rounds(6)))
def test_a_seed_plays_one_run(seed: int) -> None:
    """The shipped machine with the shipped durations: the same seed plays the same run, and another another."""
    one, other, third = (shipped(12, number) for number in (seed, seed, seed + 1))
    assert one == other
    assert one[0].makespan != third[0].makespan
    assert one[0].complete == 12


def test_validation_runs_ahead() -> None:
    """In a chain nobody waits for a validation once the first story is complete: there was room for it long before."""
    needs = {"0": [], **{str(n): [str(n - 1)] for n in range(1, 20)}}
    for seed in range(rounds(10)):
        told, _ = shipped(20, seed, needs)
        assert (told.unvalidated, told.idle, told.late) == (0.0, 0.0, 0)


def test_a_validation_that_is_too_slow_is_told() -> None:
    """A story that is still being validated when what it needs is complete waits, and the tree stands free."""
    needs = {"1": [], "2": ["1"], "3": []}
    told, _ = play(needs, {"1": walk(1, 5), "2": walk(9, 5), "3": walk(1, 2)})
    assert (told.unvalidated, told.late, told.crowded) == (9 - 6, 1, 0)
    assert told.idle == 9 - 8
    assert told.makespan == 14


def test_a_validation_that_waits_for_room_is_told() -> None:
    """Of a wait for a validation, what that validation itself had waited for room is counted."""
    room = Wanted("", {"phase validation": 1}, {"phase validation": 1})
    first = Walk([Stage(Kind("validation", room), 2.0), Stage(Kind("execution", Wanted("", {})), 5.0)])
    told, _ = play({"1": [], "2": ["1"], "3": []}, {"1": first, "2": first, "3": first})
    assert (told.unvalidated, told.crowded) == (0, 0)
    slow = Walk([Stage(Kind("validation", room), 6.0), first.stages[1]])
    told, _ = play({"1": [], "2": ["1"]}, {"1": first, "2": slow})
    assert (told.unvalidated, told.crowded, told.late) == (8 - 7, 1, 1)


def test_stories_with_worktrees_are_executed_side_by_side() -> None:
    """Without the one tree, as many stories are executed at once as their phase has room for."""
    room = Wanted("", {"phase execution": 1}, {"phase execution": 2})
    apart = Walk([Stage(Kind("execution", room), 4.0)], in_tree=False)
    told, _ = play({"1": [], "2": [], "3": []}, dict.fromkeys("123", apart))
    assert told.makespan == 8
    told, _ = play({"1": [], "2": [], "3": []}, dict.fromkeys("123", replace(apart, in_tree=True)))
    assert told.makespan == 12


def test_who_is_at_work_is_answered_first() -> None:
    """A person with two questions answers that of the story in the tree, for which all others wait."""
    ask = Wanted("", {PEOPLE: 1}, {PEOPLE: 1})
    busy = Stage(Kind("validation", ask, asks=True), 10.0)
    asks = [Stage(Kind("validation", ask, asks=True), 5.0, 3.0), Stage(Kind("execution", Wanted("", {})), 1.0)]
    works = [Stage(Kind("execution", Wanted("", {})), 4.0), Stage(Kind("verification", ask, asks=True), 2.0)]
    needs: dict[str, list[str]] = {"busy": [], "asks": [], "next": ["asks"], "works": []}
    _, spans = play(needs, {"busy": Walk([busy]), "asks": Walk(asks), "next": walk(1, 1), "works": Walk(works)})
    answered = [span.story for span in sorted(spans, key=lambda span: span.began) if span.kind.asks]
    assert answered == ["busy", "works", "asks"]


def test_nothing_is_executed_behind_an_abandoned_story() -> None:
    """What needs a story that was abandoned is validated and then waits; it counts as blocked, not as work."""
    needs = {"1": [], "2": ["1"], "3": ["2"], "4": []}
    told, spans = play(needs, {"1": Walk(walk(1, 1).stages, success=False), **dict.fromkeys("234", walk(1, 1))})
    assert (told.complete, told.abandoned, told.blocked) == (1, ["1"], ["2", "3"])
    assert {span.story for span in spans if span.kind.phase == "execution"} == {"1", "4"}
    assert told.bounds.lower == told.makespan == 3


def test_a_run_counts_what_agents_and_people_did() -> None:
    """Runs and minutes of each role, cost, answers, and how long stories waited for people."""
    room = Wanted("", {"phase validation": 1}, {"phase validation": 1})
    agents = Stage(Kind("validation", room, ("builder", "pedant"), cost=0.5), 9.0, each=(9.0, 4.0))
    ask = Stage(Kind("validation", Wanted("", {PEOPLE: 1}, {PEOPLE: 1}), asks=True), 5.0, 3.0)
    told, _ = play({"1": [], "2": []}, {"1": Walk([agents, ask]), "2": Walk([ask])})
    assert {role: (busy.runs, busy.minutes) for role, busy in told.roles.items()} == {
        "builder": (1, 9.0),
        "pedant": (1, 4.0),
    }
    assert (told.cost, told.asked, told.answering, told.waited) == (1.0, 2, 10.0, 8.0 + 8.0)


def test_a_made_up_pack_can_be_run() -> None:
    """A made-up pack has an order, is the same for a seed, and needs only stories that are there."""
    needs = random_needs(200, Random(3))
    assert needs == random_needs(200, Random(3))
    assert all(int(need) < int(story) for story, names in needs.items() for need in names)
    assert {len(names) for names in needs.values()} == {0, 1, 2, 3}


def play(needs: dict[str, list[str]], through: dict[str, Walk]) -> tuple[Played, list[Span]]:
    """A run, and all that was done in it."""
    spans: list[Span] = []
    return simulate(needs, through, note=spans.append), spans


def walk(validation: float, execution: float) -> Walk:
    """A story that waits for nothing but the place to execute it."""
    free = Wanted("", {})
    return Walk([Stage(Kind("validation", free), validation), Stage(Kind("execution", free), execution)])


def shipped(stories: int, seed: int, needs: dict[str, list[str]] | None = None) -> tuple[Played, list[Span]]:
    """A run of the shipped machine with the shipped durations."""
    dice = Random(seed)
    chart = Statechart(read_machine(find_machine("story")).machine)
    walker = Walker(chart, [read_durations(SHIPPED)], people=2)
    needs = needs or random_needs(stories, dice)
    return play(needs, {story: walker.walk(dice) for story in needs})
