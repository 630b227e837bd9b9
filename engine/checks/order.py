"""Prerequisites, `depends_on` and the drawn graph agree with the order of the stories."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.catalogue import echo, problem
from engine.checks.reading import Page, Reading, Story
from engine.checks.text import Line, plain, without_code
from engine.errors import FormatError
from engine.markdown import front_matter
from engine.model.problem import Problem

_STORY = r"Stor(?:y|ies)\s+(\d+[a-z]?)(?:\s*(?:[-–]|through|to)\s*(\d+[a-z]?)\b)?"
_REQUIRED = re.compile(
    rf"\b{_STORY}\b(?:\s*\([^)]*\))?(?![^.;(]{{0,40}}\b(?:not|no|n't|optional|may)\b)[^.;(]{{0,30}}?"
    r"\b(?:is |are |must be |be )?(?:complete|completed|done|finished|implemented|merged|verified)\b",
    re.I,
)
_DEPENDS = re.compile(rf"\bdepends? on\s+{_STORY}", re.I)
_PREREQUISITES = re.compile(r"prereq|depend|before you start", re.I)
_GRAPH_NODE = re.compile(r"\bStory\s+(\d+[a-z]?)\b")
_ID = re.compile(r"\d+[a-z]?")


def check_order(reading: Reading) -> Iterator[Problem]:
    """Compare what stories say they need with where they stand."""
    depends: dict[str, list[str]] = {}
    for story in reading.stories:
        try:
            depends[story.id] = read_depends_on(story.page.raw)
        except FormatError as err:
            yield problem("C110", story.page.at(err.line or 1), err.message, story=story.id)
    yield from _depends_on(reading, depends)
    for story in reading.stories:
        yield from _prerequisites(reading, story, depends.get(story.id, []))
    for page in (reading.overview, *reading.designs):
        if page:
            yield from _graph(reading, page)


def read_depends_on(raw: bytes) -> list[str]:
    """The story ids that front matter names; [] without the key. Raises FormatError."""
    value = front_matter.read(raw).get("depends_on")
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [m[0] for item in items if (m := _ID.search(str(item)))]


def _depends_on(reading: Reading, depends: dict[str, list[str]]) -> Iterator[Problem]:
    reported: set[frozenset[str]] = set()
    for id_, needs in depends.items():
        story = reading.by_id[id_]
        place = story.page.at(_key_line(story.page))
        for need in needs:
            if need not in reading.by_id:
                ids = ", ".join(reading.by_id)
                message = f"Story {id_} depends on story {need}, which does not exist."
                yield problem("C107", place, message, name=ids, story=id_)
        circle = _circle(id_, depends)
        if circle and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            message = f"Stories depend on each other: {' → '.join([*circle, circle[0]])}."
            others = [reading.by_id[c].page for c in circle[1:]]
            echoes = [echo(page.at(_key_line(page)), f"story {page.story} is in the circle") for page in others]
            yield problem("C108", place, message, story=id_, echoes=echoes)


def _circle(start: str, depends: dict[str, list[str]]) -> list[str]:
    """A shortest way from a story back to itself, or []."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        for need in depends.get(way[-1], []):
            if need == start:
                return way
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []


def _key_line(page: Page) -> int:
    return next((line.number for line in page.lines if line.text.startswith("depends_on")), 1)


def _prerequisites(reading: Reading, story: Story, depends: list[str]) -> Iterator[Problem]:
    """`Story N complete` must name an earlier story."""
    for page in (story.page, *story.prompts):
        for line in _required(page):
            text = without_code(plain(line.text))
            for m in (*_REQUIRED.finditer(text), *_DEPENDS.finditer(text)):
                need = reading.by_id.get(m[2] or m[1])
                if not need:
                    message = f"Story {story.id} requires story {m[2] or m[1]}, which does not exist."
                elif need.index >= story.index + (page.role == "prompt") and need.id not in depends:
                    when = "itself" if need is story else f"story {need.id}, which comes later"
                    message = f"Story {story.id} requires {when}."
                else:
                    continue
                yield problem("C401", page.at(line.number), message, story=story.id)


def _required(page: Page) -> Iterator[Line]:
    """Lines under "Prerequisites", or in the list after a bold `Prerequisites …:`."""
    listing = False
    for line in page.prose:
        if re.match(r"\s*\*\*prereq", line.text, re.I):
            listing = True
        elif line.text.strip() and not re.match(r"\s*[-*+\d]|\s{2,}", line.text):
            listing = False
        if listing or any(_PREREQUISITES.search(t) for t in line.headings[1:]):
            yield line


def _graph(reading: Reading, page: Page) -> Iterator[Problem]:
    """A drawn graph names each story once, none else, and none above an earlier one."""
    drawn: dict[str, int] = {}
    unknown: list[tuple[str, int]] = []
    for line in page.lines:
        if line.fenced and line.headings and re.search(r"depend|graph|order", line.headings[-1], re.I):
            for id_ in _GRAPH_NODE.findall(line.text):
                if id_ in reading.by_id:
                    drawn.setdefault(id_, line.number)
                else:
                    unknown.append((id_, line.number))
    if not drawn:
        return
    first = min(drawn.values())
    for id_, number in unknown:
        yield problem("C402", page.at(number), f"The graph draws story {id_}, which does not exist.")
    for id_ in reading.by_id:
        if id_ not in drawn:
            yield problem("C402", page.at(first), f"The graph does not draw story {id_}.", story=id_)
    late = reading.by_id[next(iter(drawn))]
    for id_, number in list(drawn.items())[1:]:
        story = reading.by_id[id_]
        if story.index < late.index:
            message = f"The graph draws story {id_} after story {late.id}, but it comes before."
            yield problem("C402", page.at(number), message, story=id_)
        else:
            late = story
