"""Where in a TOML file something stands, for messages."""

from __future__ import annotations

import re
from collections.abc import Sequence


def line_in(message: str, text: str) -> int:
    """The line that a TOML error names: `(at line 3, column 1)` or `(at end of document)`."""
    named = re.search(r"at line (\d+)", message)
    return int(named[1]) if named else text.count("\n") + 1


def line_with(text: str, place: Sequence[str]) -> int | None:
    """The line that holds a key: under its table's heading, else the heading itself."""
    lines = text.split("\n")
    table, found = "", None
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.strip("[]").replace('"', "").replace(" ", "")
            parts = table.split(".")
            if parts[: len(place)] == [*place][: len(parts)]:
                found = number if len(parts) <= len(place) else found or number
        key = stripped.split("=")[0].strip().strip('"')
        path = [*filter(None, table.split(".")), key]
        if "=" in stripped and path == [*place][: len(path)]:
            return number
    return found
