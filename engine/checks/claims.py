"""Every statement about a number of tests: who says what about which quantity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.checks.plan import find_test_files
from engine.checks.reading import Page, Reading, name_of
from engine.checks.tables import read_tables
from engine.checks.text import Line, code_spans, plain, without_code
from engine.checks.values import Claim, Quantity, own, prior, total

_RANGE = r"\s*(?:[-–]|through|to)\s*"
_STORY_TITLE = re.compile(rf"\bStory\s+(\d+[a-z]?)\b(?!{_RANGE}\d)", re.I)
_UP_TO = re.compile(rf"\bstories\s*\(?\s*\d+[a-z]?{_RANGE}(\d+[a-z]?)\b", re.I)
_COMPLETE = re.compile(r"\s*(?:[-*+]\s+(?:\[[ x]\]\s+)?)?story:(\d+[a-z]?) (?:is )?(?:complete|done|finished)", re.I)
_ONE = re.compile(r"\bstory (\d+[a-z]?)\b", re.I)
_MANY = re.compile(r"\bstories (?:\d+[a-z]?)(?:\s*(?:[-–,/&+]|and|through|to)\s*\d+[a-z]?\b)*", re.I)
_HEDGE = re.compile(
    r"\b(?:if|optional|optionally|or|depends|dependent|depending|commonly|often|may|might|either|parallel|"
    r"approximately|about|around|at least|minimum|estimated?|roughly)\b|~\d",
    re.I,
)
_NUMBER = r"(?<![\w.~#/:–-])\+?(\d{1,5})"
_TESTS = re.compile(
    rf"{_NUMBER}\s+((?:[A-Za-z][\w/':-]*\s+){{0,4}}?)(?:tests?|TESTS)\b(?!-)"
    r"(?!\s+(?:files?|suites?|fixtures?|phases?|plans?|names?|steps?|runs?\s+in|doubles?|data)\b)"
)
_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("total", re.compile(r"\btotal\s+test count(?:\s*:|\s+(?:is|to|of|at|becomes))\s*(\d{1,5})\b", re.I)),
    ("own", re.compile(r"(?<!total )\btest count(?:\s*:|\s+(?:is|to|of|at|becomes))\s*(\d{1,5})\b", re.I)),
    ("own", re.compile(r"\bstory(?::\w+)? total(?:\s*:|\s+is)\s*(\d{1,5})\s+tests?\b", re.I)),
    (
        "total",
        re.compile(r"\b(?:running|cumulative)(?:\s+test)?\s+total(?:\s+is|\s+of)?:?\s+(\d{1,5})\b", re.I),
    ),
    (
        "either",
        re.compile(r"(?<!running )(?<!cumulative )(?<!story )\btotal:\s*(\d{1,5})\s+(?:tests?|pass)", re.I),
    ),
    ("prior", re.compile(r"\b(\d{1,5})-test\b[^.]{0,30}\bbaseline\b", re.I)),
)
_PLAIN_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("prior", re.compile(r"\b(?:previous|prior)(?:\s+tests?)?:?\s+(\d{1,5})\s+(?:pass|tests?)", re.I)),
    (
        "prior",
        re.compile(rf"{_NUMBER}\s+(?:prior|previous|existing|earlier)\b(?!\s+(?:[\w-]+\s+)?tests?)", re.I),
    ),
    ("own", re.compile(rf"{_NUMBER}\s+new\b(?!\s+[\w-])", re.I)),
)
_INSIDE = re.compile(r"(?:\s+\w+)?\s+in\s+`([^`]+)`")
_GRAPH = re.compile(r"\bStory (\d+[a-z]?)\b.*\[\+?(\d{1,5}) tests?\]")
_PRIOR_WORDS = {"prior", "previous", "existing", "earlier"}
_OWN_WORDS = {"new", "failing", "red"}
_NEUTRAL = {
    "total",
    "automated",
    "passing",
    "pass",
    "unit",
    "of",
    "the",
    "all",
    "vitest",
    "pytest",
    "tdd",
    "green",
}
_MOST = 2_000  # characters of a line that are read
_DIGIT = re.compile(r"\d")
_WORTH = re.compile(r"test|total|prior|previous|existing|earlier|new\b|baseline", re.I)
_SOME = ("first", "last", "other", "least", "remaining")


@dataclass(frozen=True, slots=True)
class Spot:
    """One line of text, the story it stands in and, if another, the one it is about."""

    page: Page
    line: Line
    text: str
    story: str
    about: str | None

    def claim(self, value: str, *quantities: Quantity, part: bool = False, path: str = "") -> Claim:
        """State a value here."""
        hedged = bool(_HEDGE.search(without_code(self.text)))
        place, page = self.page.at(self.line.number), self.page
        return Claim(int(value), quantities, place, page.role, page.story, hedged, part, path=path)

    def stated(self, kind: str, value: str) -> Claim:
        """State a value of a kind of quantity."""
        story = self.about or self.story
        match kind:
            case "own":
                return self.claim(value, own(story))
            case "total":
                return self.claim(value, total(story))
            case "prior":
                return self.claim(value, prior(self.story))
            case _:
                return self.claim(value, own(story), total(story))


@dataclass(frozen=True, slots=True)
class Names:
    """What words may stand for: `chat` a story's chat.test.ts, `server` the folder of some tests."""

    files: dict[tuple[str, str], str]
    folders: frozenset[str]


def read_claims(reading: Reading) -> list[Claim]:
    """Collect the claims of all pages but the specs, in reading order."""
    found: list[Claim] = []
    for page in reading.pages():
        if page.role == "spec":
            continue
        claims, used = read_tables(reading, page)
        so_far = [c for c in (*found, *claims) if c.path]
        names = Names(
            {(q.story, _stem(c.path)): c.path for c in so_far for q in c.quantities},
            frozenset(part for c in so_far for part in c.path.lower().split("/")[:-1]),
        )
        for line in page.lines:
            worth = _DIGIT.search(line.text) and _WORTH.search(line.text)
            if line.engine or line.number in used or not worth:
                continue
            claims += _graph(reading, page, line) if line.fenced else _prose(reading, page, line, names)
        claims.sort(key=lambda c: c.place.line)
        found += dict.fromkeys(claims)
    return found


def _graph(reading: Reading, page: Page, line: Line) -> Iterator[Claim]:
    m = _GRAPH.search(line.text)
    if m and m[1] in reading.by_id and page.role in ("overview", "design", "plan"):
        yield Claim(int(m[2]), (own(m[1]),), page.at(line.number), page.role, page.story)


def _prose(reading: Reading, page: Page, line: Line, names: Names) -> Iterator[Claim]:
    text = plain(line.text[:_MOST]).replace("*", "")
    up_to = _UP_TO.search(text)
    text = _MANY.sub("stories", _ONE.sub(r"story:\1", text))
    bare = without_code(text)
    done = _COMPLETE.match(text)
    about = up_to[1] if up_to else done[1] if done else None
    story = _story_of(reading, page, line.headings)
    spot = Spot(page, line, text, story or reading.stories[-1].id, about if about in reading.by_id else None)
    if not story and not spot.about:
        yield from (spot.stated("total", m[1]) for m in _TESTS.finditer(bare) if not _words(m) - _NEUTRAL)
        return
    files = find_test_files(text)
    if len(files) == 1:
        yield from _in_file(spot, files[0], text)
        return
    yield from _labelled(spot, bare)
    coded = (names.files.get((spot.story, _stem(code))) for code in code_spans(text))
    titled = (f for title in line.headings[1:] for f in find_test_files(title))
    file = None if files else next(filter(None, (*coded, *titled)), None)
    for _, pattern in _LABELS:
        bare = pattern.sub(lambda m: " " * len(m[0]), bare)
    if file:
        yield from _in_file(spot, file, bare)
    else:
        yield from _counted(spot, bare, names, several=len(files) > 1)


def _story_of(reading: Reading, page: Page, headings: tuple[str, ...]) -> str | None:
    """The story that a section speaks of: one that a heading names, else the page's."""
    named = (m[1] for title in reversed(headings[1:]) if (m := _STORY_TITLE.search(title)))
    return next((id_ for id_ in named if id_ in reading.by_id), page.story)


def _labelled(spot: Spot, text: str) -> Iterator[Claim]:
    """Statements with words of their own: `test count: 9`, `running total: 18`, `28 prior + 17 new`."""
    some = any(_strange(_words(m)) - {f"story:{spot.story}"} for m in _TESTS.finditer(text))
    for kind, pattern in (*_LABELS, *(() if some else _PLAIN_LABELS)):
        yield from (spot.stated(kind, m[1]) for m in pattern.finditer(text))


def _counted(spot: Spot, text: str, names: Names, *, several: bool) -> Iterator[Claim]:
    """`9 tests`, `All 28 prior tests`, `5 server tests`; *several*: the line names more than one file."""
    for m in _TESTS.finditer(text):
        if text[: m.start()].rstrip().lower().endswith(_SOME):
            continue
        words = _words(m)
        named = next((w[6:] for w in words if w.startswith("story:")), None)
        story = named or spot.about or spot.story
        strange = _strange(words) - {f"story:{named}"}
        inside = _INSIDE.match(spot.text, m.end()) if several else None
        if inside:
            yield from _in_file(spot, inside[1], m[0])
        elif strange:
            yield from _qualified(spot, m[1], story, words, strange, names)
        elif words & _PRIOR_WORDS:
            yield spot.stated("prior", m[1])
        elif words & _OWN_WORDS:
            yield spot.claim(m[1], own(story))
        elif not several:
            options = [own(story), total(story)]
            if re.search(r"\btotal\b", text):
                options.reverse()
            yield spot.claim(m[1], *options, *(() if named or spot.about else (prior(story),)))


def _qualified(spot: Spot, value: str, story: str, words: set[str], strange: set[str], names: Names) -> Iterator[Claim]:
    """`9 chat tests` are a file's, `5 server tests` a folder's, `9 new client tests` some of the story's."""
    word = next(iter(strange)).removesuffix("-side")
    if len(strange) == 1 and (story, word) in names.files:
        path = names.files[story, word]
        yield spot.claim(value, own(story, name_of(path)), total(story, name_of(path)), path=path)
    elif len(strange) == 1 and word in names.folders:
        folder = f"{word}/"
        options = (own(story, folder), total(story, folder))
        yield spot.claim(value, *((prior(spot.story, folder),) if words & _PRIOR_WORDS else options))
    elif words & _OWN_WORDS:
        yield spot.claim(value, own(story), part=True)


def _in_file(spot: Spot, path: str, text: str) -> Iterator[Claim]:
    """A line that names one test file speaks of its tests: the story's, or all so far, or some of them."""
    name = name_of(path)
    for m in _TESTS.finditer(text):
        words = _words(m)
        if words & _PRIOR_WORDS or text[: m.start()].rstrip().lower().endswith(_SOME):
            continue
        part = bool(_strange(words) - {f"story:{spot.story}", _stem(name)})
        mine, all_ = own(spot.story, name), total(spot.story, name)
        yield spot.claim(m[1], mine, *(() if part or words & _OWN_WORDS else (all_,)), part=part, path=path)


def _words(m: re.Match[str]) -> set[str]:
    """The words between a number and `tests`."""
    return set(m[2].lower().split())


def _strange(words: set[str]) -> set[str]:
    """Words that narrow down which tests are meant."""
    return words - _NEUTRAL - _PRIOR_WORDS - _OWN_WORDS


def _stem(name: str) -> str:
    """`sidebar` of `tests/client/sidebar.test.ts`, of `test_sidebar.py` and of `sidebar`."""
    return re.sub(r"^test_|[._-](?:tests?|specs?)?\.\w+$|\.\w+$", "", name_of(name).lower())
