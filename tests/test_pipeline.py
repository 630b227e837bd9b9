"""Many stories at once: validation runs ahead, execution waits for its turn, and people get a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import UsageError
from tests.packs import PackRepo


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
