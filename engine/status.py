"""Where every story stands, from front matter, checklists and what journals say of cost, remembered between runs.

read_status
├── _Memory.whole      every file and folder has the stat it had: the rows as they were (imports no model, no reader)
└── _read_again        the packs listed, and only the files whose content changed read
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from engine import __version__
from engine.model.row import Row, Took

VERSION = f"4 {__version__}"
RACY = 2_000_000_000
"""Nanoseconds: what was saved so shortly before we looked may change again without its stat showing it."""

Stamp = list[int]


def read_status(root: Path, state: Path) -> tuple[list[Row], str]:
    """The rows of all stories, in pack and folder order, and what is wrong with story.toml, if anything is."""
    memory = _Memory(state / "status.json", str(root))
    rows, problem = memory.whole(), ""
    if rows is None:
        rows, problem = _read_again(root, state, memory)
    if memory.changed and not problem:
        memory.save()
    return list(_with_dependencies(rows)), problem


def _with_dependencies(rows: list[Row]) -> Iterator[Row]:
    complete = {(row.pack, row.id) for row in rows if row.complete}
    for row in rows:
        if row.queued:
            open_ = [name for name in row.needs if (row.pack, name) not in complete]
            row = replace(row, waiting_for=f"story {', '.join(open_)}" if open_ else "engine")
        yield row


@dataclass(slots=True)
class _Entry:
    """A file as it was read: its stat, its content's hash, and the row it gave (a story's file gives one).

    A story's row comes from its journal as well, where it has one: stat and hash are those of both.
    """

    stamp: Stamp
    sha: str
    row: Row | None = None
    journal: str = ""


@dataclass(slots=True)
class _Memory:
    """What was read before. It is a file that anybody may delete or break: then everything is read again."""

    path: Path
    root: str
    files: dict[str, _Entry] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    started: int = field(default_factory=time.time_ns)
    changed: bool = False

    def whole(self) -> list[Row] | None:
        """All rows, if nothing changed since; None when something has to be read."""
        if not self._load() or any(not self._lists(path, stamp) for path, stamp in self.folders.items()):
            return None
        entries = [self.known(path) for path in self.files]
        if None in entries:
            return None
        return [entry.row for entry in entries if entry and entry.row]

    def known(self, path: str) -> _Entry | None:
        """The entry of a file that holds what it held: by its stat, else by its content."""
        entry = self.files.get(path)
        if entry is None:
            return None
        stamp = _stamp(path, entry.journal)
        if stamp == entry.stamp and self.taken - max(stamp[:2] + stamp[4:6]) > RACY:
            return entry
        if _sha(path, entry.journal) != entry.sha:
            return None
        self.changed = True
        entry.stamp = stamp
        return entry

    def _lists(self, path: str, stamp: int) -> bool:
        """Does a folder list what it listed? One that changed as we looked has to be listed again."""
        return stamp == _folder_stamp(path) and self.taken - stamp > RACY

    def save(self) -> None:
        """Write the file whole or not at all; a folder that cannot be written costs only speed."""
        data = {
            "version": VERSION,
            "root": self.root,
            "taken": self.started,
            "folders": self.folders,
            "files": {
                path: [entry.stamp, entry.sha, asdict(entry.row) if entry.row else None, entry.journal]
                for path, entry in self.files.items()
            },
        }
        temp = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            body = json.dumps(data, separators=(",", ":")).encode()
            temp.write_bytes(_sum(body) + b"\n" + body)
            temp.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                temp.unlink()

    def _load(self) -> bool:
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 - on the fast way
                told, _, body = file.read().partition(b"\n")
            if told != _sum(body):
                return False
            data = json.loads(body)
            if (data["version"], data["root"]) != (VERSION, self.root):
                return False
            self.folders = {str(path): int(stamp) for path, stamp in data["folders"].items()}
            self.files = {
                path: _Entry(list(stamp), str(sha), _row(row) if row else None, str(journal))
                for path, (stamp, sha, row, journal) in data["files"].items()
            }
            self.taken = int(data["taken"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.files, self.folders = {}, {}
            return False
        return bool(self.folders)


def _row(fields: dict[str, object]) -> Row:
    took = Took(**fields["took"]) if fields["took"] else None  # type: ignore[arg-type]
    parts = tuple(map(tuple, fields["parts"]))  # type: ignore[call-overload]
    return Row(**{**fields, "needs": tuple(fields["needs"]), "took": took, "parts": parts})  # type: ignore[arg-type]


def _sum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _stamp(path: str, journal: str = "") -> Stamp:
    more = _stamp(journal) if journal else []
    try:
        stat = os.stat(path)  # noqa: PTH116 - on the fast way
    except OSError:
        return [0, 0, -1, 0, *more]
    return [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, *more]


def _folder_stamp(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - on the fast way
    except OSError:
        return 0


def _sha(path: str, journal: str = "") -> str:
    more = _sha(journal) if journal else ""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - on the fast way
            return hashlib.sha256(file.read()).hexdigest() + more
    except OSError:
        return more


def _read_again(root: Path, state: Path, memory: _Memory) -> tuple[list[Row], str]:
    """List the packs and read the stories whose content changed, all of them if a machine or story.toml did."""
    from engine.errors import FormatError
    from engine.files.config import Config
    from engine.look import Repository, open_repository
    from engine.read_rows import list_all, read_row

    problem = ""
    try:
        repository = open_repository(root, state)
    except FormatError as err:
        repository, problem = Repository(root=root, state=state, config=Config()), str(err)
    listed = list_all(repository)
    settings = {str(path) for path in listed.settings}
    before = {path for path, entry in memory.files.items() if entry.row is None}
    same = settings == before and all(memory.known(path) for path in settings)
    files: dict[str, _Entry] = {}
    for path in sorted(settings):
        files[path] = _Entry(_stamp(path), _sha(path))
    for story in listed.stories:
        path, journal = str(story.file), story.journal
        entry = memory.known(path) if same else None
        if entry and (entry.journal != journal or not entry.row or entry.row.pack != story.pack):
            entry = None
        if entry is None or entry.row is None or entry.row.needs != story.before:
            stamp = _stamp(path, journal)
            entry = _Entry(stamp, _sha(path, journal), read_row(story), journal)
        files[path] = entry
    memory.files, memory.folders = files, {str(path): _folder_stamp(str(path)) for path in listed.folders}
    memory.changed = True
    return [entry.row for entry in files.values() if entry.row], problem
