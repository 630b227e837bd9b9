"""The demo, run once as `make demo` runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).parent.parent / "examples/demo.py"


@pytest.mark.long
def test_the_demo_ends_with_three_complete_stories(tmp_path: Path) -> None:
    """It needs no key and no network, exits with 0, and leaves a pack complete whose validation ran ahead."""
    kept = tmp_path / "kept"
    unwanted = ("_API_KEY", "_TOKEN", "_COLOR")
    environ = {key: value for key, value in os.environ.items() if not key.endswith(unwanted)}
    environ |= {"HOME": str(tmp_path), "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, str(DEMO), "--keep", str(kept)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "\x1b" not in done.stdout
    assert "error C207: TC-1.3b" in done.stdout
    ticks = r'» the person ticks "(.+?)" in docs/stories/story-1-shelf/story\.md:\d+$'
    assert len(re.findall(r"^\$ story run --commit$", done.stdout, re.M)) == 8
    assert re.findall(ticks, done.stdout, re.M) == [
        "fix: it is real and is fixed now",
        "Human approved",
        "Gorilla testing done (human)",
        "Story marked complete",
    ]
    assert "3 stories are complete: 45 of 45 items ticked, 13 tests pass, nothing is left to fix\n" in done.stdout
    lines = done.stdout.splitlines()
    assert lines.index("story 2: consolidating → approving") < lines.index("story 0: queued → setting_up")
    assert sum(bool(re.match(r"Story [012]: .*\[Complete\]$", line)) for line in lines) == 3
    for story, items in ("0", 13), ("1", 16), ("2", 16):
        assert re.search(rf"^{story} +complete +{items}/{items} +nobody ", done.stdout, re.M)
        assert "state: complete\n" in next(kept.glob(f"shelf/docs/stories/story-{story}-*/story.md")).read_text("utf-8")
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=kept / "shelf", capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
    assert {path.name for path in kept.iterdir()} <= {"shelf", "state", "books.json"}
    assert not (tmp_path / ".local").exists()
    drawn = subprocess.run(
        [sys.executable, "-m", "engine", "timeline", "--json"],
        cwd=kept / "shelf",
        env=environ | {"XDG_STATE_HOME": str(kept / "state")},
        capture_output=True,
        check=True,
    )
    demand_picture(json.loads(drawn.stdout)["data"]["lanes"], done.stdout)


def demand_picture(lanes: list[dict[str, Any]], printed: str) -> None:
    """The picture in the README is such a one as the demo has just printed, whatever its times were.

    The words in each story's line are what it went through, one after the other; all are complete, in the same order.
    """
    text = (DEMO.parents[1] / "README.md").read_text("utf-8")
    shown = text[text.index("Time →") :].partition("```")[0].splitlines()
    assert f"\n{shown[-1]}\n" in printed
    ends = []
    for lane in lanes:
        line = next(line for line in shown if line.startswith(f"Story {lane['story']}:"))
        rest = iter([*(block["word"] for block in lane["blocks"]), "Complete"])
        words = re.findall(r"[A-Za-z]+", line.partition(":")[2])
        assert all(any(word.startswith(said) for word in rest) for said in words), (line, lane["blocks"])
        ends.append((lane["complete"], line.index("[Complete]"), line))
    assert ends == sorted(ends)
    assert ends[-1][2].index("Val═") < ends[0][2].index("[Exe]")


def test_the_demo_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    """Nobody's files are mixed with the demo's."""
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    command = [sys.executable, str(DEMO), "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
