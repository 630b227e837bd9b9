"""The pack, read once: pages with their lines, stories with their prompts, ids with their definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from engine.checks.catalogue import Place
from engine.checks.definitions import Definition, find_definitions
from engine.checks.text import Line, code_spans, read_lines
from engine.markdown.document import Document, read_document
from engine.model.pack import Pack, Source, StorySource

Role = Literal["overview", "story", "prompt", "spec", "design", "plan"]
Phase = Literal["setup", "red", "green", "verify", "extra"]

PROMPT_NAME = re.compile(r"prompt-(\d+[a-z]?)\.(\d+[a-z]?|R)(?:-([\w.-]*?))?\.md", re.I)


MOST_BYTES = 1_000_000  # of a file that are read; the largest real document has a tenth of it


@dataclass(frozen=True)
class Page:
    """One file. `story` is the id of the story it belongs to; `phase` is a prompt's."""

    path: str
    role: Role
    whole: bytes
    story: str | None = None
    phase: Phase | None = None

    @cached_property
    def raw(self) -> bytes:
        """What is checked of the file: all, or as many whole lines as fit into the limit."""
        if len(self.whole) <= MOST_BYTES:
            return self.whole
        return self.whole[: self.whole.rfind(b"\n", 0, MOST_BYTES) + 1] or self.whole[:MOST_BYTES]

    @cached_property
    def document(self) -> Document:
        """The file's headings, items, tables."""
        return read_document(self.raw)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """All lines of the file."""
        return read_lines(self.raw)

    @cached_property
    def prose(self) -> tuple[Line, ...]:
        """The lines that a person wrote as text: no fences, nothing that the engine writes."""
        return tuple(line for line in self.lines if not line.fenced and not line.engine)

    @cached_property
    def text(self) -> str:
        """The whole file as text."""
        return "\n".join(line.text for line in self.lines if not line.engine)

    def at(self, line: int) -> Place:
        """A place in this file."""
        return Place(file=self.path, line=line)


@dataclass(frozen=True)
class Story:
    """One story: its page, its prompts by phase, and where it stands in the order."""

    id: str
    index: int
    folder: str
    page: Page
    prompts: tuple[Page, ...]

    @cached_property
    def listed(self) -> dict[str, int]:
        """Prompt files that story.md names in code, with the line of the first naming."""
        found: dict[str, int] = {}
        for line in self.page.prose:
            for code in code_spans(line.text):
                if PROMPT_NAME.fullmatch(code):
                    found.setdefault(code, line.number)
        return found

    @cached_property
    def setup(self) -> bool:
        """Whether the story is set up and verified, without a red and a green phase."""
        names = {*self.listed, *(name_of(p.path) for p in self.prompts)}
        phases = {phase_of(name) for name in names}
        return "setup" in phases or (self.id == "0" and not phases & {"red", "green"})

    def prompts_of(self, *phases: Phase) -> tuple[Page, ...]:
        """The prompts of these phases."""
        return tuple(p for p in self.prompts if p.phase in phases)


@dataclass(frozen=True)
class Reading:
    """What the rules read: pages, stories, definitions and the question whether a path exists."""

    pack: Pack
    exists: Callable[[str], bool]
    stories: tuple[Story, ...]
    overview: Page | None
    specs: tuple[Page, ...]
    designs: tuple[Page, ...]
    twins: tuple[Story, ...] = ()  # stories whose id an earlier one has; no rule but C106 looks at them

    @cached_property
    def by_id(self) -> dict[str, Story]:
        """Stories by id."""
        return {story.id: story for story in self.stories}

    def pages(self) -> Iterator[Page]:
        """All pages in reading order: overview, stories with their prompts, specs, designs and plans."""
        if self.overview:
            yield self.overview
        for story in self.stories:
            yield story.page
            yield from story.prompts
        yield from self.specs
        yield from self.designs

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """Every definition of an AC or TC in the specs, or in the stories where these define them."""
        sources = [*self.specs]
        if self.pack.layout == "files":
            sources += [story.page for story in self.stories]
        return tuple(d for page in sources for d in find_definitions(page.path, page.story, page.prose))

    @cached_property
    def defined(self) -> dict[str, Definition]:
        """The first definition of each id."""
        found: dict[str, Definition] = {}
        for definition in self.definitions:
            found.setdefault(definition.id, definition)
        return found


def read_pack_pages(pack: Pack, exists: Callable[[str], bool]) -> Reading:
    """Turn a pack's sources into pages."""
    first = {source.id: source for source in reversed(pack.stories)}
    stories = tuple(_story(index, source) for index, source in enumerate(pack.stories))
    return Reading(
        pack=pack,
        exists=exists,
        stories=tuple(s for s, source in zip(stories, pack.stories, strict=True) if first[s.id] is source),
        overview=_page(pack.overview, "overview") if pack.overview else None,
        specs=tuple(_page(s, "spec") for s in pack.specs),
        designs=(*(_page(s, "design") for s in pack.designs), *(_page(s, "plan") for s in pack.plans)),
        twins=tuple(s for s, source in zip(stories, pack.stories, strict=True) if first[s.id] is not source),
    )


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rsplit("/", 1)[-1]


def phase_of(name: str) -> Phase:
    """A prompt's phase, by the words of its name, else by its number."""
    m = PROMPT_NAME.fullmatch(name)
    if not m:
        return "extra"
    number, words = m[2].upper(), set(re.split(r"[^a-z]+", (m[3] or "").lower()))
    if number == "R":
        return "verify"
    if number not in {"1", "2"}:
        return "extra"
    if "setup" in words:
        return "setup"
    if "green" in words:
        return "green"
    if "red" in words:
        return "red"
    return "red" if number == "1" else "green"


def _story(index: int, source: StorySource) -> Story:
    page = Page(source.story.path, "story", source.story.raw, source.id)
    prompts = tuple(
        Page(p.path, "prompt", p.raw, source.id, phase_of(name_of(p.path)))
        for p in sorted(source.prompts, key=lambda p: _prompt_order(name_of(p.path)))
    )
    return Story(source.id, index, source.folder, page, prompts)


def _prompt_order(name: str) -> tuple[bool, str]:
    m = PROMPT_NAME.fullmatch(name)
    return (bool(m and m[2].upper() == "R"), name)


def _page(source: Source, role: Role) -> Page:
    return Page(source.path, role, source.raw)
