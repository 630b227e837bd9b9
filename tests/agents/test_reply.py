"""Replies: what is accepted as a report, and what is refused, with words that the agent can act on."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.agents.brief import EXAMPLE_REASONING
from engine.agents.reply import LIMIT, InvalidReply, read_report
from engine.model.verdict import Finding, Fixes, Report, Verdict, Work
from tests.rounds import rounds

TCS = ("TC-1.1a", "TC-1.1b")
OTHERS = {"TC-1.2a": "manual", "TC-1.2b": "deferred"}
ISSUE = {"severity": "issue", "where": "docs/spec.md:3", "quote": "two seconds", "text": "says two, means three"}


def verdict(**changes: object) -> dict[str, object]:
    """A verdict's fields; None leaves one out."""
    fields: dict[str, object] = {
        "story": "4",
        "round": 1,
        "verdict": "PASS",
        "confidence": "high",
        "reasoning": "All prompts stand on their own.",
        "findings": [],
        "tcs": {"TC-1.1a": "pass", "TC-1.1b": "pass"},
        **changes,
    }
    return {key: value for key, value in fields.items() if value is not None}


def block(fields: object, fence: str = "```json") -> str:
    return f"{fence}\n{json.dumps(fields, indent=2)}\n```\n"


def read(text: str) -> Report:
    return read_report(text, "verdict", story="4", turn=1, tcs=TCS, others=OTHERS)


FAIL = verdict(verdict="FAIL", findings=[ISSUE])
PYTHON = "I ran this:\n\n```python\nassert 1 == 1\n```\n\nand it passed.\n\n"
GOOD: dict[str, tuple[str, str]] = {
    "pass": (block(verdict()), "PASS"),
    "fail": (block(FAIL), "FAIL"),
    "prose around": (f"I read it all.\n\n{block(verdict())}\nThat is all.", "PASS"),
    "code before": (PYTHON + block(verdict()), "PASS"),
    "code after": (block(FAIL) + PYTHON, "FAIL"),
    "other json before": (block({"name": "package.json"}) + block(verdict()), "PASS"),
    "no language": (block(verdict(), "```"), "PASS"),
    "long fence": (f"````json\n{json.dumps(verdict())}\n````", "PASS"),
    "upper case": (block(verdict(), "```JSON"), "PASS"),
    "crlf": (block(verdict()).replace("\n", "\r\n"), "PASS"),
    "indented": (block(verdict()).replace("```", "  ```"), "PASS"),
    "bare json": (json.dumps(verdict()), "PASS"),
    "only nits": (block(verdict(findings=[{**ISSUE, "severity": "nit"}])), "PASS"),
    "fence in a quote": (block(verdict(verdict="FAIL", findings=[{**ISSUE, "quote": "```json\n{}\n```"}])), "FAIL"),
    "ship": (block(verdict(verdict="SHIP")), "PASS"),
    "ready": (block(verdict(verdict="Ready")), "PASS"),
    "revise": (block(verdict(verdict="REVISE", findings=[{**ISSUE, "severity": "major"}])), "FAIL"),
    "block": (block(verdict(verdict="BLOCK", findings=[{**ISSUE, "severity": "Critical"}])), "FAIL"),
    "ready with issues": (block(verdict(verdict="READY WITH ISSUES", findings=[ISSUE])), "FAIL"),
    "failing tc": (block({**FAIL, "tcs": {"TC-1.1a": "fail", "TC-1.1b": "pass", "TC-1.2a": "manual"}}), "FAIL"),
    "other tcs": (block(verdict(tcs={**dict.fromkeys(TCS, "pass"), **OTHERS})), "PASS"),
    "failing manual tc": (block({**FAIL, "tcs": {**dict.fromkeys(TCS, "PASS"), "TC-1.2a": "FAILED"}}), "FAIL"),
    "yaml": (block(verdict(), "```yaml"), "PASS"),
    "tildes": (f"~~~json\n{json.dumps(verdict())}\n~~~", "PASS"),
    "counts": (block(verdict(counts={"passed": 2, "failed": 0})), "PASS"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_clear_verdict_is_read(name: str) -> None:
    """One clear block is found among prose, code and other JSON, in every vocabulary in use."""
    text, wanted = GOOD[name]
    report = read(text)
    assert isinstance(report, Verdict)
    assert report.verdict == wanted


BOUNDARIES: dict[str, tuple[object, str]] = {
    "none said": (None, "lacks `boundaries`"),
    "a stub": ([{"name": "bank", "status": "stub"}], "PASS with a stub at the boundary bank"),
    "twice": ([{"name": "bank", "status": "mocked"}, {"name": "Bank", "status": "integrated"}], "is listed twice"),
    "unknown status": ([{"name": "bank", "status": "done"}], "boundaries.0.status"),
    "no name": ([{"name": "", "status": "mocked"}], "boundaries.0.name"),
    "the example": (
        [{"name": "what the code talks to outside itself", "status": "mocked"}],
        "is quoted from the example",
    ),
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_bad_inventory_of_boundaries_is_no_answer(name: str) -> None:
    """A verification without an inventory, or a PASS with a stub in it, is asked for again."""
    listed, why = BOUNDARIES[name]
    with pytest.raises(InvalidReply, match=re.escape(why)):
        read_report(block(verdict(boundaries=listed)), "verdict", story="4", turn=1, tcs=TCS, boundaries=True)


def test_an_inventory_of_boundaries_is_read() -> None:
    """It may be empty, and a FAIL may name a stub; whoever does not verify needs none."""
    for fields in (verdict(boundaries=[]), {**FAIL, "boundaries": [{"name": "bank", "status": "stub"}]}):
        report = read_report(block(fields), "verdict", story="4", turn=1, tcs=TCS, boundaries=True)
        assert isinstance(report, Verdict)
        assert report.boundaries is not None
    assert isinstance(read(block(verdict())), Verdict)


def finding(**changes: object) -> str:
    return block(verdict(verdict="FAIL", findings=[{**ISSUE, **changes}]))


BAD: dict[str, tuple[str, str]] = {
    "empty": ("", "0 JSON blocks"),
    "prose only": ("PASS, with high confidence. All TCs verified.", "0 JSON blocks"),
    "two blocks": (block(verdict()) + block(FAIL), "2 JSON blocks"),
    "surrogate in a key": (block(verdict(tcs={**dict.fromkeys(TCS, "pass"), "\udc00": "pass"})), "lone surrogate"),
    "the same twice": (block(verdict()) * 2, "2 JSON blocks"),
    "truncated": (block(verdict())[:-20], "cut off"),
    "fence not closed": ("```json\n" + json.dumps(verdict()), "cut off"),
    "no object": (block([verdict()]), "cannot be read"),
    "two keys": (
        block(verdict(verdict="FAIL")).replace('"FAIL"', '"FAIL", "verdict": "PASS"'),
        "'verdict' stands twice",
    ),
    "hidden in another language": (block(verdict(), "```python"), "cannot be read"),
    "unclosed code before": (f"~~~\n{block(verdict())}", "cut off"),
    "a tested tc by hand": (block(verdict(tcs={"TC-1.1a": "pass", "TC-1.1b": "manual"})), "the story tests it"),
    "a tested tc deferred": (block(verdict(tcs={"TC-1.1a": "pass", "TC-1.1b": "deferred"})), "the story tests it"),
    "a manual tc as passing": (
        block(verdict(tcs={**dict.fromkeys(TCS, "pass"), "TC-1.2a": "pass"})),
        "says that it is",
    ),
    "failing counts": (block(verdict(counts={"passed": 2, "failed": 1})), "1 that fail"),
    "no test ran": (block(verdict(counts={"passed": 0})), "0 tests that pass"),
    "round as true": (block(verdict(round=True)), "round"),
    "finding without words": (finding(text=" \u200b"), "no words"),
    "pass with an issue": (block(verdict(findings=[ISSUE])), "PASS with 1 open"),
    "pass with a blocker": (block(verdict(findings=[{**ISSUE, "severity": "blocker"}])), "PASS with 1 open"),
    "ship with major": (block(verdict(verdict="SHIP", findings=[{**ISSUE, "severity": "major"}])), "PASS with"),
    "fail without finding": (block(verdict(verdict="FAIL")), "FAIL without"),
    "fail with nits only": (finding(severity="minor"), "FAIL without"),
    "ready with issues, without": (block(verdict(verdict="READY WITH ISSUES")), "FAIL without"),
    "pass with failing tc": (block(verdict(tcs={"TC-1.1a": "fail", "TC-1.1b": "pass"})), "PASS with failing TC-1.1a"),
    "missing tc": (block(verdict(tcs={"TC-1.1a": "pass"})), "lacks TC-1.1b"),
    "no tcs": (block(verdict(tcs=None)), "lacks TC-1.1a, TC-1.1b"),
    "unknown tc": (block(verdict(tcs={**dict.fromkeys(TCS, "pass"), "TC-9.9": "pass"})), "names TC-9.9"),
    "unknown tc status": (block(verdict(tcs={"TC-1.1a": "pass", "TC-1.1b": "probably"})), "tcs.TC-1.1b"),
    "echo of the example": (block(verdict(reasoning=EXAMPLE_REASONING)), "that of the example"),
    "the example itself": (
        block({**verdict(), "verdict": "PASS or FAIL", "confidence": "high, medium or low"}),
        "verdict: ",
    ),
    "empty reasoning": (block(verdict(reasoning="  ")), "or empty"),
    "no reasoning": (block(verdict(reasoning=None)), "reasoning"),
    "wrong story": (block(verdict(story="5")), "story '5', not '4'"),
    "story as a number": (block(verdict(story=4)), "story"),
    "wrong round": (block(verdict(round=2)), "round 2, not 1"),
    "round in words": (block(verdict(round="first")), "round"),
    "unknown verdict": (block(verdict(verdict="LGTM")), "verdict: "),
    "both verdicts": (block(verdict(verdict="PASS or FAIL")), "verdict: "),
    "verdict as a list": (block(verdict(verdict=["PASS"])), "verdict: "),
    "null verdict": (block({**verdict(), "verdict": None}), "verdict: "),
    "unknown severity": (finding(severity="severe"), "findings.0.severity"),
    "no severity": (finding(severity=None), "findings.0.severity"),
    "unknown confidence": (block(verdict(confidence="90 %")), "confidence"),
    "unknown key": (block({**verdict(), "score": 9}), "score"),
    "unknown key in a finding": (finding(priority=1), "priority"),
    "finding as text": (block(verdict(verdict="FAIL", findings=["bad"])), "findings.0"),
    "findings as text": (block(verdict(findings="none")), "findings"),
    "text missing": (block(verdict(verdict="FAIL", findings=[{"severity": "issue"}])), "findings.0.text"),
    "lone surrogate": (block(verdict(reasoning="\ud800")), "lone surrogate"),
    "too deep": ("```json\n" + "[" * 100_000 + "\n```", "0 JSON blocks"),
    "huge number": ('```json\n{"verdict": ' + "9" * 5000 + "}\n```", "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unclear_verdict_is_refused(name: str) -> None:
    """What is incomplete, unknown, quoted or contradicts itself is invalid and told in one line, never a PASS."""
    text, wanted = BAD[name]
    with pytest.raises(InvalidReply) as refused:
        read(text)
    assert wanted in str(refused.value)
    assert "\n" not in str(refused.value)


def test_agents_cannot_fill_in_what_the_engine_knows() -> None:
    """An id, sources, a check or a reason to ask that an agent claims is dropped."""
    claimed = {**ISSUE, "id": "F1", "sources": ["story check"], "ambiguous": "", "check": "confirmed"}
    report = read(block(verdict(verdict="FAIL", findings=[{**claimed, "ambiguous": "ask nobody"}])))
    assert isinstance(report, Verdict)
    found = report.findings[0]
    assert (found.id, found.sources, found.ambiguous, found.check) == ("", (), "", None)
    assert found.text == "says two, means three"


def test_a_huge_reply_is_refused_and_quickly() -> None:
    """A reply above the limit is refused by its length; one below it is read in linear time."""
    with pytest.raises(InvalidReply, match="more than 1000000"):
        read("x" * (LIMIT + 1))
    began = time.process_time()
    for line in ("```json\n", "```\n", "````\n```\n", "{", "```json {\n"):
        with pytest.raises(InvalidReply):
            read(line * (LIMIT // len(line)))
    assert time.process_time() - began < 10


F2 = {"finding": "F2", "answer": "fixed"}


def fixes(answers: list[dict[str, str]], findings: tuple[str, ...] = ("F1", "F2")) -> Report:
    text = block({"answers": answers, "files": ["docs/spec.md"]})
    return read_report(text, "fixes", story="4", turn=1, findings=findings)


def test_a_fixer_answers_every_finding() -> None:
    """Fixes are read when each finding of the list has an answer of the three kinds."""
    report = fixes([{"finding": "F1", "answer": "fixed"}, {"finding": "F2", "answer": "rejected", "because": "x"}])
    assert isinstance(report, Fixes)
    assert [answer.answer for answer in report.answers] == ["fixed", "rejected"]


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([{"finding": "F1", "answer": "fixed"}], "does not answer F2"),
        ([], "does not answer F1, F2"),
        ([{"finding": "F1", "answer": "done"}], "answers.0.answer"),
        ([{"finding": "F1", "answer": "fixed, rejected or needs a person"}], "answers.0.answer"),
        ([{"finding": "F1", "answer": "fixed"}, {"finding": "F1", "answer": "rejected"}, F2], "answers F1 twice"),
    ],
)
def test_an_incomplete_list_of_fixes_is_refused(answers: list[dict[str, str]], wanted: str) -> None:
    """A finding without an answer, with two, or with an unknown one is invalid."""
    with pytest.raises(InvalidReply, match=wanted):
        fixes(answers)


def test_nothing_to_fix_needs_no_answers() -> None:
    """An empty list of findings is answered by an empty list."""
    report = fixes([], findings=())
    assert isinstance(report, Fixes)
    assert report.answers == ()


def test_a_report_of_work_is_read() -> None:
    """A report of work needs its files; deviations and discoveries may be left out."""
    text = block({"files": ["src/a.py"], "deviations": ["returns a list"]})
    report = read_report(text, "work", story="4", turn=1)
    assert isinstance(report, Work)
    assert (report.files, report.deviations, report.discoveries) == (("src/a.py",), ("returns a list",), ())
    for bad in ({"deviations": []}, {"files": "src/a.py"}, {"files": [], "tests": 3}):
        with pytest.raises(InvalidReply):
            read_report(block(bad), "work", story="4", turn=1)


@pytest.mark.parametrize("returns", ["fixes", "work"])
def test_an_echo_of_the_other_examples_is_refused(returns: str) -> None:
    """The forms for fixes and work, sent back as they are, are no report."""
    form = {
        "fixes": {
            "answers": [{"finding": "F1", "answer": "fixed, rejected or needs a person", "because": "evidence"}],
            "files": ["every file you changed"],
        },
        "work": {
            "files": ["every file you created or changed"],
            "deviations": ["where the work differs from spec or prompt, and why"],
            "discoveries": ["what the next story should know"],
        },
    }[returns]
    with pytest.raises(InvalidReply):
        read_report(block(form), returns, story="4", turn=1, findings=("F1",))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["verdict", "story", "round", "confidence", "reasoning", "findings", "tcs", "answers", "files"])
WORDS = st.sampled_from(["PASS", "FAIL", "4", "high", "issue", "TC-1.1a", "ready with issues", 1, True, None, [], {}])
SHAPED = st.dictionaries(NAMES, WORDS | JSON, max_size=9).map(block)
FENCED = st.lists(
    st.sampled_from(["```", "```json", "````", "~~~", "  ```", '{"verdict": "PASS"}', "{", "}", "\r", "x", ""])
).map("\n".join)


def report_or_refusal(text: str, returns: str) -> Report | InvalidReply:
    try:
        return read_report(text, returns, story="4", turn=1, tcs=TCS, findings=("F1",))
    except InvalidReply as err:
        return err


@settings(max_examples=rounds(150), deadline=None)
@given(text=st.text() | SHAPED | FENCED, returns=st.sampled_from(["verdict", "fixes", "work"]))
def test_any_text_is_a_report_or_refused(text: str, returns: str) -> None:
    """Whatever an agent says, it is a report or an InvalidReply; nothing else ever comes out."""
    said = report_or_refusal(text, returns)
    if isinstance(said, InvalidReply):
        assert str(said).encode()
    else:
        assert isinstance(said, Verdict | Fixes | Work)
        assert said.model_dump_json()


@settings(max_examples=rounds(100), deadline=None)
@given(fields=st.dictionaries(NAMES, WORDS | JSON))
def test_no_pass_is_ever_read_out_of_a_contradiction(fields: dict[str, object]) -> None:
    """Whatever fields of a good verdict are changed: if it is read as PASS, nothing in it says otherwise."""
    try:
        report = read(block({**verdict(), **fields}))
    except InvalidReply:
        return
    assert isinstance(report, Verdict)
    if report.verdict == "PASS":
        assert all(found.severity == "nit" for found in report.findings)
        assert set(report.tcs) == set(TCS)
        assert "fail" not in report.tcs.values()


F1 = Finding(id="F1", severity="blocker", where="docs/spec.md:3", text="says two", sources=("builder_validator",))
F2 = Finding(id="F2", severity="issue", where="docs/spec.md:9", text="says nine", sources=("builder_validator",))
SAID = {"finding": "F1", "answer": "hold", "because": "docs/spec.md:3"}
CONCEDED = {"finding": "F2", "answer": "concede", "because": "I misread it"}


def disputing(said: str, *disputes: dict[str, str], findings: tuple[dict[str, str], ...] = ()) -> str:
    return block(verdict(verdict=said, disputes=[*disputes], findings=[*findings], tcs=None))


def answers(text: str) -> Verdict:
    report = read_report(
        text, "verdict", story="4", turn=1, disputed={"F1": F1, "F2": F2}, known=("F1", "F2"), given=()
    )
    assert isinstance(report, Verdict)
    return report


def partly(severity: str) -> dict[str, str]:
    return {**SAID, "answer": "Partially", "severity": severity}


FORM = """## Blockers
None
## Issues
None
## Disputes
- F1: partly, nit: only the wording
- **F2**: concede — I misread it
## Overall verdict: PASS
Confidence: high, both looked at again
"""
DISPUTED = {
    "held": (disputing("FAIL", SAID, CONCEDED), ["hold", "concede"]),
    "lighter": (disputing("FAIL", partly("Major"), CONCEDED), ["partly", "concede"]),
    "a nit now": (disputing("PASS", partly("nit"), CONCEDED), ["partly", "concede"]),
    "listed again": (disputing("FAIL", SAID, CONCEDED, findings=({**ISSUE, "again": "F1"},)), ["hold", "concede"]),
    "yaml": (
        "```yaml\nstory: 4\nround: 1\nverdict: PASS\nconfidence: high\nreasoning: read again\ndisputes:\n"
        "  - {finding: F1, answer: conceded, because: misread}\n  - {finding: F2, answer: concede, because: misread}\n"
        "```\n",
        ["concede", "concede"],
    ),
    "in words": (FORM, ["partly", "concede"]),
}


@pytest.mark.parametrize("name", DISPUTED)
def test_answers_to_disputes_are_read(name: str) -> None:
    """What is disputed is answered in the block, or under a heading of its own, with the words in use."""
    text, wanted = DISPUTED[name]
    assert [dispute.answer for dispute in answers(text).disputes] == wanted


UNDISPUTED = {
    "one is missing": (disputing("FAIL", SAID), "does not answer F2"),
    "unknown": (disputing("FAIL", SAID, CONCEDED, {**SAID, "finding": "F9"}), "answers 'F9'; what is disputed: F1, F2"),
    "twice": (disputing("FAIL", SAID, SAID, CONCEDED), "answers F1 twice"),
    "no evidence": (disputing("FAIL", {**SAID, "because": "\u200b"}, CONCEDED), "hold to F1 without evidence"),
    "empty evidence": (disputing("FAIL", {**SAID, "because": " "}, CONCEDED), "disputes.0.because"),
    "held and PASS": (disputing("PASS", SAID, CONCEDED), "PASS with 1 open blockers or issues"),
    "an issue and PASS": (disputing("PASS", partly("issue"), CONCEDED), "PASS with 1 open blockers or issues"),
    "not lighter": (disputing("FAIL", partly("critical"), CONCEDED), "needs a `severity` lighter than blocker"),
    "no severity": (disputing("FAIL", {**SAID, "answer": "partly"}, CONCEDED), "needs a `severity`"),
    "hold, lighter": (disputing("FAIL", {**SAID, "severity": "nit"}, CONCEDED), "hold, for F1, revises no severity"),
    "conceded, listed": (
        disputing("FAIL", SAID, CONCEDED, findings=({**ISSUE, "text": "Says nine!"},)),
        "concedes F2 and lists it again",
    ),
    "conceded, named": (disputing("FAIL", SAID, CONCEDED, findings=({**ISSUE, "again": "F2"},)), "lists it again"),
    "lighter and not": (
        disputing("FAIL", partly("nit"), CONCEDED, findings=({**ISSUE, "again": "F1"},)),
        "revises F1 to nit and lists it as something else",
    ),
    "names nobody's": (disputing("FAIL", SAID, CONCEDED, findings=({**ISSUE, "again": "F7"},)), "again names 'F7'"),
    "broken by nothing": (
        disputing("FAIL", SAID, CONCEDED, findings=({**ISSUE, "broken_by": "F7"},)),
        "broken_by names 'F7'",
    ),
    "unknown word": (disputing("FAIL", {**SAID, "answer": "maybe"}, CONCEDED), "disputes.0.answer"),
    "FAIL, all conceded": (disputing("FAIL", {**CONCEDED, "finding": "F1"}, CONCEDED), "FAIL without a blocker"),
    "in words, unclear": (FORM.replace("concede —", "I think"), "answers no dispute"),
    "in words, missing": (FORM.replace("- F1: partly, nit: only the wording\n", ""), "does not answer F1"),
}


@pytest.mark.parametrize("name", UNDISPUTED)
def test_a_dispute_that_is_not_answered_clearly_is_invalid(name: str) -> None:
    """Left out, unknown, twice, without evidence or taken back by the rest: the agent is told why, and asked again."""
    text, why = UNDISPUTED[name]
    with pytest.raises(InvalidReply, match=re.escape(why)):
        answers(text)


@pytest.mark.parametrize("said", ["rejected", "needs a person"])
def test_a_fixer_that_does_not_fix_says_why(said: str) -> None:
    """`rejected` and `needs a person` without a reason are no answer; `fixed` needs none."""
    for because, fine in (("", False), ("\u200b", False), ("docs/spec.md:3", True)):
        text = block({"answers": [{"finding": "F1", "answer": said, "because": because}]})
        if fine:
            assert isinstance(read_report(text, "fixes", story="4", turn=1, findings=("F1",)), Fixes)
        else:
            with pytest.raises(InvalidReply, match="without a reason"):
                read_report(text, "fixes", story="4", turn=1, findings=("F1",))
