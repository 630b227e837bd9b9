"""What a person did in story.md: ticks and answers become events; what is unclear is told with its line."""

from __future__ import annotations

from engine.model.events import Decided, Ticked
from tests.life import AT, Life
from tests.sheet import PATH, Sheet


def asked(*decisions: str, state: str = "triage") -> Sheet:
    life = Life(state)
    for number, decision in enumerate(decisions, 1):
        life.asked(decision, f"F{number}" if decision == "triage" else None)
    return Sheet(life).show()


def test_nothing_done_is_nothing_noticed() -> None:
    """A story that nobody touched yields no events; each open question is told with its line."""
    sheet = asked("triage", "effort")
    noticed = sheet.notice()
    assert (noticed.events, noticed.wrong) == ([], [])
    assert [(p.file, p.line) for p in noticed.open] == [
        (PATH, sheet.line("#### D1")),
        (PATH, sheet.line("#### D2")),
    ]
    assert noticed.open[0].text == "D1: Blocker triage"


def test_a_tick_and_an_untick_of_a_human_item_are_events() -> None:
    """A person's tick is an event with her name, once; unticking is one too; agents' items are none."""
    sheet = Sheet(Life()).show().tick("Human approved").tick("Blockers fixed")
    events = sheet.notice().events
    assert events == [Ticked(at=AT, item="human_approved", ticked=True, by="Ana")]
    sheet.life.events += events
    assert sheet.notice().events == []
    sheet.edit("- [x] Human approved", "- [ ] Human approved")
    assert sheet.notice().events == [Ticked(at=AT, item="human_approved", ticked=False, by="Ana")]


def test_one_ticked_option_is_the_answer() -> None:
    """Exactly one ticked option answers, with the note and the name of who ticked it."""
    sheet = asked("triage")
    sheet.tick("not real").edit("Note:", "Note: the spec says three,\n  see TC-1.1")
    (event,) = sheet.notice().events
    assert event == Decided(
        at=AT,
        id="D1",
        decision="triage",
        finding="F1",
        option="not real",
        note="the spec says three,\n  see TC-1.1",
        by="Ana",
    )
    sheet.life.events.append(event)
    assert sheet.notice().events == []


def test_answers_count_when_every_question_has_one() -> None:
    """A half answered list waits; the last answer brings all of them in."""
    sheet = asked("triage", "triage", "effort")
    sheet.edit("- [ ] all: fix everything", "- [x] all: fix everything")
    head, _, rest = sheet.text.partition("#### D2")
    sheet.raw = f"{head.replace('- [ ] fix:', '- [x] fix:')}#### D2{rest}".encode()
    noticed = sheet.notice()
    assert noticed.events == []
    assert [place.text for place in noticed.open] == ["D2: Blocker triage"]
    head, _, rest = sheet.text.partition("#### D2")
    sheet.raw = f"{head}#### D2{rest.replace('- [ ] defer', '- [x] defer')}".encode()
    events = sheet.notice().events
    assert [(e.id, e.option) for e in events if isinstance(e, Decided)] == [
        ("D1", "fix"),
        ("D2", "defer"),
        ("D3", "all"),
    ]


def test_two_ticked_options_are_told() -> None:
    """Two ticks are no answer: both are named, at the question's line."""
    sheet = asked("effort").tick("all:").tick("blockers only:")
    (place,) = sheet.notice().wrong
    assert place.line == sheet.line("#### D1")
    assert place.text == "D1: tick one option, not 2 ('all', 'blockers only')"
    assert sheet.notice().events == []


def test_one_wrong_answer_holds_the_right_ones_back() -> None:
    """While one question is answered in a wrong way, no answer counts."""
    sheet = asked("triage", "effort").tick("fix:").tick("all:").tick("blockers only:")
    assert sheet.notice().events == []


def test_a_reworded_option_is_told_at_its_line() -> None:
    """An option in other words is no option; it is told at its line with the words that are."""
    sheet = asked("effort").edit("- [ ] all: fix everything", "- [x] all: fix most of it")
    (place,) = sheet.notice().wrong
    assert place.line == sheet.line("fix most of it")
    assert place.text == (
        "D1: the options were reworded; they are: 'all: fix everything', 'blockers only: fix blockers only'"
    )


def test_a_removed_option_is_told() -> None:
    """A question that lost an option is told at its heading, whatever is ticked in it."""
    sheet = asked("effort").tick("all:").edit("- [ ] blockers only: fix blockers only\n", "")
    (place,) = sheet.notice().wrong
    assert place.line == sheet.line("#### D1")
    assert "reworded" in place.text


def test_an_added_option_is_told() -> None:
    """A task item that a person adds to a question is no option of it."""
    sheet = asked("effort").tick("all:").edit("Note:", "- [x] none: do nothing\n\nNote:")
    (place,) = sheet.notice().wrong
    assert place.line == sheet.line("none: do nothing")


def test_a_removed_question_is_told() -> None:
    """A question that is not there any more is told, and no answer is made up."""
    sheet = asked("effort")
    start = sheet.text.index("### Decisions")
    sheet.raw = sheet.text[:start].encode()
    (place,) = sheet.notice().wrong
    assert place.text == "the question D1 was removed; it comes back"


def test_a_required_note_must_be_written() -> None:
    """Where the note is required, an option alone is not enough; the person is told where to write."""
    sheet = asked("counts", state="counting").tick("run is right")
    noticed = sheet.notice()
    assert noticed.events == []
    assert noticed.open[0].text == "D1: write a note after `Note (required):`"
    sheet.edit("Note (required):", "Note (required): nine, as the report says")
    (event,) = sheet.notice().events
    assert isinstance(event, Decided)
    assert event.note == "nine, as the report says"


def test_the_note_line_may_be_removed() -> None:
    """A question whose note line was deleted is answered without a note."""
    sheet = asked("effort").tick("all:").edit("\nNote:", "")
    (event,) = sheet.notice().events
    assert isinstance(event, Decided)
    assert event.note == ""


def test_the_box_in_the_checklist_alone_decides() -> None:
    """Ticking `Human approved` approves, without any option of the question."""
    sheet = asked("approve", state="approving")
    place = sheet.notice().open[0]
    assert (place.line, place.text) == (sheet.line("- [ ] Human approved"), "Human approved (D1: Human approved)")
    events = sheet.tick("Human approved").notice().events
    assert isinstance(events[0], Ticked)
    assert isinstance(events[1], Decided)
    assert events[1].option == "approve"


def test_the_box_and_another_option_are_two_answers() -> None:
    """Whoever ticks the box and `send back` has said two things."""
    sheet = asked("approve", state="approving").tick("Human approved").tick("send back")
    noticed = sheet.notice()
    assert [type(event) for event in noticed.events] == [Ticked]
    assert noticed.wrong[0].text == "D1: tick one option, not 2 ('approve', 'send back')"


def test_an_option_without_the_box_decides_too() -> None:
    """The other options of a question with a box stand in the question itself."""
    (event,) = asked("gorilla", state="gorilla").tick("feels wrong:").notice().events
    assert isinstance(event, Decided)
    assert event.option == "feels wrong"


def test_upper_case_ticks_and_crlf_count_as_well() -> None:
    """`[X]` and Windows line ends are answers like any other."""
    sheet = asked("effort").edit("- [ ] all:", "- [X] all:").edit("Note:", "Note: go")
    sheet.raw = sheet.raw.replace(b"\n", b"\r\n")
    (event,) = sheet.notice().events
    assert isinstance(event, Decided)
    assert (event.option, event.note) == ("all", "go")


def test_questions_that_are_not_asked_any_more_are_passed_over() -> None:
    """A tick in a question that the journal does not ask is nobody's answer."""
    sheet = asked("effort").tick("all:")
    sheet.life.decided("effort", "all")
    assert sheet.notice().events == []
