"""Many stories at once: validation runs ahead, execution waits for its turn, and people get a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.lanes import Now, Told
from engine.timeline import read_timeline
from tests.cli.run import run as cli
from tests.cli.run import state_home
from tests.packs import PACK, PackRepo
from tests.repo import git


def test_all_that_needs_no_person_is_done_in_one_run(tmp_path: Path) -> None:
    """Three stories in a row are all validated at once, although none of them may be executed yet."""
    repo = PackRepo(tmp_path, {"1": None, "2": None, "3": None})
    ran = repo.run()
    assert repo.states() == {"1": "approving", "2": "approving", "3": "approving"}
    assert [(left.story, left.state, left.waiting and left.waiting.for_) for left in ran.left] == [
        ("1", "approving", "person"),
        ("2", "approving", "person"),
        ("3", "approving", "person"),
    ]


def test_steps_are_told_as_they_are_taken(tmp_path: Path) -> None:
    """A step is told when it was written, not when its story stops."""
    repo = PackRepo(tmp_path, {"1": None})
    told: list[tuple[str, str]] = []
    ran = repo.run(told=Told(step=lambda story, step: told.append((step.dest, repo.at(story)))))
    assert told == [(state, state) for state in ("validating", "consolidating", "approving")]
    assert [step.dest for _, step in ran.steps] == [state for state, _ in told]


def test_a_story_behind_another_is_left_only_where_that_one_is_abandoned(tmp_path: Path) -> None:
    """Who waits for a story that goes on is not told; who waits for one that never will be complete is."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    repo.run()
    repo.ticks("2", "Human approved")
    for _ in range(2):
        assert [left.story for left in repo.run().left] == ["1"]
    assert repo.at("2") == "queued"
    repo.ticks("1", "abandon: drop the story")
    [left] = repo.run().left
    assert (left.story, left.waiting and left.waiting.for_) == ("2", "dependencies")
    assert left.waiting is not None
    assert left.waiting.items[0].text == "story 1 is abandoned"


def test_a_pack_is_run_to_its_end(tmp_path: Path) -> None:
    """With a person who answers what she is asked, every story ends complete, and none is executed too early."""
    repo = PackRepo(tmp_path, {"1": None, "2": None, "3": ["1"]})
    seen = []
    for _ in range(12):
        ran = repo.run()
        seen.append(repo.states())
        at_work = [id_ for id_, state in seen[-1].items() if state in ("gorilla", "accepting")]
        assert len(at_work) <= 1
        if not repo.person():
            break
    assert repo.states() == {"1": "complete", "2": "complete", "3": "complete"}
    assert (ran.complete, ran.total, ran.left) == (3, 3, [])
    assert {"1": "gorilla", "2": "queued", "3": "queued"} in seen


def test_a_second_run_with_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    """A run where everything waits for people changes no byte."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    repo.run()
    before = {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file() and ".git" not in path.parts}
    assert repo.run().steps == []
    assert before == {
        path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file() and ".git" not in path.parts
    }


def test_the_next_story_is_shown_as_validated(tmp_path: Path) -> None:
    """`Ready for Next` shows what the story after is at, also where the story itself waits."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    repo.run()
    assert "- [ ] Story N+1 already validated" in repo.story("1").read_text()
    assert "- [x] Or validation in progress" in repo.story("1").read_text()
    repo.ticks("2", "Human approved")
    repo.run()
    assert "- [x] Story N+1 already validated" in repo.story("1").read_text()
    assert "- [ ] Or validation in progress" in repo.story("1").read_text()


@pytest.mark.parametrize(
    ("needs", "told"),
    [({"1": ["9"]}, "depends on 9, which is not there"), ({"1": ["2"], "2": ["1"]}, "wait for each other: ")],
)
def test_an_impossible_order_is_refused(tmp_path: Path, needs: dict[str, list[str]], told: str) -> None:
    """An unknown story and a cycle are errors that show the path; nothing runs."""
    repo = PackRepo(tmp_path, needs)
    with pytest.raises(UsageError, match=told):
        repo.run()
    assert set(repo.states().values()) == {"drafted"}


def test_a_story_that_is_refused_stops_no_other(tmp_path: Path) -> None:
    """What is wrong with one story is told; the others go on."""
    repo = PackRepo(tmp_path, {"1": [], "2": [], "3": []})
    repo.ticks("2", "Senior Engineer validated")
    ran = repo.run()
    assert repo.states() == {"1": "approving", "2": "drafted", "3": "approving"}
    assert [left.story for left in ran.left if left.error] == ["2"]


def test_it_says_at_any_moment_how_the_stories_stand(tmp_path: Path) -> None:
    """Who is at work and where a story is now is told as data, also while it moves."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    asked: list[Now] = []
    seen: list[tuple[bool, str | None, tuple[str, ...]]] = []

    @contextmanager
    def shown(now: Now) -> Iterator[None]:
        asked.append(now)
        yield

    def tell(_: str) -> None:
        seen.extend((one.at_work, one.row.state, one.after) for one in asked[0]() if one.name == "2")

    repo.run(told=Told(shown=shown), tell=tell)
    assert (True, "validating", ()) in seen
    assert (True, "consolidating", ()) in seen
    repo.ticks("2", "Human approved")
    repo.run(told=Told(shown=shown), tell=tell)
    [first, second] = asked[1]()
    assert (first.at_work, first.row.state, first.waiting and first.waiting.for_) == (False, "approving", "person")
    assert (second.at_work, second.row.state, second.after) == (False, "queued", ("1",))
    assert first.rank > second.rank
    assert first.row.parts == (("Validation", 5, 6), ("Implementation", 0, 6), ("Verification", 0, 4))


WORKTREES = """
[pipeline]
isolation = "worktree"
concurrency = {execution = 2}
"""


def finish(repo: PackRepo) -> list[dict[str, str]]:
    """Run until a person has nothing to answer any more; the states after each run."""
    seen = []
    for _ in range(16):
        repo.run(commit=True)
        seen.append(repo.states())
        if not repo.person():
            break
    return seen


def until_accepting(repo: PackRepo) -> None:
    """Story 1 is done but for the person's last word."""
    for _ in range(8):
        repo.run(commit=True)
        if repo.at("1") == "accepting":
            return
        repo.person()
    raise AssertionError(repo.states())


def commit_all(repo: PackRepo, message: str) -> str:
    """A person commits what lies in the main tree; the new HEAD."""
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", message)
    return git(repo.root, "rev-parse", "HEAD")


@pytest.mark.long
def test_two_stories_are_executed_side_by_side_in_worktrees(tmp_path: Path) -> None:
    """Stories 2 and 3 are both at work after 1, each on its branch; both come home, and the main tree holds all."""
    repo = PackRepo(tmp_path, {"1": None, "2": ["1"], "3": ["1"]}, config=WORKTREES)
    seen = finish(repo)
    assert {"1": "complete", "2": "gorilla", "3": "gorilla"} in seen
    assert set(repo.states().values()) == {"complete"}
    assert [(repo.root / f"src/greet-{id_}").read_text() for id_ in "123"] == ["hello\n"] * 3
    assert git(repo.root, "status", "--porcelain") == ""
    assert git(repo.root, "branch", "--list", "story/*") == ""
    assert not list((repo.state / "worktrees").iterdir())


def test_each_step_is_a_commit_of_who_took_it(tmp_path: Path) -> None:
    """With --commit nothing is left uncommitted, and the log says which role did what."""
    repo = PackRepo(tmp_path, {"1": None})
    finish(repo)
    log = git(repo.root, "log", "--reverse", "--format=%an: %s").splitlines()[1:]
    assert "Senior Engineer: feat(story-1): red → green" in log
    assert "Ana: docs(story-1): approving → queued" in log
    assert log[-1] == "Ana: test(story-1): accepting → complete"
    assert git(repo.root, "status", "--porcelain") == ""


def test_a_commit_takes_nothing_that_is_not_the_storys(tmp_path: Path) -> None:
    """A person's own work, staged or not, stays as it is."""
    repo = PackRepo(tmp_path, {"1": None})
    (repo.root / "notes").mkdir()
    (repo.root / "notes/mine.txt").write_text("mine\n")
    (repo.root / "notes/staged.txt").write_text("staged\n")
    git(repo.root, "add", "notes/staged.txt")
    repo.run(commit=True)
    assert repo.at("1") == "approving"
    assert git(repo.root, "status", "--porcelain").splitlines() == ["A  notes/staged.txt", "?? notes/mine.txt"]


@pytest.mark.long
def test_a_merge_that_conflicts_goes_to_a_person(tmp_path: Path) -> None:
    """Where both changed a file, both stay as they are and the place is told; merged by hand, the story is complete."""
    repo = PackRepo(tmp_path, {"1": None}, config=WORKTREES)
    until_accepting(repo)
    (repo.root / "src").mkdir(exist_ok=True)
    (repo.root / "src/greet-1").write_text("good day\n")
    head = commit_all(repo, "Mine")
    repo.ticks("1", "Story marked complete")
    [left] = repo.run(commit=True).left
    assert left.waiting is not None
    assert left.waiting.for_ == "person"
    assert [place.file for place in left.waiting.items] == ["src/greet-1"]
    assert "git merge story/1-greeter" in left.waiting.items[0].text
    assert git(repo.root, "rev-parse", "HEAD") == head
    assert git(repo.root, "status", "--porcelain") == ""
    git(repo.root, "merge", "-q", "-X", "theirs", "story/1-greeter", "-m", "By hand")
    assert repo.run(commit=True).left == []
    assert repo.at("1") == "complete"
    assert git(repo.root, "branch", "--list", "story/*") == ""


def test_a_merge_that_is_red_goes_to_a_person(tmp_path: Path) -> None:
    """What passes on the branch and fails with the main tree's newest commits is not brought there."""
    repo = PackRepo(tmp_path, {"1": None}, config=WORKTREES)
    until_accepting(repo)
    (repo.root / "lint-error").write_text("x\n")
    head = commit_all(repo, "Mine")
    repo.ticks("1", "Story marked complete")
    [left] = repo.run(commit=True).left
    assert left.waiting is not None
    assert "gate lint is red after merging story/1-greeter" in left.waiting.items[0].text
    assert git(repo.root, "rev-parse", "HEAD") == head
    (repo.root / "lint-error").unlink()
    commit_all(repo, "Mended")
    assert repo.run(commit=True).left == []
    assert repo.at("1") == "complete"


@pytest.mark.long
def test_a_story_is_advanced_by_hand_where_it_lives(tmp_path: Path) -> None:
    """From the main tree and from the worktree the same story is meant; every verb finds it on its branch."""
    root = PackRepo(tmp_path, {"1": None}, config=WORKTREES).root
    assert cli(root, "advance", "1", "--commit").code == 0
    assert cli(root, "decide", "1", "Human approved").code == 0
    moved = cli(root, "advance", "1", "--commit")
    assert "story 1 (gorilla) waits for a person" in moved.out
    place = Path(git(root, "worktree", "list", "--porcelain").split("worktree ")[2].splitlines()[0])
    assert f"{place}/docs/stories/story-1-greeter/story.md:" in moved.out
    assert "gorilla" in cli(root, "status").out
    there = {"XDG_STATE_HOME": str(state_home(root))}
    assert "gorilla" in cli(place, "explain", "1", env=there).out
    assert cli(place, "decide", "1", "Gorilla testing done (human)", env=there).code == 0
    assert "accepting" in cli(root, "advance", "1").out
    assert cli(root, "decide", "1", "Story marked complete").code == 0
    assert "story 1 is complete" in cli(root, "advance", "1").out
    assert not place.exists()
    assert (root / "src/greet-1").read_text() == "hello\n"
    assert "complete" in cli(root, "status").out


def test_a_branch_begins_with_what_is_committed(tmp_path: Path) -> None:
    """Without --commit a story that is not committed is not moved to its branch: that is told, with what to do."""
    root = PackRepo(tmp_path, {"1": None}, config=WORKTREES).root
    cli(root, "advance", "1")
    cli(root, "decide", "1", "Human approved")
    refused = cli(root, "advance", "1")
    assert refused.code == 2
    assert "Commit it, or run with --commit." in refused.err
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Approved")
    assert "gorilla" in cli(root, "advance", "1").out


def test_the_limit_of_a_run_is_one_for_all_stories(tmp_path: Path) -> None:
    """Three stories need six validators; five may run: the third story waits for a person to raise the limit."""
    repo = PackRepo(tmp_path, {"1": [], "2": [], "3": []}, config="\n[limits.run]\ncalls = 5\n")
    ran = repo.run()
    assert sorted(repo.states().values()) == ["approving", "approving", "validating"]
    [held] = [left for left in ran.left if left.state == "validating"]
    assert held.waiting is not None
    assert "limits.run: 0 of 5 runs of agents are made, while 4 run." in held.waiting.items[0].text


@pytest.mark.long
def test_the_timeline_shows_a_story_where_it_lives(tmp_path: Path) -> None:
    """From execution until merge the journal in the worktree is the one that is drawn."""
    repo = PackRepo(tmp_path, {"1": None}, config=WORKTREES)
    until_accepting(repo)
    [lane] = read_timeline(repo.repository, [repo.root / PACK]).lanes
    assert (lane.state, lane.problem) == ("accepting", "")
    assert {"Execute", "Verify"} <= {span.word for span in lane.spans}


def test_a_notification_that_fails_stops_nothing(tmp_path: Path) -> None:
    """Both stories are validated and wait for a person; that nobody could be told is one warning, and no failure."""
    repo = PackRepo(tmp_path, {"1": None, "2": None}, config='\n[notify]\ncommand = "exit 3"\n')
    ran = cli(repo.root, "run")
    assert (ran.code, repo.states()) == (0, {"1": "approving", "2": "approving"})
    assert ran.err.count("warning: story.toml: notify.command ended with exit 3. Everything else is done.") == 1
    assert ran.out.count("waits for a person") == 2
