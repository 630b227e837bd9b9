"""A timeline as a Gantt chart: SVG, and a page that holds it. Every text of a journal is escaped; nothing is run."""

from __future__ import annotations

from html import escape

from engine.drawing.axis import (
    by_role,
    clean,
    clock,
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
from engine.drawing.palette import KINDS, PAGE, style_sheet
from engine.model.timeline import PERSON, Block, Lane, Span, Timeline

WIDTH, EDGE, TAIL, TOP = 1280, 16, 130, 84
STORY, BOX, CALL = 40, 26, 5
ROW, BAR, GAP, NOTE = 20, 14, 30, 18
LETTER, LEAST, MOST_SAID = 6.7, 2.5, 160
"""Pixels of a letter and of the narrowest bar; letters of a note."""
_HATCH = (
    '<pattern id="asked" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="asked" width="7" height="7"/><path class="stripe" d="M0 0V7" stroke-width="4"/></pattern>'
)
LEGEND = (*KINDS, "waits for a person", "waits for other stories", "planned", "failed, or no answer")


def svg(timeline: Timeline) -> str:
    """The chart as a file of its own, light or dark as its reader is."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_chart(timeline)}'


def html(timeline: Timeline) -> str:
    """A page with the chart in it: one file, without script, without anything from elsewhere."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>Timeline</title>\n<style>body{{margin:0;background:{PAGE[0]}}}"
        f"@media(prefers-color-scheme:dark){{body{{background:{PAGE[1]}}}}}"
        "main{overflow-x:auto}svg{display:block;width:100%;min-width:960px;max-width:1600px;height:auto;margin:auto}"
        f"</style>\n</head>\n<body>\n<main>\n{_chart(timeline)}</main>\n</body>\n</html>\n"
    )


class _Scale:
    """Times as places from left to right."""

    def __init__(self, timeline: Timeline, left: float) -> None:
        self.start, self.length, self.left = timeline.start, length_of(timeline), left
        self.width = WIDTH - TAIL - left

    def x(self, time: float) -> float:
        """Where a moment is."""
        return round(self.left + (time - self.start) / self.length * self.width, 1)

    def bar(self, start: float, end: float) -> tuple[float, float]:
        """Where a bar begins, and how wide it is; never too narrow to be seen."""
        return self.x(start), max(LEAST, round(self.x(end) - self.x(start), 1))


def _chart(timeline: Timeline) -> str:
    timeline = framed(timeline)
    roles = by_role(timeline)
    called = names(timeline)
    longest = max(map(len, [*called, *map(clean, roles)]), default=0)
    scale = _Scale(timeline, EDGE + 20 + min(240, longest * LETTER * 1.12))
    y = float(TOP)
    bands, bars = list[str](), list[str]()
    for number, (name, lane) in enumerate(zip(called, timeline.lanes, strict=True)):
        bands += _band(number, name, y, STORY)
        bars += _story(scale, lane, y)
        y += STORY
    y += GAP if roles else 0
    for number, (who, spans) in enumerate(roles.items()):
        drawn, height = _role(scale, spans, y)
        bands += _band(number, clean(who), y, height)
        bars += drawn
        y += height
    axis = _axis(timeline, scale, y) if timeline.end else []
    notes = [lane.problem for lane in timeline.lanes if lane.problem] + [*timeline.notes]
    told = [_text(EDGE, y + 24 + NOTE * n, f"! {_short(note)}", "bad") for n, note in enumerate(notes)]
    height = y + 24 + NOTE * len(told) + 24
    said = headline(timeline) if timeline.end else "nothing has happened yet"
    head = [_text(EDGE, 28, "Timeline", "ink title"), _text(EDGE, 48, said, "faint")]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-label="Timeline of {len(timeline.lanes)} stories">',
            f"<style>{style_sheet()}</style>",
            f"<defs>{_HATCH}</defs>",
            f'<rect class="page" width="{WIDTH}" height="{height:.0f}"/>',
            *(*bands, *axis, *bars, *head, *told, *_legend(height - 16)),
            "</svg>\n",
        )
    )


def _band(number: int, name: str, y: float, height: float) -> list[str]:
    """The ground of a lane, every second one shaded, with its name."""
    shade = f'<rect class="band" y="{y:g}" width="{WIDTH}" height="{height:g}"/>'
    return [*([] if number % 2 else [shade]), _text(EDGE, y + height / 2 + 4, name, "ink name")]


def _axis(timeline: Timeline, scale: _Scale, bottom: float) -> list[str]:
    parts = []
    for tick in ticks(scale.length, int(scale.width // 80)):
        x = scale.x(timeline.start + tick)
        parts.append(f'<path class="grid" d="M{x:g} {TOP - 8}V{bottom:g}"/>')
        parts.append(_text(x, TOP - 14, spell(tick), "faint small mid"))
    if timeline.now is not None:
        x = scale.x(timeline.now)
        parts.append(f'<path class="now" d="M{x:g} {TOP - 8}V{bottom:g}"/>')
        parts.append(_text(x, TOP - 26, "now", "ink small mid"))
    return parts


def _story(scale: _Scale, lane: Lane, y: float) -> list[str]:
    """One story: its blocks, the calls at their foot, what is planned, and how it ended or where it stands."""
    top, right = y + (STORY - BOX) / 2, scale.left
    parts: list[str] = []
    for block in lane.blocks:
        if block.kind != "nobody":
            parts.append(_block(scale, lane, block, top))
        right = max(right, sum(scale.bar(block.start, block.end)))
    for span in lane.spans:
        bar = x, width = scale.bar(span.start, span.end)
        if span.outcome == "planned":
            word = span.act if span.who == PERSON else span.word
            parts.append(_box(bar, top, BOX, _kind(span), word, _tip(span)))
        elif span.who != PERSON:
            place = f'x="{x:g}" y="{top + BOX - CALL:g}" width="{width:g}" height="{CALL}"'
            parts.append(_tipped(f'<rect class="{_kind(span)} call" {place}/>', _tip(span)))
        right = max(right, x + width)
    over = lane.abandoned if lane.complete is None else lane.complete
    right = max(right, scale.x(over)) if over is not None else right
    end = ended_as(lane)
    look = "good name" if lane.complete is not None else "bad" if lane.problem or end else "faint"
    shown = f"✓ {end}" if lane.complete is not None else end or standing(lane)
    return [*parts, _text(right + 7, y + STORY / 2 + 4, shown, f"{look} small")]


def _block(scale: _Scale, lane: Lane, block: Block, top: float) -> str:
    """A stretch of a story's life: a box, or a dotted line where it waits for other stories."""
    x, width = scale.bar(block.start, block.end)
    waits = {"person": "waits for a person: ", "stories": "waits for other stories: "}.get(block.kind, "")
    tip = f"story {clean(lane.story)}: {waits}{clean(block.word)}\n{_times(block.start, block.end)}"
    if block.kind == "stories":
        middle = top + BOX / 2
        line = f'<path class="queue" d="M{x + 2:g} {middle:g}H{x + max(width - 2, 3):g}"/>'
        return _tipped(line + _label(x, width, middle - 4, block.word, "faint small mid"), tip)
    kind = "person" if block.kind == "person" else KINDS.get(block.word, "other")
    return _box((x, width), top, BOX, kind, block.word, tip)


def _role(scale: _Scale, spans: list[Span], y: float) -> tuple[list[str], float]:
    """The bars of one role, one below the other where they are at the same time, and how high that is."""
    bars = [scale.bar(span.start, span.end) for span in spans]
    placed = rows((round(x), round(x + width)) for x, width in bars)
    parts = []
    for span, bar, row in zip(spans, bars, placed, strict=True):
        parts.append(_box(bar, y + ROW * row + (ROW - BAR) / 2, BAR, _kind(span), span.story, _tip(span)))
    return parts, ROW * (max(placed) + 1)


def _box(bar: tuple[float, float], top: float, height: float, kind: str, word: str, tip: str) -> str:
    """A box with a word in it, where there is room, and all that is known of it as its tooltip."""
    x, width = bar
    shape = f'<rect class="{kind} box" x="{x:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="2"/>'
    lift = CALL / 2 if height == BOX else 0
    return _tipped(shape + _label(x, width, top + height / 2 + 4 - lift, word, "ink small mid"), tip)


def _label(x: float, width: float, y: float, word: str, look: str) -> str:
    shown = clean(word)
    return _text(x + width / 2, y, shown, look) if len(shown) * LETTER + 2 <= width else ""


def _legend(y: float) -> list[str]:
    parts, x = list[str](), float(EDGE)
    for name in LEGEND:
        kind = KINDS.get(name) or {"w": "person", "p": "other planned", "f": "failed"}[name[0]]
        if name == "waits for other stories":
            parts.append(f'<path class="queue" d="M{x:g} {y - 4:g}h18"/>')
        else:
            parts.append(f'<rect class="{kind} box" x="{x:g}" y="{y - 10:g}" width="18" height="12" rx="2"/>')
        parts.append(_text(x + 24, y, name, "faint small"))
        x += 44 + len(name) * LETTER
    return parts


def _kind(span: Span) -> str:
    if span.outcome in ("failed", "invalid"):
        return "failed"
    kind = "person" if span.who == PERSON else KINDS.get(span.word, "other")
    return f"{kind} planned" if span.outcome == "planned" else kind


def _tip(span: Span) -> str:
    """All that is known of a span."""
    head = f"story {clean(span.story)}: {clean(span.act)} by {clean(span.who)}, in {clean(span.state)}"
    said = f"{span.outcome}: {_short(span.why)}" if span.why else span.outcome
    return f"{head}\n{said}\n{_times(span.start, span.end)}"


def _times(start: float, end: float) -> str:
    return f"{clock(start)} to {clock(end)} UTC, {spell(end - start)}"


def _short(text: str) -> str:
    shown = clean(text)
    return shown if len(shown) <= MOST_SAID else f"{shown[: MOST_SAID - 1]}…"


def _tipped(shape: str, tip: str) -> str:
    return f"<g><title>{escape(tip, quote=False)}</title>{shape}</g>"


def _text(x: float, y: float, text: str, look: str) -> str:
    return f'<text class="{look}" x="{x:g}" y="{y:g}">{escape(text, quote=False)}</text>'
