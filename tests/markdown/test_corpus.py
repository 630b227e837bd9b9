"""Every file of a real story pack, edited and restored byte for byte."""

from __future__ import annotations

import re
from collections import Counter
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


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_every_item_is_ticked_and_unticked(files: dict[str, bytes], every: int) -> None:
    """Ticks change one byte each, and taking them back restores the file; what occurs twice is refused."""
    done = 0
    held = [(name, raw) for name, raw in files.items() if re.search(rb"\[[ xX]\] ", raw)]
    for name, raw in held[::every]:
        items = read_document(raw).items
        times = Counter((item.headings, item.text) for item in items)
        single = [item for item in items if times[item.headings, item.text] == 1]
        for item in items:
            if item not in single:
                with pytest.raises(EditRefused, match=f"twice: lines .*{item.line}"):
                    apply_edits(raw, [SetItem(item.headings, item.text, True)])
        out = apply_edits(raw, [SetItem(item.headings, item.text, not item.checked) for item in single])
        changed = [at for at, (a, b) in enumerate(zip(raw, out, strict=True)) if a != b]
        assert changed == [item.offset for item in single], name
        back = [SetItem(item.headings, item.text, item.checked) for item in single]
        assert apply_edits(out, back) == raw, name
        done += len(single)
    assert done > 100 / every


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ([SetKey("state", "drafted")], [RemoveKey("state")]),
        ([SetKey("state", "drafted"), SetKey("round", 1)], [RemoveKey("state"), RemoveKey("round")]),
        ([InsertSection(LOG)], [RemoveSection(("Engine Log",))]),
        ([InsertSection(LOG), AppendRow(("Engine Log",), ("1", "2"))], [RemoveSection(("Engine Log",))]),
    ],
)
def test_every_file_takes_an_edit_and_its_undoing(files: dict[str, bytes], there: list[Edit], back: list[Edit]) -> None:
    """A key set and removed, a section inserted and removed: the file is the very same again."""
    for name, raw in files.items():
        out = apply_edits(raw, there)
        assert out != raw, name
        assert apply_edits(out, back) == raw, name


def test_sections_take_a_section(files: dict[str, bytes]) -> None:
    """A section goes to the end of any section that occurs once, and leaves no trace when removed."""
    done = 0
    for name, raw in files.items():
        for heading in read_document(raw).headings[:5]:
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
