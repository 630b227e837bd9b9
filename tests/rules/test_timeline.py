"""The timeline of the journals: who was busy with what from when to when; nothing odd is hidden, nothing invented."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.events import Event, Wrote
from engine.model.timeline import Lane, Timeline
from engine.rules.timeline import Kept, timeline, word_of
from tests.life import BUILDER, ENGINEER, machine
from tests.past import PACK, Past, clock, epoch, pipeline, planned

ODD = (None, "", "x", "9999-12-31T23:59:59-12:00")


def lane(past: Past, now: float | None = None) -> Lane:
    """The one lane of one story."""
    [found] = timeline([past.kept()], now=None if now is None else epoch(now)).lanes
    return found


def told(found: Lane) -> list[tuple[str, str, float, float]]:
    """The blocks in minutes."""
    return [(b.kind, b.word, (b.start - epoch(0)) / 60, (b.end - epoch(0)) / 60) for b in found.blocks]


def test_a_story_is_told_in_the_words_of_the_method() -> None:
    """Validate, wait for a person, queued, Execute, Verify, wait for a person; then it is complete."""
    found = lane(Past("2").validated(0, 20).approved(20, 25).executed(30, 60).verified(60, 70, 100))
    assert told(found) == [
        ("work", "Validate", 0, 20),
        ("person", "approve", 20, 25),
        ("stories", "queued", 25, 30),
        ("work", "Execute", 30, 60),
        ("work", "Verify", 60, 70),
        ("person", "accept", 70, 100),
    ]
    assert found.complete == epoch(100)
    assert found.state == "complete"


def test_the_words_are_those_of_the_machine_s_phases() -> None:
    """Fixing is Fix, all else of validation Validate; a state without work, or that nobody knows, is its own name."""
    words = {state: word_of(machine(), state) for state in machine().states}
    assert (words["fixing"], words["revalidating"], words["queued"]) == ("Fix", "Validate", "queued")
    assert (words["code_fixing"], words["verifying"], words["drafted"]) == ("Execute", "Verify", "drafted")
    assert (word_of(machine(), "red"), word_of(None, "red")) == ("Execute", "red")
    assert word_of(machine(), "nonsense") == "nonsense"


def test_calls_are_spans_with_their_roles_and_ends() -> None:
    """An agent is its role, a command belongs to the gates, spot check and consolidation to the engine itself."""
    past = Past().to("validating", 0).call("builder", BUILDER, 0, 3, "failed").call("builder", BUILDER, 3, 5, "invalid")
    past.to("consolidating", 5).call("spot_check", "", 5, 6).to("red", 6).call("tests", "", 6, 9)
    spans = [(s.who, s.act, s.state, s.word, s.outcome, s.end - s.start) for s in lane(past).spans]
    assert spans == [
        (BUILDER, "builder", "validating", "Validate", "failed", 180),
        (BUILDER, "builder", "validating", "Validate", "invalid", 120),
        ("engine", "spot_check", "consolidating", "Validate", "ok", 60),
        ("gates", "tests", "red", "Execute", "ok", 180),
    ]


def test_two_questions_at_once_are_one_wait() -> None:
    """A person is waited for until her last answer; who answered what is kept, without her address."""
    past = Past().to("triage", 0).asked("triage", 0, finding="F1").decided("triage", "fix", 10)
    past.asked("effort", 0).decided("effort", "all", 30).to("fixing", 30)
    found = lane(past)
    assert [block for block in told(found) if block[0] == "person"] == [
        ("person", "triage", 0, 10),
        ("person", "effort", 10, 30),
    ]
    assert [span.why for span in found.spans] == ["F1: fix (Ana)", "all (Ana)"]


def test_what_is_open_reaches_until_now() -> None:
    """A call without an end runs, a question without an answer waits, to the moment of looking; a drawing of the
    past alone ends with its last event, and a clock that is behind changes nothing."""
    past = Past().to("red", 0).began("impl", ENGINEER, 2)
    assert [(s.outcome, s.end) for s in lane(past, now=50).spans] == [("running", epoch(50))]
    assert [(s.outcome, s.end) for s in lane(past).spans] == [("running", epoch(2))]
    assert [(s.outcome, s.end) for s in lane(past, now=-9).spans] == [("running", epoch(2))]
    asked = Past().to("approving", 0).asked("approve", 1)
    assert told(lane(asked, now=9))[-1] == ("person", "approve", 1, 9)
    over = timeline([Past("2").executed(0, 9).verified(9, 10, 11).kept()], now=epoch(999))
    assert over.end == epoch(11)


def test_what_was_left_behind_is_named() -> None:
    """A call whose story went on ends there, is no longer running, and is told; so is an unanswered question."""
    past = Past().to("red", 0).began("impl", ENGINEER, 2).asked("counts", 3).to("stuck", 5).asked("stuck", 5)
    drawn = timeline([past.kept()], now=epoch(60))
    spans = {span.act: (span.outcome, span.end) for span in drawn.lanes[0].spans}
    assert spans["impl"] == spans["counts"] == ("unended", epoch(5))
    assert spans["stuck"] == ("running", epoch(60))
    assert [note.split(":")[0] for note in drawn.notes] == [f"{PACK}, story 1"] * 2
    assert "impl by engineer in red has no end" in " ".join(drawn.notes)


def test_a_question_to_an_agent_belongs_to_no_state() -> None:
    """What a person asks in between may end after the story went on."""
    past = Past().to("red", 0).began("impl", ENGINEER, 0, question="why?").to("green", 2).ended(4)
    [span] = lane(past).spans
    assert (span.outcome, span.state, span.end) == ("ok", "red", epoch(4))


def test_a_clock_that_goes_back_is_told_and_stands_still() -> None:
    """No span ends before it begins, nothing comes before what it follows from, and the line is named with the jump."""
    past = Past().to("red", 60).call("impl", ENGINEER, 62, 30).to("green", 31)
    drawn = timeline([past.kept()])
    [span] = drawn.lanes[0].spans
    assert (span.start, span.end) == (epoch(62), epoch(62))
    assert told(drawn.lanes[0])[-1] == ("work", "Execute", 60, 62)
    file = past.kept().file
    assert drawn.notes == (
        f"{file}:6: the clock went back by 1920 s; drawn as if it stood still",
        f"{file}:7: the clock went back by 1860 s; drawn as if it stood still",
    )


def test_calls_side_by_side_end_in_any_order() -> None:
    """The end of a call may be told below a later one; only an end before its own begin is odd."""
    past = Past().to("gating", 0).began("typecheck", "", 1).began("lint", "", 1).ended(9, call=1).ended(3, call=2)
    drawn = timeline([past.kept()])
    assert [span.end for span in drawn.spans] == [epoch(3), epoch(9)]
    assert drawn.notes == ()


def test_a_time_that_is_none_is_told() -> None:
    """Such an event is drawn at the time before it; where no event has a time, the journal is not believed."""
    past = Past().to("red", 10)
    past.events[2] = past.events[2].model_copy(update={"at": "yesterday"})
    drawn = timeline([past.kept()])
    assert drawn.lanes[0].state == "red"
    assert "journal.jsonl:3: 'yesterday' is no time" in drawn.notes[0]
    never: list[Event] = [e if isinstance(e, Wrote) else e.model_copy(update={"at": ""}) for e in past.events]
    past.events = never
    [found] = timeline([past.kept()]).lanes
    assert "no time in it can be read" in found.problem


def test_times_may_have_any_zone_or_none() -> None:
    """A time without a zone is taken as UTC; times of different zones compare."""
    past = Past(at=0).to("red", 10)
    past.events[0] = past.events[0].model_copy(update={"at": "2026-03-01T09:00:00+01:00"})
    past.events[2] = past.events[2].model_copy(update={"at": "2026-03-01T08:10:00"})
    drawn = timeline([past.kept()])
    assert (drawn.start, drawn.end, drawn.notes) == (epoch(0), epoch(10), ())


def test_what_cannot_have_happened_is_not_drawn() -> None:
    """Up to the first impossible event the journal counts; from there on it is named, and the story never complete."""
    past = Past().to("red", 1)
    past.state = "accepting"  # a step from where it was not
    past.to("complete", 9)
    [found] = timeline([past.kept()]).lanes
    assert (found.state, found.complete) == ("red", None)
    assert "journal.jsonl:5: journal: step 2 from 'accepting'" in found.problem
    [found] = timeline([Kept(PACK, "1", "j", machine(), tuple(past.events[2:]))]).lanes
    assert found.problem.startswith("j:1: journal: it begins with no adoption")
    assert found.blocks == ()


def test_every_story_has_a_lane() -> None:
    """Not adopted, not to be read, of a machine that nobody knows, twice the same id: all are there, in order."""
    odd = [
        Kept(PACK, "1", "a"),
        Kept(PACK, "2", "b", problem="b:3: journal: the line is no event."),
        Kept(PACK, "3", "c", None, tuple(Past("3").executed(0, 9).events), "machines/x.yaml: not found."),
        Past("4").kept(),
        Past("4", 3).kept(),
    ]
    drawn = timeline(odd)
    assert [found.story for found in drawn.lanes] == ["1", "2", "3", "4", "4"]
    assert [bool(found.problem) for found in drawn.lanes] == [False, True, True, False, False]
    assert len(drawn.lanes[2].spans) == 3
    assert drawn.lanes[2].complete is None
    assert timeline([]) == Timeline()


def test_what_was_done_before_is_attested() -> None:
    """It is complete when a person said so, and nobody was busy with it."""
    found = lane(Past(at=5, state="complete", because="shipped"))
    assert (found.attested, found.complete, found.blocks, found.spans) == (True, epoch(5), (), ())


def test_a_story_that_was_brought_back_is_not_complete() -> None:
    """After a rewind the story goes on where it came to, and both lives are drawn."""
    past = Past().approved(0, 1).executed(1, 9).verified(9, 10, 11).back("approving", 20).asked("approve", 20)
    found = lane(past, now=30)
    assert (found.complete, found.state) == (None, "approving")
    assert told(found)[-1] == ("person", "approve", 20, 30)


def test_an_abandoned_story_is_over_and_not_complete() -> None:
    """Its lane ends when it was dropped."""
    found = lane(Past().to("approving", 1).to("abandoned", 4), now=99)
    assert (found.abandoned, found.complete) == (epoch(4), None)
    assert told(found)[-1][3] == 4


def test_what_is_planned_joins_the_lanes() -> None:
    """Planned spans follow what happened; a story without a journal gets a lane, and the axis reaches to the end."""
    drawn = timeline([Past("1").executed(0, 9).kept()], planned=[planned("1", 10, 20), planned("2", 20, 45)])
    assert [(found.story, found.spans[-1].outcome) for found in drawn.lanes] == [("1", "planned"), ("2", "planned")]
    assert (drawn.start, drawn.end) == (epoch(0), epoch(45))
    alone = timeline([], planned=[planned("2", 20, 45)])
    assert (alone.start, alone.end) == (epoch(20), epoch(45))


@pytest.mark.parametrize("past", pipeline(), ids=lambda past: past.story)
def test_a_life_has_no_hole_and_nothing_twice(past: Past) -> None:
    """Blocks follow each other from the first to the last moment, and neighbours differ."""
    blocks = timeline([past.kept(), Past("0", 400).kept()]).lanes[0].blocks
    ends = [block.end for block in blocks]
    assert [block.start for block in blocks] == [epoch(0), *ends[:-1]]
    assert all((a.kind, a.word) != (b.kind, b.word) for a, b in pairwise(blocks))


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(ODD))), st.data())
def test_no_journal_is_too_odd_to_be_drawn(odd: list[tuple[int, str | None]], data: st.DataObject) -> None:
    """Whatever order and times the events have, each story has a lane, and every span a length."""
    journals = []
    for past in pipeline():
        events = list(past.events)
        for place, text in odd:
            if place < len(events) and not isinstance(events[place], Wrote):
                events[place] = events[place].model_copy(update={"at": text or clock(place - 30)})
        if data.draw(st.booleans()):
            events = data.draw(st.permutations(events))
        journals.append(Kept(PACK, past.story, "j", machine(), tuple(events)))
    drawn = timeline(journals, now=epoch(300))
    assert [found.story for found in drawn.lanes] == [kept.story for kept in journals]
    assert all(drawn.start <= span.start <= span.end <= drawn.end for span in drawn.spans)
    assert all(b.start < b.end for found in drawn.lanes for b in found.blocks)
