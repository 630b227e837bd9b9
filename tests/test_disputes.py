"""Disputes in a whole story: the fixer rejects, the validators answer, a person challenges, and how findings end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.advance import Advanced
from engine.markdown.edit import apply_edits
from engine.model.events import Began, Decided, Ended, Wrote
from engine.rules.disputes import dispositions
from engine.rules.history import fold
from engine.rules.projection import edits
from tests.repo import CONFIG, Repo, finding, verdict

ISSUE = finding("says two words, tests one")
FOUND = {"act": "builder", "reply": verdict("FAIL", ISSUE)}
REJECTED = {
    "act": "fixer",
    "reply": {"answers": [{"finding": "F1", "answer": "rejected", "because": "docs/feature-spec.md:4 says it"}]},
}
TITLE = {"file": "docs/feature-spec.md", "old": "# Feature Spec", "new": "# The Feature Spec"}
FIXED = {"act": "fixer", "replace": [TITLE], "reply": {"answers": [{"finding": "F1", "answer": "fixed"}]}}
SPEC = "docs/feature-spec.md"


def says(answer: str, because: str = "docs/feature-spec.md:4 shows it", **more: str) -> dict[str, str]:
    """What a validator answers about F1."""
    return {"finding": "F1", "answer": answer, "because": because, **more}


def again(said: str, *disputes: dict[str, str], findings: tuple[dict[str, str], ...] = (), **more: object) -> dict:
    """A re-validation by the builder."""
    return {
        "act": "again",
        "role": "builder_validator",
        "reply": verdict(said, *findings, disputes=[*disputes]),
        **more,
    }


def ends(repo: Repo) -> dict[str, str]:
    return {found.id: end for found, end in dispositions(repo.look().progress)}


def listed(repo: Repo) -> str:
    return (repo.story.parent / "evidence/findings.md").read_text()


def question(repo: Repo, name: str) -> str:
    return repo.text.split(f"#### {name}: ")[1].split("####")[0].split("### Log")[0]


def calls(repo: Repo, act: str) -> list[Began]:
    return [event for event in repo.events if isinstance(event, Began) and event.act == act]


def steps(repo: Repo, result: Advanced) -> list[str]:
    return repo.steps(result)[repo.steps(result).index("fixing") :]


def test_what_the_validator_concedes_is_closed(tmp_path: Path) -> None:
    """Rejected by the fixer and conceded in the same session: the finding is closed, and nobody else is asked."""
    repo = Repo(tmp_path, FOUND, REJECTED, again("PASS", says("concede", "I misread line 4")))
    assert steps(repo, repo.advance()) == ["fixing", "revalidating", "approving"]
    assert ends(repo) == {"F1": "conceded by builder_validator"}
    row = listed(repo).split("## Closed")[1]
    assert "- [x] F1 issue" in row
    assert "(builder_validator concedes: I misread line 4) (conceded by builder_validator)" in row
    (call,) = calls(repo, "again")
    assert call.resumes == next(e.session for e in repo.events if isinstance(e, Ended) and "verdict" in str(e.facts))
    assert "- F1: concede, because I misread line 4" in (repo.story.parent / "evidence" / call.evidence).read_text()


def test_a_revised_severity_is_recorded(tmp_path: Path) -> None:
    """Partly: the finding gets lighter, and what it was, what it is and who revised it stand in the findings."""
    repo = Repo(tmp_path, FOUND, REJECTED, again("PASS", says("partly", "only the wording", severity="nit")))
    assert steps(repo, repo.advance()) == ["fixing", "revalidating", "approving"]
    assert "- [ ] F1 nit" in listed(repo)
    assert "(issue → nit by builder_validator: only the wording)" in listed(repo)
    assert ends(repo) == {"F1": "a nit"}


def test_a_blocker_that_is_an_issue_now_is_still_fixed(tmp_path: Path) -> None:
    """Partly to an issue leaves it on the fix list, with the lighter weight."""
    found = {"act": "builder", "reply": verdict("FAIL", finding("says two", severity="blocker"))}
    fixes = {**FIXED, "turn": 2, "replace": [{**TITLE, "old": "in two words", "new": "in 2 words", "file": SPEC}]}
    lines = [found, {**REJECTED, "turn": 1}, fixes, again("FAIL", says("partly", severity="issue"), turn=1)]
    repo = Repo(tmp_path, *lines)
    assert steps(repo, repo.advance()) == ["fixing", "revalidating", "fixing", "revalidating", "approving"]
    assert ends(repo) == {"F1": "fixed (confirmed in round 3)"}


def test_what_is_held_goes_to_a_person_with_both_sides(tmp_path: Path) -> None:
    """Hold: the question in story.md shows what the fixer says and what the validator says."""
    repo = Repo(tmp_path, FOUND, REJECTED, again("FAIL", says("hold", "AC-1.1 wants both")))
    assert steps(repo, repo.advance()) == ["fixing", "revalidating", "triage"]
    asked = question(repo, "D1")
    assert "the fixer says rejected: docs/feature-spec.md:4 says it; builder_validator holds it: AC-1.1 wants" in asked
    assert ends(repo) == {"F1": ""}
    repo.tick("defer: it waits for the polish pass")
    repo.advance()
    assert repo.at == "approving"
    assert ends(repo) == {"F1": "deferred by Ana Person <ana@example.org>"}


def test_an_answer_that_takes_itself_back_is_asked_for_again_in_the_same_session(tmp_path: Path) -> None:
    """Hold with PASS is invalid: the same session is told why, and asked once more."""
    first = again("PASS", says("hold"), turn=1)
    repo = Repo(tmp_path, FOUND, REJECTED, first, again("PASS", says("concede"), turn=2))
    repo.advance()
    one, two = calls(repo, "again")
    refused = next(e for e in repo.events if isinstance(e, Ended) and e.call == one.call)
    assert (refused.status, two.resumes) == ("invalid", refused.session)
    assert "PASS with 1 open blockers or issues contradicts itself" in refused.why
    assert ends(repo) == {"F1": "conceded by builder_validator"}


def test_what_story_check_found_and_the_fixer_rejects_goes_to_a_person(tmp_path: Path) -> None:
    """No validator can concede what a program found: a person decides."""
    repo = Repo(tmp_path, REJECTED)
    repo.edit("**Story 1 test count: 2**", "**Story 1 test count: 3**")
    repo.advance()
    assert repo.at == "triage"
    assert "the fixer says rejected" in question(repo, "D1")


def held(tmp_path: Path, *lines: dict[str, object]) -> Repo:
    """A story whose finding was refuted by the spot check, so that a person is asked about it."""
    wrong = {"act": "builder", "reply": verdict("FAIL", finding("says three", "in three words"))}
    repo = Repo(tmp_path, wrong, *lines)
    repo.advance()
    assert repo.at == "triage"
    return repo


def challenge(repo: Repo, note: str = "line 4 says two") -> Repo:
    repo.tick("challenge: the validator answers first (say why in the note)")
    asked = question(repo, repo.look().shown.decisions[0].id)
    return repo.edit(asked, re.sub(r"Note:\n?", f"Note: {note}\n", asked))


def answering(said: str, *disputes: dict[str, str]) -> dict[str, object]:
    return {**again(said, *disputes), "act": "answer"}


def test_a_challenge_is_answered_by_the_validator_that_found_it(tmp_path: Path) -> None:
    """Only that validator is asked, in its session, with the person's words; what it concedes is closed."""
    repo = challenge(held(tmp_path, answering("PASS", says("concede"))))
    assert repo.steps(repo.advance()) == ["answering", "approving"]
    (call,) = calls(repo, "answer")
    assert call.role == "builder_validator"
    assert call.resumes is not None
    assert ends(repo) == {"F1": "conceded by builder_validator"}


def test_a_challenge_needs_its_note(tmp_path: Path) -> None:
    """Without words there is nothing to answer: the story waits at the question."""
    repo = held(tmp_path)
    repo.tick("challenge: the validator answers first (say why in the note)")
    waiting = repo.advance().waiting
    assert waiting is not None
    assert waiting.items[0].text == "D1: write a note after `Note:`"
    assert repo.at == "triage"


def test_what_is_still_held_comes_back_once_without_the_challenge(tmp_path: Path) -> None:
    """Held against her: the person decides, and cannot challenge the same finding for ever."""
    repo = challenge(held(tmp_path, answering("FAIL", says("hold", "it says three in the plan"))))
    assert repo.steps(repo.advance()) == ["answering", "triage"]
    asked = question(repo, "D2")
    assert "a person challenges it: line 4 says two; builder_validator holds it: it says three in the plan" in asked
    assert "challenge:" not in asked
    repo.tick("not real: the validator is mistaken")
    assert repo.steps(repo.advance()) == ["approving"]
    assert ends(repo) == {"F1": "not real by Ana Person <ana@example.org>"}


NEW = finding("says it twice, means once", "TC-1.1b: says it twice", where="docs/feature-spec.md:5")


def test_a_new_issue_that_no_fix_caused_is_late(tmp_path: Path) -> None:
    """From the second round on an issue in an untouched section holds nothing up; it is kept in the findings."""
    other = finding("the gates are not named", "None.", where="docs/stories/story-1-greeter/story.md:11")
    repo = Repo(tmp_path, FOUND, FIXED, again("FAIL", findings=(other,)))
    assert steps(repo, repo.advance()) == ["fixing", "revalidating", "approving"]
    assert ends(repo) == {"F1": "fixed (confirmed in round 2)", "F2": "late"}
    assert "F2 issue" in listed(repo).split("## Not on the fix list")[1]
    assert "FAIL of builder_validator counts as PASS" in repo.text
    verdicts = [e.facts for e in repo.events if isinstance(e, Ended) and "verdict:builder_validator" in e.facts]
    assert [fact["verdict:builder_validator"] for fact in verdicts] == ["FAIL", "FAIL", "PASS"]


def test_a_new_issue_where_the_fixer_worked_holds_the_story_up(tmp_path: Path) -> None:
    """An issue in the section that was changed goes to the fixer again, and so does one that names the fix."""
    here = finding("the title is wrong now", "# The Feature Spec", where="docs/feature-spec.md:1")
    far = finding("the gates are not named", "None.", where="docs/stories/story-1-greeter/story.md:11", broken_by="F1")
    for name, caused in (("here", here), ("far", far)):
        repo = Repo(tmp_path / name, FOUND, {**FIXED, "turn": 1}, again("FAIL", findings=(caused,), turn=1))
        result = repo.advance()
        assert steps(repo, result)[:3] == ["fixing", "revalidating", "fixing"], name


def test_a_blocker_is_never_late(tmp_path: Path) -> None:
    """A blocker holds the story up whenever it is found."""
    other = finding("no gate", "None.", where="docs/stories/story-1-greeter/story.md:11", severity="blocker")
    repo = Repo(tmp_path, FOUND, {**FIXED, "turn": 1}, again("FAIL", findings=(other,), turn=1))
    assert steps(repo, repo.advance())[:3] == ["fixing", "revalidating", "fixing"]


def test_who_leaves_issues_is_named(tmp_path: Path) -> None:
    """With `blockers only` the issues are left by the person who said so, and the findings say by whom."""
    config = CONFIG.replace('effort = "all"', 'effort = "blockers only"\nby = "Ana"')
    repo = Repo(tmp_path, FOUND, config=config)
    assert repo.steps(repo.advance()) == ["validating", "consolidating", "approving"]
    who = "accepted (blockers only) by Ana (the standing answer in story.toml)"
    assert ends(repo) == {"F1": who}
    assert f"({who})" in listed(repo)


@pytest.mark.long
def test_every_finding_has_ended_before_a_story_is_complete(tmp_path: Path) -> None:
    """A story with a fixed, a conceded and a late finding completes; each says how it ended."""
    two = finding("unclear", "**AC-1.1:** The greeter greets", where="docs/feature-spec.md:3")
    other = finding("the gates are not named", "None.", where="docs/stories/story-1-greeter/story.md:11")
    answers = [{"finding": "F1", "answer": "fixed"}, {"finding": "F2", "answer": "rejected", "because": "see AC-1.1"}]
    found = {"act": "builder", "reply": verdict("FAIL", two, ISSUE)}
    fixer = {**FIXED, "reply": {"answers": answers}}
    concede = {"finding": "F2", "answer": "concede", "because": "AC-1.1 says it"}
    repo = Repo(tmp_path, found, fixer, again("FAIL", concede, findings=(other,)))
    for tick in ("Human approved", "Gorilla testing done (human)", "Story marked complete"):
        repo.advance()
        repo.tick(tick)
    repo.advance()
    assert repo.at == "complete"
    wanted = {"F1": "fixed (confirmed in round 2)", "F2": "conceded by builder_validator", "F3": "late"}
    assert ends(repo) == wanted
    for name, end in wanted.items():
        assert re.search(rf"{name} issue .*\({re.escape(end)}\)", listed(repo))


@pytest.mark.long
def test_a_dispute_survives_a_kill_at_every_line_of_the_journal(tmp_path: Path) -> None:
    """Cut behind any line of a life with dispute and challenge, the journal leads on to the same end."""
    lines = [FOUND, REJECTED, again("FAIL", says("hold")), answering("PASS", says("concede"))]
    whole = Repo(tmp_path / "whole", *lines)
    whole.advance()
    challenge(whole).advance()
    assert whole.at == "approving"
    wanted = (whole.text, ends(whole), len(whole.events))
    journal = (whole.story.parent / "evidence/journal.jsonl").read_bytes().splitlines(keepends=True)
    first = next(n for n, e in enumerate(whole.events) if isinstance(e, Decided) and e.option == "challenge")
    challenged = Repo(tmp_path / "challenged", *lines)
    challenged.advance()
    challenge(challenged)
    for cut in range(first + 1, len(journal)):
        repo = challenged.copy(tmp_path / str(cut), *lines)
        _become(repo, whole, journal[:cut])
        repo.advance()
        assert (repo.text, ends(repo), len(repo.events)) == wanted, cut


def _become(repo: Repo, whole: Repo, journal: list[bytes]) -> None:
    """Take over a journal with the evidence that it knows, and the replies that were remembered."""
    folder = repo.story.parent / "evidence"
    base, events = len(repo.events), whole.events
    for wrote in (n for n in range(base, len(journal)) if isinstance(events[n], Wrote)):
        seen = repo.look()
        progress = fold(seen.machine, events[:wrote])
        raw = apply_edits(repo.story.read_bytes(), edits(seen.machine, progress, seen.shown, "evidence"))
        (folder / "journal.jsonl").write_bytes(b"".join(journal[: wrote + 1]))
        repo.story.write_bytes(raw)
    (folder / "journal.jsonl").write_bytes(b"".join(journal))
    for event in repo.events:
        if isinstance(event, Ended):
            (folder / event.evidence).write_bytes((whole.story.parent / "evidence" / event.evidence).read_bytes())
    merged = [e.evidence for e in repo.events if isinstance(e, Ended) and e.evidence.endswith("-consolidate.md")]
    body = (whole.story.parent / "evidence" / merged[-1]).read_text().split("---\n", 2)[2]
    (folder / "findings.md").write_text(f"---\nstory: '1'\nfrom: {merged[-1]}\n---\n{body}")
    for path in whole.state.glob("calls.sqlite*"):
        (repo.state / path.name).write_bytes(path.read_bytes())
