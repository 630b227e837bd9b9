"""What holds of a whole pack at any instant, read from the bytes of its journals and story.md files alone.

Nothing of the engine is used here, so that a fault of the engine cannot hide itself. A look may come at any moment,
also while engines write: each story is read before those it depends on, and a worktree before the main tree, so that
whatever is seen of the later one was there when the earlier one was read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

WORK = ("execution", "verification")
_NEEDS = re.compile(r"^depends_on: *\[(.*)\]", re.M)
_STATE = re.compile(r"^state: *(\S+)", re.M)
_ROW = re.compile(r"^\| (\d+) \|", re.M)
Event = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One story as it was read: the whole lines of its journal, in the main tree and where it is longest."""

    id: str
    main: bytes
    longest: bytes
    copies: tuple[bytes, ...]
    folders: tuple[Path, ...]

    @property
    def events(self) -> list[Event]:
        return _events(self.longest)


class Pack:
    """A pack that is looked at again and again; each look says in one line each what does not hold.

    `one_tree` says that its stories are all executed in the main tree, one at a time.
    """

    def __init__(self, pack: Path, root: Path, worktrees: Path, machine: Path, *, one_tree: bool) -> None:
        self._work, self._ends = _phases(machine)
        self._one_tree, self._worktrees = one_tree, worktrees
        self._folders = {folder.name.split("-")[1]: folder for folder in sorted(pack.glob("story-*-*"))}
        self._inner = pack.relative_to(root)
        self._needs: dict[str, list[str]] = {}
        before: list[str] = []
        for id_, folder in self._folders.items():
            named = _NEEDS.search((folder / "story.md").read_text("utf-8").partition("\n# ")[0])
            self._needs[id_] = re.findall(r"[^\s,'\"]+", named[1]) if named else before
            before = [id_]
        self._known: dict[str, bytes] = {}

    def look(self, *, over: bool = False) -> list[str]:
        """What does not hold now; `over` says that no engine is at work and the last one came to its end."""
        stories = self._read()
        again = self._read() if self._one_tree else stories
        found: list[str] = []
        for story in stories.values():
            wrong = [*self._kept_all(story), *_chained(story)]
            found += wrong
            if not wrong:  # what is no journal is not read any further
                found += [*_calls(story), *_steps(story), *_evidence(story)]
                found += self._shown(story) if over else ()
        if not found:
            found += [*self._in_order(stories), *self._alone(stories, again)]
        return found

    def complete(self) -> bool:
        """Is every story over and back in the main tree?"""
        return all(self._ends.get(_at(_events(story.main))) for story in self._read().values()) and not any(
            self._worktrees.glob("*/.git")
        )

    def _read(self) -> dict[str, Told]:
        """Every story, those that depend on others first."""
        return {id_: self._story(id_) for id_ in sorted(self._folders, key=self._depth, reverse=True)}

    def _depth(self, id_: str) -> int:
        return 1 + max((self._depth(other) for other in self._needs[id_]), default=0)

    def _story(self, id_: str) -> Told:
        main = self._folders[id_]
        apart = self._worktrees / main.name.removeprefix("story-") / self._inner / main.name
        folders = (apart, main)
        copies = tuple(_whole(folder / "evidence/journal.jsonl") for folder in folders)
        return Told(id_, copies[1], max(copies, key=len), copies, folders)

    def _kept_all(self, story: Told) -> Iterator[str]:
        """Nothing is lost: every journal begins with what it held before, and its copies do not part."""
        known = self._known.get(story.id, b"")
        if not story.longest.startswith(known):
            yield f"story {story.id}: the journal does not begin with what it held before"
        else:
            self._known[story.id] = story.longest
        if not all(story.longest.startswith(copy) for copy in story.copies):
            yield f"story {story.id}: the journals of its two trees have parted"

    def _in_order(self, stories: dict[str, Told]) -> Iterator[str]:
        """No story is executed before all that it depends on are complete in the main tree."""
        for story in stories.values():
            began = next((str(event["at"]) for event in story.events if self._executes(event)), "")
            for name in self._needs[story.id] if began else ():
                events = _events(stories[name].main)
                if self._ends.get(_at(events)) != "success":
                    yield f"story {story.id} is executed, and story {name} is {_at(events) or 'not there'}"
                elif began < _last(events):
                    yield f"story {story.id} was executed at {began}, and {name} complete only at {_last(events)}"

    def _executes(self, event: Event) -> bool:
        state = event.get("dest") if event["event"] == "stepped" else ""
        if event["event"] == "began":
            state = event["call"].split("/")[1]
        return state in self._work

    def _alone(self, stories: dict[str, Told], again: dict[str, Told]) -> Iterator[str]:
        """At most one story is at work in the tree: now, and by the times of all steps."""
        if not self._one_tree:
            return
        still = [id_ for id_, told in stories.items() if told.longest == again[id_].longest]
        now = [id_ for id_ in still if any(until == "" for _, until in self._times(stories[id_]))]
        if len(now) > 1:
            yield f"stories {' and '.join(sorted(now))} are at work in one tree"
            return
        spans = [(*span, id_) for id_, story in stories.items() for span in self._times(story)]
        for begin, end, one in spans:
            for start, stop, other in spans:
                if one < other and begin < (stop or "~") and start < (end or "~"):
                    yield f"stories {one} and {other} were at work in one tree: {begin}–{end}, {start}–{stop}"

    def _times(self, story: Told) -> Iterator[tuple[str, str]]:
        """From when to when a story was at work; "" is not over yet."""
        begin = ""
        for event in story.events:
            if event["event"] not in ("stepped", "rewound"):
                continue
            dest = event["dest"]
            if dest in self._work:
                begin = begin or event["at"]
            elif begin and (dest in self._ends or event["event"] == "rewound"):
                yield begin, event["at"]
                begin = ""
        if begin:
            yield begin, ""

    def _shown(self, story: Told) -> Iterator[str]:
        """story.md shows what the journal says: the state, and a row for each step."""
        folder = next(folder for folder in story.folders if (folder / "story.md").exists())
        text = (folder / "story.md").read_bytes().decode("utf-8")
        state = _STATE.search(text)
        if (state[1] if state else "") != _at(story.events):
            yield f"story {story.id}: story.md shows {state and state[1]}, the journal says {_at(story.events)}"
        rows = [int(row) for row in _ROW.findall(text.partition("\n### Log")[2])]
        steps = [event["n"] for event in story.events if event["event"] in ("stepped", "rewound")]
        if rows != steps:
            yield f"story {story.id}: the log shows the steps {rows}, the journal has {steps}"


@cache
def _phases(machine: Path) -> tuple[set[str], dict[str, str]]:
    """The states in which a story is executed or verified, and those in which it ends."""
    told = yaml.safe_load(machine.read_text("utf-8"))
    return {state for state, of in told["states"].items() if of.get("phase") in WORK}, told["terminal"]


def _whole(journal: Path) -> bytes:
    """The whole lines of a journal: a torn last one was never acknowledged."""
    try:
        raw = journal.read_bytes()
    except OSError:
        return b""
    return raw[: raw.rfind(b"\n") + 1]


def _events(raw: bytes) -> list[Event]:
    return [json.loads(line) for line in raw.splitlines()]


def _at(events: list[Event]) -> str:
    """The state that a journal ends in."""
    return next((str(event.get("dest", event.get("state"))) for event in reversed(events) if _enters(event)), "")


def _enters(event: Event) -> bool:
    return event["event"] in ("adopted", "stepped", "rewound")


def _last(events: list[Event]) -> str:
    return next(str(event["at"]) for event in reversed(events) if _enters(event))


def _chained(story: Told) -> Iterator[str]:
    """Every line is an event that names the hash of the line before it."""
    previous = ""
    for number, line in enumerate(story.longest.split(b"\n")[:-1], 1):
        try:
            event = json.loads(line)
            good = isinstance(event, dict) and event["prev"] == previous and isinstance(event["event"], str)
        except (ValueError, KeyError):
            good = False
        if not good:
            yield f"story {story.id}: line {number} of the journal does not follow from the line before it"
            return
        previous = hashlib.sha256(line).hexdigest()[:16]


def _calls(story: Told) -> Iterator[str]:
    """Nothing is doubled: a call begins once, and ends once after that."""
    began: set[str] = set()
    ended: set[str] = set()
    for event in story.events:
        if event["event"] == "began":
            if event["call"] in began:
                yield f"story {story.id}: {event['call']} was begun again"
            began.add(event["call"])
        elif event["event"] == "ended":
            if event["call"] in ended:
                yield f"story {story.id}: {event['call']} was ended again"
            elif event["call"] not in began:
                yield f"story {story.id}: {event['call']} ended and was never begun"
            ended.add(event["call"])


def _steps(story: Told) -> Iterator[str]:
    """Steps are numbered from 1 without a gap, and each begins where the one before it ended."""
    state, number = "", 0
    for event in story.events:
        if event["event"] == "adopted":
            state = event["state"]
        elif event["event"] in ("stepped", "rewound"):
            number += 1
            if event["n"] != number:
                what = "is there again" if event["n"] < number else f"comes after step {number - 1}"
                yield f"story {story.id}: step {event['n']} {what}"
                return
            if event["source"] != state:
                yield f"story {story.id}: step {number} leaves {event['source']}, and the story was in {state}"
            state = event["dest"]


def _evidence(story: Told) -> Iterator[str]:
    """What a call left is there, byte for byte, in the tree that the story lives in."""
    for event in story.events:
        name = event.get("evidence") if event["event"] == "ended" else None
        if name and not any(_sha(folder / "evidence" / name) == event["sha"] for folder in story.folders):
            yield f"story {story.id}: {name} is not what the journal says"


def _sha(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
