"""What all pictures of a timeline share: the time axis, the lanes of roles, names and times in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from engine.model.timeline import ENGINE, GATES, PERSON, Block, Lane, Span, Timeline

MINUTE, HOUR, DAY = 60, 3600, 86400
_STEPS = (
    *(1, 2, 5, 10, 20, 30),
    *(MINUTE * n for n in (1, 2, 5, 10, 20, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * n for n in (1, 2, 7, 14, 28, 91, 182, 365)),
)

PAST = 3
"""How much longer than what is planned the past may be in a picture."""
_Piece = TypeVar("_Piece", Span, Block)


def ticks(length: float, most: int) -> list[int]:
    """Round times from 0 to a length, both included where they fall on one; no more than so many after the first."""
    most = max(most, 1)
    step = next((step for step in _STEPS if length / step <= most), None)
    if step is None:
        years = 1
        while length / (365 * DAY * years) > most:
            years *= 2
        step = 365 * DAY * years
    return list(range(0, int(length) + 1, step))


def spell(seconds: float) -> str:
    """A length of time in its two largest units: 0, 5s, 1m 30s, 2h, 1d 12h."""
    left = round(seconds)
    for unit, size, below, small in (("d", DAY, "h", HOUR), ("h", HOUR, "m", MINUTE), ("m", MINUTE, "s", 1)):
        if left >= size:
            rest = left % size // small
            return f"{left // size}{unit}" + (f" {rest}{below}" if rest else "")
    return f"{left}s" if left else "0"


def clock(seconds: float) -> str:
    """A moment as date and time; "" for what no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return ""


def length_of(timeline: Timeline) -> float:
    """From its first to its last moment, at least a second."""
    return max(timeline.end - timeline.start, 1.0)


def headline(timeline: Timeline) -> str:
    """When it was, and how long it took."""
    length = spell(timeline.end - timeline.start)
    return f"{clock(timeline.start)} to {clock(timeline.end)} UTC, {length if length != '0' else 'less than a second'}"


def framed(drawn: Timeline) -> Timeline:
    """The timeline for a picture: a long past is cut, so that what is planned has a quarter of the whole, or more."""
    if drawn.now is None:
        return drawn
    start = max(drawn.start, drawn.now - PAST * (drawn.end - drawn.now))
    lanes = [
        lane.model_copy(update={"blocks": tuple(_since(lane.blocks, start)), "spans": tuple(_since(lane.spans, start))})
        for lane in drawn.lanes
    ]
    return drawn.model_copy(update={"start": start, "lanes": tuple(lanes)})


def names(timeline: Timeline) -> list[str]:
    """What each lane is called: its story's id, with its pack where there are several."""
    packs = list(dict.fromkeys(lane.pack for lane in timeline.lanes))
    short = dict(zip(packs, _told_apart(packs), strict=True))
    several = len(packs) > 1
    return [clean(f"{short[lane.pack]}/{lane.story}" if several else f"Story {lane.story}") for lane in timeline.lanes]


def by_role(timeline: Timeline) -> dict[str, list[Span]]:
    """The spans of each role, in the order in which they were first busy; then gates, engine and person."""
    found: dict[str, list[Span]] = {}
    for span in sorted(timeline.spans, key=lambda span: (span.start, span.end)):
        found.setdefault(span.who, []).append(span)
    last = [who for who in (GATES, ENGINE, PERSON) if who in found]
    return {who: found[who] for who in [*(who for who in found if who not in last), *last]}


def rows(pieces: Iterable[tuple[int, int]]) -> list[int]:
    """In which row each piece (from, to) goes, so that none covers another; each takes the first row that is free."""
    ends: list[int] = []
    placed = []
    for start, end in pieces:
        row = next((row for row, busy in enumerate(ends) if busy <= start), len(ends))
        ends[row:] = [end, *ends[row + 1 :]]
        placed.append(row)
    return placed


def ended_as(lane: Lane) -> str:
    """How a story ended, "" where it has not."""
    if lane.complete is not None:
        return "Complete, attested" if lane.attested and not lane.blocks else "Complete"
    return lane.state.capitalize() if lane.abandoned is not None else ""


def standing(lane: Lane) -> str:
    """What is said beside a lane that has no end yet."""
    if lane.problem:
        return "not to be read"
    return lane.state or ("planned" if lane.spans else "not adopted")


def _told_apart(packs: list[str]) -> list[str]:
    """Packs by the parts of their paths in which they differ."""
    parts = [pack.split("/") for pack in packs]
    for end, keep in ((0, slice(1, None)), (-1, slice(-1))):
        while all(len(part) > 1 for part in parts) and len({part[end] for part in parts}) == 1:
            parts = [part[keep] for part in parts]
    return ["/".join(part) for part in parts]


def _since(pieces: Iterable[_Piece], start: float) -> Iterator[_Piece]:
    """What of some pieces is not over before a moment, none of it before that."""
    for piece in pieces:
        if piece.end >= start:
            yield piece if piece.start >= start else piece.model_copy(update={"start": start})


def clean(text: str) -> str:
    """A text without what a terminal or an XML file must not hold."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
