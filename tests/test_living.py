"""A story between two trees: whatever a killed engine or a person left there, it goes on from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.advance import advance
from engine.derived import show_pack
from engine.errors import Locked
from engine.files.branches import open_worktree
from engine.wiring import wire
from tests.life import AT
from tests.packs import PACK, PackRepo
from tests.repo import git
from tests.test_pipeline import WORKTREES, finish, until_accepting

BRANCH = "story/1-greeter"


def approved(folder: Path) -> PackRepo:
    """One story that is about to be executed in a worktree, and that is committed as it is."""
    repo = PackRepo(folder, {"1": None}, config=WORKTREES)
    repo.run(commit=True)
    repo.ticks("1", "Human approved")
    return repo


@pytest.mark.long
def test_a_worktree_that_was_not_laid_out_is_laid_out_anew(tmp_path: Path) -> None:
    """Where git was killed before all files were there, the story still lives in the main tree, and moves out again."""
    repo = approved(tmp_path)
    place = repo.state / "worktrees/1-greeter"
    open_worktree(repo.root, place, BRANCH)
    (place / PACK / "story-1-greeter/story.md").unlink()
    (repo.root / ".git/worktrees/1-greeter/index").unlink()
    repo.run(commit=True)
    assert (repo.at("1"), repo.story("1").is_relative_to(place)) == ("gorilla", True)


@pytest.mark.long
def test_a_branch_without_work_begins_anew(tmp_path: Path) -> None:
    """What was committed since a killed engine made the branch is in the worktree."""
    repo = approved(tmp_path)
    git(repo.root, "branch", BRANCH, "HEAD~2")
    repo.run(commit=True)
    assert repo.at("1") == "gorilla"
    assert [event.n for event in repo.events("1") if event.event == "stepped"] == [*range(1, 10)]


def test_a_story_is_not_advanced_where_it_does_not_live(tmp_path: Path) -> None:
    """An engine that found a story in the main tree refuses when another has moved it out meanwhile."""
    repo = approved(tmp_path)
    repo.run(commit=True)
    main = repo.repository
    with pytest.raises(Locked, match="taken to another tree"):
        advance(main, repo.root / PACK, "1", ports=wire(main, tell=lambda _: None, clock=lambda: AT))


def test_what_is_saved_in_the_main_tree_is_merged(tmp_path: Path) -> None:
    """Words that a person saves there while the story is executed elsewhere are committed and kept."""
    repo = PackRepo(tmp_path, {"1": None}, config=WORKTREES)
    until_accepting(repo)
    story = repo.root / PACK / "story-1-greeter/story.md"
    story.write_text(story.read_text().replace("Execution Checklist\n", "Execution Checklist\n\nHer remark.\n"))
    repo.ticks("1", "Story marked complete")
    assert repo.run(commit=True).left == []
    assert repo.story("1") == story
    assert repo.at("1") == "complete"
    assert story.read_text().count("\nHer remark.\n") == 1
    assert git(repo.root, "status", "--porcelain") == ""


@pytest.mark.long
def test_what_is_not_the_storys_keeps_its_worktree(tmp_path: Path) -> None:
    """A merged worktree with a file that nobody committed goes to a person; without it, it is removed."""
    repo = PackRepo(tmp_path, {"1": None}, config=WORKTREES)
    until_accepting(repo)
    notes = repo.state / "worktrees/1-greeter/notes.txt"
    notes.write_text("mine\n")
    repo.ticks("1", "Story marked complete")
    [left] = repo.run(commit=True).left
    assert left.waiting is not None
    assert left.waiting.items[0].text.startswith(f"{BRANCH} is merged, but files here are not committed")
    assert notes.read_text() == "mine\n"
    notes.unlink()
    assert repo.run(commit=True).left == []
    assert git(repo.root, "branch", "--list", "story/*") == ""


@pytest.mark.long
def test_what_a_killed_engine_left_of_a_story_that_is_over_is_done(tmp_path: Path) -> None:
    """The last commit is made, and a branch that is merged goes; a branch that is nobody's stays."""
    repo = PackRepo(tmp_path, {"1": None})
    finish(repo)
    git(repo.root, "reset", "-q", "HEAD~1")
    for branch in (BRANCH, "story/mine"):
        git(repo.root, "branch", branch)
    repo.run(commit=True)
    assert git(repo.root, "log", "-1", "--format=%s") == "chore(story-1): complete\n"
    assert git(repo.root, "status", "--porcelain") == ""
    assert git(repo.root, "branch", "--list", "story/*").split() == ["story/mine"]


def test_derived_items_of_a_whole_pack_are_brought_up(tmp_path: Path) -> None:
    """What an engine was killed before it showed is shown by the next one, whichever story it advances."""
    repo = PackRepo(tmp_path, {"1": None, "2": None, "3": None})
    repo.run()
    wanted = {id_: repo.story(id_).read_bytes() for id_ in "123"}
    for id_ in "12":
        story = repo.story(id_)
        story.write_bytes(story.read_bytes().replace(b"[x] Or validation in", b"[ ] Or validation in"))
        assert story.read_bytes() != wanted[id_]
    show_pack(repo.repository, repo.root / PACK)
    assert {id_: repo.story(id_).read_bytes() for id_ in "123"} == wanted
