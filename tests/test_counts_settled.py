"""A bug that a person finds is one decision: its test, the count and the later totals follow, in one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.check import check_packs
from engine.model.events import Corrected, Decided, Ended
from tests.repo import CHECK, CONFIG, TCS, Repo, prompt, verdict

LATER = """# Story 2: Echo

## Prerequisites

- Story 1 complete

## ACs Covered

- AC-2.1

## Files

- `src/echo` (new)

## Test Breakdown

| Test File | # Tests | TCs |
|---|---|---|
| `tests/tc_2_1a.sh` | 1 | TC-2.1a |

**Story 2 test count: 1**

Running total: 3

## Prompts

- `prompt-2.1-skeleton-red.md`
- `prompt-2.2-green.md`
- `prompt-2.R-verify.md`

## Exit Criteria

- 1 new tests pass
"""
PLAN = """# Test Plan

| Story | Tests | Running Total |
|---|---|---|
| Story 1 | 2 | 2 |
| Story 2 | 1 | 3 |
"""
BUG = "bug: a test for it first, then the fix (say what in the note, as `G1: …`)"
G1 = {"act": "bug_fix", "turn": 1, "files": {"tests/tc_g1.sh": "test -e src/greet\n"}, "reply": {"files": []}}
G2 = {"act": "bug_fix", "turn": 2, "files": {"tests/tc_g2.sh": "test -e src/greet\n"}, "reply": {"files": []}}
VERIFY = {"act": "verify", "reply": verdict(tcs={**TCS, "G1": "pass"}, boundaries=[])}


def two(folder: Path, *lines: dict[str, object]) -> Repo:
    """Story 1 waits for Gorilla testing; story 2 and a plan count on from it. All of it is committed."""
    repo = Repo(folder, *lines, config=CONFIG)
    home = "docs/stories/story-2-echo"
    repo.write(f"{home}/story.md", LATER)
    repo.write(f"{home}/prompt-2.1-skeleton-red.md", prompt("Write 1 failing tests:\n- TC-2.1a"))
    repo.write(f"{home}/prompt-2.2-green.md", prompt("Make it pass. 2 prior tests stay."))
    repo.write(f"{home}/prompt-2.R-verify.md", prompt("Verify:\n- TC-2.1a"))
    repo.write("docs/test-plan.md", PLAN)
    with (repo.root / "docs/feature-spec.md").open("a") as spec:
        spec.write("\n**AC-2.1:** The greeter echoes\n- **TC-2.1a: says it back**\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "two stories")
    repo.advance()
    repo.tick("Human approved").advance()
    assert repo.at == "gorilla"
    repo.git("add", "-A")
    repo.git("commit", "-qm", "gorilla")
    return repo


def bug(repo: Repo, note: str) -> Repo:
    return repo.tick(BUG).edit("Note:", f"Note: {note}")


def counts(repo: Repo) -> list[str]:
    found = check_packs(repo.repository, [repo.pack])
    return [str(problem) for problem in found if problem.code.startswith("C3")]


def whys(repo: Repo, gate: str) -> list[str]:
    return [e.why for e in repo.events if isinstance(e, Ended) and f"gate:{gate}" in e.facts]


def test_a_bug_is_one_decision_for_test_count_and_totals(tmp_path: Path) -> None:
    """The step that takes the bug corrects every figure that rests on it; the gates then accept one test more."""
    repo = two(tmp_path, G1, VERIFY)
    assert counts(repo) == []
    bug(repo, "archived session returns")
    assert repo.steps(repo.advance(one_step=True)) == ["bug_fixing"]
    (decided,) = [e for e in repo.events if isinstance(e, Decided) and e.bugs]
    assert (decided.note, decided.bugs) == ("G1: archived session returns", {"G1": "archived session returns"})
    diff = repo.git("diff", "-U0", "--", "docs/test-plan.md", "docs/stories/story-2-echo")
    assert [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        *("-Make it pass. 2 prior tests stay.", "+Make it pass. 3 prior tests stay."),
        *("-Running total: 3", "+Running total: 4"),
        *("-| Story 1 | 2 | 2 |", "-| Story 2 | 1 | 3 |", "+| Story 1 | 3 | 3 |", "+| Story 2 | 1 | 4 |"),
    ]
    assert "| G1: archived session returns | 1 | G1 |\n" in repo.text
    assert "**Story 1 test count: 3**" in repo.text
    row = next(line for line in repo.text.splitlines() if "gorilla → bug_fixing" in line)
    assert "gorilla: bug (Ana Person <ana@example.org>): G1: archived session returns; test counts corrected in " in row
    assert "docs/test-plan.md:5, 6" in row
    assert counts(repo) == []
    assert repo.steps(repo.advance())[-1] == "gorilla"
    assert whys(repo, "counts")[-1] == "counts match: 3 new tests, 2 TCs, G1, as the story and a person name them"
    assert "tests frozen anew, as decided: gorilla: bug" in whys(repo, "tests")[-1]
    repo.tick("Gorilla testing done (human)")
    assert repo.steps(repo.advance()) == ["verifying", "accepting"]


@pytest.mark.long
def test_bugs_one_after_the_other_are_numbered_on(tmp_path: Path) -> None:
    """The second bug is G2, whatever the first was called; an id that was given before is told with its line."""
    repo = two(tmp_path, G1, G2)
    bug(repo, "G1: returns").advance()
    assert repo.at == "gorilla"
    bug(repo, "G1: is slow")
    waiting = repo.advance().waiting
    assert waiting is not None
    assert waiting.items[0].text.endswith("G1 was reported before; the next one is G2")
    assert waiting.items[0].line == repo.line(": Gorilla testing")
    repo.edit("G1: is slow", "is slow").advance()
    assert repo.at == "gorilla"
    assert whys(repo, "counts")[-1].startswith("counts match: 4 new tests, 2 TCs, G1, G2, ")
    assert "**Story 1 test count: 4**" in repo.text
    assert counts(repo) == []


@pytest.mark.long
def test_a_bug_needs_words_and_its_own_test(tmp_path: Path) -> None:
    """Without a note nothing moves; a test that does not name the bug is none for it."""
    repo = two(tmp_path, {**G1, "files": {"tests/other.sh": "true\n"}})
    repo.tick(BUG)
    waiting = repo.advance().waiting
    assert waiting is not None
    assert waiting.items[0].text.endswith("write a note after `Note:`")
    repo.edit("Note:", "Note: returns").advance()
    assert repo.at == "counting"
    assert whys(repo, "counts")[-1] == "counts mismatch: no passing test names G1"


def test_after_a_fix_she_sees_what_changed_since_she_tested(tmp_path: Path) -> None:
    """The question says what she said before, which files changed by how much, and which own items to confirm."""
    fix = {"act": "code_fix", "files": {"src/greet": "hello\n\n"}, "reply": {"files": ["src/greet"]}}
    repo = two(tmp_path, fix)
    repo.edit("- [ ] Verify prompt executed", "- [x] Keyboard works\n- [ ] Verify prompt executed")
    assert "You answered" not in repo.text
    repo.tick("feels wrong: fix first (say what in the note)").edit("Note:", "Note: too quiet").advance()
    assert repo.at == "gorilla"
    shown = repo.text.split("### Decisions")[1].split("Tick `")[0]
    assert "You answered 'feels wrong' before (2026-01-01T00:00:00Z): too quiet\n" in shown
    assert "Files of the story that changed since:\n\n- `src/greet` +1 -0\n" in shown
    assert "Do your own items under Verification still hold? Untick what does not:\n\n- `Keyboard works` (line" in shown


def test_the_question_of_counts_shows_who_says_what_and_the_answer_settles_it(tmp_path: Path) -> None:
    """Story, plan, prompts and run with their places; `run is right` brings all of them in line, or says what not."""
    repo = Repo(tmp_path, {"act": "impl", "files": {"tests/tc_1_1a.sh": CHECK}, "reply": {"files": []}})
    repo.write("docs/test-plan.md", "# Test Plan\n\n| Story | Tests |\n|---|---|\n| Story 1 | 2 |\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "a plan")
    repo.advance()
    repo.tick("Human approved").advance()
    assert repo.at == "counting"
    shown = repo.text.split("### Decisions")[1]
    assert "- `docs/test-plan.md:5` says 2 tests of story 1\n" in shown
    ran = "counts mismatch: no passing test names TC-1.1b; the story names 2 tests, 1 new ones ran"
    assert f"- the last run, {ran}\n" in shown
    repo.tick("run is right").edit("Note (required):", "Note (required): the other one is by hand").advance()
    assert "| Story 1 | 1 |" in (repo.root / "docs/test-plan.md").read_text()
    assert "**Story 1 test count: 1**" in repo.text
    assert "| `tests/tc_1_1b.sh` | 0 | TC-1.1b |" in repo.text
    row = next(line for line in repo.text.splitlines() if "counting → self_review" in line)
    assert "test counts corrected in " in row
    assert counts(repo) == []


def test_killed_between_journal_and_files_the_figures_are_written_next_time(tmp_path: Path) -> None:
    """Whatever of the files was not written when the engine died is written by the next one, once."""
    repo = two(tmp_path, G1)
    files = [repo.story, repo.pack / "story-2-echo/story.md", repo.root / "docs/test-plan.md"]
    old = [file.read_bytes() for file in files]
    bug(repo, "returns")
    asked = repo.story.read_bytes()
    repo.advance(one_step=True)
    new = [file.read_bytes() for file in files]
    journal = repo.story.parent / "evidence/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"event":"corrected"'))
    for keep in range(2):  # the plan was written already, or nothing was
        journal.write_bytes(b"".join(lines[: at + 1]))
        for file, raw in zip(files, [asked, *old[1:]], strict=True):
            file.write_bytes(raw)
        if keep:
            files[2].write_bytes(new[2])
        repo.advance(one_step=True)
        assert [file.read_bytes() for file in files] == new
        assert journal.read_bytes().splitlines(keepends=True) == lines


def test_a_line_that_somebody_changed_meanwhile_is_reported_and_not_guessed(tmp_path: Path) -> None:
    """Other words in a figure's line keep it as it is; the log says which line was not corrected."""
    repo = two(tmp_path, G1)
    bug(repo, "returns")
    asked = repo.story.read_bytes()
    repo.advance(one_step=True)
    journal = repo.story.parent / "evidence/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"event":"corrected"'))
    (corrected,) = [e for e in repo.events if isinstance(e, Corrected)]
    journal.write_bytes(b"".join(lines[: at + 1]))
    repo.story.write_bytes(asked)
    later = repo.pack / "story-2-echo/story.md"
    later.write_text(later.read_text().replace("Running total: 4", "Running total, by Bob: 5"))
    assert any(figure.file.endswith("story-2-echo/story.md") for figure in corrected.figures)
    repo.advance(one_step=True)
    assert "Running total, by Bob: 5" in later.read_text()
    assert "not corrected, since the line is not there any more: docs/stories/story-2-echo/story.md:" in repo.text
