"""The chart on `transitions`: exactly the open exit fires, and nothing else ever runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from engine.files.machine_file import read_machine
from engine.model.machine import Machine
from engine.rules.statechart import Cursor, Statechart, Way
from tests.life import BUILDER, PEDANT, WORLD, chart, machine

PASSED = {
    ("verdict", BUILDER): "PASS",
    ("verdict", PEDANT): "PASS",
    ("findings", "to_fix"): "none",
    ("findings", "ambiguous"): "none",
    ("claims",): "confirmed",
}


def test_the_open_exit_fires_and_only_it() -> None:
    """The exit whose guard holds is taken, and the cursor stands in its state."""
    cursor = Cursor("consolidating", PASSED)
    taken = chart().advance(cursor)
    assert taken is not None
    assert (taken.to, cursor.state, cursor.taken) == ("approving", "approving", taken)


def test_nothing_open_leaves_the_cursor_where_it_is() -> None:
    """While no exit is open the story stays, and no exit is reported."""
    cursor = Cursor("consolidating", {})
    assert chart().advance(cursor) is None
    assert (cursor.state, cursor.taken) == ("consolidating", None)
    assert chart().advance(Cursor("complete", WORLD)) is None


@pytest.mark.parametrize("missing", list(PASSED))
def test_otherwise_waits_until_all_others_surely_do_not_hold(missing: tuple[str, ...]) -> None:
    """While one fact of a sibling is unknown and it may still open, `otherwise` is not taken."""
    facts = {key: value for key, value in PASSED.items() if key != missing}
    cursor = Cursor("consolidating", facts)
    assert chart().advance(cursor) is None
    surely = {**facts, ("claims",): "refuted"}
    taken = chart().advance(Cursor("consolidating", surely))
    assert taken is not None
    assert taken.otherwise


def test_ways_answer_yes_no_and_not_known() -> None:
    """`otherwise` is closed by an open sibling, unknown with an unknown one, open when all are closed."""
    otherwise = chart().ways["consolidating"][-1]
    assert isinstance(otherwise, Way)
    assert otherwise.holds(PASSED) is False
    assert otherwise.holds({}) is None
    assert otherwise.holds({**PASSED, ("claims",): "refuted"}) is True


def test_origin_leads_back_to_where_the_story_came_from() -> None:
    """The exit to `origin` goes to the state it came from, with that exit's words, and nowhere without one."""
    facts = {("decision", "stuck"): "try again"}
    for origin in ("validating", "red", "verifying"):
        cursor = Cursor("stuck", facts, origin)
        taken = chart().advance(cursor)
        assert taken is not None
        assert (cursor.state, taken.to) == (origin, "origin")
    lost = Cursor("stuck", facts)
    assert chart().advance(lost) is None
    assert lost.state == "stuck"


def test_one_chart_serves_all_stories() -> None:
    """A cursor is all that a story needs; two of them do not disturb each other."""
    one, other = Cursor("consolidating", PASSED), Cursor("drafted", WORLD)
    chart().advance(other)
    chart().advance(one)
    assert (one.state, other.state) == ("approving", "validating")
    assert chart().advance(Cursor("drafted", {("files",): "missing"})) is None


def test_a_state_may_lead_to_itself() -> None:
    """Another round of the same state is an exit like any other."""
    facts = {
        ("gate", "red_tests"): "unexpected",
        ("gate", "typecheck"): "pass",
        ("gate", "lint"): "pass",
        ("rounds", "red"): "left",
    }
    cursor = Cursor("red_fixing", facts)
    taken = chart().advance(cursor)
    assert taken is not None
    assert (taken.enters, cursor.state) == ("red", "red_fixing")


EVIL = {
    "schema": "story-machine/v1",
    "machine": "evil",
    "initial": "os",
    "terminal": {"trigger": "success"},
    "checklist": {"Work": {"done": {"text": "Done", "by": "human"}}},
    "defaults": {"failed": "os"},
    "states": {
        "os": {"phase": "ready", "exits": [{"to": "advance", "when": {"files": "exist"}}]},
        "advance": {"phase": "execution", "exits": [{"to": "on_enter_os", "when": {"files": "exist"}}]},
        "on_enter_os": {"phase": "execution", "exits": [{"to": "trigger", "when": {"files": "exist"}}]},
        "trigger": {"phase": "done"},
    },
    "pipeline": {"concurrency": {"execution": 1}},
}


def test_no_word_of_a_machine_is_ever_run_as_code(tmp_path: Path) -> None:
    """States that are called like callbacks or modules are names and nothing more; no import happens on the way."""
    path = tmp_path / "evil.yaml"
    path.write_text(yaml.safe_dump(EVIL))
    evil = Statechart(read_machine(path).machine)
    cursor = Cursor("os", WORLD)
    before = set(sys.modules)
    seen = []
    while evil.advance(cursor) is not None:
        seen.append(cursor.state)
    assert seen == ["advance", "on_enter_os", "trigger"]
    assert set(sys.modules) == before


@pytest.mark.parametrize("word", ["os.system", "a b", "1x", "", "__class__", "Os"])
def test_a_state_s_name_is_a_plain_word(word: str) -> None:
    """A dotted or odd name never gets as far as the chart."""
    data = machine().model_dump(mode="json", by_alias=True, exclude_none=True)
    data["states"][word] = {"phase": "done"}
    with pytest.raises(ValueError, match="pattern"):
        Machine.model_validate(data)


def test_guards_reach_the_chart_as_plain_booleans() -> None:
    """`transitions` compares with `== True`: what the chart hands it is a bool, never something truthy."""
    answers = {way.holds(facts) for way in chart().ways["consolidating"] for facts in (PASSED, {})}
    assert answers <= {True, False, None}
    assert all(answer is None or type(answer) is bool for answer in answers)
