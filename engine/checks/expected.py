"""What a story says of itself: the ACs and TCs it owns, how many tests it adds, and the files it may change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.checks.claims import read_claims
from engine.checks.coverage import Coverage, read_coverage, read_owed
from engine.checks.plan import find_test_files, is_test
from engine.checks.reading import Reading, Story, read_pack_pages
from engine.checks.references import FILES, kind_of
from engine.checks.text import Line, code_spans
from engine.checks.values import own
from engine.model.pack import Pack

_TESTS = re.compile(r"\btests?\b", re.I)
_PATH = re.compile(r"(?:\./)?[\w@.+()\[\]*?{},~-]+(?:/[\w@.+()\[\]*?{},~-]+)*/?")
_LISTED = re.compile(
    r"\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?((?:(?:\*\*)?`[^`]+`(?:\*\*)?(?:\s*(?:,|and|&)\s*)?)+)"
)
_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|\{[^{}]*\}|[^*?{]+|\{")


@dataclass(frozen=True, slots=True)
class OwnedFiles:
    """The paths and globs under a story's Files headings, and the test files that its Test Breakdown names."""

    new: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    def names(self, path: str) -> bool:
        """Does the story name this file, by whatever kind?"""
        return any(matches(path, pattern) for pattern in (*self.new, *self.modified)) or self.names_test(path)

    def names_test(self, path: str) -> bool:
        """Does the story name it as a file of tests? A test named without a folder may lie in any."""
        base = path.rsplit("/", 1)[-1]
        return any(matches(path if "/" in pattern else base, pattern) for pattern in self.tests)


def expected_tests(pack: Pack, story_id: str) -> tuple[int | None, tuple[str, ...]]:
    """Return the story's stated number of tests (None where it names none) and the TCs it owns or owes by test."""
    reading = read_pack_pages(pack, lambda _: True)
    story = reading.by_id[story_id]
    stated = [
        claim.value
        for claim in read_claims(reading)
        if claim.role == "story" and claim.story == story_id and claim.quantities[0] == own(story_id)
        if not claim.hedged and not claim.part and not claim.source
    ]
    return (stated[0] if stated else None), tuple(_tested(reading, story))


def other_tcs(pack: Pack, story_id: str) -> dict[str, str]:
    """Return the TCs that a story names and does not test itself: "manual" or "deferred"."""
    reading = read_pack_pages(pack, lambda _: True)
    coverage = _coverage(reading, reading.by_id[story_id])
    return {**dict.fromkeys(coverage.deferred, "deferred"), **dict.fromkeys(coverage.manual, "manual")}


def owed_tcs(pack: Pack, story_id: str) -> dict[str, str]:
    """Return the TCs that other stories put off to this one and that it does not list, each with that story."""
    reading = read_pack_pages(pack, lambda _: True)
    return read_owed({story.id: _coverage(reading, story) for story in reading.stories}, story_id)


def owned_acs(pack: Pack, story_id: str) -> tuple[str, ...]:
    """Return the ids of the ACs that a story names, and of those that its TCs belong to."""
    reading = read_pack_pages(pack, lambda _: True)
    coverage = _coverage(reading, reading.by_id[story_id])
    parents = [
        f"AC-{tc[3:].rstrip('abcdefghijklmnopqrstuvwxyz')}" for tc in (*coverage.taken, *owed_tcs(pack, story_id))
    ]
    return tuple(dict.fromkeys([*coverage.acs, *parents]))


def owned_files(pack: Pack, story_id: str) -> OwnedFiles:
    """Return the files that a story owns: what its Files tables list, and the test files of its Test Breakdown."""
    found: dict[str, dict[str, None]] = {"new": {}, "modified": {}, "tests": {}}
    for line in read_pack_pages(pack, lambda _: True).by_id[story_id].page.prose:
        titles = line.headings[1:]
        if any(FILES.search(title) for title in titles):
            kind = "modified" if kind_of(titles, line.text) == "old" else "new"
            for path in _paths(line):
                found["tests" if is_test(path) else kind][path] = None
        elif any(_TESTS.search(title) for title in titles):
            named = [path for path in _paths(line) if "/" in path or find_test_files(path)]
            for path in (*named, *(find_test_files(line.text) if line.text.startswith("#") else ())):
                found["tests"][path] = None
    tests = found["tests"]
    return OwnedFiles(
        new=tuple(path for path in found["new"] if path not in tests),
        modified=tuple(path for path in found["modified"] if path not in tests),
        tests=tuple(tests),
    )


def matches(path: str, pattern: str) -> bool:
    """Does a path fit a pattern? `*` and `?` stay in one folder, `**` and a last `/` do not; `[x]` is itself."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    written = ""
    for part in _GLOB.findall(f"{pattern}**" if pattern.endswith("/") else pattern):
        match part:
            case "**/":
                written += "(?:[^/]+/)*"
            case "**":
                written += ".*"
            case "*":
                written += "[^/]*"
            case "?":
                written += "[^/]"
            case _ if part.startswith("{") and part.endswith("}") and "," in part:
                written += f"(?:{'|'.join(re.escape(one) for one in part[1:-1].split(','))})"
            case _:
                written += re.escape(part)
    return re.compile(written, re.S)


def _paths(line: Line) -> Iterator[str]:
    """The backticked paths of a table row's first cell that has any, or those that a list item starts with."""
    cells = line.text.split("|") if line.text.lstrip().startswith("|") else _LISTED.match(line.text)
    first = next((c for c in cells if "`" in c), "") if isinstance(cells, list) else cells[1] if cells else ""
    for span in code_spans(first):
        path = re.sub(r":\d+(?:-\d+)?$", "", span)
        inside = not path.startswith(("/", "~", "../")) and "/../" not in path and path.strip("*/.?")
        if _PATH.fullmatch(path) and inside:
            yield path.removeprefix("./")


def _coverage(reading: Reading, story: Story) -> Coverage:
    return read_coverage(story, [*reading.defined])


def _tested(reading: Reading, story: Story) -> list[str]:
    """The TCs that a story lists for tests, and those that it owes."""
    return [*_coverage(reading, story).tests, *owed_tcs(reading.pack, story.id)]
