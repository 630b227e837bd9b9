"""The journal: one event a line, appended, each chained to the line before it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from engine.errors import FormatError, StoryChanged
from engine.files import disk
from engine.files.evidence import evidence_folder
from engine.model.call import Usage
from engine.model.events import EVENT, Event

NAME = "journal.jsonl"
CHAIN = 16
_USAGES = TypeAdapter(list[Usage])


def journal_of(story: Path) -> Path:
    """The journal of a story, by the story's file."""
    return evidence_folder(story, "folders" if story.name == "story.md" else "files") / NAME


def read_journal(path: Path, shown: str = "") -> list[Event]:
    """Read all events; a torn last line was never acknowledged and does not count.

    A line that is no event, or that does not follow from the line before it, is a FormatError with its place.
    """
    shown = shown or str(path)
    try:
        return parse_journal(path.read_bytes(), shown)
    except FileNotFoundError:
        return []
    except OSError as err:
        raise _broken(f"it cannot be read: {err.strerror}", shown, 1) from err


def parse_journal(raw: bytes, shown: str) -> list[Event]:
    """The events in the bytes of a journal; `shown` names it where a line is refused."""
    events: list[Event] = []
    previous = ""
    lines = raw.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        if not line.strip():
            raise _broken("the line is empty", shown, number)
        try:
            fields = json.loads(line)
            chained = fields.pop("prev")
            event = EVENT.validate_python(fields)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError) as err:
            raise _broken("the line is no event", shown, number) from err
        if chained != previous:
            raise _broken("the line does not follow from the line before it", shown, number)
        events.append(event)
        previous = link(line)
    return events


def is_calling(path: Path) -> bool:
    """Is there a call that began and has not ended, by the lines alone? Not exact: one of a rewound state counts."""
    begun = set[str]()
    try:
        for line in path.read_bytes().split(b"\n")[:-1]:
            fields = json.loads(line)
            if fields["event"] == "began":
                begun.add(fields["call"])
            elif fields["event"] == "ended":
                begun.discard(fields["call"])
    except (OSError, ValueError, KeyError, TypeError):
        return False  # none is there yet, or what is wrong with it is told where the story is looked at
    return bool(begun)


def read_usages(path: Path) -> list[Usage]:
    """What each run took that took anything, without reading the rest: quotes within a text are escaped ones."""
    try:
        raw = path.read_bytes()
    except OSError:
        return []
    parts = raw[: raw.rfind(b"\n") + 1].split(b'"usage":')[1:]
    try:
        return _USAGES.validate_json(b"[" + b",".join(part[: part.find(b"}") + 1] for part in parts) + b"]")
    except ValidationError:  # `story check` says what is wrong with it
        return []


class Journal:
    """A journal to append to, as it was when it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._link = last_link(path)

    def append(self, event: Event) -> None:
        """Append one event durably; refused when the journal is not the one that was read any more."""
        self.demand_same()
        fields = {**event.model_dump(mode="json", exclude_defaults=True), "prev": self._link}
        line = json.dumps({"event": event.event, **fields}, ensure_ascii=False, separators=(",", ":")).encode()
        disk.append(self.path, line, still=self._demand)
        self._link = link(line)

    def demand_same(self) -> None:
        """Refuse to go on when another branch was checked out, or the journal was edited, since it was read."""
        self._demand_link(last_link(self.path))

    def _demand(self, raw: bytes) -> None:
        self._demand_link(_link_of(raw))

    def _demand_link(self, found: str) -> None:
        if found != self._link:
            raise StoryChanged(
                f"{self.path} is not the journal it was: another branch was checked out, or it was edited. "
                "Nothing was written; what agents answered is kept. Go back to the branch and advance again."
            )

    @property
    def head(self) -> str:
        """The link of the last event, "" before the first."""
        return self._link


def last_link(path: Path) -> str:
    """The link of the last whole line, "" for a journal that is empty or not there."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as err:
        raise _broken(f"it cannot be read: {err.strerror}", str(path), 1) from err
    return _link_of(raw)


def _link_of(raw: bytes) -> str:
    whole = raw[: raw.rfind(b"\n") + 1].rstrip(b"\n")
    return link(whole[whole.rfind(b"\n") + 1 :]) if whole else ""


def link(line: bytes) -> str:
    """The chain's link over one line: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(line).hexdigest()[:CHAIN]


def _broken(message: str, path: str, line: int) -> FormatError:
    return FormatError(
        f"journal: {message}.",
        path=path,
        line=line,
        remedy="Bring the file back from git; the engine does not go on from a journal it cannot trust.",
    )
