"""A whole story under machines/story.yaml: its undisturbed run, with a copy of the tree before each of its legs.

A leg is one `advance --step`. A run with a fault begins at the copy of its leg and goes on until tree and remembered
replies are what they were after that leg undisturbed: from there on it is the same run. Where they are not, it goes on
to the end, and the end has to be the same.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.look import demand_known, open_repository
from tests.faults.driver import Struck, advance_struck, put
from tests.faults.points import Fault, doubled
from tests.repo import CONFIG, Repo, finding, verdict

HOME = "docs/stories/story-1-greeter"
STORY = f"{HOME}/story.md"
LEGS = 40
"""More legs than any run needs."""
SCRIPT = (
    {"act": "builder", "reply": verdict("FAIL", finding("says two words, tests one"))},
    {
        "act": "pedant",
        "reply": verdict(
            "FAIL",
            finding("says it differently", quote="stands nowhere", severity="blocker"),
            finding("how often is twice", quote="says it twice", where="docs/feature-spec.md:5"),
        ),
    },
    {
        "act": "fixer",
        "replace": [{"file": "docs/feature-spec.md", "old": "in two words", "new": "in one word"}],
        "reply": {
            "answers": [{"finding": "F1", "answer": "fixed"}, {"finding": "F2", "answer": "fixed"}],
            "files": ["docs/feature-spec.md"],
        },
    },
)
BOXES = {
    "triage": ("fix: it is real and is fixed now", "all: fix everything"),
    "approving": ("Human approved",),
    "gorilla": ("Gorilla testing done (human)",),
    "accepting": ("Story marked complete",),
    "stuck": ("try again: new rounds and back to where it was",),
}
"""What the person ticks in which state."""


class Leg(NamedTuple):
    """One undisturbed step: the folder as it was before it, its points, and what is known after it."""

    folder: Path
    points: list[str]
    after: dict[str, bytes]


@dataclass(frozen=True)
class Whole:
    """The undisturbed run."""

    place: Path
    legs: list[Leg]
    final: dict[str, bytes]

    def points(self) -> list[tuple[int, int]]:
        """Every point, as its leg and its number in it, both as drive counts them."""
        return [(number, point) for number, leg in enumerate(self.legs) for point in range(1, len(leg.points) + 1)]

    def struck(self) -> int:
        """How many strikes there were so far."""
        strikes = self.place / "strikes"
        return strikes.stat().st_size if strikes.exists() else 0

    def name(self, at: tuple[int, int]) -> str:
        """What a point is."""
        return self.legs[at[0]].points[at[1] - 1]


def person(root: Path) -> bool:
    """Tick all that story.md asks for; False where nothing is open."""
    story = root / STORY
    text = before = story.read_bytes().decode()
    state = re.search(r"^state: (\w+)$", text, re.M)
    for box in BOXES.get(state[1] if state else "", ()):
        head, mark, tail = text.rpartition(f"- [ ] {box}")
        text = f"{head}- [x] {box}{tail}" if mark else text
    text = text.replace("\nNote (required):\n", "\nNote (required): Go on.\n")
    if text != before:
        put(story, text.encode())
    return text != before


def result(root: Path) -> dict[str, bytes]:
    """Every byte of the tree but git's own."""
    files = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def go_on(root: Path, fault: Fault | None = None, *, legs: int = LEGS) -> None:
    """Advance and answer until nobody is waited for."""
    for _ in range(legs):
        struck = advance_struck(root, fault or Fault(step=False))
        assert struck.code == 0, struck
        if struck.said == "nobody":
            return
        assert person(root) or (fault and fault.step), struck
    raise AssertionError(f"not complete after {legs} legs")


def record(place: Path, *, broken: str = "", script: Iterable[dict[str, object]] = SCRIPT) -> Whole:
    """Make the repository and run it undisturbed, step by step."""
    start = place / "start"
    start.mkdir(parents=True)
    repo = Repo(start, *script, config=CONFIG.partition("[standing]")[0])
    repo.git("add", "-A")
    repo.git("commit", "-qm", "adopted")
    repo.packed()
    repo.git("branch", "other")
    repo.repository.chart("story")
    legs = []
    for number in range(LEGS):
        copy = place / f"leg-{number}"
        shutil.copytree(start, copy, symlinks=True)
        struck = advance_struck(repo.root, Fault(broken=broken))
        assert struck.code == 0, struck
        person(repo.root)
        legs.append(Leg(copy, struck.points, known(repo.root)))
        if struck.said == "nobody":
            break
    return Whole(place, legs, result(repo.root))


def known(root: Path) -> dict[str, bytes]:
    """All that the rest of a run depends on: the tree, and the remembered replies."""
    with closing(sqlite3.connect(root.parent / "state/calls.sqlite")) as database:
        table = database.execute("SELECT name FROM sqlite_master WHERE name = 'calls'").fetchone()
        rows = database.execute("SELECT CAST(reply AS BLOB) FROM calls ORDER BY id").fetchall() if table else []
    replies = {f"reply {number}": re.sub(rb'\\"seconds\\":[\d.]+', b"", row[0]) for number, row in enumerate(rows)}
    return result(root) | replies


def plain(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without times, the ends of the calls' ids, and the hashes over them."""
    journal = f"{HOME}/evidence/journal.jsonl"
    told = files | {journal: re.sub(rb'"(?:prev|sha)":"\w*"', b"", files.get(journal, b""))}
    return {
        name: re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"then", re.sub(rb"(/\d+\.\d+)-\w+", rb"\1", text))
        for name, text in told.items()
    }


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder in memory where there is one: what the disk keeps is the shadow's business, not the disk's."""
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(prefix=f"story-{name}-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def copy_of(whole: Whole, leg: int) -> Iterator[Path]:
    """The tree as it was before a leg, in a folder of its own; its state folder lies beside it."""
    place = whole.place / f"worker-{os.getpid()}"  # the same for each run of a worker, so that its charts stay warm
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole.legs[leg].folder, place, symlinks=True)
    demand_known(open_repository(place / "r", place / "state"))
    yield place / "r"


def struck_at(whole: Whole, fault: Fault, at: tuple[int, int], *, after: Fault | None = None) -> str:
    """Strike at one point, let the run go on, and say what is wrong then; "" is as undisturbed.

    It goes on until all is as after the undisturbed leg; from the first point of a leg, and where it is not, to the
    end. Where the processes `after` the struck one have another clock or mint, all is compared without those.
    """
    leg, point = at
    with copy_of(whole, leg) as root:
        said = f"{fault.mode} at {leg}/{point} ({whole.name(at)})"
        struck = advance_struck(root, replace(fault, strikes=frozenset([point])))
        if fault.broken and struck.code == 0 and len(struck.points) < point:
            return ""  # a broken engine has fewer points
        wrong = _unexpected(fault, struck)
        if wrong:
            return f"{said}: {wrong}"
        try:
            other = after or Fault(broken=fault.broken)
            same = plain if after else dict
            early = _after_a_step(root, struck, other)
            if point > 1 and same(early) == same(whole.legs[leg].after):
                said = ""
            else:
                go_on(root, replace(other, step=False))
                said = differs(same(whole.final), same(result(root)), said)
        except (AssertionError, OSError) as err:
            return f"{said}: {err}"
        return said or "".join(f"{call} was asked again" for call in lost(root))


def _after_a_step(root: Path, struck: Struck, other: Fault) -> dict[str, bytes]:
    """Advance by a step, unless the struck process came to its end; what is known then."""
    if struck.code:
        again = advance_struck(root, other)
        assert again.code == 0, again
    person(root)
    return known(root)


def _unexpected(fault: Fault, struck: Struck) -> str:
    if struck.code == 70:
        return f"a traceback: {struck.said}"
    deadly = fault.mode in ("kill", "half", "cut", "cut early", "act+kill")
    if deadly and struck.code != -9:
        return f"not killed: {struck}"
    if fault.mode in ("full", "short", "denied") and struck.code and "/" not in struck.said:
        return f"an error without a path: {struck.said}"
    return ""


def lost(root: Path) -> list[str]:
    """The calls that were asked again although their reply was remembered."""
    return doubled(root.parent / "calls.log")


def differs(wanted: dict[str, bytes], found: dict[str, bytes], said: str) -> str:
    """What differs between two trees, in one line; "" where nothing does."""
    if wanted == found:
        return ""
    names = [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]
    shown = "; ".join(_difference(wanted.get(name), found.get(name), name) for name in sorted(names)[:3])
    return f"{said}: {len(names)} files differ: {shown}"


def _difference(wanted: bytes | None, found: bytes | None, name: str) -> str:
    if wanted is None or found is None:
        return f"{name} is {'missing' if found is None else 'new'}"
    pairs = zip(wanted.split(b"\n"), [*found.split(b"\n"), b"<end>"], strict=False)
    line, (one, other) = next(((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1]), (0, (b"", b"")))
    return f"{name}:{line}: {one[:300]!r} became {other[:300]!r}"


Check = Callable[[tuple[int, int]], str]


def everywhere(check: Check, points: Iterable[tuple[int, int]], *, workers: int = 2) -> list[str]:
    """Run a check at every point, some at a time; what is wrong."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return [wrong for wrong in pool.map(check, points, chunksize=4) if wrong]


def strike_everywhere(
    whole: Whole, fault: Fault, points: Iterable[tuple[int, int]], *, after: Fault | None = None
) -> list[str]:
    """Strike in one mode at every point given; what is wrong."""
    return everywhere(partial(struck_at, whole, fault, after=after), points)


def sample(whole: Whole, count: int, seed: int) -> list[tuple[int, int]]:
    """Some of the points, every kind among them, the same for the same seed."""
    rng = random.Random(seed)
    points = whole.points()
    rng.shuffle(points)
    kinds = {whole.name(at): at for at in points}
    return [*kinds.values(), *(at for at in points if at not in set(kinds.values()))][:count]
