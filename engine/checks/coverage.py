"""Which TCs a story owns, tests by hand, defers or leaves to another story."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Literal

from engine.checks.definitions import ID, find_definitions
from engine.checks.reading import Story
from engine.checks.text import MANUAL, Line
from engine.markdown.trace import find_ids

Status = Literal["owned", "manual", "deferred", "elsewhere"]

_SECTION = re.compile(r"\bACs?\b|\bTCs?\b|\btests?\b|accept|coverage|deferred|scope|files|trac", re.I)
_NO_SECTION = re.compile(r"exit|done|prereq|depend|overview|context|prompts|reference", re.I)
_CHAIN = re.compile(
    rf"{ID}(?:[-–/][a-z]\b|\.\.\.?[a-z]\b)*"
    rf"(?:\s*(?:,|;|&|\+|/|–|-|\.\.|\band\b|\bor\b|\bthrough\b|\bthru\b|\bto\b)\s*(?:and\s+)?{ID}(?:[-–/][a-z]\b)*)*"
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+(?=[A-Z*`])")
_STORY = r"(?:\*\*)?stor(?:y|ies)\s+(\d+[a-z]?)\b"
_DEFER = re.compile(r"\bdefer\w*", re.I)
_DEFER_TO = re.compile(rf"\bdefer\w*[^.;|]{{0,40}}?(?:\bto|\buntil|\binto|\bin|\bby|→|->|:)\s+{_STORY}", re.I)
_DEFER_FROM = re.compile(r"\bdefer\w*\s+(?:from|by|in)\b|\btaken (?:over )?from\b", re.I)
_ELSEWHERE = re.compile(
    rf"\b(?:covered|tested|owned|validated|verified|implemented|handled|counted)\s+(?:in|by)\s+{_STORY}", re.I
)
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")


@dataclass(frozen=True, slots=True)
class Mention:
    """One id in a coverage section of a story."""

    id: str
    line: int
    status: Status
    target: str | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """A story's ids. Lines are where each is first named with that status."""

    tests: dict[str, int]
    manual: dict[str, int]
    deferred: dict[str, Mention]
    acs: dict[str, int]

    @property
    def taken(self) -> dict[str, int]:
        """TCs the story answers for, by test or by hand."""
        return {**self.manual, **self.tests}


def read_coverage(story: Story, known: Sequence[str]) -> Coverage:
    """Sort a story's ids by what it does with them; a TC that is both deferred and owned is owned."""
    tests: dict[str, int] = {}
    manual: dict[str, int] = {}
    away: dict[str, Mention] = {}
    acs: dict[str, int] = {}
    for mention in read_mentions(story, known):
        if mention.id.startswith("AC-"):
            acs.setdefault(mention.id, mention.line)
        elif mention.status == "owned":
            tests.setdefault(mention.id, mention.line)
        elif mention.status == "manual":
            manual.setdefault(mention.id, mention.line)
        elif mention.id not in away or not away[mention.id].target:
            away[mention.id] = mention
    deferred = {m.id: m for m in away.values() if m.status == "deferred" or m.id not in tests | manual}
    tests = {id_: line for id_, line in tests.items() if id_ not in deferred}
    for id_ in [*deferred]:
        manual.pop(id_, None)
    return Coverage(tests, {i: n for i, n in manual.items() if i not in tests}, deferred, acs)


def read_owed(coverage: Mapping[str, Coverage], story: str) -> dict[str, str]:
    """The TCs that other stories put off to this one and that it says nothing of, each with the story that did."""
    mine = coverage[story]
    named = {*mine.taken, *mine.deferred}
    return {
        id_: other
        for other, theirs in coverage.items()
        for id_, mention in theirs.deferred.items()
        if mention.status == "deferred" and mention.target == story and id_ not in named and id_.startswith("TC-")
    }


def read_mentions(story: Story, known: Sequence[str]) -> Iterator[Mention]:
    """Find ids where a story says what it covers: coverage sections, tables of TCs, definitions."""
    defined = {d.place.line for d in find_definitions(story.page.path, story.id, story.page.prose)}
    intro = ""
    for line in story.page.prose:
        if line.text.strip() and not _ITEM.match(line.text):
            intro = line.text if line.text.rstrip(" *").endswith(":") else ""
        if "C-" in line.text and (_covers(line.headings[1:]) or line.number in defined or _labelled(line.text)):
            yield from _mentions_of(story.id, line, known, intro)


@cache
def _covers(titles: tuple[str, ...]) -> bool:
    """Whether a section says what is covered."""
    return any(_SECTION.search(t) for t in titles) and not any(_NO_SECTION.search(t) for t in titles)


def _labelled(text: str) -> bool:
    return bool(re.match(r"\s*(?:[-*]\s+)?\*\*(?:ACs|TCs)\b", text))


def _mentions_of(own: str, line: Line, known: Sequence[str], intro: str) -> Iterator[Mention]:
    row = line.text.lstrip().startswith("|")
    heading = line.headings[-1] if line.headings and _DEFER.search(line.headings[-1]) else ""
    heading = f"{heading} {'' if row else intro}"
    for sentence in [line.text] if row else _SENTENCE.split(line.text):
        chains = list(_CHAIN.finditer(sentence))
        ids_in_row = len({id_ for chain in chains for id_ in find_ids(chain[0], known)})
        for chain, after in zip_longest(chains, chains[1:]):
            tail = sentence[chain.end() : after.start() if after else len(sentence)]
            lead = sentence[: chains[0].start()]
            ids = find_ids(chain[0], known)
            alone = len(ids) > 1 and re.match(r"\s*\(", tail) and "," in chain[0]
            around = sentence if row and ids_in_row == 1 else f"{lead} {tail}"
            for position, id_ in enumerate(ids):
                said = lead if alone and position < len(ids) - 1 else around
                yield _mention(own, id_, line, f"{heading} {said}")


def _mention(own: str, id_: str, line: Line, said: str) -> Mention:
    to, elsewhere = _DEFER_TO.search(said), _ELSEWHERE.search(said)
    if to and to[1] != own:
        return Mention(id_, line.number, "deferred", to[1])
    if _DEFER.search(said) and not to and not _DEFER_FROM.search(said):
        return Mention(id_, line.number, "deferred", None)
    if elsewhere and elsewhere[1] != own:
        return Mention(id_, line.number, "elsewhere", elsewhere[1])
    return Mention(id_, line.number, "manual" if MANUAL.search(said) else "owned", None)
