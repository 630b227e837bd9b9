"""Prompts, documents and files that are named do exist."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from engine.checks.catalogue import echo, problem
from engine.checks.reading import PROMPT_NAME, Page, Reading, Story, name_of
from engine.checks.structure import missing_prompt
from engine.checks.text import Line, code_spans
from engine.model.problem import Problem

_LINK = re.compile(r"\]\(\s*<?([^()\s>]{1,300})>?(?:\s+\"[^\"]{0,200}\")?\s*\)")
_DOC = re.compile(r"(?:\.{0,2}/)?(?:[\w@.+ -]+/)*[\w@.+-]+\.md(?::\d+(?:-\d+)?|#[\w-]+)?")
_SUFFIX = re.compile(r"(?::\d+(?:-\d+)?|#[\w-]*)$")
_SOURCE = re.compile(r"(?:[\w@.+\[\]()-]+/)*[\w@+\[\]()-][\w@.+\[\]()-]*\.[A-Za-z]\w{0,9}")
FILES = re.compile(r"\bfiles?\b|deliverables", re.I)
_NEW = re.compile(r"\bnew\b|creat|added|deliverable", re.I)
_OLD = re.compile(r"modif|chang|updat|exist|edit|touch", re.I)
_WORD_NEW = re.compile(r"\b(?:new|creat\w*|add(?:ed|s)?)\b", re.I)
_WORD_OLD = re.compile(r"\b(?:modif\w*|updat\w*|edit\w*|chang\w*)\b", re.I)


def check_references(reading: Reading) -> Iterator[Problem]:
    """Look up each name."""
    yield from _prompts(reading)
    yield from _documents(reading)
    yield from _files(reading)


def _prompts(reading: Reading) -> Iterator[Problem]:
    there = {name_of(p.path) for story in reading.stories for p in story.prompts}
    excused = {
        missing_prompt(s, phase)
        for s in reading.stories
        for phase in ("setup", "red", "green", "verify")
        if not s.prompts_of(phase)
    }
    named: dict[str, list[tuple[Page, int]]] = {}
    for page in reading.pages():
        for line in page.prose:
            for name in _names(line):
                base = name_of(name)
                if PROMPT_NAME.fullmatch(base) and base not in there | excused and not reading.exists(name):
                    named.setdefault(base, []).append((page, line.number))
    for base, places in named.items():
        (page, number), *rest = places
        echoes = [echo(p.at(n), "named again") for p, n in rest]
        yield problem("C601", page.at(number), f"{base} does not exist.", story=page.story, echoes=echoes)


def _documents(reading: Reading) -> Iterator[Problem]:
    created = {p for story in reading.stories for p, kind in _listed(story) if kind == "new"}
    known = {page.path for page in reading.pages()}
    named: dict[str, list[tuple[Page, int]]] = {}
    for page in reading.pages():
        for line in page.prose:
            for name in _names(line):
                path = _SUFFIX.sub("", name)
                if _is_document(path) and not _found(reading, page, path, known | created):
                    named.setdefault(path, []).append((page, line.number))
    for path, places in named.items():
        (page, number), *rest = places
        twins = [p for p in known if _alike(p, path)]
        name = f", perhaps to {min(twins)}" if twins else ""
        echoes = [echo(p.at(n), "named again") for p, n in rest]
        message = f"{path} does not exist."
        yield problem("C602", page.at(number), message, name=name, story=page.story, echoes=echoes)


def _names(line: Line) -> list[str]:
    return [*code_spans(line.text), *_LINK.findall(line.text)]


def _is_document(path: str) -> bool:
    """A relative path to a markdown file, with a folder; prompts have a rule of their own."""
    plain = _DOC.fullmatch(path) is not None and "/" in path and not re.search(r"[{}<>*~]|\bN\b|-[NX]\b|//", path)
    return plain and not path.startswith(("/", "~")) and not PROMPT_NAME.fullmatch(name_of(path))


def _found(reading: Reading, page: Page, path: str, known: set[str]) -> bool:
    """Whether a path leads somewhere from the repository, from its page or from any folder above."""
    base = posixpath.dirname(page.path)
    tries = {posixpath.normpath(path)}
    while True:
        tries.add(posixpath.normpath(posixpath.join(base, path)))
        if not base:
            break
        base = posixpath.dirname(base)
    return any(t in known or (not t.startswith("../") and reading.exists(t)) for t in tries)


def _alike(known: str, path: str) -> bool:
    """`docs/x/feature-spec.md` is like `docs/feature-spec-mvp.md`."""
    a, b = name_of(known).removesuffix(".md"), name_of(path).removesuffix(".md")
    return a == b or a.startswith(b + "-") or b.startswith(a + "-")


def _files(reading: Reading) -> Iterator[Problem]:
    """A file that a story modifies was there, or an earlier story created it."""
    created: set[str] = set()
    reported: dict[str, list[tuple[Story, int]]] = {}
    unsure = False
    for story in reading.stories:
        listed = _listed(story)
        new = {path for path, kind in listed if kind != "old"}
        for (path, kind), number in listed.items():
            if kind == "old" and "/" in path and path not in created | new and not unsure and not reading.exists(path):
                reported.setdefault(path, []).append((story, number))
        created |= new | _made_by_prompts(story)
        unsure = unsure or not listed  # a story that lists no files may have made any
    for path, places in reported.items():
        (story, number), *rest = places
        echoes = [echo(s.page.at(n), f"modified by story {s.id}, too") for s, n in rest]
        message = f"Story {story.id} modifies {path}, which does not exist and which no earlier story creates."
        yield problem("C603", story.page.at(number), message, story=story.id, echoes=echoes)


def _listed(story: Story) -> dict[tuple[str, str], int]:
    """(path, "new" | "old" | "either") -> line, from the Files section of a story."""
    found: dict[tuple[str, str], int] = {}
    for line in story.page.prose:
        titles = line.headings[1:]
        if not any(FILES.search(t) for t in titles):
            continue
        path = _listed_path(line.text)
        if path:
            found.setdefault((path, kind_of(titles, line.text)), line.number)
    return found


def _listed_path(text: str) -> str | None:
    """The path that a table row or list item starts with."""
    m = re.match(r"\s*(?:\||[-*+]|\d+[.)])\s*(?:\*\*)?`([^`]+)`", text)
    return m[1].strip() if m and _SOURCE.fullmatch(m[1].strip()) else None


def kind_of(titles: tuple[str, ...], text: str) -> str:
    """Say whether a row or list item under these headings is about a "new", an "old" or an "either" file."""
    for title in reversed(titles):
        new, old = bool(_NEW.search(title)), bool(_OLD.search(title))
        if new != old:
            return "new" if new else "old"
        if new and old:
            break
    cells = re.sub(r"`[^`]*`", "", text)
    new, old = bool(_WORD_NEW.search(cells)), bool(_WORD_OLD.search(cells))
    return "old" if old and not new else "new" if new and not old else "either"


def _made_by_prompts(story: Story) -> set[str]:
    """Files that a story's prompts say they create."""
    found = set()
    for page in story.prompts_of("setup", "red", "green", "extra"):
        for line in page.prose:
            if FILES.search(" ".join(line.headings[1:])) or _WORD_NEW.search(line.text):
                path = _listed_path(line.text)
                if path and kind_of(line.headings[1:], line.text) != "old":
                    found.add(path)
    return found
