"""Briefs: the method's own words, with real paths, and one form to answer in."""

from __future__ import annotations

import json

import pytest

from engine.agents.brief import EXAMPLES, fill, list_answers, list_findings, reads, write_brief
from engine.agents.reply import InvalidReply, read_report
from engine.model.machine import AgentAct
from engine.model.verdict import Finding, FixAnswer
from tests.life import BUILDER, ENGINEER, PEDANT, VERIFIER, machine
from tests.scene import STORY, pack, story

WORDS = {"n": "4", "prev": "3", "slug": "login", "fix_list": "- F1: x", "fix_report": "- F1: fixed", "failures": "bad"}
ACTS = {act.id: act for state in machine().states.values() for act in state.acts() if isinstance(act, AgentAct)}


def brief(act: str, role: str, **more: object) -> str:
    return write_brief(machine(), ACTS[act], role, pack=pack(), story=story(), turn=2, words=WORDS, **more)


SEED = [
    "You are validating Story 4 for execution readiness.",
    "**Assume:** Story 3 is complete (or in progress).",
    "1. Story structure (prerequisites, ACs, files, test counts)",
    "2. Prompt self-containment (can fresh agent execute?)",
    "3. Tech-design alignment (signatures, interfaces match)",
    "4. TDD flow (stubs throw, tests assert behavior)",
    "5. Verification completeness (all TCs covered)",
    "6. AC/TC traceability",
    "- Blockers (must fix before execution)",
    "- Issues (should fix, not blocking)",
    "- Nits (minor polish)",
    "- Overall verdict: PASS or FAIL",
    "- Confidence level with reasoning",
]


@pytest.mark.parametrize("role", [BUILDER, PEDANT])
def test_validators_get_the_same_instructions_word_for_word(role: str) -> None:
    """Both validators get the method's template with the story's number, and each its own stance."""
    text = brief("builder", role)
    assert [line for line in SEED if line not in text] == []
    assert machine().roles[role].stance in text
    assert f"- {STORY}/story.md\n" in text
    for name in ("prompt-4.1-skeleton-red.md", "prompt-4.2-green.md", "prompt-4.R-verify.md"):
        assert f"- {STORY}/{name}\n" in text
    assert "- docs/tech-design.md\n- docs/feature-spec.md\n" in text


ROLES = [
    ("fixer", ENGINEER, ["- F1: x", f"You may change: {STORY}/story.md"], "answers"),
    ("again", PEDANT, ["- F1: fixed", "Confirm each fix against the files"], "verdict"),
    ("impl", ENGINEER, ["Stubs throw NotImplementedError", f"- {STORY}/prompt-4.1-skeleton-red.md"], "files"),
    ("red_fix", ENGINEER, ["bad", "every new test in ERROR"], "files"),
    ("impl_green", ENGINEER, ["Do not change any test", f"- {STORY}/prompt-4.2-green.md"], "files"),
    ("code_fix", ENGINEER, ["Fix these specific failures of Story 4", "bad"], "files"),
    ("self_rev", ENGINEER, ["Review your own implementation of Story 4"], "files"),
    ("verify", VERIFIER, ["Report PASS or FAIL with TC-by-TC status", f"- {STORY}/prompt-4.R-verify.md"], "verdict"),
    ("spec_update", ENGINEER, ["the spec of Story 4 follows the implementation", "docs/feature-spec.md"], "files"),
]


@pytest.mark.parametrize(("act", "role", "words", "key"), ROLES, ids=[row[0] for row in ROLES])
def test_each_role_gets_its_words_with_real_paths(act: str, role: str, words: list[str], key: str) -> None:
    """Each action's brief holds its words, its prompt's path, no open placeholder, and the form of its answer."""
    text = brief(act, role)
    assert [word for word in words if word not in text] == []
    assert f"# {machine().roles[role].title}: " in text.split("\n")[0]
    form = json.loads(text.split("```json\n")[1].split("```")[0])
    assert key in form
    head = text.split("```json")[0]
    for placeholder in ("<n>", "<prev>", "<fix_list>", "<fix_report>", "<failures>"):
        assert placeholder not in head


def test_the_form_names_story_and_round() -> None:
    """A verdict's form is filled in with story and round; only a verifier is asked for TCs."""
    form = json.loads(brief("verify", VERIFIER).split("```json\n")[1].split("```")[0])
    assert (form["story"], form["round"]) == ("4", 2)
    assert "tcs" in form
    assert "tcs" not in json.loads(brief("builder", BUILDER).split("```json\n")[1].split("```")[0])


@pytest.mark.parametrize(("act", "returns"), [("builder", "verdict"), ("fixer", "fixes"), ("impl", "work")])
def test_a_brief_sent_back_is_no_answer(act: str, returns: str) -> None:
    """Whoever quotes the whole brief has not answered it."""
    with pytest.raises(InvalidReply):
        read_report(brief(act, BUILDER), returns, story="4", turn=2, findings=("F1",))


def test_a_refused_answer_is_told_why() -> None:
    """The second try begins with what was wrong with the first."""
    text = brief("builder", BUILDER, complaint="it holds no block.")
    assert "Your last answer could not be accepted: it holds no block. Answer again" in text
    assert "could not be accepted" not in brief("builder", BUILDER)


def test_what_may_be_changed_is_told_in_real_paths() -> None:
    """A fixer is told the files it may change; who may change nothing is told nothing of it."""
    text = brief("fixer", ENGINEER)
    line = next(line for line in text.split("\n") if line.startswith("You may change: "))
    for path in (f"{STORY}/story.md", f"{STORY}/prompt-4.2-green.md", "docs/feature-spec.md", "docs/tech-design.md"):
        assert path in line
    assert "You may change: the files that the story names. Nothing else." in brief("impl", ENGINEER)
    assert "You may change" not in brief("builder", BUILDER)


def test_reads_are_the_paths_behind_the_names() -> None:
    """`spec`, `design`, `plan` and globs stand for real paths, each once; what is not there is left out."""
    patterns = ("plan", "prompt-*.md", "prompt-4.2*", "story.md", "none-*.md")
    assert reads(patterns, pack(), story()) == [
        "docs/test-plan.md",
        f"{STORY}/prompt-4.1-skeleton-red.md",
        f"{STORY}/prompt-4.2-green.md",
        f"{STORY}/prompt-4.R-verify.md",
        f"{STORY}/story.md",
    ]


def test_unknown_placeholders_stay() -> None:
    """Only known placeholders are filled; what a fix list says is not filled once more."""
    assert fill("<n> <other>", {"n": "4"}) == "4 <other>"
    assert fill("<fix_list> <n>", {"fix_list": "says <n>", "n": "4"}) == "says <n> 4"


def test_findings_and_answers_are_listed() -> None:
    """A fix list shows weight, place, quote and what a person said; answers show what they are about."""
    findings = (
        Finding(id="F1", severity="blocker", where="a.md:1", quote="two\nlines", text="wrong"),
        Finding(id="F2", severity="issue", text="vague"),
    )
    assert list_findings(findings, {"F2": "leave the title"}) == (
        "- F1 (blocker) `a.md:1`: wrong\n  > two lines\n- F2 (issue): vague\n  A person says: leave the title"
    )
    assert list_findings((), {}) == "(nothing)"
    answers = (FixAnswer(finding="F1", answer="fixed"), FixAnswer(finding="F9", answer="rejected", because="a.md:1"))
    assert list_answers(answers, findings) == ("- F1 (wrong): fixed\n- F9 (unknown finding): rejected, because a.md:1")
    assert list_answers((), findings) == "(no answers)"


def test_every_placeholder_of_the_forms_is_known_as_an_example() -> None:
    """What stands in the forms in place of an answer is refused when it is sent back."""
    for act in ("builder", "fixer", "impl"):
        form = brief(act, BUILDER).split("```json\n")[1].split("```")[0]
        assert any(json.dumps(example)[1:-1] in form for example in EXAMPLES)


def test_a_validator_is_told_exactly_what_to_answer() -> None:
    """Its own disputed findings are named in the report, in the rules and in the form; others have no such part."""
    answers = [FixAnswer(finding="F1", answer="rejected", because="a.md:1")]
    finding = Finding(id="F1", severity="issue", text="wrong")
    told = list_answers(answers, [finding], {"F2": "not\nso"}, ["F1"])
    assert told == (
        "- F1 (wrong): rejected, because a.md:1\n"
        "  You found it. Answer it under `disputes`: concede, partly or hold.\n"
        "- F2 (unknown finding): a person challenges it: not so"
    )
    text = brief("again", BUILDER, disputed=["F1", "F4"])
    assert "Answer under `disputes` each of F1, F4, once, with evidence" in text
    assert "disputes" in json.loads(text.split("```json\n")[1].split("```")[0])
    assert "disputes" not in brief("again", BUILDER).split("```json")[1]
    assert "`again` with its id" in brief("again", BUILDER)
    assert '"again"' not in brief("builder", BUILDER)


def test_a_verifier_is_told_the_rows_of_its_table() -> None:
    """Each TC that must be accounted for is named, with what is to be said of it; others are told nothing of it."""
    text = brief("verify", VERIFIER, tcs={"TC-1.1a": "", "TC-1.2a": "owed, story 1 deferred it to this one"})
    assert "has a row for each of these:**\n- TC-1.1a\n- TC-1.2a: owed, story 1 deferred it to this one\n" in text
    assert "TC table has a row" not in brief("verify", VERIFIER)
