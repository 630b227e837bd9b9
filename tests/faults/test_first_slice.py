"""The design's greatest risk: whatever happens at whatever moment, the same bytes come out and no call is doubled."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from engine.adopt import adopt
from engine.look import demand_known, open_repository
from tests.faults.driver import TIME, drive
from tests.faults.slice_repo import commit, git, make_repository
from tests.faults.whole import scratch


@dataclass(frozen=True)
class Bench:
    """A repository with one adopted story, and what an undisturbed run makes of it."""

    origin: Path
    points: list[str]
    final: dict[str, bytes]

    def fresh(self) -> Path:
        """A copy of the repository, at one place for all of a worker's; its state folder lies beside it."""
        place = self.origin.parent / str(os.getpid())
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.origin, place / "r", symlinks=True)
        demand_known(open_repository(place / "r", place / "state"))
        return place / "r"


def result(root: Path) -> dict[str, bytes]:
    """The bytes of everything that belongs to the story, and of what its agent wrote."""
    story = root / "docs/stories/story-1-file"
    files = [*story.rglob("*"), root / "out.txt", root / "log.txt"]
    return {str(path.relative_to(root)): path.read_bytes() for path in files if path.is_file()}


def doubled(root: Path) -> list[str]:
    """Calls whose agent was run again after its reply was kept."""
    kept: set[str] = set()
    found = []
    for line in (root.parent / "calls.log").read_text().splitlines():
        word, call = line.split(" ", 1)
        if word == "kept":
            kept.add(call)
        elif call in kept:
            found.append(call)
    return found


def unminted(files: dict[str, bytes]) -> dict[str, object]:
    """The bytes without what must differ between two runs: the calls' random ends and the hashes over them."""
    journal = "docs/stories/story-1-file/evidence/journal.jsonl"
    said = re.sub(rb'"(?:prev|sha)":"\w+"', b"", files[journal])
    return {name: re.sub(rb"(/\d+\.\d+)-\w", rb"\1", content) for name, content in (files | {journal: said}).items()}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """An undisturbed run, with its durable moments counted."""
    with scratch("slice") as folder:
        origin = folder / "origin"
        origin.mkdir()
        make_repository(origin)
        adopt(open_repository(origin, folder / "s"), origin / "docs/stories", (), author="Ana", clock=lambda: TIME)
        commit(origin, "adopt")
        git(origin, "branch", "other")
        root = Bench(origin, [], {}).fresh()
        done = drive(root)
        assert (done.code, done.said) == (0, "person")
        yield Bench(origin, done.points, result(root))


Check = Callable[[Bench, Path, int], None]
EVERY = pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
"""At every which point: at some in the ordinary suite, at all in the long one."""


def everywhere(bench: Bench, check: Check, every: int) -> None:
    """Run a check for the points, two at a time; `check` gets a fresh copy and the point's number."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        for _ in pool.map(partial(_one, bench, check), range(1, len(bench.points) + 1, every)):
            pass


def _one(bench: Bench, check: Check, point: int) -> None:
    check(bench, bench.fresh(), point)


def test_the_points_cover_every_durable_moment(bench: Bench) -> None:
    """The harness sees writes, syncs, renames, exchanges, the memory of calls and the agent itself."""
    kinds = Counter(bench.points)
    assert {"write", "fsync", "rename", "exchange", "remember", "agent starts", "agent ends"} <= set(kinds)
    assert sum(kinds.values()) >= 50


@EVERY
@pytest.mark.parametrize("mode", ["kill", "half"])
def test_killed_anywhere_it_ends_with_the_same_bytes(bench: Bench, every: int, mode: str) -> None:
    """Killed before any durable moment, or in the middle of any write, the next advance ends as if undisturbed."""
    everywhere(bench, partial(_killed, mode), every)


def _killed(mode: str, bench: Bench, root: Path, point: int) -> None:
    assert drive(root, mode, point).code == -9, point
    again = drive(root)
    assert (again.code, again.said) == (0, "person"), (point, bench.points[point - 1], again)
    assert result(root) == bench.final, (point, bench.points[point - 1])
    assert not doubled(root), (point, bench.points[point - 1])


@EVERY
def test_killed_with_the_state_folder_deleted(bench: Bench, every: int) -> None:
    """Without the state folder the same bytes come out; only a call that had not ended is made again."""
    everywhere(bench, _without_state, every)


def _without_state(bench: Bench, root: Path, point: int) -> None:
    assert drive(root, "kill", point).code == -9, point
    journal = (root / "docs/stories/story-1-file/evidence/journal.jsonl").read_text()
    shutil.rmtree(root.parent / "state")
    log = root.parent / "calls.log"
    before = log.read_text() if log.exists() else ""
    assert drive(root).code == 0, point
    assert result(root) == bench.final, (point, bench.points[point - 1])
    again = log.read_text().removeprefix(before)
    ended = re.findall(r'"event":"ended","at":"[^"]*","call":"([^"]*)"', journal.rpartition("\n")[0])
    assert not [call for call in ended if f"run {call}" in again], (point, again)


@pytest.mark.long
@EVERY
def test_a_person_saving_meanwhile_loses_nothing(bench: Bench, every: int) -> None:
    """Whenever a person saves story.md, her words and all of the engine's edits are in it afterwards."""
    everywhere(bench, _saved, every)


def _saved(bench: Bench, root: Path, point: int) -> None:
    name = "docs/stories/story-1-file/story.md"
    done = drive(root, "save", point)
    assert done.code == 0, (point, done)
    wanted = bench.final[name].replace(b"The author's words", b"The author's new words")
    assert result(root)[name] == wanted, (point, bench.points[point - 1])
    assert not list((root / name).parent.glob(".*")), point


@pytest.mark.long
@EVERY
def test_killed_while_a_person_saves(bench: Bench, every: int) -> None:
    """Her words survive even when she saves at the very point after which the engine is killed."""
    everywhere(bench, _saved_and_killed, every)


def _saved_and_killed(bench: Bench, root: Path, point: int) -> None:
    name = "docs/stories/story-1-file/story.md"
    assert drive(root, "save+kill", point).code == -9, point
    assert drive(root).code == 0, point
    wanted = bench.final[name].replace(b"The author's words", b"The author's new words")
    assert result(root)[name] == wanted, (point, bench.points[point - 1])


@pytest.mark.long
@EVERY
def test_killed_on_one_branch_and_advanced_on_another(bench: Bench, every: int) -> None:
    """Each branch ends with its own complete run; neither takes the other's calls for its own."""
    everywhere(bench, _two_branches, every)


def _two_branches(bench: Bench, root: Path, point: int) -> None:
    assert drive(root, "kill", point).code == -9, point
    commit(root, "half way")
    git(root, "checkout", "-q", "other")
    assert drive(root).code == 0, point
    assert unminted(result(root)) == unminted(bench.final), point
    commit(root, "other is done")
    git(root, "checkout", "-q", "main")
    again = drive(root)
    assert again.code == 0, (point, again)
    assert unminted(result(root)) == unminted(bench.final), point


@pytest.mark.long
@EVERY
def test_another_branch_checked_out_under_a_running_engine(bench: Bench, every: int) -> None:
    """The engine writes nothing of one branch's run into another, and goes on when its branch is back."""
    everywhere(bench, _switched, every)


def _switched(bench: Bench, root: Path, point: int) -> None:
    done = drive(root, "branch", point)
    assert done.code == 0 or done.said.startswith("StoryChanged"), (point, done)
    strayed = [line for line in git(root, "status", "--porcelain", "docs").splitlines() if done.code]
    assert not strayed, (point, bench.points[point - 1], strayed)
    for branch in ("other", "main"):
        go_to(root, branch)
        again = drive(root)
        assert again.code == 0, (point, branch, again)
        assert unminted(result(root)) == unminted(bench.final), (point, branch, bench.points[point - 1])


def go_to(root: Path, branch: str) -> None:
    """Commit what belongs to the story and change branches; what an agent wrote goes along, as git has it."""
    git(root, "add", "docs")
    git(root, "commit", "-q", "--allow-empty", "-m", "done here")
    for name in ("out.txt", "log.txt"):
        if name in git(root, "ls-tree", "--name-only", branch):
            (root / name).unlink(missing_ok=True)
    git(root, "checkout", "-q", branch)
