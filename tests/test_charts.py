"""Charts of machines: proven once for what their files hold, not for where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.charts import proven_chart
from engine.errors import FormatError
from engine.files.machine_file import shipped_folder

STORY, SET_UP = (shipped_folder() / f"{name}.yaml" for name in ("story", "infrastructure"))


def own(root: Path, old: str, new: str) -> Path:
    """A repository whose own machine `story` says something else than the shipped one."""
    text = STORY.read_text("utf-8")
    assert old in text
    (root / "machines").mkdir(parents=True)
    (root / "machines/story.yaml").write_text(text.replace(old, new), "utf-8")
    return root


def test_a_machine_is_proven_once_for_all_trees(tmp_path: Path) -> None:
    """Each worktree of a story has a root of its own; its machine is the very chart that was proven before."""
    assert proven_chart(STORY, tmp_path / "one") is proven_chart(STORY, tmp_path / "other")


def test_what_a_machine_extends_counts_as_well(tmp_path: Path) -> None:
    """The same file means another machine where the one that it extends says something else."""
    root = own(tmp_path / "own", "Human approved", "A human approved")
    shipped, changed = proven_chart(SET_UP, tmp_path), proven_chart(SET_UP, root)
    assert [chart.machine.items["human_approved"].text for chart in (shipped, changed)] == [
        "Human approved",
        "A human approved",
    ]


def test_a_machine_that_was_refused_is_refused_in_each_tree(tmp_path: Path) -> None:
    """A flaw is told wherever the machine stands, also the second time."""
    for name in ("one", "other", "one"):
        root = tmp_path / name
        if not root.exists():
            own(root, "initial: drafted", "initial: stuck")
        with pytest.raises(FormatError, match="MG01: "):
            proven_chart(root / "machines/story.yaml", root)
