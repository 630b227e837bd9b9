"""What a killed engine left is taken up as if it had not been killed."""

from __future__ import annotations

from pathlib import Path

from engine.model.events import Decided, Wrote
from tests.repo import Repo


def test_an_answer_noticed_before_a_kill_is_acted_on_without_a_write_of_its_own(tmp_path: Path) -> None:
    """Killed between taking a person's answer and stepping, the journal ends with the same events as undisturbed."""
    journals = []
    for folder in ("killed", "undisturbed"):
        repo = Repo(tmp_path / folder)
        repo.advance()
        before = repo.tick("Human approved").story.read_bytes()
        repo.advance(one_step=True)
        journal = repo.story.parent / "evidence/journal.jsonl"
        if folder == "killed":
            lines = journal.read_bytes().split(b"\n")
            cut = next(n for n, event in enumerate(repo.events) if isinstance(event, Decided)) + 1
            repo.story.write_bytes(before)
            journal.write_bytes(b"\n".join(lines[:cut]) + b"\n")
            repo.advance(one_step=True)
        journals.append([type(event) for event in repo.events])
    assert journals[0] == journals[1]
    assert journals[0][-1] is Wrote
