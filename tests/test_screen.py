"""The live view of `story run`: what a terminal shows, what a pipe says, and that stdout holds the result alone."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from engine.lanes import Standing
from engine.live import Heart, Watch
from engine.model.row import Row, Took
from engine.model.step import Place, Waiting
from engine.screen import beats, drawn, show_run, waits
from tests.cli.run import state_home
from tests.packs import PackRepo

PARTS = (("Validation", 6, 6), ("Implementation", 3, 6), ("Verification", 0, 4))
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def standing(
    name: str,
    state: str,
    *,
    waits_for: str = "engine",
    at_work: bool = False,
    after: tuple[str, ...] = (),
    waiting: Waiting | None = None,
    error: str = "",
    rank: float = 0,
    took: Took | None = None,
) -> Standing:
    """A story of a pack, half done."""
    path = f"docs/stories/story-{name}/story.md"
    complete = state == "complete"
    row = Row(name, "docs/stories", "T", "story", state, "", 9, 16, waits_for, path, complete, took=took, parts=PARTS)
    return Standing(name, path, row, at_work, after, waiting, error, rank)


def person(name: str, line: int, text: str) -> Waiting:
    """A person is asked at a line of a story."""
    return Waiting(for_="person", items=(Place(file=f"docs/stories/story-{name}/story.md", line=line, text=text),))


def working(seconds: float) -> Watch:
    """A gate and two validators, at work for so long."""
    times = [0.0]
    watch = Watch(clock=lambda: times[0])
    watch.began("a", "gate tests", "docs/stories/story-1/story.md")
    watch.began("b", "Senior Engineer: builder", "docs/stories/story-3/story.md")
    watch.began("c", "GPT-5.2 Codex: pedant", "docs/stories/story-3/story.md")
    watch.doing("a", "pytest -q")
    watch.doing("b", "reads spec.md", 2000, 0.5)
    times[0] = seconds
    return watch


def screen(shown: RenderableType, width: int = 150) -> list[str]:
    """The lines that a terminal shows."""
    console = Console(record=True, force_terminal=True, width=width, file=io.StringIO())
    console.print(shown)
    return [line.rstrip() for line in console.export_text().splitlines()]


STANDINGS = [
    standing("0", "complete", waits_for="nobody", took=Took(input=1000, output=200, cost=0.25)),
    standing("1", "gating", at_work=True, rank=90),
    standing("2", "approving", waiting=person("2", 88, "Human approved"), rank=50),
    standing("3", "validating", at_work=True),
    standing("4", "triage", waiting=person("4", 70, "D1: Blocker triage"), rank=70),
    standing("5", "queued", after=("1", "4")),
    standing("6", "drafted", error="story.md:3: unknown state"),
]


def test_a_terminal_shows_stories_phases_and_who_is_at_work() -> None:
    """Each story has its progress by phase, what its agents do now or whom it waits for, tokens and cost."""
    lines = screen(drawn(STANDINGS, working(65), 65, 40))
    assert lines[0].split() == [
        "story",
        "Validation",
        "Implementation",
        "Verification",
        "state",
        "now",
        "tokens",
        "dollars",
    ]
    assert re.search(r"^0 +━{6} 6/6 +━━━╌╌╌ 3/6 +╌{6} 0/4 +complete +over +1,200 +0\.25$", lines[1])
    assert re.search(r"^1 .* gating +gate tests … 1m 05s, pytest -q$", lines[2])
    assert re.search(r"^2 .* approving +waits for a person$", lines[3])
    told = "Senior Engineer: builder … 1m 05s, reads spec.md"
    assert re.search(rf"^3 .* validating +{re.escape(told)} +2,000 +0\.50$", lines[4])
    assert lines[5].strip() == "GPT-5.2 Codex: pedant … 1m 05s"
    assert lines[7].endswith("waits for story 1, 4")
    assert "refused: story.md:3: unknown state" in lines[8]
    assert "1m 05s · 1 of 7 stories complete · 3,200 tokens · 0.75 dollars" in lines


def test_what_waits_for_people_is_listed_most_blocking_first() -> None:
    """Story 4 blocks more than story 2, so its question is told first; what was refused is there, too."""
    assert waits(STANDINGS) == [
        "waits for a person, most blocking first:",
        "  docs/stories/story-4/story.md:70: D1: Blocker triage",
        "  docs/stories/story-2/story.md:88: Human approved",
        "  story 6 was refused: story.md:3: unknown state",
    ]
    assert waits(STANDINGS[:2]) == []


def test_a_small_terminal_shows_what_matters() -> None:
    """The screen is never longer than the terminal: who works stays, then who waits; the rest is counted."""
    many = [standing(str(n), "queued", after=("1",)) for n in range(10, 200)]
    asking = [standing(str(n), "approving", waiting=person(str(n), 1, "Human approved")) for n in range(200, 230)]
    for height in (12, 24, 40):
        lines = screen(drawn([*many, *asking, *STANDINGS], working(1), 1, height), width=100)
        assert len(lines) <= height
        names = [line.split()[0] for line in lines[1:] if line[:1].isdigit()]
        assert {"1", "3"} <= {*names}
        assert re.search(r"^… and \d+ more stories$", "\n".join(lines), re.M)
        assert re.search(r"^  … and \d+ more$", "\n".join(lines), re.M)


def test_texts_of_stories_and_agents_are_no_markup() -> None:
    """What looks like markup or steers a terminal is shown as it is, or as a blank."""
    watch = Watch(clock=lambda: 0.0)
    watch.began("a", "[red]Engineer[/red]", "docs/stories/story-1/story.md")
    shown = [
        standing("1", "red", at_work=True),
        standing("2", "triage", waiting=person("2", 3, "[bold]D1[/bold] \x1b[2J")),
    ]
    text = "\n".join(screen(drawn(shown, watch, 0, 40)))
    assert "[red]Engineer[/red] … 0s" in text
    assert "[bold]D1[/bold]  [2J" in text


def test_a_pipe_gets_heartbeats_that_name_the_story() -> None:
    """Who is at work is said in plain lines, each with its story; nobody at work, nothing said."""
    assert beats(STANDINGS, working(5)) == [
        "story 1: gate tests … 5s, pytest -q",
        "story 3: Senior Engineer: builder … 5s, reads spec.md, 2,000 tokens, 0.50 dollars",
        "story 3: GPT-5.2 Codex: pedant … 5s",
    ]
    assert beats(STANDINGS, Watch()) == []
    assert isinstance(show_run(lambda: STANDINGS, Watch(), print, terminal=False), Heart)


def test_on_a_terminal_stdout_holds_the_result_alone(tmp_path: Path) -> None:
    """A real run with stderr on a terminal draws its table there; stdout is the one object of --json."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    main, side = pty.openpty()
    read = bytearray()

    def listen() -> None:
        while True:
            try:
                got = os.read(main, 65536)
            except OSError:
                return
            if not got:
                return
            read.extend(got)

    ear = threading.Thread(target=listen, daemon=True)
    ear.start()
    environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environ |= {"XDG_STATE_HOME": str(state_home(repo.root)), "TERM": "xterm", "COLUMNS": "140", "LINES": "40"}
    words = [sys.executable, "-m", "engine", "run", "--json"]
    done = subprocess.run(
        words, cwd=repo.root, env=environ, stdout=subprocess.PIPE, stderr=side, timeout=120, check=False
    )
    os.close(side)
    ear.join(10)
    assert done.returncode == 0
    assert json.loads(done.stdout)["data"]["total"] == 2
    seen = ESCAPE.sub("", read.decode(errors="replace"))
    assert re.search(r"story +Validation +Implementation +Verification +state +now", seen)
    assert "waits for a person, most blocking first:" in seen


@pytest.mark.parametrize("error", ["", "it is broken"])
def test_a_story_at_work_is_not_said_to_wait(error: str) -> None:
    """What it waited for before it went on is over."""
    one = standing("1", "red", at_work=True, waiting=person("1", 3, "Human approved"), error=error)
    assert waits([one]) == []
