"""A settled number of tests is followed by every figure that rests on it, and by nothing else."""

from __future__ import annotations

import pytest
from tiny import Tiny

from engine.checks.recount import Recount, count_sources, recount, stated_by_documents
from engine.markdown.edit import ReplaceLine, apply_edits

LATER = """# Story 2: Close
## Prerequisites
- Story 1 complete
## ACs Covered
- AC-2.1
## Files
- `src/close.ts` (new)
## Test Breakdown
| Test File | # Tests | TCs |
|---|---|---|
| `tests/close.test.ts` | 3 | TC-2.1a |

**Story 2 test count: 3**, after 2 prior tests.

| Cumulative | Running Total |
|---|---|
| Story 2 | 5 |
## Prompts
## Exit Criteria
- Running total: 5
"""
OVERVIEW = """# Overview

| Story | Tests | Running Total |
|---|---|---|
| Story 0 | 0 | 0 |
| Story 1 | 2 | 2 |
| Story 2 | 3 | 5 |
"""


ROW = "| `tests/desk.test.ts` | 2 | TC-1.1a, TC-1.1b |"


def two(overview: str = OVERVIEW, later: str = LATER) -> Tiny:
    tiny = Tiny()
    tiny.files |= {"overview.md": overview, "2/story.md": later}
    return tiny


def apply(tiny: Tiny, done: Recount) -> Tiny:
    for figure in done.figures:
        edit = ReplaceLine(figure.before, figure.after, figure.nth)
        tiny.files[figure.file] = apply_edits(tiny.files[figure.file].encode(), [edit]).decode()
    return tiny


def changed(done: Recount) -> list[str]:
    return [f"{f.file}: {f.before} → {f.after}" for f in done.figures]


def counts(tiny: Tiny) -> list[str]:
    return [problem for problem in tiny.found() if problem.startswith("C30")]


def test_nothing_to_do_changes_nothing() -> None:
    """Where all agree and the number is the one they say, no figure is touched."""
    assert counts(two()) == []
    assert recount(two().pack(), "1", 2) == Recount(own=2)


def test_a_bug_is_counted_in_its_story_and_in_every_later_total() -> None:
    """A row in the story's table, its own number, the prompts, the overview's row, and the totals from there on."""
    tiny = two()
    done = recount(tiny.pack(), "1", None, bugs={"G1": "archived `x` returns | twice"})
    assert changed(done) == [
        f"1/story.md: {ROW} → {ROW}\n| G1: archived x returns \\| twice | 1 | G1 |",
        "overview.md: | Story 1 | 2 | 2 | → | Story 1 | 3 | 3 |",
        "overview.md: | Story 2 | 3 | 5 | → | Story 2 | 3 | 6 |",
        "1/story.md: **Story 1 test count: 2** → **Story 1 test count: 3**",
        "1/story.md: - 2 tests pass → - 3 tests pass",
        "1/prompt-1.1-skeleton-red.md: Write 2 failing tests: → Write 3 failing tests:",
        "2/story.md: **Story 2 test count: 3**, after 2 prior tests. → **Story 2 test count: 3**, after 3 prior tests.",
        "2/story.md: | Story 2 | 5 | → | Story 2 | 6 |",
        "2/story.md: - Running total: 5 → - Running total: 6",
    ]
    assert (done.left, done.own) == ((), 3)
    assert counts(apply(tiny, done)) == []
    assert changed(recount(tiny.pack(), "1", 3)) == []


def test_two_bugs_are_two_tests() -> None:
    """One after the other or at once, each adds one."""
    tiny = apply(two(), recount(two().pack(), "1", None, bugs={"G1": "a", "G2": "b"}))
    assert "**Story 1 test count: 4**" in tiny.files["1/story.md"]
    assert counts(tiny) == []
    tiny = apply(tiny, recount(tiny.pack(), "1", None, bugs={"G3": "c"}))
    assert "| Story 2 | 3 | 8 |" in tiny.files["overview.md"]
    assert counts(tiny) == []


def test_the_run_is_right() -> None:
    """The rows of the story's files follow the tests that ran, where each is some file's; then all agree."""
    tiny = two()
    names = ["tests/desk.test.ts::opens", "tests/desk.test.ts::twice", "tests/desk.test.ts::thrice"]
    apply(tiny, recount(tiny.pack(), "1", 3, tests=names))
    assert "| `tests/desk.test.ts` | 3 | TC-1.1a, TC-1.1b |" in tiny.files["1/story.md"]
    assert counts(tiny) == []


def test_what_cannot_be_told_is_left_and_said() -> None:
    """Rows of which nobody knows which one grew stay as they are; the contradiction is named with its place."""
    tiny = two()
    done = recount(tiny.pack(), "1", 3, tests=["a::x", "a::y", "a::z"])
    assert len(done.left) == 1
    assert done.left[0].startswith("1/story.md:12: The rows add up to 2 tests of story 1, but ")
    assert counts(apply(tiny, done)) == ["C301 1/story.md:12"]


def test_the_story_is_right_and_the_others_follow() -> None:
    """A prompt and an overview with another number are brought in line with the story's own."""
    tiny = two(OVERVIEW.replace("| Story 1 | 2 | 2 |", "| Story 1 | 4 | 4 |")).replace(
        "1/prompt-1.1-skeleton-red.md", "Write 2 failing", "Write 4 failing"
    )
    assert counts(tiny) != []
    done = recount(tiny.pack(), "1", 2)
    assert [line.split(":")[0] for line in changed(done)] == ["overview.md", "1/prompt-1.1-skeleton-red.md"]
    assert counts(apply(tiny, done)) == []


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("| Story 2 | 2 | 2 |", "| Story 2 | 2 | 3 |"),
        ("| Story 2 | 2 (2 new) | 2 |", "| Story 2 | 2 (2 new) | 3 |"),
    ],
)
def test_of_equal_numbers_on_a_line_the_right_one_is_changed(row: str, wanted: str) -> None:
    """The label, the story's own number and the total may all be the same digit; only the total follows."""
    tiny = Tiny()
    tiny.files["overview.md"] = f"# Overview\n\n| Story | Tests | Total |\n|---|---|---|\n| Story 0 | 0 | 0 |\n{row}\n"
    text = LATER.split("**Story 2")[0].replace("| 3 |", "| 2 |") + "\n**Story 2 test count: 2**\n## Prompts\n"
    tiny.files["2/story.md"] = text
    tiny.files["1/story.md"] = tiny.files["1/story.md"].replace("| 2 |", "| 0 |").replace(": 2*", ": 0*")
    tiny.files["1/story.md"] = tiny.files["1/story.md"].replace("2 tests pass", "0 tests pass")
    tiny.replace("1/prompt-1.1-skeleton-red.md", "Write 2 failing", "Write 0 failing")
    apply(tiny, recount(tiny.pack(), "1", 1))
    assert wanted in tiny.files["overview.md"]


def test_who_says_what_is_shown_with_its_place() -> None:
    """Story, prompts and overview, each with file, line and figure."""
    said = count_sources(two().pack(), "1")
    assert "`overview.md:6` says 2 tests of story 1" in said
    assert "`overview.md:6` says 2 tests up to story 1" in said
    assert "`1/story.md:12` says 2 tests of story 1, counted from its rows" in said
    assert "`1/story.md:14` says 2 tests of story 1" in said


def test_the_documents_number_counts_where_they_agree() -> None:
    """Overview and designs give a number only with one voice; silence is none."""
    assert stated_by_documents(two().pack(), "1") == 2
    assert stated_by_documents(Tiny().pack(), "1") is None
    tiny = two()
    tiny.files["plan.md"] = "# Plan\n\n| Story | Tests |\n|---|---|\n| Story 1 | 3 |\n"
    assert stated_by_documents(tiny.pack(), "1") is None
