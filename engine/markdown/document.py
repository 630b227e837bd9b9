"""A markdown file with its places: headings, task items, tables, and what only looks like a task item."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from engine.errors import FormatError
from engine.markdown.blocks import Block, read_blocks
from engine.markdown.front_matter import split
from engine.markdown.lines import line_starts, top
from engine.markdown.lines import lines_of as lines_of

_TASK = re.compile(r"\[([ xX])\]\s+")  # mistune.plugins.task_lists.TASK_LIST_ITEM
_BULLET = r"[ \t]*(?:[*+-]|\d{1,9}[.)])"
_ALMOST = r"\[(?:[xX]|[^\S\n]){0,3}\](?![(\[])"  # a link otherwise
_FOREIGN = r"\[(?![xX]\])[^\s\[\]\\]\ufe0f?\](?![(\[:])"
_NEAR_MISS = re.compile(rf"(?:{_BULLET})?[ \t]*{_ALMOST}")
_FOREIGN_MARK = re.compile(rf"{_BULLET}[ \t]+{_FOREIGN}")
_FOREIGN_START = re.compile(_FOREIGN)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_PLAIN_PREFIX = re.compile(rb"[ \t>*+\-\d.)]*(?:[*+-]|\d[.)])[ \t]+\Z")
_DELIMITER = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; one inside a list or quote opens no section."""

    line: int
    level: int
    text: str
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A task-list item."""

    line: int
    offset: int  # of the byte between the brackets, in the raw bytes
    checked: bool
    text: str  # raw markdown of its first paragraph, without the mark
    headings: tuple[str, ...]
    depth: int  # 0: an item of an outermost list
    plain: bool  # bullet, mark and text on one line: all GFM parsers agree


@dataclass(frozen=True, slots=True)
class Suspect:
    """Running text that looks like a task item and is none."""

    line: int
    text: str
    kind: Literal["near miss", "foreign mark"]


@dataclass(frozen=True, slots=True)
class Row:
    """A table row, padded or cut to the header's width."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A GFM table; `line` is that of its header row."""

    line: int
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The places of one file; all lines are 1-based lines of the file."""

    raw: bytes
    body_start: int
    headings: tuple[Heading, ...]
    items: tuple[Item, ...]
    suspects: tuple[Suspect, ...]
    tables: tuple[Table, ...]


@lru_cache(maxsize=64)  # one step reads the same text several times: to plan, to edit, to prove
def read_document(raw: bytes) -> Document:
    """Find the places of a markdown file; broken front matter is no concern of this function."""
    span = split(raw)
    body_start = span.body if span else top(raw)
    starts = line_starts(raw)
    base = bisect_left(starts, body_start) if span else 0
    headings: list[Heading] = []
    items: list[Item] = []
    suspects: list[Suspect] = []
    tables: list[Table] = []
    # a byte that is no UTF-8 must neither stop us nor move anything
    for block in read_blocks(raw[body_start:].decode("utf-8", "replace")):
        line = base + block.line + 1
        if block.kind == "heading":
            headings.append(Heading(line, block.level, block.text, block.nested))
        elif block.kind == "text":
            mark = _TASK.match(block.text) if block.starts_item else None
            if mark:
                items.append(_item(raw, line, starts[line - 1], block, mark[1]))
            if "[" in block.text:
                suspects.extend(_suspects(block, line, skip=bool(mark)))
            if "|" in block.text:
                tables.extend(_table(block, line))
    return Document(raw, body_start, tuple(headings), tuple(items), tuple(suspects), tuple(tables))


def section(document: Document, *titles: str) -> tuple[int, int] | None:
    """Return (its heading's line, line after its last) of the first section so titled, or None."""
    return next(iter(sections(document, *titles)), None)


def sections(document: Document, *titles: str) -> list[tuple[int, int]]:
    """Return (first line, line after the last) of each section whose heading path ends with *titles*."""
    open_, found = [heading for heading in document.headings if not heading.nested], []
    path: tuple[Heading, ...] = ()
    for index, heading in enumerate(open_):
        path = (*(above for above in path if above.level < heading.level), heading)
        if titles and tuple(above.text for above in path[-len(titles) :]) == titles:
            after = (later.line for later in open_[index + 1 :] if later.level <= heading.level)
            found.append((heading.line, next(after, len(lines_of(document.raw)) + 1)))
    return found


def _item(raw: bytes, line: int, start: int, block: Block, mark: str) -> Item:
    """Place an item: only container marks stand before it, so the line's first `[` is its own."""
    offset = raw.find(b"[", start) + 1
    if raw[offset : offset + 2] != mark.encode() + b"]":  # pragma: no cover  (never met: the fuzz test)
        raise FormatError(f"the task item {block.text!r} cannot be placed", line=line, remedy="Simplify it.")
    text = block.text[3:].lstrip()
    plain = bool(
        _PLAIN_PREFIX.match(raw[start : offset - 1])
        and raw[offset + 2 : offset + 3] in (b" ", b"\t")
        and block.text[3:].split("\n")[0].strip()
    )
    return Item(line, offset, mark != " ", text.strip(), block.headings, block.depth - 1, plain)


def _suspects(block: Block, line: int, *, skip: bool) -> Iterator[Suspect]:
    """Yield the lines of a block that look like task items; *skip* the first, which is one."""
    shown = block.text.rstrip("\n").split("\n")
    last = block.text.rfind("-->")  # an open comment shows, and searching its end again and again takes long
    hidden = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", "<", comment[0]), block.text[: last + 3])
    hidden += block.text[last + 3 :]
    for index, text in enumerate(hidden.rstrip("\n").split("\n")):
        first = index == 0 and block.starts_item
        if skip and index == 0:
            continue
        if _NEAR_MISS.match(text):
            yield Suspect(line + index, shown[index].strip(), "near miss")
        elif _FOREIGN_MARK.match(text) or (first and _FOREIGN_START.match(text)):
            yield Suspect(line + index, shown[index].strip(), "foreign mark")


def _table(block: Block, line: int) -> Iterator[Table]:
    """Yield the table of a paragraph, as cmark-gfm finds it.

    Line *i* is a delimiter row with as many cells as line *i* - 1; every later line is a row. mistune's
    plugin gives up the whole table on one ragged row and wants a blank line before it.
    """
    lines = block.text.rstrip("\n").split("\n")
    for index, text in enumerate(lines[1:]):
        if "|" not in text + lines[index] or not _DELIMITER.fullmatch(text.strip(" \t")):
            continue
        header = _cells(lines[index])
        if len(_cells(text)) == len(header):
            width, first = len(header), line + index + 2
            rows = (_cells(row) + ("",) * width for row in lines[index + 2 :])
            yield Table(
                line + index,
                header,
                tuple(Row(first + n, cells[:width]) for n, cells in enumerate(rows)),
                block.headings,
            )
            return


def _cells(row: str) -> tuple[str, ...]:
    """Split a row at its pipes; a backslash before a pipe keeps it, even in code."""
    row = row.strip(" \t").removeprefix("|")
    if row.endswith("|") and not row.endswith("\\|"):
        row = row[:-1]
    return tuple(cell.strip(" \t").replace("\\|", "|") for cell in _PIPE.split(row))
