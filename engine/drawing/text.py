"""A timeline as lines of text, in the manner of the method's own picture.

Story 2: ══[Verify]═════[Complete]
Story 3:   ═══[Execute]════░(gorilla)░══[Verify]══[Complete]
Story 4:      ═[Validate]═══════[Fix]══······(queued)······══[Execute]══
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from engine.drawing.axis import (
    by_role,
    clean,
    ended_as,
    framed,
    headline,
    length_of,
    names,
    rows,
    spell,
    standing,
    ticks,
)
from engine.model.timeline import PERSON, Lane, Span, Timeline

FILLS = {"busy": "═", "work": "─", "person": "░", "stories": "·", "nobody": " ", "planned": "┄"}
FAILED = "✗"
LEGEND = "═ work  ─ pause  ░ waits for a person  · waits for other stories  ✗ failed"
PLANNED = "  ┄ to come"
COLOURS = {"Validate": "blue", "Fix": "magenta", "Execute": "cyan", "Verify": "green"}
TAIL, MOST_NAME, LEAST_AREA, TICK = 12, 24, 20, 9

Line = list[tuple[str, str]]
"""Pieces of one line, each with its style, "" for none."""
Cell = tuple[str, str]
"""(key of FILLS, word)"""


def draw(timeline: Timeline, width: int) -> list[Line]:
    """The picture in so many columns: a line a story, then the lines of each role."""
    timeline = framed(timeline)
    roles = by_role(timeline)
    called = names(timeline)
    left = min(MOST_NAME, max(map(len, [*called, *map(clean, roles), "Time →"]), default=0)) + 2
    ruler = _Ruler(timeline.start, length_of(timeline), max(width - left - TAIL, LEAST_AREA))
    lines: list[Line] = [[(headline(timeline), "dim")], []] if timeline.end else []
    lines += [_named("Time →", left, _axis(ruler, timeline.now))] if timeline.end else []
    lines += [_named(f"{name}:", left, _story(ruler, lane)) for name, lane in zip(called, timeline.lanes, strict=True)]
    if roles:
        lines.append([])
    for who, spans in roles.items():
        for number, row in enumerate(_role(ruler, who, spans)):
            lines.append(_named("" if number else f"{clean(who)}:", left, row))
    legend = LEGEND if timeline.now is None else LEGEND + PLANNED
    return [*lines, [], [(legend, "dim")]] if roles else lines


def plain(lines: Iterable[Line]) -> list[str]:
    """Lines without their styles."""
    return ["".join(text for text, _ in line).rstrip() for line in lines]


@dataclass(frozen=True, slots=True)
class _Ruler:
    """Times as columns of the area right of the names."""

    start: float
    length: float
    width: int

    def at(self, time: float) -> int:
        """The column that a moment falls into."""
        return min(self.width - 1, int((time - self.start) / self.length * self.width))

    def edge(self, time: float) -> int:
        """The nearest boundary between two columns."""
        return round((time - self.start) / self.length * self.width)

    def columns(self, span: Span) -> range:
        """The columns of a span, at least one."""
        first = self.at(span.start)
        return range(first, max(first + 1, self.edge(span.end)))


@dataclass(slots=True)
class _Row:
    """Letters with their styles; what is put beyond the end makes it longer."""

    letters: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def put(self, column: int, text: str, style: str) -> None:
        """Write over what is there."""
        missing = column + len(text) - len(self.letters)
        self.letters += " " * missing
        self.styles += [""] * missing
        self.letters[column : column + len(text)] = text
        self.styles[column : column + len(text)] = [style] * len(text)

    def line(self) -> Line:
        """The row with neighbours of one style together."""
        pairs = groupby(zip(self.letters, self.styles, strict=True), key=lambda pair: pair[1])
        return [("".join(letter for letter, _ in part), style) for style, part in pairs]


def _named(name: str, left: int, row: _Row) -> Line:
    half = left // 2 - 1
    short = name if len(name) < left else f"{name[:half]}…{name[-half:]}"
    return [(f"{short:<{left}}", "bold"), *row.line()]


def _axis(ruler: _Ruler, now: float | None) -> _Row:
    """Round times, each where it is, and `now` where something is planned after it."""
    row = _Row()
    moment = None if now is None else ruler.at(now)
    for tick in ticks(ruler.length, ruler.width // TICK):
        column = ruler.edge(ruler.start + tick)
        if moment is None or abs(column - moment) > len(spell(tick)) + 1:
            row.put(column, f"┆{spell(tick)}", "dim")
    if moment is not None:
        row.put(moment, "┆now", "bold")
    return row


def _story(ruler: _Ruler, lane: Lane) -> _Row:
    """One story's line: fills for what it did, a label where there is room, marks for failures, how it ended."""
    row, cells = _Row(), _cells(ruler, lane)
    failed = {ruler.columns(span)[-1] for span in lane.spans if span.outcome in ("failed", "invalid")}
    for word, group, columns in _segments(cells):
        style = _style(group, word)
        for column in columns:
            row.put(column, FILLS[cells[column][0]], style)
        free = max(_runs(column for column in columns if column not in failed), key=len, default=[])
        text = _label(group, word, len(free))
        if text:
            row.put(free[0] + (len(free) - len(text)) // 2, text, f"bold {style}")
    for column in failed:
        row.put(column, FAILED, "bold red")
    end = ended_as(lane)
    if end and not lane.problem:
        over = lane.abandoned if lane.complete is None else lane.complete
        row.put(max(len(row.letters), ruler.edge(over or 0)), f"[{end}]", "bold green" if lane.complete else "bold")
    else:
        row.put(len(row.letters) + bool(row.letters), standing(lane), "bold red" if lane.problem else "dim")
    return row


def _label(kind: str, word: str, room: int) -> str:
    """The longest form of a word that there is room for, "" for none."""
    waits = kind in ("person", "stories")
    forms = () if kind == "nobody" else (f"({word})",) if waits else (f"[{word}]", f"[{word[:3]}]", word[:3])
    return next((form for form in forms if len(form) <= room), "")


def _cells(ruler: _Ruler, lane: Lane) -> dict[int, Cell]:
    """What each column shows: work before all, since it is short beside the waiting."""
    cells: dict[int, Cell] = {}
    for block in lane.blocks:
        for column in range(ruler.edge(block.start), ruler.edge(block.end)):
            cells[column] = (block.kind, clean(block.word))
    busy = [span for span in lane.spans if span.who != PERSON or span.outcome == "planned"]
    for span in sorted(busy, key=lambda span: span.end - span.start):
        kind = "planned" if span.outcome == "planned" else "busy"
        cells |= dict.fromkeys(ruler.columns(span), (kind, clean(span.act if span.who == PERSON else span.word)))
    return cells


def _segments(cells: dict[int, Cell]) -> Iterator[tuple[str, str, list[int]]]:
    """(word, kind, columns) of neighbours that show the same; a pause in the work does not part it."""
    shown = {column: (word, "work" if kind == "busy" else kind) for column, (kind, word) in cells.items()}
    for run in _runs(sorted(shown)):
        for (word, kind), columns in groupby(run, key=lambda column: shown[column]):
            yield word, kind, list(columns)


def _runs(columns: Iterable[int]) -> list[list[int]]:
    """Numbers that follow each other, together."""
    found: list[list[int]] = []
    for column in columns:
        if found and found[-1][-1] == column - 1:
            found[-1].append(column)
        else:
            found.append([column])
    return found


def _role(ruler: _Ruler, who: str, spans: list[Span]) -> list[_Row]:
    """The lines of one role: the stories that it was busy with; those at the same time, one below the other."""
    busy: dict[tuple[str, str, bool], set[int]] = {}
    failed: set[tuple[str, str, int]] = set()
    for span in spans:
        columns = ruler.columns(span)
        busy.setdefault((span.pack, span.story, span.outcome == "planned"), set()).update(columns)
        if span.outcome in ("failed", "invalid"):
            failed.add((span.pack, span.story, columns[-1]))
    pieces = sorted((run[0], run[-1] + 1, *key) for key, columns in busy.items() for run in _runs(sorted(columns)))
    placed = rows((start, max(end, start + len(story) + 1)) for start, end, _, story, _ in pieces)
    drawn = [_Row() for _ in range(max(placed) + 1)]
    for (start, end, pack, story, planned), place in zip(pieces, placed, strict=True):
        fill = FILLS["planned" if planned else "person" if who == PERSON else "busy"]
        style = "dim" if planned else "yellow" if who == PERSON else "cyan"
        drawn[place].put(start, (clean(story) if len(story) <= end - start else "").ljust(end - start, fill), style)
        for column in range(start, end):
            if (pack, story, column) in failed:
                drawn[place].put(column, FAILED, "bold red")
    return drawn


def _style(kind: str, word: str) -> str:
    return {"person": "yellow", "stories": "dim", "planned": "dim"}.get(kind, COLOURS.get(word, "white"))
