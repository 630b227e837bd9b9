"""A whole pack survives kills at random instants, a second engine and a person who saves throughout."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.faults.figures import keep_wrong
from tests.faults.pack import NEEDS, SMALL, SUITES, TREE, Lived, Needs, live
from tests.faults.whole import scratch

SEED = int(os.environ.get("STORY_SEED", "0"))
"""Where the seeds begin: they choose what happens, and the machine's own pace when exactly."""
KILLS = 40
"""Kills of each long suite."""


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder in memory for all packs."""
    with scratch("packs") as folder:
        yield folder


@pytest.fixture(scope="session")
def small(place: Path) -> dict[str, str]:
    """Each story.md of two stories, undisturbed."""
    return undisturbed(new(place), SMALL)


def new(place: Path) -> Path:
    """A new folder for one life of a pack."""
    return Path(mkdtemp(dir=place))


def undisturbed(folder: Path, needs: Needs) -> dict[str, str]:
    """Each story.md of a run in one tree in which nothing happens; in worktrees it is the same."""
    lived = live(folder, TREE, SEED, needs=needs, kills=0)
    assert lived.wrong == []
    return lived.texts


def wrong_of(lived: Lived, wanted: Mapping[str, str], said: str) -> list[str]:
    """What was wrong with a life, and which story.md is another one than undisturbed."""
    other = [f"story {id_} ends otherwise" for id_, text in lived.texts.items() if text != wanted[id_]]
    return [f"{said}: {wrong}" for wrong in (*lived.wrong, *other)]


@pytest.mark.long
@pytest.mark.parametrize("what", ["two at once in one tree", "killed in worktrees"])
def test_a_pack_killed_some_times_ends_the_same(place: Path, small: dict[str, str], what: str) -> None:
    """Killed and started anew, alone or two at once, every invariant holds at every look, and the end is the same."""
    lived = live(new(place), SUITES[what], SEED, needs=SMALL, kills=5)
    assert wrong_of(lived, small, f"{what}, STORY_SEED={SEED}") == []
    assert lived.kills


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("what", SUITES)
def test_a_pack_killed_at_random_instants_ends_the_same(place: Path, what: str) -> None:
    """Four stories, over and over: nothing lost, nothing doubled, none executed before what it depends on."""
    wanted = undisturbed(new(place), NEEDS)
    wrong: list[str] = []
    runs = kills = 0
    seed = SEED
    while kills < KILLS:
        lived = live(new(place), SUITES[what], seed)
        wrong += wrong_of(lived, wanted, f"{what}, STORY_SEED={seed}")
        runs, kills, seed = runs + lived.runs, kills + lived.kills, seed + 1
    keep_wrong(f"a pack, {what}", runs, kills, wrong)
    assert wrong == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("needs", "told"),
    [({"1": [], "2": []}, "are at work in one tree"), ({"1": [], "2": ["1"]}, "story 2 is executed, and story 1 is")],
)
def test_an_engine_that_does_not_wait_is_found(
    place: Path, monkeypatch: pytest.MonkeyPatch, needs: Needs, told: str
) -> None:
    """The harness proves itself: without the engine's looks at other stories, some run breaks an invariant."""
    monkeypatch.setattr("engine.advance.in_the_way", lambda _: ())
    monkeypatch.setattr("engine.look._unfinished", lambda *_: ())
    monkeypatch.setattr("engine.pipeline.Pipeline._needs", lambda *_: [])
    found: list[str] = []
    for seed in range(SEED, SEED + 6):
        found += live(new(place), TREE, seed, needs=needs, kills=20).wrong
    assert any(told in wrong for wrong in found)
