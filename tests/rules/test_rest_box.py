"""One box answers every finding that has no answer of its own."""

from __future__ import annotations

from engine.model.events import Decided
from engine.model.verdict import Finding
from tests.life import AT, Life
from tests.sheet import PATH, Sheet

BOX = "fix everything I did not answer otherwise"
FINDINGS = tuple(Finding(id=f"F{n}", severity="issue", text=f"text {n}", sources=("a",)) for n in (1, 2, 3))


def asked(number: int) -> Sheet:
    """A triage of some findings, shown."""
    life = Life("triage").checked().merged("some", "some", findings=FINDINGS[:number])
    for finding in FINDINGS[:number]:
        life.asked("triage", finding.id)
    return Sheet(life).show()


def answers(sheet: Sheet) -> list[tuple[str | None, str, bool, str]]:
    """(finding, option, by the box, who) of each answer."""
    events = sheet.notice().events
    return [(e.finding, e.option, e.rest, e.by) for e in events if isinstance(e, Decided)]


def test_the_box_stands_above_the_questions() -> None:
    """Where several findings are asked about, one box stands first under Decisions; one finding needs none."""
    sheet = asked(2)
    assert sheet.line("### Decisions") + 2 == sheet.line(f"- [ ] {BOX}") == sheet.line("#### D1") - 2
    assert BOX not in asked(1).text


def test_the_box_answers_what_has_no_answer_of_its_own() -> None:
    """Each finding gets its own event: the single answers as they are, the rest `fix`, said to come by the box."""
    sheet = asked(3).tick(BOX)
    question = sheet.text.index("#### D2")
    sheet.raw = (sheet.text[:question] + sheet.text[question:].replace("- [ ] defer", "- [x] defer", 1)).encode()
    assert answers(sheet) == [("F1", "fix", True, "Ana"), ("F2", "defer", False, "Ana"), ("F3", "fix", True, "Ana")]
    sheet.life.events += sheet.notice().events
    assert "Decisions" not in sheet.show().text
    assert "triage F1: fix (Ana, by the box for the rest)" in str(sheet.life.decided("effort", "all").decide())


def test_the_box_alone_answers_all() -> None:
    """Without a single tick below it, the box means `fix` for each."""
    assert [option for _, option, _, _ in answers(asked(2).tick(BOX))] == ["fix", "fix"]


def test_a_question_with_two_ticks_is_wrong_also_under_the_box() -> None:
    """The box is no way out of a contradiction: nothing counts until the question is mended."""
    sheet = asked(2).tick(BOX)
    sheet.raw = sheet.text.replace("- [ ] fix:", "- [x] fix:", 1).replace("- [ ] defer:", "- [x] defer:", 1).encode()
    noticed = sheet.notice()
    assert noticed.events == []
    assert [(p.line, p.text) for p in noticed.wrong] == [
        (sheet.line("#### D1"), "D1: tick one option, not 2 ('fix', 'defer')")
    ]


def test_a_reworded_box_is_told_with_its_line() -> None:
    """Other words in the box's place are no answer; they are told with file and line."""
    sheet = asked(2).tick(BOX).edit("I did not answer otherwise", "of it")
    noticed = sheet.notice()
    assert noticed.events == []
    (place,) = noticed.wrong
    assert (place.file, place.line) == (PATH, sheet.line("everything of it"))
    assert place.text == f"the box above the questions was reworded; it is: {BOX!r}"


def test_an_open_box_is_offered_with_the_questions() -> None:
    """Who waits for a person names the box as one way to answer the rest."""
    sheet = asked(2)
    assert [p.line for p in sheet.notice().open] == [
        sheet.line("#### D1"),
        sheet.line("#### D2"),
        sheet.line(f"- [ ] {BOX}"),
    ]


def test_the_box_counts_by_the_proof_of_its_line() -> None:
    """Where a tick must be committed, it is the box's line that must be."""
    from engine.rules.notice import notice
    from tests.life import machine

    sheet = asked(2).tick(BOX)
    lines: list[int] = []

    def proof(line: int) -> tuple[str, str]:
        lines.append(line)
        return "", "commit it"

    noticed = notice(machine(), sheet.life.progress, sheet.story, by="Ana", at=AT, proof=proof)
    assert (noticed.events, set(lines)) == ([], {sheet.line(f"- [x] {BOX}")})
