"""Adoption: front matter and checklist, nothing else; once; and never half a pack without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.adopt import adopt
from engine.errors import FormatError, Locked, UsageError
from engine.files import disk
from engine.files.journal import Journal, read_journal
from engine.look import Repository, look, open_repository
from engine.model.events import Adopted, Wrote
from engine.rules.projection import checklist_text
from tests.life import AT, machine
from tests.repo import SPEC, STORY

CHECKLIST = checklist_text(machine(), "1")


class Raw:
    """A repository whose stories nobody adopted yet."""

    def __init__(self, folder: Path, **stories: str) -> None:
        self.root = folder / "r"
        self.pack = self.root / "docs/stories"
        self.write("story.toml", "")
        self.write("docs/feature-spec.md", SPEC)
        for name, text in stories.items():
            self.write(f"docs/stories/story-{name[1:]}-x/story.md", text)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    @property
    def repository(self) -> Repository:
        return open_repository(self.root, self.root.parent / "state")

    def adopt(self, *ids: str, machine: str = "") -> list[str]:
        return adopt(self.repository, self.pack, ids, author="Ana", clock=lambda: AT, machine=machine)

    def story(self, story: str = "1") -> Path:
        return self.pack / f"story-{story}-x/story.md"

    def journal(self, story: str = "1") -> Path:
        return self.story(story).parent / "evidence/journal.jsonl"


def test_adoption_writes_front_matter_checklist_and_journal(tmp_path: Path) -> None:
    """A raw story gets three keys and its checklist; the journal says who adopted it, when, under what."""
    raw = Raw(tmp_path, s1=STORY)
    assert raw.adopt() == ["docs/stories/story-1-x/story.md"]
    head = f'---\nstate: drafted\nmachine: story\nupdated: "{AT}"\n---\n'
    assert raw.story().read_text() == f"{head}{STORY}\n{CHECKLIST}"
    assert read_journal(raw.journal()) == [
        Adopted(at=AT, by="Ana", machine="story", state="drafted", story="1"),
        Wrote(),
    ]
    assert look(raw.repository, raw.pack, "1").shown.state == "drafted"


@pytest.mark.parametrize(
    "text", [STORY.replace("\n", "\r\n"), STORY.rstrip("\n"), "\ufeff" + STORY, f"---\na: 1\n---\n{STORY}"]
)
def test_the_author_s_bytes_stay(tmp_path: Path, text: str) -> None:
    """Line ends, a missing last one, a BOM and the author's own keys are all kept."""
    raw = Raw(tmp_path, s1=text)
    raw.adopt()
    after = raw.story().read_bytes()
    body = text.encode().removeprefix("\ufeff".encode()).removeprefix(b"---\na: 1\n---\n")
    assert body in after
    assert after.startswith("\ufeff".encode()) == text.startswith("\ufeff")
    assert (b"\r\n" in after) == (after.count(b"\n") == after.count(b"\r\n"))


def test_adopting_again_changes_nothing(tmp_path: Path) -> None:
    """A story that is adopted is passed over, whatever its state is by now."""
    raw = Raw(tmp_path, s1=STORY)
    raw.adopt()
    before = raw.story().read_bytes(), raw.journal().read_bytes()
    assert raw.adopt() == []
    assert (raw.story().read_bytes(), raw.journal().read_bytes()) == before


def test_only_the_named_stories_are_adopted(tmp_path: Path) -> None:
    """Named stories only, all where none is named; an unknown name adopts nothing."""
    two = STORY.replace("Story 1", "Story 2")
    raw = Raw(tmp_path, s1=STORY, s2=two)
    with pytest.raises(UsageError, match="there is no story '7' in docs/stories; there are 1, 2"):
        raw.adopt("2", "7")
    assert not raw.journal("2").exists()
    assert raw.adopt("2") == ["docs/stories/story-2-x/story.md"]
    assert raw.story().read_text() == STORY
    assert raw.adopt() == ["docs/stories/story-1-x/story.md"]


def test_a_machine_may_be_named(tmp_path: Path) -> None:
    """The machine that is named counts; one that does not exist is refused before anything is written."""
    raw = Raw(tmp_path, s1=STORY)
    with pytest.raises(FormatError, match="no machine 'storey'"):
        raw.adopt(machine="storey")
    assert raw.story().read_text() == STORY
    raw.adopt(machine="infrastructure")
    assert look(raw.repository, raw.pack, "1").machine.machine == "infrastructure"


BAD = [
    ("---\ntitle: [\n---\n# Story 1\n", "bad front matter"),
    ("---\nstate: 3\n---\n# Story 1\n", "'state' is 3"),
    ("# Story 1\n\n## Story 1 Execution Checklist\n", "there is a section 'Story 1 Execution Checklist' already"),
]


@pytest.mark.parametrize(("text", "why"), BAD)
def test_a_story_that_cannot_be_adopted_is_told_before_anything_is_written(tmp_path: Path, text: str, why: str) -> None:
    """One bad story is told with its place, and the other stories are untouched too."""
    raw = Raw(tmp_path, s1=STORY, s2=text)
    raw.write("docs/stories/story-2-x/story.md", text.replace("Story 1", "Story 2"))
    with pytest.raises(FormatError) as refused:
        raw.adopt()
    assert why.replace("Story 1", "Story 2") in str(refused.value)
    assert str(refused.value).startswith("docs/stories/story-2-x/story.md:")
    assert raw.story().read_text() == STORY
    assert not raw.journal().exists()
    assert raw.adopt("1")


def test_a_story_file_that_leads_out_is_refused(tmp_path: Path) -> None:
    """A link out of the repository is not written through."""
    raw = Raw(tmp_path, s1=STORY)
    outside = tmp_path / "outside.md"
    outside.write_text(STORY)
    raw.write("docs/stories/story-2-x/prompt-2.1-x.md", "x")
    raw.story("2").symlink_to(outside)
    with pytest.raises(FormatError, match=r"story-2-x/story\.md:1: .*leads out"):
        raw.adopt()
    assert outside.read_text() == STORY


def test_a_killed_adoption_is_finished_as_it_began(tmp_path: Path) -> None:
    """Where the journal was written and story.md was not, the next adoption keeps the first's time and state."""
    raw = Raw(tmp_path, s1=STORY)
    first = Adopted(at="2025-05-05T05:05:05Z", by="Bob", machine="story", state="drafted")
    Journal(raw.journal()).append(first)
    raw.adopt()
    assert 'updated: "2025-05-05T05:05:05Z"' in raw.story().read_text()
    assert read_journal(raw.journal()) == [first, Wrote()]


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    """A journal that does not begin with an adoption is no story's journal."""
    raw = Raw(tmp_path, s1=STORY)
    Journal(raw.journal()).append(Wrote())
    with pytest.raises(FormatError, match=r"evidence/journal\.jsonl:1: .*does not begin with an adoption"):
        raw.adopt()
    assert raw.story().read_text() == STORY


def test_an_engine_at_work_is_not_disturbed(tmp_path: Path) -> None:
    """While another engine holds the story, adopting it is refused and writes nothing."""
    raw = Raw(tmp_path, s1=STORY)
    with (
        disk.hold(raw.repository.advance_lock(raw.pack, "1"), 0),
        pytest.raises(Locked, match="story 1 is being adopted or advanced"),
    ):
        raw.adopt()
    assert raw.story().read_text() == STORY


def test_stories_in_files_are_adopted_beside_each_other(tmp_path: Path) -> None:
    """In the layout of one file a story, each has an evidence folder of its own name."""
    raw = Raw(tmp_path)
    for number in (1, 2):
        raw.write(f"docs/stories/0{number}-x.md", STORY.replace("Story 1", f"Story {number}"))
    assert raw.adopt() == ["docs/stories/01-x.md", "docs/stories/02-x.md"]
    assert (raw.pack / "01-x.evidence/journal.jsonl").exists()
    assert look(raw.repository, raw.pack, "2").evidence == raw.pack / "02-x.evidence"
