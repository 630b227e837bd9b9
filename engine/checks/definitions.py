"""Where ACs and TCs are defined, as opposed to mentioned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.checks.catalogue import Place
from engine.checks.text import Line

ID = r"(?:AC|TC)-\d+\.\d+(?:[a-z](?:\.\d+)?)?"
_NOTE = r"(?:\s*\([^)]*\))?"
_BULLET = r"\s*(?:[-*+]\s+(?:\[[ xX]\]\s+)?)?"
_STRONG = re.compile(
    rf"{_BULLET}(?:\*\*|__)({ID})\b{_NOTE}\s*(?:\*\*|__)?\s*(?:[:.—–]|--|-\s|$)|\#{{1,6}}\s+(?:\*\*)?({ID})\b"
)
_WEAK = re.compile(
    rf"{_BULLET}(?:\*\*|__)({ID})\b|{_BULLET}({ID})\b{_NOTE}\s*(?::|—|–|--)|\s*\|\s*(?:\*\*)?({ID})(?:\*\*)?\s*\|"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition. `ac` is the AC that a TC stands under, or whose number it bears."""

    id: str
    place: Place
    story: str | None
    ac: str | None
    strong: bool


def find_definitions(path: str, story: str | None, lines: Iterable[Line]) -> list[Definition]:
    """Find definitions: bold or heading ids; plain ones count where an id has no other."""
    found: list[Definition] = []
    current: str | None = None
    for line in lines:
        strong = _STRONG.match(line.text)
        m = strong or _WEAK.match(line.text)
        if not m:
            continue
        id_ = next(group for group in m.groups() if group)
        ac = None
        if id_.startswith("AC-"):
            current = id_ if strong else current
        else:
            ac = current if current and number_of(current) == number_of(id_) else f"AC-{number_of(id_)}"
        found.append(Definition(id_, Place(file=path, line=line.number), story, ac, bool(strong)))
    has_strong = {d.id for d in found if d.strong}
    seen: set[str] = set()
    kept: list[Definition] = []
    for d in found:
        if d.strong or (d.id not in has_strong and d.id not in seen):
            kept.append(d)
            seen.add(d.id)
    return kept


def number_of(id_: str) -> str:
    """The `1.2` of `TC-1.2a`."""
    m = re.search(r"\d+\.\d+", id_)
    return m[0] if m else ""
