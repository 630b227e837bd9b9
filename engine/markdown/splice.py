"""One splice, proven: the bytes outside stay by construction, what they say by reading the result again."""

from __future__ import annotations

from typing import Literal, NamedTuple

from engine.errors import EditRefused
from engine.markdown.document import Document, read_document
from engine.markdown.front_matter import split
from engine.markdown.lines import line_starts, lines_of


class Part(NamedTuple):
    """One thing that one line of a document says, apart from its place."""

    line: int
    kind: Literal["heading", "item", "suspect", "table", "row"]
    content: tuple[object, ...]


def splice(old: Document, at: int, end: int, text: bytes, *, line: int, lines: int) -> Document:
    """Replace raw[at:end], *lines* lines from *line* on, and prove that all other lines read the same."""
    new = read_document(old.raw[:at] + text + old.raw[end:])
    grown = len(lines_of(new.raw)) - len(lines_of(old.raw))
    after = line + lines
    kept = [part for part in parts(old) if not line <= part.line < after]
    want = [part._replace(line=part.line + grown) if part.line >= after else part for part in kept]
    have = [part for part in parts(new) if not line <= part.line < after + grown]
    before, now = split(old.raw), split(new.raw)
    same_front = before[:2] == now[:2] if before and now else before == now
    return proven(new, same_front and have == want, f"the edit at line {line} would change other places")


def proven(new: Document, holds: bool, fault: str) -> Document:
    """Return the new document if what is demanded of it holds."""
    if not holds:
        raise EditRefused(f"{fault}; edit it by hand, or simplify the markdown around it.")
    return new


def parts(document: Document, line: int | None = None) -> list[Part]:
    """Return all that a document says, part by part, or what it says on one line."""
    found = [Part(h.line, "heading", (h.level, h.text, h.nested)) for h in document.headings]
    found += [Part(i.line, "item", (i.checked, i.text, i.headings, i.depth, i.plain)) for i in document.items]
    found += [Part(s.line, "suspect", (s.kind, s.text)) for s in document.suspects]
    for table in document.tables:
        found.append(Part(table.line, "table", (table.header, table.headings)))
        found += [Part(row.line, "row", row.cells) for row in table.rows]
    return [part for part in found if line in (None, part.line)]


def start_of(raw: bytes, line: int) -> int:
    """Return the byte at which *line* starts; for the line after the last, the end of the file."""
    starts = line_starts(raw)
    return starts[line - 1] if line <= len(starts) else len(raw)


def is_closed(raw: bytes) -> bool:
    """Say whether the last line has an end."""
    return raw.endswith((b"\n", b"\r"))
