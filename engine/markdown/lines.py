"""Lines of a file's bytes: ended by CR LF, CR or LF, as mistune and CommonMark count them.

`str.splitlines` also splits at U+2028, U+0085, form feed and others; it is never used here.
"""

from __future__ import annotations

import re
from collections import Counter

BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"\r\n|\r|\n")


def lines_of(raw: bytes) -> list[str]:
    """Return the text of each line without its end, nor a BOM; line *n* is at index *n* - 1."""
    lines = [line.decode("utf-8", "replace") for line in _END.split(raw.removeprefix(BOM))]
    return lines if lines[-1] else lines[:-1]


def line_starts(raw: bytes) -> list[int]:
    """Return the byte at which each line starts, the first after a BOM; a final line end starts one more."""
    return [top(raw), *(end.end() for end in _END.finditer(raw))]


def top(raw: bytes) -> int:
    """Return the byte at which the text starts: after a BOM, if there is one."""
    return len(BOM) if raw.startswith(BOM) else 0


def line_at(raw: bytes, offset: int) -> int:
    """Return the 1-based line that holds the byte at *offset*."""
    return 1 + sum(end.end() <= offset for end in _END.finditer(raw[: offset + 1]))


def line_ending(raw: bytes) -> str:
    """Return the line end that the file uses most; LF where it uses none."""
    ends = Counter(_END.findall(raw))
    return max((b"\n", b"\r\n", b"\r"), key=lambda end: ends[end]).decode()
