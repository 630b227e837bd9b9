"""What is committed for a story, where a story lives, and what is done for those that are over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.commits import commit_left, own_paths
from engine.errors import FormatError, Locked
from engine.files.branches import close_worktree, drop_merged, is_laid_out, open_worktree, worktree_of
from engine.files.pack import list_stories
from engine.homes import any_home, branch_of, demand_lives, home_of, inside, main_of
from engine.living import tidy
from engine.look import look
from engine.wiring import wire
from tests.packs import PACK, PackRepo
from tests.repo import git
from tests.test_pipeline import finish

STORY = f"{PACK}/story-1-greeter"


@pytest.fixture
def repo(tmp_path: Path) -> PackRepo:
    """Two stories, committed as they were adopted."""
    return PackRepo(tmp_path, {"1": None, "2": None})


def owned(repo: PackRepo) -> list[str]:
    """The uncommitted paths of story 1."""
    return own_paths(look(repo.repository, repo.root / PACK, "1"))


def save(repo: PackRepo, *names: str) -> None:
    """Somebody saves files."""
    for name in names:
        (repo.root / name).parent.mkdir(parents=True, exist_ok=True)
        (repo.root / name).write_text("mine\n")


def test_a_storys_paths_are_its_folder_its_files_and_the_documents(repo: PackRepo) -> None:
    """Prompts and evidence, its Files table and tests, specs, lock files; not another's, nothing that is as it was."""
    assert owned(repo) == []
    mine = [f"{STORY}/prompt-1.3-more.md", "src/greet-1", "tests/tc_1_1a.sh", "package-lock.json"]
    save(repo, *mine, "src/greet-2", "tests/tc_2_1a.sh", f"{PACK}/story-2-greeter/prompt-2.3-more.md", "notes.txt")
    spec = repo.root / "docs/feature-spec.md"
    spec.write_text(f"{spec.read_text()}\nMore.\n")
    assert owned(repo) == sorted([*mine, "docs/feature-spec.md"])


def test_a_neighbour_is_committed_where_it_only_shows_how_far_others_are(repo: PackRepo) -> None:
    """Its derived items alone may differ; one word more of a person's, and its story.md is left to it."""
    path = f"{PACK}/story-2-greeter/story.md"
    story = repo.root / path
    story.write_text(story.read_text().replace("- [ ] Or validation in progress", "- [x] Or validation in progress"))
    assert owned(repo) == [path]
    story.write_text(f"{story.read_text()}\nHers.\n")
    assert owned(repo) == []


@pytest.mark.long
def test_only_stories_that_are_over_are_committed_late(repo: PackRepo) -> None:
    """Of a complete story what a killed engine left is committed; one on its way, and one that is broken, is not."""
    finish(repo)
    journal = repo.root / STORY / "evidence/journal.jsonl"
    git(repo.root, "rm", "-q", "--cached", journal.relative_to(repo.root).as_posix())
    git(repo.root, "commit", "-qm", "Without the journal")
    broken = repo.root / PACK / "story-2-greeter/evidence/journal.jsonl"
    broken.write_text(broken.read_text() + "nonsense\n")
    commit_left(repo.repository, repo.root / PACK)
    assert git(repo.root, "log", "-1", "--format=%an: %s").strip() == "Story Engine: chore(story-1): complete"
    assert git(repo.root, "status", "--porcelain").split() == ["M", broken.relative_to(repo.root).as_posix()]


def test_a_story_on_its_way_is_not_committed_late(repo: PackRepo) -> None:
    """Without --commit its steps are left for a person to look at."""
    repo.run()
    head = git(repo.root, "rev-parse", "HEAD")
    commit_left(repo.repository, repo.root / PACK)
    assert git(repo.root, "rev-parse", "HEAD") == head


@pytest.mark.long
@pytest.mark.parametrize("commits", [True, False])
def test_nothing_is_committed_late_unless_it_is_asked_for(repo: PackRepo, commits: bool) -> None:
    """A run without --commit commits nothing of stories that are over, either."""
    finish(repo)
    git(repo.root, "reset", "-q", "HEAD~1")
    head = git(repo.root, "rev-parse", "HEAD")
    tidy(repo.repository, repo.root / PACK, wire(repo.repository, tell=lambda _: None, commit=commits))
    assert (git(repo.root, "rev-parse", "HEAD") != head) == commits


def test_without_git_nothing_is_committed(repo: PackRepo) -> None:
    """A pack outside of git is tidied all the same, and nobody asks git for anything."""
    shutil.rmtree(repo.root / ".git")
    assert owned(repo) == []
    tidy(repo.repository, repo.root / PACK, wire(repo.repository, tell=lambda _: None, commit=True))
    assert not (repo.root / ".git").exists()


def test_only_merged_branches_that_nobody_has_checked_out_are_dropped(repo: PackRepo, tmp_path: Path) -> None:
    """One with a commit of its own, one in a worktree and one that is not named stay."""
    for name in ("merged", "mine", "busy"):
        git(repo.root, "branch", f"story/{name}")
    git(repo.root, "worktree", "add", "-q", str(tmp_path / "busy"), "story/busy")
    git(repo.root, "worktree", "add", "-qb", "story/ahead", str(tmp_path / "ahead"))
    git(tmp_path / "ahead", "commit", "-q", "--allow-empty", "-m", "More")
    git(repo.root, "worktree", "remove", str(tmp_path / "ahead"))
    drop_merged(repo.root, {"story/merged", "story/busy", "story/ahead"})
    left = git(repo.root, "for-each-ref", "--format=%(refname:short)", "refs/heads/story/").split()
    assert left == ["story/ahead", "story/busy", "story/mine"]


def test_a_story_lives_where_its_worktree_is_laid_out(repo: PackRepo) -> None:
    """Until all files are there it lives in the main tree, then in the worktree, and back when that is gone."""
    main, folder = repo.repository, repo.root / PACK
    branch = "story/1-greeter"
    place = worktree_of(main.state, branch)
    assert (home_of(main, folder, "1"), any_home(main), is_laid_out(place)) == (main, False, False)
    demand_lives(main, folder, "1")
    open_worktree(repo.root, place, branch)
    home = home_of(main, folder, "1")
    assert (home.root, home.main, any_home(main)) == (place, repo.root, True)
    assert home_of(main, folder, "2") == main
    assert main_of(home) == main_of(main) == main
    assert inside(home, folder) == inside(home, place / PACK) == place / PACK
    assert inside(main, folder) == folder
    demand_lives(home, place / PACK, "1")
    with pytest.raises(Locked, match="story 1 was taken to another tree"):
        demand_lives(main, folder, "1")
    close_worktree(repo.root, place, branch)
    assert home_of(main, folder, "1") == main
    with pytest.raises(Locked, match="story 1 was taken to another tree"):
        demand_lives(home, place / PACK, "1")


def test_branches_of_several_packs_have_names_of_their_own(repo: PackRepo) -> None:
    """Where two packs have a story 1, their branches and worktrees are told apart by the pack."""
    toml = repo.root / "story.toml"
    toml.write_text(toml.read_text().replace('paths = ["docs/stories"]', 'paths = ["docs/stories", "docs/more"]'))
    shutil.copytree(repo.root / PACK, repo.root / "docs/more")
    main = repo.repository
    folders = [repo.root / PACK, repo.root / "docs/more"]
    branches = [branch_of(main, folder, list_stories(repo.root, folder)[0]) for folder in folders]
    assert branches == ["story/docs-stories/1-greeter", "story/docs-more/1-greeter"]
    assert len({worktree_of(main.state, branch) for branch in branches}) == 2


def test_a_story_keeps_its_branch_when_a_pack_comes_or_goes(repo: PackRepo) -> None:
    """It goes on where it is being executed, and is not begun anew on a branch of another name."""
    toml = repo.root / "story.toml"
    alone, folder = toml.read_text(), repo.root / PACK
    both = alone.replace('paths = ["docs/stories"]', 'paths = ["docs/stories", "docs/more"]')
    one, two = list_stories(repo.root, folder)
    began = branch_of(repo.repository, folder, one)
    open_worktree(repo.root, worktree_of(repo.state, began), began)
    toml.write_text(both)
    shutil.copytree(folder, repo.root / "docs/more")
    main, more = repo.repository, repo.root / "docs/more"
    assert branch_of(main, folder, one) == began == "story/1-greeter"
    assert home_of(main, folder, "1").main == repo.root
    assert home_of(main, more, "1") == main  # of the same name, in the pack that came
    later = branch_of(main, folder, two)
    open_worktree(repo.root, worktree_of(repo.state, later), later)
    toml.write_text(alone)
    assert branch_of(repo.repository, folder, two) == later == "story/docs-stories/2-greeter"
    assert home_of(repo.repository, folder, "2").main == repo.root


def test_a_story_of_another_pack_does_not_take_the_branch_of_its_like(repo: PackRepo) -> None:
    """A folder that was no pack when the branch was made, though it lay there, comes to be one."""
    toml, folder, more = repo.root / "story.toml", repo.root / PACK, repo.root / "docs/more"
    shutil.copytree(folder, more)
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "More")
    one = list_stories(repo.root, folder)[0]
    began = branch_of(repo.repository, folder, one)
    open_worktree(repo.root, worktree_of(repo.state, began), began)
    toml.write_text(toml.read_text().replace('paths = ["docs/stories"]', 'paths = ["docs/stories", "docs/more"]'))
    main = repo.repository
    assert branch_of(main, folder, one) == began == "story/1-greeter"
    assert branch_of(main, more, list_stories(repo.root, more)[0]) == "story/docs-more/1-greeter"
    assert home_of(main, more, "1") == main


def test_who_plays_a_role_on_a_branch_is_said_in_the_main_tree(repo: PackRepo) -> None:
    """Roles and limits are those of the main tree's story.toml by now; gates are the branch's own."""
    main, toml = repo.repository, repo.root / "story.toml"
    open_worktree(repo.root, worktree_of(main.state, "story/1-greeter"), "story/1-greeter")
    text = toml.read_text().replace('[roles.engineer]\nagent = "scripted"', '[roles.engineer]\nagent = "person"')
    toml.write_text(f'{text}\n[gates.later]\nrun = ["true"]\n\n[limits]\nsteps = 7\n')
    here, there = repo.repository.config, home_of(repo.repository, repo.root / PACK, "1").config
    assert (there.roles["engineer"].agent, there.limits.steps) == ("person", 7)
    assert ("later" in here.gates, "later" in there.gates) == (True, False)


def test_a_role_that_only_the_main_trees_machines_have_is_no_error_on_a_branch(repo: PackRepo) -> None:
    """It is refused where it is written, and nowhere else."""
    main, toml = repo.repository, repo.root / "story.toml"
    open_worktree(repo.root, worktree_of(main.state, "story/1-greeter"), "story/1-greeter")
    toml.write_text(f'{toml.read_text()}\n[roles.painter]\nagent = "person"\n')
    assert look(home_of(repo.repository, repo.root / PACK, "1"), repo.state / "worktrees/1-greeter" / PACK, "1")
    with pytest.raises(FormatError, match="no machine has role 'painter'"):
        look(repo.repository, repo.root / PACK, "2")
