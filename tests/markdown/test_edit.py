"""Edits that say what they mean: replayed on the freshest text, proven, or refused."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from random_documents import TITLES, random_file, random_story

from engine.errors import EditRefused, FormatError, StoryChanged
from engine.markdown.document import read_document, sections
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
from tests.rounds import rounds

ROUNDS = rounds(40)  # documents per seed
SEEDS = range(4)


ENDINGS = [b"", b"\xef\xbb\xbf", b"\n", b"a", b"a\n", b"a\n\n", b"a\n\n\n", b"a\n  ", b"a\r\n", b"a\rb\r"]
ENDINGS += [b"---\na: 1\n---", b"---\na: 1\n---\n", b"---\na: 1\n---\n\n", b"a\r\n\r\nb"]
ENDINGS += [b"# A\ntext\n# Z\n", b"# A\n\n\nZ\n===\n", b"# A"]


def refusal(text: str, edit: Edit, error: type[EditRefused] = EditRefused) -> str:
    with pytest.raises(error) as caught:
        apply_edits(text.encode(), [edit])
    assert type(caught.value) is error
    return str(caught.value)


def test_a_story_that_changed_elsewhere_takes_the_edit() -> None:
    """An edit planned on an older text lands on its item in the text as it is now."""
    edit = SetItem(("Validation",), "Human approved", True)
    now = b"# T\nA person wrote this meanwhile.\n## Validation\n- [ ] new\n- [ ] Human approved\n"
    assert apply_edits(now, [edit]) == now.replace(b"[ ] Human", b"[x] Human")


def test_edits_are_applied_in_order_each_on_the_result_of_the_last() -> None:
    """A section may be inserted, filled and removed in one go."""
    section = InsertSection("## Log\n\n| a |\n|---|\n- [ ] b")
    edits = [section, AppendRow(("Log",), ("c",)), SetItem(("Log",), "b", True)]
    out = b"# T\n\n## Log\n\n| a |\n|---|\n| c |\n- [x] b\n"
    assert apply_edits(b"# T\n", edits) == out
    assert apply_edits(b"# T\n", [*edits, RemoveSection(("Log",))]) == b"# T\n"


def test_no_edit_changes_nothing() -> None:
    """Without edits the very bytes come back, be they what they may."""
    raw = b"\xff\x00\r- [ ]"
    assert apply_edits(raw, []) is raw


def test_an_item_is_found_under_its_innermost_headings() -> None:
    """The path names the headings next to the item; one of them alone may be enough, and none too."""
    text = b"# A\n## V\n- [ ] a\n# B\n## V\n- [ ] a\n- [ ] b\n"
    for path in ((), ("V",), ("B", "V")):
        assert apply_edits(text, [SetItem(path, "b", True)]).endswith(b"- [x] b\n")
    assert apply_edits(text, [SetItem(("B", "V"), "a", True)]).count(b"[x]") == 1
    assert "twice: lines 3, 6. Keep one" in refusal(text.decode(), SetItem(("V",), "a", True))
    assert "no item 'a' is under 'B'" in refusal(text.decode(), SetItem(("B",), "a", True), StoryChanged)


def test_an_item_that_is_gone_is_a_changed_story() -> None:
    """A missing item stops the edit, and the message names the lines that look like it."""
    text = "## V\n- [~] Tests PASS\n- [ ] All tests\n## W\n- [ ] Tests PASS twice\n"
    said = refusal(text, SetItem(("V",), "Tests PASS", True), StoryChanged)
    assert said == "no item 'Tests PASS' is under 'V' any more. Is it lines 5, 2? Put it back."
    assert "Is it" not in refusal(text, SetItem(("V",), "Green", True), StoryChanged)


def test_an_item_that_parsers_read_differently_is_refused() -> None:
    """An item whose text is not on the line of its mark is not edited, nor taken as met."""
    said = refusal("## V\n\n- [x]\n  a\n", SetItem(("V",), "a", True))
    assert said == "line 3: write item 'a' as `- [ ] …` on one line."


def test_an_item_whose_line_carries_more_keeps_it() -> None:
    """Marks inside the item's own text are text."""
    raw = b"- [ ] a [ ] b\n- [ ] `[ ]`\n"
    assert apply_edits(raw, [SetItem((), "`[ ]`", True)]) == b"- [ ] a [ ] b\n- [x] `[ ]`\n"
    assert apply_edits(raw, [SetItem((), "a [ ] b", True)]) == b"- [x] a [ ] b\n- [ ] `[ ]`\n"


def test_bad_front_matter_is_told_as_such() -> None:
    """An edit of broken front matter is a FormatError with its line; an edit of the body goes through."""
    raw = b"---\na: [\n---\n- [ ] a\n"
    with pytest.raises(FormatError):
        apply_edits(raw, [SetKey("a", 1)])
    assert apply_edits(raw, [SetItem((), "a", True)]).endswith(b"- [x] a\n")


@pytest.mark.parametrize("edit", [InsertSection("## N", under=("B",)), AppendRow(("B",), ("x",))])
def test_a_section_must_be_there_once(edit: Edit) -> None:
    """Where the section is gone the story has changed; where there are two, the edit is refused."""
    said = refusal("# A\n", edit, StoryChanged)
    assert said == "there is no section 'B' any more. Put its heading back."
    said = refusal("# A\n## B\n# C\n## B\n", edit)
    assert said == "section 'B' is there twice: lines 2, 4. Rename all but one."


def test_two_sections_of_one_title_are_not_removed() -> None:
    """What to remove must be beyond doubt."""
    assert "twice: lines 1, 2" in refusal("# B\n# B\n", RemoveSection(("B",)))


def test_a_table_must_be_there_with_its_columns() -> None:
    """A section without a table, or with a table of another width, takes no row."""
    said = refusal("# A\n\n- x\n", AppendRow(("A",), ("x",)), StoryChanged)
    assert said == "section 'A' (line 1) has no table any more."
    said = refusal("# A\n\n| a | b |\n|--|--|\n", AppendRow(("A",), ("x",)))
    assert said == "the table at line 3 has 2 columns, the new row 1. Put its header back."


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("# A\n", InsertSection("no heading")),
        ("# A\n", InsertSection("text\n# B")),
        ("# A\n", InsertSection("## B\n\n# C")),
        ("# A\n\n# Z\n", InsertSection("# B", under=("A",))),
        ("# A\n\n```\ncode", InsertSection("## B")),
        ("# A\n<pre>\n", InsertSection("## B")),
        ("# A\n\n## Z\n- [ ] a\n", InsertSection("## B\n```", under=("A",))),
        ("# A\n\n# Z\n- [ ] a\n", InsertSection("## B\n<!--", under=("A",))),
        ("---\nx\n", InsertSection("## B\n\ntext\n\n---\n")),
        ("text\n## B\nb\n===\n", RemoveSection(("B",))),
        ("# A\n\n<div>\n\n# B\n\n- [ ] a\n", InsertSection("")),
        ("# A\n\n- | a |\n  |---|\n  # h\n", AppendRow(("A",), ("\ud800",))),
    ],
)
def test_an_edit_that_would_change_other_places_is_refused(text: str, edit: Edit) -> None:
    """An open fence, a heading of the wrong rank, a text that is no section: nothing is returned."""
    assert "by hand" in refusal(text, edit)


def test_a_row_in_a_list_item_keeps_the_indent() -> None:
    """The row is written where the table's last line starts."""
    raw = b"# A\n\n- x\n\n  | a |\n  |---|\n\n- y\n"
    assert b"  |---|\n  | 1 |\n\n- y" in apply_edits(raw, [AppendRow(("A",), ("1",))])


def test_the_first_table_of_a_section_takes_the_row() -> None:
    """Tables of deeper sections belong to the section as well, if they come first."""
    raw = b"# A\n## B\n| a |\n|---|\n\n| b |\n|---|\n"
    assert apply_edits(raw, [AppendRow(("A",), ("1",))]) == b"# A\n## B\n| a |\n|---|\n| 1 |\n\n| b |\n|---|\n"


@pytest.mark.parametrize("raw", ENDINGS)
@pytest.mark.parametrize("under", [None, ("A",)])
def test_a_section_inserted_and_removed_leaves_no_trace(raw: bytes, under: tuple[str, ...] | None) -> None:
    """InsertSection and RemoveSection undo each other byte for byte, whatever the file ends with."""
    if under and b"A" not in raw:
        under = None
    out = apply_edits(raw, [InsertSection("## New\n\ntext\n", under=under)])
    assert b"## New" in out
    assert apply_edits(out, [RemoveSection(("New",))]) == raw


def test_a_section_is_parted_from_its_neighbours() -> None:
    """A blank line stands between the new section and what was there."""
    insert = InsertSection("## N\n\nn")
    assert apply_edits(b"# A\n\ntext\n", [insert]) == b"# A\n\ntext\n\n## N\n\nn\n"
    assert apply_edits(b"# A\n\ntext\n\n", [insert]) == b"# A\n\ntext\n\n## N\n\nn\n\n"
    under = InsertSection("## N\n\nn", under=("A",))
    assert apply_edits(b"# A\n\ntext\n\n# B\n", [under]) == b"# A\n\ntext\n\n## N\n\nn\n\n# B\n"


@pytest.mark.parametrize("seed", SEEDS)
def test_an_accepted_edit_changes_only_its_place(seed: int) -> None:
    """Over random documents: a tick is one byte, an insertion inserts, a removal removes, in one place."""
    met: Counter[type[Edit]] = Counter()
    for raw, edit in _random_edits(seed):
        try:
            out = apply_edits(raw, [edit])
        except (EditRefused, FormatError):
            continue
        met[type(edit)] += out != raw
        start = _alike(raw, out)
        end = _alike(raw[start:][::-1], out[start:][::-1])
        gone, come = raw[start : len(raw) - end], out[start : len(out) - end]
        match edit:
            case SetItem():
                assert (gone, come) in {(b"", b""), (b" ", b"x"), (b"x", b" "), (b"X", b" ")}, (raw, edit)
                assert apply_edits(out, [edit]) == out, (raw, edit)
            case SetKey() | RemoveKey():
                old, new = read_document(raw), read_document(out)
                assert old.raw[old.body_start :] == new.raw[new.body_start :], (raw, edit)
                assert [item.text for item in old.items] == [item.text for item in new.items]
                assert apply_edits(out, [edit]) == out, (raw, edit)
            case InsertSection():
                assert gone == b"", (raw, edit)
                if len(sections(read_document(out), "New")) == 1:
                    assert apply_edits(out, [RemoveSection(("New",))]) == raw, (raw, edit)
            case RemoveSection():
                assert come == b"", (raw, edit)
                assert apply_edits(out, [edit]) == out, (raw, edit)
            case AppendRow():
                assert gone == b"", (raw, edit)
                assert len(come.split(b"|")) >= 3, (raw, edit)
                old, new = read_document(raw), read_document(out)
                rows = [sum(len(table.rows) for table in document.tables) for document in (old, new)]
                assert rows[1] == rows[0] + 1, (raw, edit)
    assert all(met[kind] > ROUNDS // 100 for kind in (SetItem, InsertSection, RemoveSection, AppendRow)), met


def _alike(a: bytes, b: bytes) -> int:
    """Return how many bytes two texts begin with in common."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _random_edits(seed: int) -> Iterator[tuple[bytes, Edit]]:
    """Yield random documents, each with every kind of edit about a place that it may have."""
    for number in range(ROUNDS):
        r = random.Random(seed * 10_000_000 + number)
        raw = random_story(r) if r.random() < 0.8 else random_file(r)
        document = read_document(raw)
        for item in document.items:
            yield raw, SetItem(item.headings[-1:], item.text, not item.checked)
        titles = [heading.text for heading in document.headings if heading.text] or TITLES
        title = r.choice(titles)
        text = r.choice(["#### New\n\ntext\n", "## New\n- [ ] a\n\n| a |\n|---|\n", "New\n===\n\n# x\n", "x"])
        yield raw, InsertSection(text, under=r.choice([None, (title,)]))
        yield raw, RemoveSection((title,))
        yield raw, AppendRow((title,), ("a | b \\| c\nd", r.choice(["", " e ", "é\u2028"])))
        yield raw, SetKey("state", r.choice(["a", "b", 1]))
        yield raw, RemoveKey("state")
