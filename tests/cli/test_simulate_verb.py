"""story simulate: a pack from disk or a made-up one, played without any agent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.run import run, tree
from tests.packs import PackRepo

FIXED = """
[default]
agent = 10
gate = 2
notice = 0
person = 5
finds = 0
again = 0
unclear = 0
fails = 0
deviates = 0
crashes = 0
cost = 1

[phases.execution]
agent = 10
cost = 1

[phases.verification]
finds = 0
cost = 1

[states.gorilla]
person = 5

[answers.approve]
[answers.gorilla]
[answers.accept]
"""


def test_a_pack_from_disk_is_played_with_its_dependencies(tmp_path: Path) -> None:
    """What each story takes adds up along `depends_on` and in the one tree; nothing is written."""
    repo = PackRepo(tmp_path, {"1": None, "2": None, "3": ["1"]})
    (tmp_path / "fixed.toml").write_text(FIXED)
    before = tree(repo.root)
    done = run(repo.root, "simulate", "--durations", str(tmp_path / "fixed.toml"), "--people", "3", "--json")
    assert done.code == 0
    work = 2 + 10 + 2 + 10 + 2 + 2 + 2 + 10 + 5 + 10 + 2 + 5
    assert done.data["makespan"] == 10 + 5 + 3 * work
    assert done.data["lower_bound"] == done.data["makespan"]
    assert done.data["bounds"]["critical_path"] == 10 + 5 + 2 * work
    assert (done.data["complete"], done.data["stories"], done.data["cost"]) == (3, 3, 3 * 6)
    assert (done.data["asked"], done.data["unvalidated"], done.data["idle"]) == (9, 0, 0)
    assert done.data["roles"]["engineer"] == {"runs": 9, "minutes": 90}
    assert tree(repo.root) == before


@pytest.mark.long
def test_what_is_done_already_is_not_played_again(tmp_path: Path) -> None:
    """A complete story is left out, and one on its way goes on from its state."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    (tmp_path / "fixed.toml").write_text(FIXED)
    words = ("simulate", "--durations", str(tmp_path / "fixed.toml"), "--json")
    whole = run(repo.root, *words).data["makespan"]
    while repo.at("1") != "complete":
        repo.run()
        repo.ticks("1", "Human approved") if repo.at("1") == "approving" else repo.person()
    left = run(repo.root, *words).data
    assert left["stories"] == 1
    assert left["makespan"] < whole / 2


def test_raw_stories_are_played_under_the_machine_they_will_get(corpus: Path, tmp_path: Path) -> None:
    """Eight stories that nobody has adopted are played as they would be, the first by the machine for set-up."""
    root = shutil.copytree(corpus / "builder-epic-01", tmp_path / "r")
    (root / ".git").mkdir(exist_ok=True)
    done = run(root, "simulate", "--json")
    assert (done.data["stories"], done.data["complete"]) == (8, 8)
    assert done.data["ratio"] < 1.1


def test_more_room_makes_a_run_shorter(tmp_path: Path) -> None:
    """What story.toml says of the pipeline holds: with worktrees, stories are executed side by side."""
    repo = PackRepo(tmp_path, {"1": [], "2": [], "3": []})
    (tmp_path / "fixed.toml").write_text(FIXED)
    words = ("simulate", "--durations", str(tmp_path / "fixed.toml"), "--people", "3", "--json")
    alone = run(repo.root, *words).data["makespan"]
    config = (repo.root / "story.toml").read_text()
    more = '\n[pipeline]\nisolation = "worktree"\nconcurrency = {execution = 3, verification = 3}\n'
    (repo.root / "story.toml").write_text(config + more)
    assert run(repo.root, *words).data["makespan"] == 15 + (alone - 15) / 3


def test_a_made_up_pack_needs_no_file(tmp_path: Path) -> None:
    """`--stories` plays in an empty folder, the same run for a seed, and says all figures in words."""
    root = tmp_path / "r"
    root.mkdir()
    (root / ".git").mkdir()
    one, same, other = (run(root, "simulate", "--stories", "30", "--seed", seed) for seed in ("7", "7", "8"))
    assert one.code == 0
    assert one.out == same.out != other.out
    assert one.out.startswith("30 of 30 stories complete, seed 7\nmakespan  ")
    for word in ("critical path", "lower bound", "makespan / lower bound", "waited for validation", "people", "cost"):
        assert f"\n{word}  " in one.out
    assert "engineer" in one.out
    assert run(root, "simulate", "--stories", "5", "--machine", "infrastructure").code == 0


def test_an_abandoned_story_is_told_with_what_it_blocks(tmp_path: Path) -> None:
    """Where a person abandons every story, nothing behind the first ones is executed."""
    (tmp_path / "sad.toml").write_text("[answers.approve]\nabandon = 1\n")
    (tmp_path / ".git").mkdir()
    done = run(tmp_path, "simulate", "--stories", "2", "--durations", "sad.toml")
    assert "0 of 2 stories complete" in done.out
    assert "abandoned: 0, 1; never executed behind them: 0" in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("docs/stories", "--stories", "3"), "not both"),
        (("--durations", "gone.toml"), "gone.toml: cannot be read"),
        (("--stories", "0"), "greater than or equal to 1"),
        (("--people", "0"), "greater than or equal to 1"),
        (("--stories", "3", "--machine", "nothing"), "nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(adopted: Path, words: tuple[str, ...], told: str) -> None:
    """Wrong words are refused in one line."""
    done = run(adopted, "simulate", *words)
    assert done.code in (1, 2)
    assert told in done.err


def test_an_impossible_order_is_refused(tmp_path: Path) -> None:
    """A cycle is told with its path, as `story run` tells it; an empty repository has nothing to play."""
    repo = PackRepo(tmp_path, {"1": ["2"], "2": ["1"]})
    assert "stories wait for each other: " in run(repo.root, "simulate").err
    (tmp_path / "empty/.git").mkdir(parents=True)
    assert "--stories 20" in run(tmp_path / "empty", "simulate").err
