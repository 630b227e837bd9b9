"""What a gate's evidence keeps of the tree it ran in: written as fenced lists, and read back as they were written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from engine.checks.expected import OwnedFiles
from engine.model.call import Tree

_NONE = "without-git"
_GONE = "gone"


@dataclass(frozen=True, slots=True)
class Base:
    """The tree before a story's work: what it is compared with, and the files that the story owned then."""

    head: str | None
    dirty: Mapping[str, str]
    made: frozenset[str]
    owned: OwnedFiles


@dataclass(frozen=True, slots=True)
class Frozen:
    """Test files as they must stay: path → SHA-256, and which of them a person's decision let in."""

    tests: Mapping[str, str]
    amended: frozenset[str]


def list_base(tree: Tree, owned: OwnedFiles) -> str:
    """The tree of a baseline, as its evidence keeps it."""
    rows = [f"head {_NONE if tree.head is None else tree.head or 'none'}"]
    rows += [f"dirty {sha or _GONE} {path}" for path, sha in tree.dirty.items()]
    rows += [f"made {path}" for path in tree.made]
    for kind in ("new", "modified", "tests"):
        rows += [f"{kind} {pattern}" for pattern in getattr(owned, kind)]
    return _fence("Tree, from which on the story's changes count:", "tree", rows)


def read_base(body: str) -> Base | None:
    """Read `list_base` back; None where the evidence holds no such list."""
    rows = _rows(body, "tree")
    if not rows or not rows[0].startswith("head "):
        return None
    said: dict[str, list[str]] = {}
    for row in rows:
        kind, _, rest = row.partition(" ")
        said.setdefault(kind, []).append(rest)
    head = said["head"][0]
    dirty = [row.split(" ", 1) for row in said.get("dirty", ()) if " " in row]
    return Base(
        head=None if head == _NONE else "" if head == "none" else head,
        dirty={path: "" if sha == _GONE else sha for sha, path in dirty},
        made=frozenset(said.get("made", ())),
        owned=OwnedFiles(*(tuple(said.get(kind, ())) for kind in ("new", "modified", "tests"))),
    )


def list_frozen(tests: Mapping[str, str], amended: Collection[str] = ()) -> str:
    """The test files that may not change from here on, as evidence keeps them."""
    rows = [f"{'amended' if path in amended else 'frozen'} {sha} {path}" for path, sha in sorted(tests.items())]
    return _fence("Test files, which may not change from here on:", "frozen", rows)


def read_frozen(body: str) -> Frozen:
    """Read `list_frozen` back."""
    rows = [re.fullmatch(r"(frozen|amended) ([0-9a-f]{64}) (.+)", row) for row in _rows(body, "frozen")]
    listed = [row for row in rows if row]
    return Frozen(
        tests={row[3]: row[2] for row in listed},
        amended=frozenset(row[3] for row in listed if row[1] == "amended"),
    )


def _fence(title: str, name: str, rows: Iterable[str]) -> str:
    return "\n".join((title, "", f"````text {name}", *rows, "````", ""))


def _rows(body: str, name: str) -> list[str]:
    """The lines of the first list of that name: what follows is the commands' own output."""
    found = re.search(rf"^````text {name}\n(.*?)^````$", body, re.M | re.S)
    return found[1].splitlines() if found else []
