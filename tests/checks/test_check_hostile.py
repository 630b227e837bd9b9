"""No text makes the check slow: long lines that made some pattern look twice at each character."""

from __future__ import annotations

import time

import pytest
from tiny import Tiny

HOSTILE = ["x", "1", "1 ", "a.", "a/", "`", "` `` ", "TC-1.1a ", "{a", "<a", "[add ", "Story 1 ", "defer ", "| ", "(",
           "**", "see ", "5 w ", "<!--", "](", "5 tests ", "stories 1-2, ", "**AC-1.1 (", "no "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_line_takes_no_longer_than_it_should(piece: str) -> None:
    """Thirty thousand characters in a line of every kind of file."""
    line = f"\n\n{piece * (30_000 // len(piece))}\n"
    pack = Tiny()
    for path in [*pack.files]:
        pack.add(path, line)
    began = time.perf_counter()
    pack.check()
    assert time.perf_counter() - began < 5
