"""Every statement about a number of tests: who says what about which quantity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.checks.plan import find_test_files
from engine.checks.reading import Page, Reading, name_of
from engine.checks.tables import read_tables
from engine.checks.text import Line, code_spans, plain, without_code
from engine.checks.values import Claim, Quantity, own, prior, total
from engine.checks.wordings import (
    COMPLETE,
    DIGIT,
    GRAPH,
    HEDGE,
    INSIDE,
    LABELS,
    MANY,
    MOST,
    NEUTRAL,
    ONE,
    OWN_WORDS,
    PLAIN_LABELS,
    PRIOR_WORDS,
    SOME,
    STORY_TITLE,
    TESTS,
    UP_TO,
    WORTH,
)


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
        hedged = bool(HEDGE.search(without_code(self.text)))
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
        found += read_page(reading, page, found)
    return found


def read_page(reading: Reading, page: Page, earlier: Iterable[Claim]) -> list[Claim]:
    """Collect the claims of one page; those of *earlier* pages say which names stand for which files."""
    if page.role == "spec":
        return []
    claims, used = read_tables(reading, page)
    so_far = [c for c in (*earlier, *claims) if c.path]
    names = Names(
        {(q.story, _stem(c.path)): c.path for c in so_far for q in c.quantities},
        frozenset(part for c in so_far for part in c.path.lower().split("/")[:-1]),
    )
    for line in page.lines:
        worth = DIGIT.search(line.text) and WORTH.search(line.text)
        if line.engine or line.number in used or not worth:
            continue
        claims += _graph(reading, page, line) if line.fenced else _prose(reading, page, line, names)
    claims.sort(key=lambda c: c.place.line)
    return list(dict.fromkeys(claims))


def _graph(reading: Reading, page: Page, line: Line) -> Iterator[Claim]:
    m = GRAPH.search(line.text)
    if m and m[1] in reading.by_id and page.role in ("overview", "design", "plan"):
        yield Claim(int(m[2]), (own(m[1]),), page.at(line.number), page.role, page.story)


def _prose(reading: Reading, page: Page, line: Line, names: Names) -> Iterator[Claim]:
    text = plain(line.text[:MOST]).replace("*", "")
    up_to = UP_TO.search(text)
    text = MANY.sub("stories", ONE.sub(r"story:\1", text))
    bare = without_code(text)
    done = COMPLETE.match(text)
    about = up_to[1] if up_to else done[1] if done else None
    story = _story_of(reading, page, line.headings)
    spot = Spot(page, line, text, story or reading.stories[-1].id, about if about in reading.by_id else None)
    if not story and not spot.about:
        yield from (spot.stated("total", m[1]) for m in TESTS.finditer(bare) if not _words(m) - NEUTRAL)
        return
    files = find_test_files(text)
    if len(files) == 1:
        yield from _in_file(spot, files[0], text)
        return
    yield from _labelled(spot, bare)
    coded = (names.files.get((spot.story, _stem(code))) for code in code_spans(text))
    titled = (f for title in line.headings[1:] for f in find_test_files(title))
    file = None if files else next(filter(None, (*coded, *titled)), None)
    for _, pattern in LABELS:
        bare = pattern.sub(lambda m: " " * len(m[0]), bare)
    if file:
        yield from _in_file(spot, file, bare)
    else:
        yield from _counted(spot, bare, names, several=len(files) > 1)


def _story_of(reading: Reading, page: Page, headings: tuple[str, ...]) -> str | None:
    """The story that a section speaks of: one that a heading names, else the page's."""
    named = (m[1] for title in reversed(headings[1:]) if (m := STORY_TITLE.search(title)))
    return next((id_ for id_ in named if id_ in reading.by_id), page.story)


def _labelled(spot: Spot, text: str) -> Iterator[Claim]:
    """Statements with words of their own: `test count: 9`, `running total: 18`, `28 prior + 17 new`."""
    some = any(_strange(_words(m)) - {f"story:{spot.story}"} for m in TESTS.finditer(text))
    for kind, pattern in (*LABELS, *(() if some else PLAIN_LABELS)):
        yield from (spot.stated(kind, m[1]) for m in pattern.finditer(text))


def _counted(spot: Spot, text: str, names: Names, *, several: bool) -> Iterator[Claim]:
    """`9 tests`, `All 28 prior tests`, `5 server tests`; *several*: the line names more than one file."""
    for m in TESTS.finditer(text):
        if text[: m.start()].rstrip().lower().endswith(SOME):
            continue
        words = _words(m)
        named = next((w[6:] for w in words if w.startswith("story:")), None)
        story = named or spot.about or spot.story
        strange = _strange(words) - {f"story:{named}"}
        inside = INSIDE.match(spot.text, m.end()) if several else None
        if inside:
            yield from _in_file(spot, inside[1], m[0])
        elif strange:
            yield from _qualified(spot, m[1], story, words, strange, names)
        elif words & PRIOR_WORDS:
            yield spot.stated("prior", m[1])
        elif words & OWN_WORDS:
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
        yield spot.claim(value, *((prior(spot.story, folder),) if words & PRIOR_WORDS else options))
    elif words & OWN_WORDS:
        yield spot.claim(value, own(story), part=True)


def _in_file(spot: Spot, path: str, text: str) -> Iterator[Claim]:
    """A line that names one test file speaks of its tests: the story's, or all so far, or some of them."""
    name = name_of(path)
    for m in TESTS.finditer(text):
        words = _words(m)
        if words & PRIOR_WORDS or text[: m.start()].rstrip().lower().endswith(SOME):
            continue
        part = bool(_strange(words) - {f"story:{spot.story}", _stem(name)})
        mine, all_ = own(spot.story, name), total(spot.story, name)
        yield spot.claim(m[1], mine, *(() if part or words & OWN_WORDS else (all_,)), part=part, path=path)


def _words(m: re.Match[str]) -> set[str]:
    """The words between a number and `tests`."""
    return set(m[2].lower().split())


def _strange(words: set[str]) -> set[str]:
    """Words that narrow down which tests are meant."""
    return words - NEUTRAL - PRIOR_WORDS - OWN_WORDS


def _stem(name: str) -> str:
    """`sidebar` of `tests/client/sidebar.test.ts`, of `test_sidebar.py` and of `sidebar`."""
    return re.sub(r"^test_|[._-](?:tests?|specs?)?\.\w+$|\.\w+$", "", name_of(name).lower())
