"""One story through its machine with dice: the same ways as a real one, as long as the durations say."""

from __future__ import annotations

import statistics
from functools import cache
from random import Random

import pytest

from engine.errors import UsageError
from engine.files.durations import SHIPPED, read_durations
from engine.files.machine_file import find_machine, read_machine
from engine.model.durations import Durations, Odds, Skewed
from engine.rules.statechart import Statechart
from engine.rules.walk import Walk, Walker
from tests.rounds import rounds

SMOOTH = {"agent": 10, "gate": 2, "notice": 1, "person": 3}


@cache
def chart(name: str) -> Statechart:
    """A shipped machine."""
    return Statechart(read_machine(find_machine(name)).machine)


def walked(odds: dict[str, object], at: str | None = None, seed: int = 1, **more: object) -> Walk:
    """A walk through the shipped machine where these odds hold everywhere, and more where that is said."""
    durations = Durations.model_validate({"default": {**SMOOTH, **odds}, **more})
    return Walker(chart("story"), [durations], people=1).walk(Random(seed), at)


def test_a_story_without_trouble_goes_straight() -> None:
    """Where nothing goes wrong a story is validated, approved, executed, tried out, verified and accepted."""
    stages = walked({}).stages
    assert [(stage.kind.phase, stage.kind.roles, stage.minutes) for stage in stages] == [
        ("validation", ("builder_validator", "pedant_validator"), 10),
        ("validation", (), 3),  # approved
        ("execution", (), 2),  # the tests as they were
        ("execution", ("engineer",), 10),  # red
        ("execution", (), 2),
        ("execution", ("engineer",), 10),  # green
        ("execution", (), 2),
        ("execution", (), 2),
        ("execution", (), 2),
        ("execution", ("engineer",), 10),  # self-review
        ("verification", (), 3),  # gorilla
        ("verification", ("verifier",), 10),
        ("verification", (), 2),
        ("verification", (), 3),  # accepted
    ]
    assert [stage.notice for stage in stages if stage.kind.asks] == [1, 1, 1]


def test_a_stage_takes_what_a_real_one_takes() -> None:
    """A group takes its place in its phase and one of each limited role and provider; a question takes a person."""
    machine = chart("story").machine
    pipeline = machine.pipeline.model_copy(update={"roles": {"engineer": 2}, "providers": {"openai": 1}})
    limited = Statechart(machine.model_copy(update={"pipeline": pipeline}))
    walk = Walker(limited, [Durations(default=Odds(agent=1.0))], people=4).walk(Random(1))
    taken = [(dict(stage.kind.wants.takes), dict(stage.kind.wants.limits)) for stage in walk.stages]
    assert taken[0] == ({"phase validation": 1, "provider openai": 1}, {"phase validation": 3, "provider openai": 1})
    assert taken[1] == ({"people": 1}, {"people": 4})
    assert taken[3] == ({"phase execution": 1, "role engineer": 1}, {"phase execution": 1, "role engineer": 2})


@pytest.mark.parametrize("name", ["story", "infrastructure"])
def test_every_walk_ends_well_unless_somebody_abandons(name: str) -> None:
    """With the shipped durations, as with bad ones, a story is complete in the end; the same dice, the same way."""
    usual = read_durations(SHIPPED)
    bad = Durations(default=Odds(finds=0.7, again=0.5, unclear=0.3, fails=0.2, deviates=0.3, crashes=0.1))
    for durations in ([usual], [bad, usual]):
        walker = Walker(chart(name), durations)
        for seed in range(rounds(60)):
            walk = walker.walk(Random(seed))
            assert walk.success
            assert walk == walker.walk(Random(seed))
            assert walk.works
    answers = {"approve": {"abandon": 1.0}}
    assert not Walker(chart(name), [Durations(answers=answers)]).walk(Random(1)).success


@pytest.mark.parametrize(
    ("odds", "minutes"),
    [
        ({"fails": 0.3}, 63 + 12),
        ({"finds": 0.5}, 63 + 12),
        ({"deviates": 0.9}, 63 + 12),
        ({"crashes": 0.2}, 63),
        ({"unclear": 0.5}, 63 + 3),
    ],
)
def test_trouble_takes_time(odds: dict[str, object], minutes: float) -> None:
    """Whatever goes wrong makes stories longer."""
    walks = [walked(odds, seed=seed) for seed in range(20)]
    assert statistics.mean(sum(stage.minutes for stage in walk.stages) for walk in walks) > minutes


def test_chances_of_one_that_never_end_are_refused() -> None:
    """A gate that always fails is no simulation that hangs, but an error that says where the story goes round."""
    with pytest.raises(UsageError, match="does not end with these durations: after 1000 states it is in"):
        walked({"fails": 1})


def test_the_nearest_table_counts() -> None:
    """The state's table before the phase's, that before the default, and a user's file before what ships."""
    phases = {"execution": {"agent": 20}, "verification": {"person": 8}}
    stages = walked({}, phases=phases, states={"red": {"agent": 30}}).stages
    assert [stage.minutes for stage in stages if stage.kind.roles] == [10, 30, 20, 20, 10]
    assert [stage.minutes for stage in stages if stage.kind.asks] == [3, 8, 8]
    own = Durations(default=Odds(agent=7.0))
    mixed = Walker(chart("story"), [own, Durations.model_validate({"phases": phases})]).walk(Random(1)).stages
    assert [stage.minutes for stage in mixed if stage.kind.roles] == [7, 7, 7, 7, 7]
    assert [stage.minutes for stage in mixed if stage.kind.asks] == [0, 8, 8]


def test_a_story_goes_on_from_where_it_stands() -> None:
    """What lies before a story's state is not played again; a state off the straight way counts by its phase."""
    whole = walked({}).stages
    assert walked({}, at="drafted").stages == whole
    assert [stage.minutes for stage in walked({}, at="green").stages] == [stage.minutes for stage in whole[5:]]
    assert [stage.minutes for stage in walked({}, at="gorilla").stages] == [stage.minutes for stage in whole[10:]]
    assert [stage.minutes for stage in walked({}, at="triage").stages] == [stage.minutes for stage in whole[2:]]


@pytest.mark.parametrize(
    ("span", "low", "median", "high"),
    [(4.0, 4, 4, 4), ((2.0, 6.0), 2, 4, 6), (Skewed(median=4, spread=2), 0, 4, 60)],
)
def test_times_are_drawn_as_they_are_written(span: object, low: float, median: float, high: float) -> None:
    """A number is always the same; a pair bounds; a median is the median."""
    drawn = [
        stage.minutes
        for seed in range(40)
        for stage in walked({"agent": span}, seed=seed).stages
        if len(stage.kind.roles) == 1
    ]
    assert min(drawn) >= low
    assert max(drawn) <= high
    assert statistics.median(drawn) == pytest.approx(median, rel=0.25)


def test_a_crash_is_another_run() -> None:
    """A run that crashed is paid, and only it is made again."""
    retried = [stage for seed in range(20) for stage in walked({"crashes": 0.3, "cost": 2}, seed=seed).stages]
    assert {stage.kind.roles for stage in retried if stage.kind.phase == "validation"} >= {
        ("builder_validator", "pedant_validator"),
        ("builder_validator",),
        ("pedant_validator",),
    }
    assert {stage.kind.cost for stage in retried} == {2.0}
