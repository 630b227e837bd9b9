"""A story in its worktree hears of specs and designs that move in the main tree before it is merged, not after."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.check import check_packs
from engine.files.branches import Elsewhere, bring, elsewhere
from tests.packs import PACK, PackRepo
from tests.repo import git, lay_out
from tests.test_pipeline import WORKTREES, commit_all

SPEC, DESIGN = "docs/feature-spec.md", "docs/tech-design.md"


@pytest.fixture
def repo(tmp_path: Path) -> PackRepo:
    """Story 1 is in Gorilla testing in its worktree; story 2 waits for it in the main tree."""
    repo = PackRepo(tmp_path, {"1": None, "2": None}, config=WORKTREES)
    (repo.root / DESIGN).write_text("# Tech Design\n\nThe greeter of AC-1.1 is a file.\n")
    commit_all(repo, "A design")
    repo.run(commit=True)
    repo.ticks("1", "Human approved")
    repo.run(commit=True)
    assert repo.at("1") == "gorilla"
    return repo


def apart(repo: PackRepo) -> Path:
    """The worktree of story 1."""
    return repo.state / "worktrees/1-greeter"


def change(repo: PackRepo, old: str, new: str, path: str = SPEC) -> str:
    """A person changes a document in the main tree and commits it; its text."""
    file = repo.root / path
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    commit_all(repo, "Mine")
    return file.read_text()


def steps(repo: PackRepo) -> list[tuple[str, str]]:
    """The steps of story 1 since it came to Gorilla testing."""
    every = [(event.source, event.dest) for event in repo.events("1") if event.event == "stepped"]
    return every[every.index(("self_review", "gorilla")) + 1 :]


def log(repo: PackRepo) -> list[str]:
    """The subjects of the branch's commits, newest first."""
    return git(apart(repo), "log", "--format=%an: %s").splitlines()


def to_the_end(repo: PackRepo) -> None:
    """Both stories are complete, merged, and nothing is left."""
    for _ in range(16):
        repo.run(commit=True)
        if not repo.person():
            break
    assert set(repo.states().values()) == {"complete"}
    assert git(repo.root, "status", "--porcelain") == ""
    assert git(repo.root, "branch", "--list", "story/*") == ""


def test_a_section_that_moves_in_the_main_tree_is_validated_before_the_merge(repo: PackRepo) -> None:
    """The branch gets the spec as a commit of the engine, the story is validated again there, and no drift is left."""
    text = change(repo, "**TC-1.1a: says hello in two words**", "**TC-1.1a: says hello in two short words**")
    repo.run(commit=True)
    assert (apart(repo) / SPEC).read_text() == text
    assert f"Story Engine: docs(story-1): take over {SPEC} from the main tree" in log(repo)
    assert ("gorilla", "spec_validating") in steps(repo)
    assert "spec section AC-1.1 changed" in repo.story("1").read_text()
    before = git(apart(repo), "rev-parse", "HEAD")
    assert repo.run(commit=True).steps == []
    assert git(apart(repo), "rev-parse", "HEAD") == before
    to_the_end(repo)
    assert (repo.root / SPEC).read_text() == text
    found = check_packs(repo.repository, [repo.root / PACK])
    assert [problem for problem in found if problem.code == "S129"] == []


@pytest.mark.long
def test_what_a_story_does_not_cite_reopens_nothing(repo: PackRepo) -> None:
    """Another story's section stays on main alone; a design is taken over, and reopens nothing; both are merged."""
    spec = change(repo, "**TC-2.1a: says hello in two words**", "**TC-2.1a: says hello in two short words**")
    before = log(repo)
    repo.run(commit=True)
    assert (steps(repo), log(repo)) == ([], before)
    design = change(repo, "is a file", "is a small file", DESIGN)
    repo.run(commit=True)
    assert (apart(repo) / DESIGN).read_text() == design
    assert steps(repo) == []
    to_the_end(repo)
    assert ((repo.root / SPEC).read_text(), (repo.root / DESIGN).read_text()) == (spec, design)


@pytest.mark.long
def test_each_version_is_taken_over_once(repo: PackRepo) -> None:
    """A document that moves twice is followed, and also where it goes back to what it was."""
    first = (repo.root / DESIGN).read_text()
    for old, new in (("is a file", "is a small file"), ("small", "tiny"), ("tiny file", "file")):
        text = change(repo, old, new, DESIGN)
        repo.run(commit=True)
        assert (apart(repo) / DESIGN).read_text() == text
    assert text == first
    assert len([line for line in log(repo) if "take over" in line]) == 3
    to_the_end(repo)
    assert (repo.root / DESIGN).read_text() == first


@pytest.mark.long
def test_a_killed_engine_had_taken_it_over_and_not_committed(repo: PackRepo) -> None:
    """The next one commits it as its own, and goes on as if nothing had been."""
    text = change(repo, "**TC-1.1a: says hello in two words**", "**TC-1.1a: says hello in two short words**")
    (apart(repo) / SPEC).write_text(text)
    repo.run(commit=True)
    assert log(repo).count(f"Story Engine: docs(story-1): take over {SPEC} from the main tree") == 1
    assert ("gorilla", "spec_validating") in steps(repo)
    to_the_end(repo)


@pytest.mark.long
def test_what_both_changed_is_a_persons(repo: PackRepo) -> None:
    """Nothing is done to either; she is told the file and what to do, does it, and the merge has no conflict."""
    own = apart(repo) / SPEC
    own.write_text(own.read_text().replace("**TC-1.1b: says it twice**", "**TC-1.1b: says it three times**"))
    git(apart(repo), "commit", "-qam", "On the branch")
    change(repo, "**TC-1.1a: says hello in two words**", "**TC-1.1a: says hello in two short words**")
    mine = own.read_text()
    [left] = [left for left in repo.run(commit=True).left if left.story == "1"]
    assert left.waiting is not None
    [place] = left.waiting.items
    assert (left.waiting.for_, place.file) == ("person", str(own))
    command = f"git -C {apart(repo)} checkout main -- {SPEC}"
    assert f"`{command}`" in place.text
    assert own.read_text() == mine
    assert steps(repo) == []
    text = change(repo, "**TC-1.1b: says it twice**\n\n", "**TC-1.1b: says it three times**\n\n")
    assert [left.story for left in repo.run(commit=True).left if left.waiting and left.waiting.items == (place,)] == [
        "1"
    ]
    git(apart(repo), *command.split()[3:])
    repo.run(commit=True)
    assert ("gorilla", "spec_validating") in steps(repo)
    to_the_end(repo)
    assert (repo.root / SPEC).read_text() == text


@pytest.mark.long
def test_what_only_the_branch_changed_stays(repo: PackRepo) -> None:
    """A spec that the story itself brought up to its code is no clash, also after the main tree's was taken over."""
    change(repo, "**TC-1.1a: says hello in two words**", "**TC-1.1a: says hello in two short words**")
    repo.run(commit=True)
    own = apart(repo) / SPEC
    own.write_text(own.read_text().replace("two short words", "two very short words"))
    change(repo, "**TC-2.1b: says it twice**", "**TC-2.1b: says it three times**")
    repo.run(commit=True)
    assert "two very short words" in own.read_text()
    assert len([line for line in log(repo) if "take over" in line]) == 1
    to_the_end(repo)
    spec = (repo.root / SPEC).read_text()
    assert "two very short words" in spec
    assert "TC-2.1b: says it three times" in spec


@pytest.mark.long
def test_a_file_that_is_gone_or_new_elsewhere(tmp_path: Path) -> None:
    """What the other branch deleted goes, what it made comes, and what only this one has is not its business."""
    root, place = tmp_path / "r", tmp_path / "apart"
    lay_out(root, {"old.md": "old\n", "same.md": "same\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "worktree", "add", "-qb", "side", str(place))
    git(root, "mv", "old.md", "new.md")
    git(root, "commit", "-qm", "two")
    names = ["old.md", "new.md", "same.md"]
    found = {one.path: one for one in elsewhere(place, "main", names)}
    assert found == {
        "old.md": Elsewhere("old.md", b"old\n", None, b"old\n", own=False, kept=True),
        "new.md": Elsewhere("new.md", None, b"old\n", None, own=False, kept=True),
    }
    for one in found.values():
        bring(place, one)
    assert sorted(path.name for path in place.glob("*.md")) == ["new.md", "same.md"]
    again = [(one.own, one.kept, one.here == one.there) for one in elsewhere(place, "main", names)]
    assert again == [(False, False, True), (False, False, True)]
