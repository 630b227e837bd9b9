"""Packs on disk: found by their stories, read whatever happens."""

from __future__ import annotations

import time
from pathlib import Path

from engine.checks import check_pack
from engine.files.pack import exists_in, find_packs, read_pack

SPEC = "# Spec\n**AC-1.1:** opens\n- **TC-1.1a: once**\n"
DESIGN = "# Technical Design\n| TC | Test |\n|---|---|\n| TC-1.1a | once |\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_packs_are_found_by_their_stories(tmp_path: Path) -> None:
    """A folder of story folders, or of two story files, wherever it lies; nothing hidden or installed."""
    story = "# Story\nTC-1.1a\n"
    root = write(
        tmp_path,
        {
            "docs/epics/01-a/stories/story-1-x/story.md": story,
            "docs/epics/02-b/stories/01-x.md": "# Story 1: X\n",
            "docs/epics/02-b/stories/02-y.md": SPEC,
            "docs/decisions/0001-use-git.md": "# Use git\n",
            "docs/decisions/0002-use-make.md": "# Use make\n",
            "docs/one/01-x.md": "# Story 1: X\n",
            ".hidden/story-1-x/story.md": story,
            "node_modules/p/story-1-x/story.md": story,
            ".venv/story-1-x/story.md": story,
            "docs/epics/02-b/stories/01-x.evidence/story-1-x/story.md": story,
            "empty/story-1-x/notes.md": story,
        },
    )
    assert [p.relative_to(root).as_posix() for p in find_packs(root)] == [
        "docs/epics/01-a/stories",
        "docs/epics/02-b/stories",
    ]


def test_links_out_of_the_root_and_circles_are_not_followed(tmp_path: Path) -> None:
    """Each folder is looked at once, and only inside of the root."""
    write(tmp_path, {"out/story-1-x/story.md": "# Story 1\n", "root/docs/story-1-x/story.md": "# Story 1\n"})
    root = tmp_path / "root"
    (root / "elsewhere").symlink_to(tmp_path / "out")
    (root / "docs" / "circle").symlink_to(root)
    assert find_packs(root) == [root / "docs"]


def test_stories_come_in_natural_order(tmp_path: Path) -> None:
    """0, 1, 2a, 2b, 10."""
    for id_ in ("10", "2b", "0", "2a", "1"):
        write(tmp_path, {f"s/story-{id_}-x/story.md": "x\n"})
    pack, problems = read_pack(tmp_path, tmp_path / "s")
    assert [s.id for s in pack.stories] == ["0", "1", "2a", "2b", "10"]
    assert problems == []


def test_documents_are_known_by_what_they_say(tmp_path: Path) -> None:
    """Names do not matter: specs define ACs, plans and designs map TCs, overviews list stories."""
    root = write(
        tmp_path,
        {
            "docs/epics/a/stories/story-1-x/story.md": "# Story 1\nTC-1.1a\n",
            "docs/epics/a/stories/story-1-x/prompt-1.1-red.md": "x\n",
            "docs/epics/a/stories/story-1-x/notes.md": "x\n",
            "docs/epics/a/stories/shards.md": "# Shards\n| Story | Title |\n|---|---|\n| 1 | X |\n",
            "docs/epics/a/wishes.md": SPEC,
            "docs/epics/a/how.md": DESIGN,
            "docs/epics/a/proof.md": "# Test Plan\n| TC | Test |\n|---|---|\n| TC-1.1a | once |\n",
            "docs/epics/a/prd.md": "# PRD\nMany wishes.\n",
            "docs/other.md": "# Spec\n**AC-9.1:** no\n- **TC-9.1a: no**\n",
            "docs/wishes.md": SPEC,
        },
    )
    pack, problems = read_pack(root, root / "docs/epics/a/stories")
    assert problems == []
    assert (pack.name, pack.root, pack.layout) == ("a", "docs/epics/a/stories", "folders")
    assert pack.overview is not None
    assert pack.overview.path == "docs/epics/a/stories/shards.md"
    assert [s.path for s in pack.specs] == ["docs/epics/a/wishes.md"]
    assert [s.path for s in pack.designs] == ["docs/epics/a/how.md"]
    assert [s.path for s in pack.plans] == ["docs/epics/a/proof.md"]
    assert [p.path for p in pack.stories[0].prompts] == ["docs/epics/a/stories/story-1-x/prompt-1.1-red.md"]


def test_documents_above_serve_where_none_is_nearer(tmp_path: Path) -> None:
    """The spec and the overview in docs/; one about other ids is not ours, nor is a plan about them."""
    root = write(
        tmp_path,
        {
            "docs/epics/a/stories/story-1-x/story.md": "# Story 1\nTC-1.1a\n",
            "docs/a.md": SPEC,
            "docs/b.md": "# Spec\n**AC-9.1:** no\n- **TC-9.1a: no**\n",
            "docs/c.md": "# Test Plan\n| TC | T |\n|---|---|\n| TC-9.1a | no |\n",
            "docs/d.md": "# Notes\n| Story | Title |\n|---|---|\n| 1 | X |\n",
        },
    )
    pack, _ = read_pack(root, root / "docs/epics/a/stories")
    assert [s.path for s in pack.specs] == ["docs/a.md"]
    assert pack.plans == ()
    assert pack.overview is not None
    assert pack.overview.path == "docs/d.md"


def test_a_file_per_story(tmp_path: Path) -> None:
    """Zeros are no part of an id; evidence is no story; prompts go by their number."""
    root = write(
        tmp_path,
        {
            "docs/stories/00-setup.md": "# Story 0: Setup\n",
            "docs/stories/01-open.md": SPEC,
            "docs/stories/02a-close.md": "# Story 2a: Close\n",
            "docs/stories/03-notes.md": "# Notes\n",
            "docs/stories/01-open.evidence/summary.md": SPEC,
            "docs/stories/prompt-1.1-red.md": "x\n",
        },
    )
    pack, problems = read_pack(root, root / "docs/stories")
    assert problems == []
    assert (pack.layout, pack.name) == ("files", "stories")
    assert [(s.id, s.slug, len(s.prompts)) for s in pack.stories] == [
        ("0", "setup", 0),
        ("1", "open", 1),
        ("2a", "close", 0),
    ]
    assert pack.specs == ()


def test_a_bad_file_is_one_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    """A folder in a file's place, bytes that are no UTF-8, links that lead out, nowhere or in circles."""
    root = write(tmp_path / "root", {f"s/story-{n}-x/story.md": f"# Story {n}\n" for n in range(6)})
    write(tmp_path, {"secret.md": "secret"})
    at = root / "s"
    for n in (1, 3, 4, 5):
        (at / f"story-{n}-x/story.md").unlink()
    (at / "story-1-x/story.md").mkdir()
    (at / "story-2-x/story.md").write_bytes(b"# Story 2\n\xff\n")
    (at / "story-3-x/story.md").symlink_to(tmp_path / "secret.md")
    (at / "story-4-x/story.md").symlink_to(at / "nowhere.md")
    (at / "story-5-x/story.md").symlink_to(at / "story-5-x/story.md")
    pack, problems = read_pack(root, at)
    assert [s.id for s in pack.stories] == ["0", "2"]
    assert [(p.code, p.story, p.line) for p in problems] == [
        ("C001", "1", 1),
        ("C002", "2", 2),
        ("C003", "3", 1),
        ("C001", "4", 1),
        ("C001", "5", 1),
    ]


def test_a_bad_document_that_is_not_ours_is_no_problem(tmp_path: Path) -> None:
    """Only what belongs to the pack is judged."""
    root = write(tmp_path, {"docs/stories/story-1-x/story.md": "# Story 1\n", "docs/notes.md": ""})
    (root / "docs/notes.md").write_bytes(b"\xff")
    assert read_pack(root, root / "docs/stories")[1] == []


def test_a_pack_may_be_the_root_itself(tmp_path: Path) -> None:
    """Its own folder is called "" then."""
    root = write(tmp_path, {"story-1-x/story.md": "# Story 1\n"})
    assert find_packs(root) == [root]
    assert read_pack(root, root)[0].root == ""


def test_a_folder_that_vanishes_holds_nothing(tmp_path: Path) -> None:
    """Reading a folder that is not there is an empty pack."""
    pack, problems = read_pack(tmp_path, tmp_path / "gone")
    assert (pack.stories, problems) == ((), [])


def test_exists_stays_inside(tmp_path: Path) -> None:
    """Paths that lead out of the root do not exist."""
    write(tmp_path, {"root/a/b.md": "x", "c.md": "x"})
    exists = exists_in(tmp_path / "root")
    assert [exists(p) for p in ("a/b.md", "a", "a/c.md", "../c.md", str(tmp_path / "c.md"), "")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_story_of_ten_megabytes_does_not_hang(tmp_path: Path) -> None:
    """Its beginning is checked; the rest is one problem."""
    line = "- [ ] TC-1.1a: see `tests/a.test.ts` and what it takes\n"
    text = "# Story 1\n\n## Test Breakdown\n\n" + line * (10_000_000 // len(line))
    root = write(tmp_path, {"s/story-1-x/story.md": text})
    began = time.perf_counter()
    pack, problems = read_pack(root, root / "s")
    assert (problems, len(pack.stories[0].story.raw)) == ([], len(text))
    assert [p.code for p in check_pack(pack, exists_in(root))].count("C004") == 1
    assert time.perf_counter() - began < 30
