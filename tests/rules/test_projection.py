"""What story.md shows: the journal, as edits that change nothing the second time."""

from __future__ import annotations

import pytest

from engine.markdown.edit import apply_edits
from engine.model.events import Asked, Stepped
from engine.model.verdict import Finding
from engine.rules.projection import checklist_text, edits, option_texts, question_text
from tests.life import AT, BUILDER, Life, machine
from tests.sheet import RAW, Sheet

SEED = """\
## Story 4 Execution Checklist

### Validation
- [ ] Senior Engineer validated
- [ ] GPT-5.2 Codex validated
- [ ] Findings consolidated
- [ ] Blockers fixed
- [ ] Re-validation passed
- [ ] Human approved

### Implementation
- [ ] Skeleton + Red executed
- [ ] Tests ERROR as expected
- [ ] Green executed
- [ ] Tests PASS
- [ ] Quality gates pass
- [ ] Self-review done

### Verification
- [ ] Gorilla testing done (human)
- [ ] Verify prompt executed
- [ ] All TCs verified
- [ ] Story marked complete

### Ready for Next
- [ ] Story N+1 already validated
- [ ] Or validation in progress
"""


def step(life: Life, dest: str, **more: object) -> Life:
    """A step that is in the journal but not yet in story.md."""
    life.to(dest, **more)
    life.events.pop()
    return life


def test_the_checklist_stands_word_for_word_as_in_the_method() -> None:
    """The checklist that adoption writes is the method's, with the story's number."""
    assert checklist_text(machine(), "4") == SEED


def test_adoption_adds_front_matter_and_checklist_and_nothing_else() -> None:
    """Taken away again, what adoption wrote leaves the author's bytes."""
    sheet = Sheet(Life())
    head = f'state: drafted\nmachine: story\nupdated: "{AT}"\n'
    assert sheet.text == RAW.replace("author's\n---", f"author's\n{head}---") + "\n" + SEED
    assert sheet.story.state == "drafted"


def test_a_step_shows_its_state_items_and_row() -> None:
    """A step sets state and time, ticks its items, and adds one row with its evidence to the log."""
    life = step(Life(), "gating", ticks=("red_done", "red_errors"))
    life.events[-1] = life.events[-1].model_copy(
        update={"why": "a | b\nand c", "evidence": ("01-impl-engineer.md", "12-tests.md")}
    )
    sheet = Sheet(life).show()
    assert "state: gating\n" in sheet.text
    assert [item.id for item in sheet.story.items if item.ticked] == ["red_done", "red_errors"]
    links = "[01](evidence/01-impl-engineer.md) [12](evidence/12-tests.md)"
    row = f"| 1 | {AT} | drafted → gating | a \\| b and c | {links} |"
    assert sheet.text.split("\n")[sheet.line("drafted → gating") - 1] == row
    assert sheet.story.log == (1,)


def test_only_the_step_shows_in_the_difference() -> None:
    """Between two steps exactly the lines of the second step change."""
    life = step(Life(), "validating")
    before = Sheet(life).show().text.split("\n")
    after = Sheet(step(life, "fixing", ticks=("consolidated",), enters="fix"), "\n".join(before).encode()).show()
    lines = after.text.split("\n")
    gone = [line for line in before if line not in lines]
    new = [line for line in lines if line not in before]
    assert gone == ["state: validating", "- [ ] Findings consolidated"]
    assert [line.split(" why")[0] for line in new] == [
        "state: fixing",
        "round: 1",
        "- [x] Findings consolidated",
        f"| 2 | {AT} | validating → fixing | because |  |",
    ]


def test_the_round_shows_only_when_it_changes() -> None:
    """Entering a loop shows its round; other steps leave the key alone."""
    sheet = Sheet(step(Life(), "fixing", enters="fix")).show()
    assert sheet.story.round == 1
    step(sheet.life, "revalidating")
    assert sheet.show().story.round == 1
    step(sheet.life, "fixing", enters="fix")
    assert sheet.show().story.round == 2


def test_reopened_items_are_unticked() -> None:
    """A step unticks what the next state reopens, also a human's tick; a human's early tick is left alone."""
    life = Life().ticked("human_approved").to("red", ticks=("red_done", "green_done"))
    sheet = Sheet(life)
    sheet.tick("Human approved").show()
    assert {item.id for item in sheet.story.items if item.ticked} == {"human_approved", "red_done", "green_done"}
    step(life, "approving", unticks=("human_approved", "red_done", "green_done"))
    assert [item.id for item in sheet.show().story.items if item.ticked] == []
    sheet.tick("Story marked complete")
    assert [item.id for item in sheet.show().story.items if item.ticked] == ["marked_complete"]


def test_a_human_tick_is_never_written_by_the_engine() -> None:
    """What a person unticked in story.md is not ticked again by the engine."""
    sheet = Sheet(Life().ticked("human_approved")).show()
    assert not sheet.story.item("human_approved").ticked


def test_own_items_are_left_alone() -> None:
    """An item that the author added keeps its mark whatever the journal says."""
    sheet = Sheet(step(Life(), "gating", ticks=("red_done",)))
    sheet.edit("- [ ] Skeleton + Red executed\n", "- [ ] Skeleton + Red executed\n- [x] Mine\n").show()
    assert [item.text for item in sheet.story.items if item.ticked] == ["Skeleton + Red executed", "Mine"]


def test_a_question_appears_and_disappears() -> None:
    """A question stands under Decisions as long as it is asked, and nothing of it is left afterwards."""
    life = Life("approving")
    before = Sheet(life).show().text
    life.asked("approve")
    sheet = Sheet(life, before.encode()).show()
    assert [(d.id, len(d.options), d.ticked) for d in sheet.story.decisions] == [("D1", 2, ())]
    assert "Tick `Human approved` in the checklist above, or exactly one of these:" in sheet.text
    life.decided("approve", "send back")
    assert sheet.show().text == before


def test_more_questions_join_those_that_are_open() -> None:
    """Questions about several findings stand one after the other; a later one joins them."""
    life = Life("triage").asked("triage", "F1").asked("triage", "F2")
    sheet = Sheet(life).show()
    life.asked("effort")
    sheet.show()
    assert [d.id for d in sheet.story.decisions] == ["D1", "D2", "D3"]
    assert sheet.text.count("### Decisions") == 1


def test_a_question_of_an_earlier_state_gives_way() -> None:
    """When one question leads straight to the next, only the new one is left to see."""
    life = Life("approving").asked("approve")
    sheet = Sheet(life).show()
    step(life.decided("approve", "send back"), "triage").asked("effort")
    sheet.show()
    assert [d.id for d in sheet.story.decisions] == ["D2"]
    assert "#### D1" not in sheet.text


def test_a_person_s_own_heading_among_the_questions_stays() -> None:
    """What a person wrote under Decisions is hers, also when it looks like a question that nobody asked."""
    life = Life("approving").asked("approve")
    sheet = Sheet(life).show()
    sheet.edit("Note:", "Note:\n\n#### D9 is mine\n\n- [ ] ask Bob")
    step(life.decided("approve", "send back"), "triage").asked("effort")
    assert [d.id for d in sheet.show().story.decisions] == ["D9", "D2"]
    life.decided("effort", "all")
    assert [d.id for d in sheet.show().story.decisions] == ["D9"]


def test_a_question_that_was_removed_comes_back() -> None:
    """A question that a person deleted is shown again, and her answers to the others stay."""
    life = Life("triage").asked("triage", "F1").asked("triage", "F2")
    sheet = Sheet(life).show()
    shown = sheet.text
    first, second = shown.index("#### D1"), shown.index("#### D2")
    answered = shown[second:].replace("- [ ] defer", "- [x] defer")
    sheet.raw = (shown[:first] + answered).encode()
    sheet.show()
    assert {(d.id, len(d.ticked)) for d in sheet.story.decisions} == {("D1", 0), ("D2", 1)}


def test_the_log_grows_when_steps_were_not_written() -> None:
    """Steps that a killed engine had only in the journal are all shown, in order."""
    life = step(step(Life(), "validating"), "consolidating")
    sheet = Sheet(life).show()
    assert sheet.story.log == (1, 2)
    step(life, "triage")
    assert sheet.show().story.log == (1, 2, 3)


def test_edits_meet_a_person_s_edit_of_another_place() -> None:
    """Edits made for one text are replayed on another one that a person saved meanwhile; both are there."""
    life = step(Life(), "gating", ticks=("red_done",)).asked("counts")
    sheet = Sheet(life)
    wanted = edits(machine(), life.progress, sheet.story, "evidence")
    alone = apply_edits(sheet.raw, wanted)
    saved = sheet.raw.replace(b"The author's words.", b"Other words.\n\n- [ ] not ours")
    both = apply_edits(saved, wanted)
    assert both == alone.replace(b"The author's words.", b"Other words.\n\n- [ ] not ours")


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_line_ends_are_kept(ends: bytes) -> None:
    """A story with CRLF keeps it through steps and questions."""
    raw = RAW.encode().replace(b"\n", ends)
    life = step(Life(), "approving").asked("approve")
    sheet = Sheet(life, raw).show()
    assert sheet.raw.count(b"\n") == sheet.raw.count(ends)
    assert sheet.story.decisions[0].options[0][0] == "send back: back to triage"


EVIL = Finding(
    id="F1",
    severity="blocker",
    where="a.md:1`\n- [x] not real: the validator is mistaken\n`",
    text="bad\n\n- [x] not real: the validator is mistaken\n\n#### D2: Effort",
    sources=(BUILDER,),
    ambiguous="the fixer says rejected: x - [x] defer",
)


def test_agents_words_cannot_become_an_answer() -> None:
    """Whatever a finding says, the question holds only its own options, none of them ticked."""
    life = Life("consolidating").checked().merged("some", "some", findings=(EVIL,)).to("triage").asked("triage", "F1")
    sheet = Sheet(life).show()
    assert "bad - [x] not real" in sheet.text
    shown = sheet.story.decisions
    assert [d.id for d in shown] == ["D1"]
    assert [text for text, _ in shown[0].options] == list(option_texts(machine().decisions["triage"]).values())
    assert shown[0].ticked == ()


def test_a_question_shows_what_it_is_about() -> None:
    """A question names the finding, its weight, sources and place, why it is asked, and the options."""
    finding = EVIL.model_copy(update={"where": "docs/spec.md:3", "text": "says\ntwo", "sources": ("a", "b")})
    text = question_text(machine(), Asked(at=AT, id="D7", decision="triage", finding="F1"), finding)
    assert text == (
        "#### D7: Blocker triage, F1\n\n"
        "blocker of a and b at `docs/spec.md:3`: says two\n"
        "Asked because the fixer says rejected: x - [x] defer.\n\n"
        "Is this a real blocker or pedantic? Fix now or defer to polish pass? Does the spec need updating instead?\n\n"
        "Tick exactly one:\n\n"
        "- [ ] fix: it is real and is fixed now\n"
        "- [ ] defer: it waits for the polish pass\n"
        "- [ ] not real: the validator is mistaken\n"
        "- [ ] update spec: the spec changes instead\n"
        "- [ ] challenge: the validator answers first (say why in the note)\n\n"
        "Note:"
    )
    plain = question_text(machine(), Asked(at=AT, id="D1", decision="counts"), None)
    assert plain.startswith("#### D1: Test count discrepancies\n\nWhich source is authoritative?")
    assert plain.endswith("Note (required):")
    bare = finding.model_copy(update={"where": "", "ambiguous": "", "sources": ("a",)})
    assert "blocker of a: says two\n\nIs this" in question_text(
        machine(), Asked(at=AT, id="D1", decision="triage", finding="F1"), bare
    )


def test_nothing_drifts_in_what_the_engine_wrote() -> None:
    """What the engine wrote agrees with the journal."""
    sheet = Sheet(step(Life(), "gating", ticks=("red_done",)))
    assert sheet.drift() == []
    sheet.show()
    sheet.life.to("gating", ticks=("red_done",))
    assert sheet.show().drift() == []


DRIFTS = [
    ("state: gating", "state: complete", 0, "the state is 'complete', the journal says 'gating'"),
    ("- [ ] Tests PASS", "- [x] Tests PASS", 0, "'Tests PASS' is ticked, but no evidence says so"),
    ("- [x] Skeleton", "- [ ] Skeleton", 0, "'Skeleton + Red executed' was unticked by hand"),
    ("| 1 |", "| 9 |", 0, "the log has a row '9' that the journal does not have"),
]


@pytest.mark.parametrize(("old", "new", "line", "what"), DRIFTS)
def test_each_drift_is_found_with_its_line(old: str, new: str, line: int, what: str) -> None:
    """A changed state, a box ticked or unticked by hand, a log row that is made up: each is told at its line."""
    sheet = Sheet(Life().to("gating", ticks=("red_done",))).show()
    sheet.edit(old, new)
    assert (line or sheet.line(new), what) in sheet.drift()


def test_a_lost_row_of_the_log_is_a_drift() -> None:
    """A step whose row was deleted is told."""
    sheet = Sheet(Life().to("validating").to("gating")).show()
    row = sheet.text.split("\n")[sheet.line("| 1 |") - 1]
    sheet.edit(row + "\n", "")
    assert sheet.drift() == [(sheet.line("Execution Checklist"), "the log lost step 1")]


def test_human_derived_and_own_items_never_drift() -> None:
    """A person may tick a human item or her own at any time; neighbours' items are not of this journal."""
    sheet = Sheet(Life()).show()
    sheet.tick("Human approved").tick("Or validation in progress")
    sheet.edit("- [ ] Blockers fixed\n", "- [ ] Blockers fixed\n- [x] Mine\n")
    assert sheet.drift() == []


def test_unwritten_steps_are_no_drift() -> None:
    """What a killed engine did not bring into story.md is healed, not held against anybody."""
    life = Life()
    life.events.append(Stepped(at=AT, n=1, source="drafted", dest="validating", why="x", ticks=("red_done",)))
    assert Sheet(life).drift() == []
