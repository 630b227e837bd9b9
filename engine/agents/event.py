"""The events that programs print, one line of JSON each; what is not there or is another thing says nothing. Pure."""

from __future__ import annotations

import json


def read_event(line: bytes) -> dict[str, object]:
    """One line of JSON."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def part(event: object, *names: str) -> object:
    """What stands in an event under names within names; None where it does not."""
    for name in names:
        event = event.get(name) if isinstance(event, dict) else None
    return event


def listed(event: object, *names: str) -> list[object]:
    """A list in an event."""
    value = part(event, *names)
    return value if isinstance(value, list) else []


def words(event: object, *names: str) -> str:
    """A text in an event."""
    value = part(event, *names)
    return value if isinstance(value, str) else ""


def count(event: object, *names: str) -> int:
    """A number in an event that counts something."""
    value = part(event, *names)
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0
