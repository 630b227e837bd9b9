"""What a markdown file says, and on which line."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from random_documents import random_file, random_story

from engine.markdown.document import Heading, Row, Table, lines_of, read_document, section, sections
from tests.rounds import rounds


def items(text: str) -> list[tuple[int, bool, str]]:
    return [(item.line, item.checked, item.text) for item in read_document(text.encode()).items]


def suspects(text: str) -> list[tuple[int, str, str]]:
    return [(found.line, found.kind, found.text) for found in read_document(text.encode()).suspects]


def test_an_item_knows_its_place() -> None:
    """An item has a line of the file, the byte of its mark, its headings and its depth."""
    raw = "---\nstate: é\n---\n# A\n\n## B\n- [x] é\n  - [ ] inner\n".encode()
    outer, inner = read_document(raw).items
    assert (outer.line, outer.checked, outer.text, outer.headings, outer.depth) == (
        7,
        True,
        "é",
        ("A", "B"),
        0,
    )
    assert (inner.line, inner.checked, inner.depth) == (8, False, 1)
    assert raw[outer.offset : outer.offset + 1] == b"x"
    assert raw[inner.offset : inner.offset + 1] == b" "


def test_front_matter_is_no_markdown() -> None:
    """A list item or a heading inside the front matter is neither."""
    assert items("---\nnotes: |\n  - [ ] a\n  # b\n---\n- [ ] c\n") == [(6, False, "c")]


def test_broken_front_matter_does_not_stop_the_reading_of_the_body() -> None:
    """A file whose YAML is broken still shows its items: one bad thing is one problem."""
    assert items("---\na: [\n---\n- [ ] c\n") == [(4, False, "c")]


@pytest.mark.parametrize(
    "text",
    [
        "```\n- [x] a\n```\n",
        "~~~md\n- [x] a\n~~~\n",
        "    - [x] a\n",
        "<!-- - [x] a -->\n",
        "<!--\n\n- [x] a\n\n-->\n",
        "<div>\n- [x] a\n</div>\n",
        "- ```\n  - [x] a\n  ```\n",
        "- a\n\n      - [x] a\n",
        "`- [x] a`\n",
        "\\- [x] a\n",
    ],
)
def test_what_is_shown_as_code_or_not_at_all_is_neither_item_nor_suspect(text: str) -> None:
    """A ticked item inside a code fence or a comment is not an item, and no cause for alarm."""
    assert (items(text), [found for found in suspects(text) if found[1] == "foreign mark"]) == ([], [])
    assert not suspects(text) or text.startswith("\\")


@pytest.mark.parametrize(
    "text", ["- [] a", "-[ ] a", "- [ ]a", "- [  ] a", "- [x ] a", "* [\u00a0] a", "1.[x] a", "- [xx] a"]
)
def test_near_misses_are_reported(text: str) -> None:
    """What a person would take for an item and a parser does not is a near miss, with its line."""
    shown = text.removeprefix("- ").removeprefix("* ")
    (found,) = suspects(f"# A\n\n{text}\n")
    assert found[:2] == (3, "near miss")
    assert found[2] in (text, shown)


def test_bare_marks_and_continuation_lines_are_near_misses() -> None:
    """Marks without a bullet, and items that a paragraph swallowed, are near misses."""
    assert suspects("[ ] a\n") == [(1, "near miss", "[ ] a")]
    assert suspects("text\n2. [ ] a\n") == [(2, "near miss", "2. [ ] a")]
    assert suspects("- [ ] a\n  [x] b\n") == [(2, "near miss", "[x] b")]
    assert suspects("- [x]: all done\n") == [(1, "near miss", "[x]: all done")]


def test_items_nested_deeper_than_mistune_goes_are_near_misses() -> None:
    """mistune reads twenty levels; what lies deeper is reported, never passed over."""
    text = "".join(f"{'  ' * depth}- [ ] level {depth}\n" for depth in range(25))
    found = read_document(text.encode())
    assert len(found.items) + len(found.suspects) == 25
    assert {suspect.kind for suspect in found.suspects} == {"near miss"}


@pytest.mark.parametrize("mark", ["~", "-", "/", "?", "!", ">", "✔", "✔\ufe0f", "1"])
def test_foreign_marks_are_reported(mark: str) -> None:
    """A box with one strange character is a foreign mark, with its line."""
    assert suspects(f"# A\n- [{mark}] x\n") == [(2, "foreign mark", f"[{mark}] x")]


def test_a_foreign_mark_that_a_paragraph_swallowed_is_reported() -> None:
    """A number other than 1 cannot interrupt a paragraph: its item is text, and is reported."""
    assert suspects("text\n2. [~] a\n") == [(2, "foreign mark", "2. [~] a")]


@pytest.mark.parametrize(
    "text",
    [
        "- [a](u)",
        "- [a][b]",
        "- [a]: u",
        "- [x](u)",
        "- [ ](u)",
        "- [x][y]",
        "- [ab] c",
        "- \\[~] x",
        "- [\\] x",
    ],
)
def test_links_are_no_suspects(text: str) -> None:
    """A link or a reference at the start of an item is no mark."""
    assert suspects(f"- {text}\n") == []


def test_a_comment_within_a_paragraph_hides_what_is_in_it() -> None:
    """A suspect in an inline comment is not reported; one in an unclosed comment, which shows, is."""
    assert suspects("a <!--\n[ ] b\n--> c\n") == []
    assert suspects("a <!--\n[ ] b\n") == [(2, "near miss", "[ ] b")]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("- [ ] a\n", True),
        ("> 1) [x]\ta\n", True),
        ("- [ ]\n  a\n", False),
        ("- [ ] \n  a\n", False),
        ("-\n  [ ] a\n", False),
        ("- [ ]\u00a0a\n", False),
        ("\ufeff- [ ] a\n", True),
    ],
)
def test_plain_items(text: str, plain: bool) -> None:
    """An item is plain if bullet, mark and text stand on one line with ordinary blanks."""
    assert [item.plain for item in read_document(text.encode()).items] == [plain]


def test_sections_end_before_the_next_heading_of_their_rank() -> None:
    """A section runs to the next heading of its level or above, or to the end of the file."""
    text = "# A\n## B\nb\n### C\n## D\n> # quoted\n\nB\n===\n## B\nlast"
    document = read_document(text.encode())
    assert section(document, "A") == (1, 8)
    assert section(document, "A", "B") == (2, 5)
    assert section(document, "A", "B", "C") == (4, 5)
    assert section(document, "B", "B") == (10, 12)
    assert sections(document, "B") == [(2, 5), (8, 12), (10, 12)]
    assert section(document, "quoted") is None
    assert section(document, "A", "C") is None
    assert sections(document) == []
    assert Heading(6, 1, "quoted", nested=True) in document.headings


def test_a_heading_in_a_container_names_only_what_follows_it_there() -> None:
    """A heading inside a list item or a quote does not name what comes after the container."""
    text = "# A\n- # B\n  - [ ] b\n- [ ] a\n\n> # C\n> - [ ] c\n\n- [ ] d\n"
    headings = [item.headings for item in read_document(text.encode()).items]
    assert headings == [("B",), ("A",), ("C",), ("A",)]


def test_tables() -> None:
    """A table has the line of its header, its rows are padded or cut, and it may stand right under text."""
    text = "---\na: 1\n---\n# L\n\ntext\n| a | `b\\|c` |\n|:--|--:|\n| 1 |\n1 | 2 | 3\n\n> x | y\n> --|--\n"
    first, second = read_document(text.encode()).tables
    rows = (Row(9, ("1", "")), Row(10, ("1", "2")))
    assert first == Table(7, ("a", "`b|c`"), rows, ("L",))
    assert (second.line, second.header, second.rows) == (12, ("x", "y"), ())


@pytest.mark.parametrize(
    "text",
    ["| a | b |\n|---|\n", "| a |\n\n|---|\n", "```\n| a |\n|---|\n```\n", "a\n---\n", "| a |\n| b |\n"],
)
def test_what_is_no_table(text: str) -> None:
    """A delimiter row of another width, elsewhere, in code, or without a pipe makes no table."""
    assert read_document(text.encode()).tables == ()


def test_unicode_line_separators_end_no_line() -> None:
    """U+2028, U+0085, form feed and their like do not move the count."""
    text = "a\u2028b\x0bc\x0cd\x85e\n\n- [ ] f\u2029- [ ] g\n"
    assert [(line, text.split("\u2029")[0]) for line, _, text in items(text)] == [(3, "f")]


def test_a_paragraph_that_goes_on_behind_a_quote_keeps_its_lines() -> None:
    """mistune adds `2. [ ] c` to the paragraph above the quote; it is reported on its own line."""
    text = "- a\n  > [~] b\n  2. [ ] c\n"
    assert [(line, text) for line, _, text in suspects(text)] == [(3, "2. [ ] c")]


@pytest.mark.parametrize(
    "text",
    [
        "- [ ] a\n",
        "a <!-- [ ] ",
        "a\n2. [ ] x\n",
        "> ",
        "- ",
        "> - ",
        "|",
        "<div>\n",
        "[a]: b\n",
        "> a\nb\n",
        "\r",
    ],
)
def test_a_long_file_is_read_in_reasonable_time(text: str) -> None:
    """No text, however odd, keeps the reader busy (measured: under 2 s; a naive regex took 46)."""
    started = time.process_time()
    read_document((text * 20_000).encode())
    read_document(f"|a|\n{' ' * 20_000}x|\n".encode())
    assert time.process_time() - started < 20


def test_bytes_that_are_no_utf_8_move_nothing() -> None:
    """A stray byte becomes U+FFFD in the text; the places stay."""
    raw = b"caf\xe9 [\n\n- [ ] \xff\xfe\n"
    (item,) = read_document(raw).items
    assert (item.line, item.text, raw[item.offset - 1 : item.offset + 2]) == (3, "\ufffd\ufffd", b"[ ]")


@pytest.mark.parametrize("write", [random_file, random_story])
def test_lines_of_a_random_document_hold_what_is_said_to_be_on_them(write: Any) -> None:
    """Headings, suspects and rows are found on their line of the file."""
    for seed in range(rounds(300)):
        raw = write(random.Random(seed))
        document = read_document(raw)
        lines = lines_of(raw)
        for suspect in document.suspects:
            assert suspect.text.split()[-1] in lines[suspect.line - 1], (raw, suspect)
        for row in (row for table in document.tables for row in table.rows):
            assert all(cell in lines[row.line - 1].replace("\\|", "|") for cell in row.cells), (raw, row)
        for heading in document.headings:
            words = heading.text.split("\n")[0].split()
            assert not words or any(words[0] in line for line in lines[heading.line - 1 :][:3]), (
                raw,
                heading,
            )
