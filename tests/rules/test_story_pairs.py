"""Every write into story.md as a pair of files: before and after, byte for byte, and the second time nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.files.story_file import read_story
from engine.markdown.edit import apply_edits
from engine.model.pack import Source
from engine.model.verdict import Finding
from engine.rules.projection import adoption, edits
from tests.life import BUILDER, PEDANT, Life, first_event, machine

DATA = Path(__file__).parent.parent / "data/story"
FINDING = Finding(
    id="F1",
    severity="blocker",
    where="docs/feature-spec.md:4",
    quote="in two words",
    text="The spec says two words,\nthe red prompt tests one.",
    sources=(BUILDER, PEDANT),
    ambiguous="the severities differ",
)


def unwritten(life: Life) -> Life:
    """The last step is in the journal, and not yet in story.md."""
    life.events.pop()
    return life


def step() -> Life:
    return unwritten(Life().to("validating").to("fixing", ticks=("consolidated",), enters="fix"))


def question() -> Life:
    life = Life("consolidating").checked().merged("some", "some", findings=(FINDING,))
    return unwritten(life.to("triage")).asked("triage", "F1").asked("effort")


def answered() -> Life:
    life = question()
    life.decided("triage", "fix", finding="F1").decided("effort", "all")
    return unwritten(life.to("fixing", enters="fix"))


def reopened() -> Life:
    ticked = ("red_done", "red_errors", "green_done", "green_passes", "gates_pass", "self_reviewed")
    life = Life("gating").to("gorilla", ticks=ticked).ticked("gorilla_done")
    return unwritten(life.to("code_fixing", unticks=(*ticked[3:], "gorilla_done")))


CASES: dict[str, Callable[[], Life] | None] = {
    "adopt": None,
    "adopt-crlf-no-final-newline": None,
    "step": step,
    "question": question,
    "answered": answered,
    "reopened": reopened,
}


def written(name: str, raw: bytes) -> bytes:
    """What the engine makes of a text in the named case."""
    source = Source(path="story.md", raw=raw)
    tell = CASES[name]
    if tell is None:
        story = read_story(source, "4", None)[0]
        return raw if story.state else apply_edits(raw, adoption(machine(), story, first_event()))
    story, problems = read_story(source, "4", machine())
    assert problems == []
    return apply_edits(raw, edits(machine(), tell().progress, story, "evidence"))


@pytest.mark.parametrize("name", CASES)
def test_a_write_is_its_pair_of_files_and_idle_the_second_time(name: str) -> None:
    """From `before.md` comes `after.md`, byte for byte; from `after.md` comes nothing new."""
    folder = DATA / name
    after = (folder / "after.md").read_bytes()
    assert written(name, (folder / "before.md").read_bytes()) == after
    assert written(name, after) == after


def test_every_pair_has_its_case() -> None:
    """No pair of files is left without a test."""
    assert {folder.name for folder in DATA.iterdir() if folder.is_dir()} == set(CASES)
