"""Edits that say what they mean, so that they can be replayed on the freshest text.

Every edit splices one place, reads the result again, and demands that exactly the thing it is about changed:
all other headings, items, tables, suspects and the front matter must be the same, or nothing is returned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from engine.errors import EditRefused, StoryChanged
from engine.markdown.document import Document, Item, read_document, section, sections
from engine.markdown.front_matter import remove_key, set_key
from engine.markdown.lines import line_ending, lines_of
from engine.markdown.splice import Part, is_closed, parts, proven, splice, start_of
from engine.markdown.yaml_text import KeyValue

_QUOTE = re.compile(r"[ \t>]*")
_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class SetItem:
    """Tick or untick the one item with exactly this text under these (innermost) headings."""

    path: tuple[str, ...]
    text: str
    checked: bool


@dataclass(frozen=True, slots=True)
class SetKey:
    """Set a front-matter key, making front matter if need be."""

    key: str
    value: KeyValue


@dataclass(frozen=True, slots=True)
class RemoveKey:
    """Remove a front-matter key, and front matter that becomes empty; a key that is not there is fine."""

    key: str


@dataclass(frozen=True, slots=True)
class InsertSection:
    """Put a section (markdown with LF, its heading first) before section *before*, else at the end of *under*.

    Without *under* it goes to the end of the file.

    It brings one blank line: after itself inside a file, before itself at the end of one. Where the file has
    no final newline, one is added before the section, and the section ends without one.
    """

    text: str
    under: tuple[str, ...] | None = None
    before: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RemoveSection:
    """Remove the section at *path* with all below it, undoing InsertSection; a missing one is fine."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplaceLine:
    """Replace one line by another, or by itself and rows that follow it; *nth* counts the lines that are equal.

    A line that is corrected already counts as one of them, and stays.
    """

    before: str
    after: str
    nth: int = 0


@dataclass(frozen=True, slots=True)
class AppendRow:
    """Add a row to the first table of the section at *path*.

    Where the table ends the file without a final newline, one is added before the row; the row ends without.
    """

    path: tuple[str, ...]
    cells: tuple[str, ...]


Edit = SetItem | SetKey | RemoveKey | InsertSection | RemoveSection | AppendRow | ReplaceLine


def apply_edits(raw: bytes, edits: Sequence[Edit], *, once: bool = False) -> bytes:
    """Apply *edits* in order and prove each; an edit whose wish is met already changes nothing.

    With *once* that holds for rows and sections, too: what is there already is not added again.
    """
    document = read_document(raw)
    for edit in edits:
        if not (once and _is_there(document, edit)):
            document = _apply(document, edit)
    return document.raw


def _is_there(document: Document, edit: Edit) -> bool:
    match edit:
        case AppendRow():
            first, after = section(document, *edit.path) or (0, 0)
            cells = tuple(table_cell(cell) for cell in edit.cells)
            lines = [row.line for table in document.tables if first <= table.line < after for row in table.rows]
            return any(parts(document, line) == [Part(line, "row", cells)] for line in lines)
        case InsertSection():
            headings = read_document(edit.text.encode("utf-8", "replace")).headings
            return bool(headings) and section(document, *(edit.under or ()), headings[0].text) is not None
        case _:
            return False


def _apply(document: Document, edit: Edit) -> Document:
    match edit:
        case SetItem():
            return _set_item(document, edit)
        case SetKey(key, value):
            return _set_front_matter(document, set_key(document.raw, key, value))
        case RemoveKey(key):
            return _set_front_matter(document, remove_key(document.raw, key))
        case InsertSection():
            return _insert_section(document, edit)
        case RemoveSection():
            return _remove_section(document, edit)
        case AppendRow():
            return _append_row(document, edit)
        case ReplaceLine():
            return _replace_line(document, edit)
        case _:
            assert_never(edit)


def _set_item(old: Document, edit: SetItem) -> Document:
    item = _find_item(old, edit)
    if item.checked == edit.checked:
        return old
    mark = b"x" if edit.checked else b" "
    new = splice(old, item.offset, item.offset + 1, mark, line=item.line, lines=1)
    beside = [[part for part in parts(doc, item.line) if part.kind != "item"] for doc in (old, new)]
    flipped = replace(item, checked=edit.checked) in new.items and beside[0] == beside[1]
    return proven(new, flipped, f"ticking line {item.line} would change more than its box")


def _find_item(document: Document, edit: SetItem) -> Item:
    place, deep = repr(_title(edit.path)), len(edit.path)
    named = [item for item in document.items if item.text == edit.text]
    found = [item for item in named if item.headings[len(item.headings) - deep :] == edit.path]
    match found:
        case [item] if item.plain:
            return item
        case [item]:
            raise EditRefused(f"line {item.line}: write item {edit.text!r} as `- [ ] …` on one line.")
        case []:
            alike = [item.line for item in document.items if edit.text in item.text]
            alike += [suspect.line for suspect in document.suspects if edit.text in suspect.text]
            hint = f" Is it {_lines(alike)}?" if alike else ""
            raise StoryChanged(f"no item {edit.text!r} is under {place} any more.{hint} Put it back.")
        case _:
            lines = _lines([item.line for item in found])
            raise EditRefused(f"item {edit.text!r} is under {place} twice: {lines}. Keep one of them.")


def _set_front_matter(old: Document, raw: bytes) -> Document:
    """Take over what front_matter has proven; only the lines of the body may have moved."""
    new = read_document(raw)
    same_body = new.raw[new.body_start :] == old.raw[old.body_start :]
    return proven(new, same_body, "an edit of the front matter would reach into the body")


def _insert_section(old: Document, edit: InsertSection) -> Document:
    raw, eol = old.raw, line_ending(old.raw)
    shown, text = lines_of(raw), eol.join(_END.split(edit.text.strip()))
    after = len(shown) + 1 if edit.under is None else _only_section(old, edit.under)[1]
    if edit.before is not None and (next_ := section(old, *edit.before)) is not None:
        after = next_[0]
    at, lead = start_of(raw, after), 0
    if at < len(raw) or (shown and not shown[-1].strip(" \t") and is_closed(raw)):
        text = text + eol + eol  # the blank line that stands before it is left to the part above
    elif not shown:
        text = text + eol
    elif is_closed(raw):
        text, lead = eol + text + eol, 1
    else:
        text, lead = eol + eol + text, 1
    new = splice(old, at, at, text.encode("utf-8", "replace"), line=after, lines=0)
    first, end = after + lead, after + len(lines_of(new.raw)) - len(shown)
    path = (*(edit.under or ()), *(heading.text for heading in new.headings if heading.line == first))
    alone = read_document(f"{edit.text}\n\n# end\n".encode("utf-8", "replace"))  # leaves it a fence open?
    whole = (first, end) in sections(new, *path) and section(alone, "end") is not None
    return proven(new, whole, f"the text at line {first} would be no section of its own under its heading")


def _remove_section(old: Document, edit: RemoveSection) -> Document:
    raw, shown = old.raw, lines_of(old.raw)
    if section(old, *edit.path) is None:
        return old
    first, after = _only_section(old, edit.path)
    at, end, closed = start_of(raw, first), start_of(raw, after), is_closed(raw)
    if end == len(raw) and not (closed and not shown[-1].strip(" \t")):  # what InsertSection put before it
        if first > 1 and not shown[first - 2].strip(" \t"):
            first -= 1
            at = start_of(raw, first)
        if first > 1 and not closed:
            at -= len(b"\r\n") if raw[:at].endswith(b"\r\n") else 1
    return splice(old, at, end, b"", line=first, lines=after - first)


def _append_row(old: Document, edit: AppendRow) -> Document:
    first, after = _only_section(old, edit.path)
    table = next((table for table in old.tables if first <= table.line < after), None)
    if table is None:
        raise StoryChanged(f"section {_title(edit.path)!r} (line {first}) has no table any more.")
    if len(table.header) != len(edit.cells):
        widths = f"{len(table.header)} columns, the new row {len(edit.cells)}"
        raise EditRefused(f"the table at line {table.line} has {widths}. Put its header back.")
    line = table.line + 2 + len(table.rows)
    prefix = _QUOTE.match(lines_of(old.raw)[line - 2])
    cells = tuple(table_cell(cell) for cell in edit.cells)
    escaped = " | ".join(cell.replace("|", "\\|") for cell in cells)
    row = f"{prefix[0] if prefix else ''}| {escaped} |"
    at, eol = start_of(old.raw, line), line_ending(old.raw)
    text = row + eol if is_closed(old.raw) or at < len(old.raw) else eol + row
    new = splice(old, at, at, text.encode("utf-8", "replace"), line=line, lines=0)
    found = parts(new, line) == [Part(line, "row", cells)]
    return proven(new, found, f"line {line} would not be the new row")


def _replace_line(old: Document, edit: ReplaceLine) -> Document:
    places, after = equal_lines(old.raw, edit.before, edit.after), edit.after.split("\n")
    if edit.nth >= len(places):
        raise StoryChanged(f"the line {edit.before!r} is not there any more.")
    line = places[edit.nth]
    if lines_of(old.raw)[line - 1 : line - 1 + len(after)] == after:
        return old
    at, text = start_of(old.raw, line), line_ending(old.raw).join(after).encode("utf-8", "replace")
    end = at + len(edit.before.encode("utf-8", "replace"))
    new = splice(old, at, end, text, line=line, lines=1)
    before, now = ([(part.kind, part.line) for part in parts(doc, line)] for doc in (old, new))
    rows = all([part.kind for part in parts(new, line + n)] == ["row"] for n in range(1, len(after)))
    return proven(new, before == now and rows, f"line {line} would be something else than it was")


def equal_lines(raw: bytes, before: str, after: str) -> list[int]:
    """The lines that ReplaceLine may mean: those that are to be replaced, and those that are already."""
    shown, done = lines_of(raw), after.split("\n")
    return [n + 1 for n in range(len(shown)) if shown[n] == before or shown[n : n + len(done)] == done]


def table_cell(cell: str) -> str:
    """Put a cell on one line; parsers disagree on a backslash before a pipe, hence the entity."""
    return "<br>".join(_END.split(cell.strip())).replace("\\|", "\\&#124;")


def _only_section(document: Document, path: tuple[str, ...]) -> tuple[int, int]:
    match sections(document, *path):
        case [found]:
            return found
        case []:
            raise StoryChanged(f"there is no section {_title(path)!r} any more. Put its heading back.")
        case found:
            lines = _lines([first for first, _ in found])
            raise EditRefused(f"section {_title(path)!r} is there twice: {lines}. Rename all but one.")


def _title(path: tuple[str, ...]) -> str:
    return " › ".join(path)


def _lines(lines: Sequence[int]) -> str:
    return ("line " if len(lines) == 1 else "lines ") + ", ".join(map(str, lines))
