"""Lines are counted at CR LF, CR and LF, and at nothing else."""

from __future__ import annotations

import pytest

from engine.markdown.lines import line_at, line_ending, line_starts, lines_of, top


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\rc\n", ["a", "b", "c"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        ("a\u2028b\u2029c\x0bd\x0ce\x85f\x1cg".encode(), ["a\u2028b\u2029c\x0bd\x0ce\x85f\x1cg"]),
        (b"caf\xe9\n", ["caf\ufffd"]),
    ],
)
def test_lines_of(raw: bytes, lines: list[str]) -> None:
    """A line ends at CR LF, CR or LF; the last may go without, and a BOM is no text."""
    assert lines_of(raw) == lines


def test_line_starts() -> None:
    """Line 1 starts after a BOM, and a final line end starts one line more."""
    assert line_starts(b"\xef\xbb\xbfa\r\nb\rc\n") == [3, 6, 8, 10]


def test_line_at() -> None:
    """A byte belongs to the line that its line end closes."""
    raw = b"a\r\nb\nc"
    assert [line_at(raw, raw.index(char)) for char in (b"a", b"b", b"\n", b"c")] == [1, 2, 1, 3]


@pytest.mark.parametrize(
    ("raw", "end"), [(b"a", "\n"), (b"a\r\nb\r\nc\n", "\r\n"), (b"a\rb\r", "\r"), (b"a\nb\r\n", "\n")]
)
def test_line_ending(raw: bytes, end: str) -> None:
    """New lines end as most lines of the file do; LF where there are none or as many."""
    assert line_ending(raw) == end


def test_top() -> None:
    """The text starts after a BOM."""
    assert (top(b"\xef\xbb\xbfa"), top(b"a")) == (3, 0)
