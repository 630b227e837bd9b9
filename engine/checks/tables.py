"""Test counts in tables: per story, per file, per phase, and tables whose rows are the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.plan import find_test_files, title_above
from engine.checks.reading import Page, Reading, name_of
from engine.checks.text import MANUAL, plain
from engine.checks.values import Claim, Quantity, own, prior, total
from engine.markdown.document import Row, Table

_COUNT = re.compile(r"(?:#|no\.?|number of)?\s*(?:of )?(?:new )?tests?(?: count| added)?|count|this story|added", re.I)
_RUNNING = re.compile(r"(?:running|cumulative)(?: total| tests?| count)?|total(?: tests)?", re.I)
_STORY = re.compile(r"(?:story\s+)?(\d+[a-z]?)\b(?![.\d])", re.I)
_STORIES = re.compile(r"\d+[a-z]?")
_PREVIOUS = re.compile(r"(?:previous|prior|baseline|before|earlier)\b", re.I)
_CELL = re.compile(r"\+?(\d{1,5})(?:\s+(?:new )?tests?)?(?:\s*\([^()]*\))?")
_IN_CELL = re.compile(r"(?<![\w.~])\+?(\d{1,5})\s+(?:[\w-]+\s+){0,3}?tests?\b")
_HEDGED = re.compile(r"\bor\b|depend|commonly|optional|parallel|only\b|\bif\b|~", re.I)
_BUG = re.compile(r"g\d{1,4}\b")
_BREAKDOWN = re.compile(r"\btests?\b|\btdd\b|\bred\b", re.I)


def read_tables(reading: Reading, page: Page) -> tuple[list[Claim], set[int]]:
    """Claims of a page's tables, and the lines that they used up."""
    claims: list[Claim] = []
    used: set[int] = set()
    for table in page.document.tables:
        if page.lines[table.line - 1].engine:
            continue
        found = list(_of_table(reading, page, table))
        claims += found
        used |= {c.place.line for c in found}
    claims += _sums(page, claims)
    return claims, used


def _of_table(reading: Reading, page: Page, table: Table) -> Iterator[Claim]:
    header = [plain(h).lower() for h in table.header]
    story = section_story(reading, page, table)
    if header[0].startswith(("test file", "file", "path")):
        yield from _files(reading, page, table, header, story)
    elif header[0] == "tc" and len(header) > 1 and re.match(r"tests?(?: name| case)?$", header[1]):
        yield from _rows(reading, page, table, story)
    elif header[0] in ("story", "stories", "phase", "cumulative", "#", "id", "milestone"):
        yield from _stories(reading, page, table, header, story)


def section_story(reading: Reading, page: Page, table: Table) -> str | None:
    """The story of the nearest heading that names one, else the page's."""
    for title in reversed(table.headings[1:]):
        m = re.search(r"\bStory (\d+[a-z]?)\b", title)
        if m and m[1] in reading.by_id:
            return m[1]
    return page.story


def _stories(reading: Reading, page: Page, table: Table, header: list[str], story: str | None) -> Iterator[Claim]:
    """Rows `Story 3 | 17 | 45`, `Previous (Stories 0-2b) | -- | 28`."""
    alone = header[0] == "cumulative"
    columns = {
        i: "total" if alone or _RUNNING.fullmatch(h) else "own"
        for i, h in enumerate(header[1:], 1)
        if _RUNNING.fullmatch(h) or _COUNT.fullmatch(h)
    }
    if not columns:
        return
    for row in table.rows:
        label = plain(row.cells[0])
        m = _STORY.match(label)
        for column, kind in columns.items():
            if _PREVIOUS.match(label) and story and kind == "total":
                yield from _cell(page, row, column, prior(story))
            elif m and m[1] in reading.by_id:
                yield from _cell(page, row, column, total(m[1]) if kind == "total" else own(m[1]))
            elif label.lower().startswith("total"):
                yield from _cell(page, row, column, total(story or reading.stories[-1].id))


def _cell(page: Page, row: Row, column: int, quantity: Quantity) -> Iterator[Claim]:
    text = plain(row.cells[column])
    hedged = bool(_HEDGED.search(text))
    if hedged:
        text = re.sub(r"\bstor(?:y|ies) \d+[a-z]?(?:\s*[-+]\s*\d+[a-z]?)*", "", text, flags=re.I)
        values = re.findall(r"(?<![\w.])\d{1,5}\b", text)
    else:
        m = _CELL.fullmatch(text)
        values = [m[1]] if m else []
    for value in values:
        yield Claim(int(value), (quantity,), page.at(row.line), page.role, page.story, hedged)


def _files(reading: Reading, page: Page, table: Table, header: list[str], story: str | None) -> Iterator[Claim]:
    """Rows `tests/a.test.ts | 9 | ...`, also with the number in words: `9 tests covering ...`."""
    column = next((i for i, h in enumerate(header[1:], 1) if _COUNT.fullmatch(h)), None)
    stories = next((i for i, h in enumerate(header) if h in ("story", "stories")), None)
    for row in table.rows:
        files = find_test_files(row.cells[0])
        label = plain(row.cells[0]).lower()
        if column is not None and label.startswith(("total", "sum")) and story:
            yield from _cell(page, row, column, own(story))
        if not files and (bug := _BUG.match(label)):
            files = [bug[0].upper()]  # its test may stand in any file
        if len(files) != 1:
            continue
        if column is not None:
            m = _CELL.fullmatch(plain(row.cells[column]))
        else:
            m = next((m for cell in row.cells[1:] if (m := _IN_CELL.search(plain(cell)))), None)
        if not m:
            continue
        named = [s for s in _STORIES.findall(row.cells[stories]) if s in reading.by_id] if stories else []
        name, last = name_of(files[0]), reading.stories[-1].id
        options: tuple[Quantity, ...] = (total(named[-1] if named else last, name),)
        if len(named) == 1:
            options = (own(named[0], name),)
        elif story and not named:
            options = (own(story, name), total(story, name))
        shared = tuple(named) if len(named) > 1 else ()
        place = page.at(row.line)
        yield Claim(int(m[1]), options, place, page.role, page.story, stories=shared, path=files[0])


def _rows(reading: Reading, page: Page, table: Table, story: str | None) -> Iterator[Claim]:
    """A table whose rows are tests counts them for the file named above it, else for the story."""
    count = sum(not MANUAL.search(" | ".join(row.cells)) for row in table.rows)
    files = find_test_files(title_above(page, table))
    name = name_of(files[0]) if len(files) == 1 else ""
    quantity = own(story, name) if story else total(reading.stories[-1].id, name)
    if name or (story and _alone(page, table)):
        place = page.at(table.line)
        yield Claim(count, (quantity,), place, page.role, page.story, source="rows", path=files[0] if name else "")


def _alone(page: Page, table: Table) -> bool:
    """Whether no other table of tests stands in the same section of a story."""
    same = [t for t in page.document.tables if t.headings == table.headings and plain(t.header[0]).upper() == "TC"]
    return len(same) == 1 and page.role == "story" and bool(_BREAKDOWN.search(table.headings[-1]))


def _sums(page: Page, claims: list[Claim]) -> Iterator[Claim]:
    """Add up the files of each breakdown: that is what its story's count should be."""
    per_story: dict[str, dict[str, Claim]] = {}
    for claim in claims:
        quantity = claim.quantities[0]
        titles = page.lines[claim.place.line - 1].headings
        if quantity.kind == "own" and quantity.of and any(map(_is_breakdown, titles[1:])) and page.role != "prompt":
            per_story.setdefault(quantity.story, {}).setdefault(quantity.of, claim)
    for story, files in per_story.items():
        first = min(files.values(), key=lambda c: c.place.line)
        value = sum(c.value for c in files.values())
        yield Claim(value, (own(story),), first.place, page.role, page.story, source="sum")


def _is_breakdown(title: str) -> bool:
    return bool(_BREAKDOWN.search(title)) and not re.search(r"\bfiles?\b", title, re.I)
