"""Traceability ids in running text: `AC-1.2`, `TC-1.2a`, `TC-1.2a.1`, and ranges and lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_N = r"[0-9]{1,6}"
_ID = rf"(?:TC|AC)-{_N}\.{_N}(?:[a-z](?:\.{_N})?)?"
_SHORT = rf"{_N}\.{_N}[a-z]?|[a-z]|\.?{_N}"  # only what differs: 1.4 in `AC-1.1–1.4`, c in `TC-2.1a-c`
_PARTS = re.compile(r"(TC|AC)-(\d+)\.(\d+)(?:([a-z])(?:\.(\d+))?)?")
_FIRST = re.compile(rf"(?<![A-Za-z0-9]){_ID}(?![A-Za-z0-9])")
_NEXT = re.compile(
    rf"""[*_`]*(?:
      (?:\s+(?:through|thru|to)\s+|[-–—…]|\.\.\.?)[*_`]*(?P<last>{_ID}|{_SHORT})
    | [ \t]+(?:[-–—…]|\.\.\.?)[ \t]+[*_`]*(?P<far>{_ID})
    | /[*_`]*(?P<beside>{_ID}|{_SHORT})
    )(?![A-Za-z0-9])""",
    re.VERBOSE,
)
_MOST = 200  # members of a range; more is a slip of the pen


@dataclass(frozen=True, slots=True)
class Range:
    """A range as written; `members` is None where only the spec's order can tell, as from 1.1a to 1.4b."""

    first: str
    last: str
    members: tuple[str, ...] | None


def find_ids(text: str, known: Sequence[str] = ()) -> list[str]:
    """Return the TC and AC ids of a text in order, each once, ranges expanded.

    A range across groups is expanded by *known*, the spec's ids in order; else its two ends stand for it.
    """
    found: dict[str, None] = {}
    for mention in _mentions(text):
        members = mention.members or _between(mention, known) or (mention.first, mention.last)
        found.update(dict.fromkeys(members))
    return list(found)


def find_ranges(text: str) -> list[Range]:
    """Return the ranges of a text as written, so that a check can question them."""
    return [mention for mention in _mentions(text) if mention.first != mention.last]


def leading_id(text: str) -> str | None:
    """Return the id that a text starts with, unless a range or list of ids starts there."""
    start = _FIRST.match(text)
    return start[0] if start and _follower(_parse(start[0]), text, start.end()) is None else None


class _Id(NamedTuple):
    """An id by its parts, in the order that ids are sorted by."""

    kind: str
    group: int
    number: int
    letter: str  # "" where there is none
    sub: int  # -1 where there is none

    def __str__(self) -> str:
        sub = f".{self.sub}" if self.sub >= 0 else ""
        return f"{self.kind}-{self.group}.{self.number}{self.letter}{sub}"

    def is_like(self, other: _Id) -> bool:
        return (self.kind, not self.letter, self.sub < 0) == (other.kind, not other.letter, other.sub < 0)


def _mentions(text: str) -> Iterator[Range]:
    """Yield each id of a text as a range of one, and after it the range that it begins, if it does."""
    position = 0
    while start := _FIRST.search(text, position):
        first, position = _parse(start[0]), start.end()
        yield Range(start[0], start[0], (start[0],))
        while follower := _follower(first, text, position):
            last, position, is_range = follower
            yield Range(str(first), str(last), _members(first, last)) if is_range else _alone(last)
            first = last


def _follower(first: _Id, text: str, position: int) -> tuple[_Id, int, bool] | None:
    """Return the id that a range or a slash leads to from *first*, where it ends, and if it is a range."""
    match = _NEXT.match(text, position)
    if match is None:
        return None
    piece = match["last"] or match["far"] or match["beside"]
    if piece[0] in "TA":
        last = _parse(piece)
    elif "." in piece[1:]:
        last = _parse(f"{first.kind}-{piece}")
    elif piece.isalpha():
        last = first._replace(letter=piece, sub=-1)
    else:
        last = first._replace(sub=int(piece.lstrip(".")))
    is_range = match["beside"] is None
    return (last, match.end(), is_range) if first.is_like(last) and (first < last or not is_range) else None


def _parse(id_: str) -> _Id:
    match = _PARTS.fullmatch(id_)
    assert match, id_
    return _Id(match[1], int(match[2]), int(match[3]), match[4] or "", int(match[5] or -1))


def _alone(id_: _Id) -> Range:
    return Range(str(id_), str(id_), (str(id_),))


def _members(first: _Id, last: _Id) -> tuple[str, ...] | None:
    """Return the members of a range that runs within one group; None for another, or one without measure."""
    if first.sub >= 0:
        same, count = first[:4] == last[:4], last.sub - first.sub
        steps = [first._replace(sub=first.sub + n) for n in range(min(count, _MOST) + 1)]
    elif first.letter:
        same, count = first[:3] == last[:3], ord(last.letter) - ord(first.letter)
        steps = [first._replace(letter=chr(ord(first.letter) + n)) for n in range(count + 1)]
    else:
        same, count = first[:2] == last[:2], last.number - first.number
        steps = [first._replace(number=first.number + n) for n in range(min(count, _MOST) + 1)]
    return tuple(map(str, steps)) if same and count < _MOST else None


def _between(mention: Range, known: Sequence[str]) -> tuple[str, ...]:
    """Return the known ids of the range's kind from its first to its last, if it has both."""
    kind = [id_ for id_ in known if id_[:2] == mention.first[:2]]
    if mention.first not in kind or mention.last not in kind:
        return ()
    return tuple(kind[kind.index(mention.first) : kind.index(mention.last) + 1])
