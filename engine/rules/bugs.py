"""Bugs that a person reports in the note of an answer: `G1: archived session returns after restart`. Pure."""

from __future__ import annotations

import re

_BUG = re.compile(r"\s*(?:[-*]\s+)?[Gg](\d{1,4})\s*[:.\u2013\u2014-]\s*(\S.*)")


def read_bugs(note: str, last: int) -> dict[str, str]:
    """Each bug with its id; a note without an id is one bug, and gets the one that follows `last`."""
    found: list[tuple[str, str]] = []
    for line in note.splitlines():
        if match := _BUG.fullmatch(line):
            found.append((f"G{int(match[1])}", match[2]))
        elif found and line.strip():
            found[-1] = (found[-1][0], f"{found[-1][1]} {line}")
    found = found or [(f"G{last + 1}", note)]
    return {id_: " ".join(text.split()) for id_, text in found}


def used_before(bugs: dict[str, str], last: int) -> str:
    """The first id that was given before, "" where none was."""
    return next((id_ for id_ in bugs if int(id_[1:]) <= last), "")
