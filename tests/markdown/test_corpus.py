"""Every file of a real story pack, edited and restored byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import EditRefused
from engine.markdown.document import lines_of, read_document
from engine.markdown.edit import (
    AppendRow,
    Edit,
    InsertSection,
    RemoveKey,
    RemoveSection,
    SetItem,
    SetKey,
    apply_edits,
)

pytestmark = pytest.mark.corpus
LOG = "## Engine Log\n\n| when | step |\n|------|------|\n"


@pytest.fixture(scope="module")
def files(corpus: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(corpus)): path.read_bytes() for path in sorted(corpus.rglob("*.md"))}
    assert found
    return found


def test_every_item_is_ticked_and_unticked(files: dict[str, bytes]) -> None:
    """A tick changes one byte, and taking it back restores the file; an item that occurs twice is refused."""
    done = 0
    for name, raw in files.items():
        for item in read_document(raw).items:
            there = SetItem(item.headings, item.text, not item.checked)
            back = SetItem(item.headings, item.text, item.checked)
            try:
                out = apply_edits(raw, [there])
            except EditRefused as err:
                assert str(item.line) in str(err), name  # noqa: PT017  (only some items occur twice)
                continue
            assert [at for at, (a, b) in enumerate(zip(raw, out, strict=True)) if a != b] == [item.offset]
            assert apply_edits(out, [back]) == raw, (name, item)
            done += 1
    assert done > 100


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ([SetKey("state", "drafted")], [RemoveKey("state")]),
        ([SetKey("state", "drafted"), SetKey("round", 1)], [RemoveKey("state"), RemoveKey("round")]),
        ([InsertSection(LOG)], [RemoveSection(("Engine Log",))]),
        ([InsertSection(LOG), AppendRow(("Engine Log",), ("1", "2"))], [RemoveSection(("Engine Log",))]),
    ],
)
def test_every_file_takes_an_edit_and_its_undoing(
    files: dict[str, bytes], there: list[Edit], back: list[Edit]
) -> None:
    """A key set and removed, a section inserted and removed: the file is the very same again."""
    for name, raw in files.items():
        out = apply_edits(raw, there)
        assert out != raw, name
        assert apply_edits(out, back) == raw, name


def test_every_section_takes_a_section(files: dict[str, bytes]) -> None:
    """A section goes to the end of any section that occurs once, and leaves no trace when removed."""
    done = 0
    for name, raw in files.items():
        for heading in read_document(raw).headings[:12]:
            level = "#" * min(heading.level + 1, 6)
            try:
                out = apply_edits(raw, [InsertSection(f"{level} Engine Log\n\ntext", under=(heading.text,))])
            except EditRefused:
                continue
            assert apply_edits(out, [RemoveSection(("Engine Log",))]) == raw, (name, heading)
            done += 1
    assert done > 100


def test_every_table_has_its_lines(files: dict[str, bytes]) -> None:
    """Header and rows of each table stand on the lines that they name."""
    tables = 0
    for name, raw in files.items():
        lines = lines_of(raw)
        for table in read_document(raw).tables:
            tables += 1
            for line, cells in [(table.line, table.header), *((row.line, row.cells) for row in table.rows)]:
                assert all(cell in lines[line - 1].replace("\\|", "|") for cell in cells), (name, line)
    assert tables > 10
