"""The test plan: which TC is tested in which file, as the designs' tables say."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.checks.reading import Page, name_of
from engine.checks.text import plain
from engine.markdown.document import Row, Table
from engine.markdown.trace import find_ids

_PATH = re.compile(r"(?<![\w@./-])[\w@][\w@./-]*\.[A-Za-z]\w{0,5}\b")
_TEST_NAME = re.compile(r"^test_|[._-](?:test|spec)s?\.|_tests?\.|Tests?\.\w+$")
_NO_TEST = re.compile(r"(?:^|/)(?:fixtures?|helpers?|mocks?|support|setup|conftest|__init__)\b", re.I)


def find_test_files(text: str) -> list[str]:
    """The test files that a text names, in order, each once."""
    return list(dict.fromkeys(p for p in _PATH.findall(text) if is_test(p)))


def is_test(path: str) -> bool:
    """Whether a path looks like a file of tests."""
    named = bool(_TEST_NAME.search(name_of(path)))
    return (named or bool(re.match(r"(?:.*/)?tests?/", path))) and not _NO_TEST.search(path)


def title_above(page: Page, table: Table) -> str:
    """The heading or bold line right above a table, which may name the file that its rows are about."""
    for line in reversed(page.lines[max(table.line - 5, 0) : table.line - 1]):
        if line.text.strip():
            bold_or_heading = line.text.lstrip().startswith(("**", "#"))
            return line.text if bold_or_heading else ""
    return ""


def read_mapping(pages: Iterable[Page]) -> dict[str, dict[str, int]]:
    """TC -> {test file or "": line}: tables with TCs in the first column, and rows `file | tests | TCs`."""
    found: dict[str, dict[str, int]] = {}
    for page in pages:
        for table in page.document.tables:
            above = find_test_files(title_above(page, table))
            for row in table.rows:
                for id_ in _tcs_of(table, row):
                    files = [name_of(p) for cell in row.cells for p in find_test_files(cell)] or [
                        name_of(p) for p in above
                    ]
                    for name in files or [""]:
                        found.setdefault(id_, {}).setdefault(name, row.line)
    return found


def _tcs_of(table: Table, row: Row) -> list[str]:
    """The TCs that a row maps: its first cell's, or all of a row that starts with a test file."""
    first = plain(row.cells[0])
    if first.startswith("TC-"):
        return find_ids(first)
    if find_test_files(first) or any(plain(h).lower().startswith("test file") for h in table.header):
        return [id_ for cell in row.cells for id_ in find_ids(cell) if id_.startswith("TC-")]
    return []
