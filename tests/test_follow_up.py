"""`story ask`: a question in between reaches the newest session; only journal and evidence change."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import CallFailed, Locked, UsageError
from engine.files import disk
from engine.follow_up import Answered, follow_up
from engine.model.events import Began, Ended, Event
from engine.wiring import wire
from tests.life import AT
from tests.repo import Repo, verdict
from tests.test_advance import FAILS_ONCE

ROLE = "builder_validator"
ANSWER = {"act": "ask", "reply": "Because line 4 says two."}


def ask(repo: Repo, question: str = "Why?", role: str = ROLE) -> Answered:
    ports = wire(repo.repository, tell=lambda _: None, clock=lambda: AT)
    return follow_up(repo.repository, repo.pack, "1", role, question, ports=ports)


def waiting(folder: Path, *lines: dict[str, object]) -> Repo:
    """A story that waits for approval after a re-validation."""
    repo = Repo(folder, *lines, *FAILS_ONCE)
    repo.advance()
    return repo


def last(repo: Repo, kind: type[Event]) -> Event:
    return next(event for event in reversed(repo.events) if isinstance(event, kind))


def test_the_newest_session_answers_and_nothing_else_changes(tmp_path: Path) -> None:
    """The role's newest session is resumed; story.md, facts and state stay, and the next advance writes nothing."""
    repo = waiting(tmp_path, ANSWER)
    before, progress = repo.text, repo.look().progress
    newest = next(e.session for e in reversed(repo.events) if isinstance(e, Ended) and "again-builder" in e.evidence)
    done = ask(repo)
    assert done.answer == "Because line 4 says two."
    began = last(repo, Began)
    assert isinstance(began, Began)
    assert (began.resumes, began.question) == (newest, "Why?")
    assert done.evidence.endswith(f"{began.number:02d}-ask-builder-validator.md")
    kept = (repo.root / done.evidence).read_text()
    assert "## Question\n\nWhy?\n\n## Answer\n\nBecause line 4 says two." in kept
    after = repo.look().progress
    same = ("state", "facts", "done", "latest", "judged", "turns", "findings", "sessions", "unwritten", "log")
    assert [getattr(after, name) for name in same] == [getattr(progress, name) for name in same]
    assert repo.text == before
    whole = repo.bytes()
    assert repo.advance().steps == []
    assert repo.bytes() == whole


def test_a_verdict_in_the_answer_is_only_words(tmp_path: Path) -> None:
    """Whatever the answer looks like, it is no verdict."""
    repo = waiting(tmp_path, {"act": "ask", "reply": verdict("FAIL")})
    facts = repo.look().progress.facts
    assert '"verdict": "FAIL"' in ask(repo).answer
    assert repo.look().progress.facts == facts
    repo.tick("Human approved")
    assert "queued" in repo.steps(repo.advance())


def test_who_has_no_session_is_told_who_has(tmp_path: Path) -> None:
    """Nobody who has not spoken can be asked; the error names those who have."""
    repo = waiting(tmp_path)
    with pytest.raises(
        UsageError, match="no session of 'verifier' yet; there are: builder_validator, engineer, pedant"
    ):
        ask(repo, role="verifier")
    with pytest.raises(UsageError, match="has no such role"):
        ask(repo, role="cook")
    with pytest.raises(UsageError, match="the question is empty"):
        ask(repo, " ")


def test_a_failure_is_kept_and_told(tmp_path: Path) -> None:
    """A technical failure is an error, not an answer; asked again, it is another call."""
    repo = waiting(tmp_path, {"act": "ask", "fails": "the service is down"})
    with pytest.raises(CallFailed, match="the service is down"):
        ask(repo)
    repo.script(ANSWER)
    assert ask(repo).answer == "Because line 4 says two."


def test_a_killed_question_is_not_paid_twice(tmp_path: Path) -> None:
    """Killed after the reply was remembered, the same question takes it up; another question is a call of its own."""
    repo = waiting(tmp_path, ANSWER)
    ask(repo)
    journal = repo.story.parent / "evidence/journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    repo.script({"act": "ask", "reply": "Something else."})
    assert repo.advance().steps == []
    assert ask(repo, "And why not?").answer == "Something else."
    assert ask(repo).answer == "Because line 4 says two."
    asked = [event.question for event in repo.events if isinstance(event, Began) and event.question]
    assert asked == ["Why?", "And why not?"]


def test_it_waits_for_no_engine(tmp_path: Path) -> None:
    """While another engine advances the story, nobody is asked."""
    repo = waiting(tmp_path, ANSWER)
    with disk.hold(repo.repository.advance_lock(repo.pack, "1"), 0, what="x"), pytest.raises(Locked):
        ask(repo)


def test_a_role_played_by_hand_is_answered_by_hand(tmp_path: Path) -> None:
    """The question is saved as a brief; the reply beside it is taken when the same is asked again."""
    repo = waiting(tmp_path)
    config = (repo.root / "story.toml").read_text()
    plays = f'[roles.{ROLE}]\nagent = "scripted"\nscript = "../script.yaml"\n'
    repo.write("story.toml", config.replace(plays, ""))
    brief = Path(ask(repo).brief)
    assert "Why?" in brief.read_text()
    brief.with_suffix(".reply.md").write_text("By hand.")
    assert ask(repo).answer == "By hand."


def test_a_question_beyond_the_limit_is_not_asked(tmp_path: Path) -> None:
    """A question is a run of an agent like any other: the line of story.toml is told, and nothing is begun."""
    repo = waiting(tmp_path, ANSWER)
    toml = (repo.root / "story.toml").read_text()
    repo.write("story.toml", toml + "\n[limits]\nstory = {calls = 5}\n")
    with pytest.raises(UsageError, match=r"story\.toml:\d+: limits\.story: 5 of 5 runs of agents are made"):
        ask(repo)
    assert len(repo.events) == len(waiting(tmp_path / "other", ANSWER).events)
