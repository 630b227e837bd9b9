"""Evidence: one file an action, machine-readable in front, beside the story."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.errors import Tampered
from engine.files.evidence import evidence_folder, read_checked, save_evidence
from engine.markdown import front_matter


@pytest.mark.parametrize(
    ("story", "layout", "folder"),
    [
        ("docs/stories/story-4-login/story.md", "folders", "docs/stories/story-4-login/evidence"),
        ("docs/stories/04-login.md", "files", "docs/stories/04-login.evidence"),
        ("docs/stories/04-v1.2.md", "files", "docs/stories/04-v1.2.evidence"),
    ],
)
def test_evidence_lies_beside_the_story(story: str, layout: str, folder: str) -> None:
    """A story with a folder of its own keeps `evidence/` in it, a story file a folder of its own name."""
    assert evidence_folder(Path(story), layout) == Path(folder)


def test_evidence_is_read_back_as_it_was(tmp_path: Path) -> None:
    """The front part is YAML that says what was said, also with line ends and fences; the hash is of the bytes."""
    head = {"story": "0", "result": "why: a\n---\nb — ✓", "ended": "2026-01-01T00:00:00Z", "n": 3}
    path = tmp_path / "evidence/01-x.md"
    sha = save_evidence(path, head, "\n\nbody\n\n- [ ] one\n\n")
    raw = path.read_bytes()
    assert sha == hashlib.sha256(raw).hexdigest()
    assert front_matter.read(raw) == head
    assert raw.endswith(b"---\n\nbody\n\n- [ ] one\n")
    assert list(front_matter.read(raw)) == [*head]


def test_the_same_evidence_is_not_written_again(tmp_path: Path) -> None:
    """A killed engine that saves the same evidence once more touches nothing."""
    path = tmp_path / "01-x.md"
    first = save_evidence(path, {"a": 1}, "x")
    before = path.stat()
    assert save_evidence(path, {"a": 1}, "x") == first
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert save_evidence(path, {"a": 1}, "y") != first


def test_only_evidence_that_the_journal_knows_is_believed(tmp_path: Path) -> None:
    """Evidence that is gone or was edited is refused with its name; what the engine wrote is read back."""
    path = tmp_path / "01-tests.md"
    sha = save_evidence(path, {"story": "1"}, "Tests: 1 passed")
    assert read_checked(path, sha, "evidence/01-tests.md").endswith("Tests: 1 passed\n")
    path.write_bytes(path.read_bytes() + b"2 passed\xff")
    with pytest.raises(Tampered, match=r"evidence/01-tests\.md: the evidence is not what the engine wrote"):
        read_checked(path, sha, "evidence/01-tests.md")
    with pytest.raises(Tampered, match="cannot be read"):
        read_checked(tmp_path / "none.md", sha, "none.md")
