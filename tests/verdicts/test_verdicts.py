"""The corpus: no bad verdict is read, every good one is read as it was meant; the words are those of the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.agents.block import InvalidReply
from engine.agents.vocabulary import SEVERITIES, TABLES, VERDICTS, meant
from tests.rounds import rounds
from tests.verdicts.corpus import BAD, GOOD, Sample, load, read

PAGE = Path(__file__).parent.parent.parent / "docs/verdicts.md"


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_a_bad_verdict_is_invalid(path: Path) -> None:
    """A bad verdict is neither PASS nor FAIL: it is refused, in one line that the agent can act on."""
    sample = load(path)
    assert sample.told.startswith("why: ")
    with pytest.raises(InvalidReply) as refused:
        read(sample)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_good_verdict_is_read_as_it_was_meant(path: Path) -> None:
    """A good verdict is accepted in whatever clothing it comes, with the meaning that its first line tells."""
    sample = load(path)
    verdict = read(sample)
    assert sample.told.startswith(f"means: {verdict.verdict}, ")
    held = [finding for finding in verdict.findings if finding.severity != "nit"]
    assert bool(held) == (verdict.verdict == "FAIL")
    assert verdict.reasoning.strip()


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    """There are 155 bad verdicts and 41 good ones, and no two of a kind are the same."""
    assert (len(BAD), len(GOOD)) == (155, 41)
    page = (Path(__file__).parents[2] / "docs/reliability.md").read_text("utf-8")
    assert f"{len(BAD)} bad verdicts" in page
    assert f"Of {len(GOOD)} good ones" in page
    for paths in (BAD, GOOD):
        assert len({(load(path).reply, "[gates" in load(path).told and path.name) for path in paths}) == len(paths)


def test_of_the_bad_verdicts_none_is_read_as_pass() -> None:
    """Read as PASS out of all bad verdicts: 0."""
    passed = []
    for path in BAD:
        try:
            passed += [path.name] if read(load(path)).verdict == "PASS" else []
        except InvalidReply:
            continue
    assert passed == []


def test_the_words_are_those_of_the_documents() -> None:
    """docs/verdicts.md has one row for each word that is understood, with its meaning, and no other row."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    told = [tuple(cell.strip().strip("`") for cell in row) for row in rows if row[0].strip() in TABLES]
    known = [(kind, word, meaning) for kind, table in TABLES.items() for word, meaning in table.items()]
    assert sorted(told) == sorted(known)
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("word", VERDICTS)
def test_every_word_for_a_verdict_is_read(word: str) -> None:
    """Each word of the table is a verdict, in any case and spacing, and agrees with the findings that it needs."""
    for spoken in (word, word.upper(), f" {word.title().replace(' ', '  ')}\t"):
        assert meant(spoken, VERDICTS) == VERDICTS[word]
        findings = [ISSUE] if VERDICTS[word] == "FAIL" else []
        assert read(told(verdict=spoken, findings=findings)).verdict == VERDICTS[word]


@pytest.mark.parametrize("word", SEVERITIES)
def test_every_word_for_a_severity_is_read(word: str) -> None:
    """Each word of the table is a severity; only those that mean a nit go with PASS."""
    sample = told(findings=[{**ISSUE, "severity": word.upper()}])
    if SEVERITIES[word] == "nit":
        assert read(sample).findings[0].severity == "nit"
    else:
        with pytest.raises(InvalidReply, match="PASS with 1 open"):
            read(sample)


ISSUE = {"severity": "issue", "where": "docs/spec.md:3", "quote": "two", "text": "says two, means three"}


def told(**changes: object) -> Sample:
    """A plain PASS with some fields changed."""
    fields = json.loads(load(next(path for path in GOOD if path.name == "bare-json.md")).reply)
    return Sample("", f"```json\n{json.dumps({**fields, **changes}, indent=2)}\n```\n")


KNOWN = {word for table in TABLES.values() for word in table}


@settings(max_examples=rounds(100), deadline=None)
@given(word=st.text(max_size=12).filter(lambda word: " ".join(word.lower().split()) not in KNOWN))
def test_a_word_that_stands_in_no_table_is_invalid(word: str) -> None:
    """The tables are total: a word that is in none of them is never a verdict, severity, status or confidence."""
    finding = {**ISSUE, "severity": word}
    for changes in (
        {"verdict": word},
        {"confidence": word},
        {"findings": [finding]},
        {"tcs": {"TC-4.1a": "pass", "TC-4.1b": word}},
    ):
        with pytest.raises(InvalidReply):
            read(told(**changes))


HELD = [
    *(load(path) for path in GOOD if load(path).told.startswith("means: FAIL")),
    *(load(path) for path in BAD if path.name in ("pass-with-blocker.md", "pass-with-issue.md", "form-with-issue.md")),
]
"""Replies with a blocker or an issue in them; some of them say PASS."""
PIECES = st.sampled_from(
    [
        *('"', ",", "}", "]", "{", "\n", "```\n", "```json\n", "~~~\n", "<!--", "-->", "> ", "# ", "\\", " ", "\0"),
        *("PASS", "FAIL", '"verdict": "PASS",', '"findings": [],', '"nit"', "None\n", "## Issues\n", "## Blockers\n"),
        *(
            "Overall verdict: PASS\n",
            "\nverdict: PASS\n",
            "findings: []\n",
            "\u200b",
            "\ufeff",
            "\r",
            "TC-4.1b: pass\n",
        ),
    ]
)
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES | st.text(max_size=3) | st.just("")), min_size=1, max_size=4
)
SIGNS = ("blocker", "issue", "major", "critical", "- ", "1. ")


@settings(max_examples=rounds(300), deadline=None)
@given(sample=st.sampled_from(HELD), swap=st.booleans(), changes=CHANGES)
def test_no_change_makes_pass_of_a_verdict_with_an_open_finding(
    sample: Sample, swap: bool, changes: list[tuple[float, int, str]]
) -> None:
    """A reply that holds a blocker or an issue is never read as PASS, whatever else in it is changed."""
    text = sample.reply
    for word in ("FAIL", "REVISE", "BLOCK", "READY WITH ISSUES", "Not  ready", "Failed") if swap else ():
        text = text.replace(word, "PASS")
    words = _finding_of(sample)
    for where, length, piece in changes:
        start = int(where * len(text))
        text = text[:start] + piece + text[start + length :]
    if any(part not in text for part in words):
        return  # the finding itself was changed
    try:
        verdict = read(Sample(sample.told, text))
    except InvalidReply:
        return
    assert verdict.verdict == "FAIL"


def _finding_of(sample: Sample) -> list[str]:
    """The lines that make a blocker or an issue of a sample: its severity in a block, its title and item in a form."""
    lines = sample.reply.split("\n")
    return [line for line in lines if "severity" in line] or [
        "\n".join(lines[number : number + 3])
        for number, line in enumerate(lines)
        if line.strip() in ("## Issues", "## Critical") and "one" not in lines[number + 2]
    ]
