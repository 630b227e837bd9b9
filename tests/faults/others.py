"""What others do at a durable moment: a person who saves, another engine, another branch."""

from __future__ import annotations

import random
import re
from pathlib import Path

from tests.faults.driver import advance_struck, commit_and_switch, put
from tests.faults.points import Fault, note
from tests.faults.whole import STORY, person, plain

HEADING = b"## Story 1 Execution Checklist\n"
WORDS = b"## Prerequisites\n\nNone.\n"
_REMARK = re.compile(rb"\nA remark \d+ of hers\.\n")


def touch(root: Path, rng: random.Random) -> None:
    """She saves without a change."""
    put(root / STORY, (root / STORY).read_bytes())


def remark(root: Path, rng: random.Random) -> None:
    """She writes a line into the checklist's own section, where no evidence rests on it."""
    _insert(root, HEADING, f"\nA remark {rng.randrange(10**6)} of hers.\n", "remarks")


def author(root: Path, rng: random.Random) -> None:
    """She writes a line into her own text, on which the validations rest."""
    _insert(root, WORDS, f"\nHer word {rng.randrange(10**6)}.\n", "words")


def answer(root: Path, rng: random.Random) -> None:
    """She answers in the very moment in which she is asked, or earlier than the engine is ready for it."""
    person(root)


def meddle(root: Path, rng: random.Random) -> None:
    """She does something that must change nothing but her own line."""
    rng.choice((touch, remark, answer))(root, rng)


def write(root: Path, rng: random.Random) -> None:
    """She does anything."""
    rng.choice((touch, remark, answer, author, author))(root, rng)


def rival(root: Path, rng: random.Random) -> None:
    """Another engine advances the same story: it is refused in one line, and does nothing."""
    struck = advance_struck(root, Fault())
    assert struck.code == 1, struck
    assert struck.said.startswith("Locked: "), struck


def switch(root: Path, rng: random.Random) -> None:
    """Somebody commits what is there and checks out another branch."""
    commit_and_switch(root)


def unremarked(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without her remarks."""
    return files | {STORY: _REMARK.sub(b"", files[STORY])}


def uncommitted(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without what a commit in between must change: the baseline's own commit and what was dirty then."""
    return {name: re.sub(rb"(?m)^(?:head|dirty) [0-9a-f]{40}.*\n", b"", text) for name, text in plain(files).items()}


def forgotten(root: Path) -> list[str]:
    """What she saved and what is not in story.md exactly once any more."""
    text = (root / STORY).read_text()
    notes = [path.read_text() for name in ("remarks", "words") if (path := root.parent / name).exists()]
    said = [line for kept in notes for line in kept.splitlines()]
    return [line for line in said if text.count(f"\n{line}\n") != said.count(line)]


def _insert(root: Path, behind: bytes, line: str, kept: str) -> None:
    """She saves with a line more; her editor still holds what she wrote before, whatever it finds in the file."""
    text = (root / STORY).read_bytes()
    said = root.parent / kept
    before = said.read_text().splitlines() if said.exists() else []
    held = "".join(f"\n{old}\n" for old in before if f"\n{old}\n".encode() not in text)
    head, mark, tail = text.partition(behind)
    if mark:
        note(said, line.strip())
        put(root / STORY, head + mark + (line + held).encode() + tail)
