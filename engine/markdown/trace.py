"""Traceability: ids in running text, and the acceptance criteria that a feature spec defines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.markdown.blocks import Block, read_blocks
from engine.markdown.front_matter import split
from engine.markdown.ids import Range as Range
from engine.markdown.ids import find_ids as find_ids
from engine.markdown.ids import find_ranges as find_ranges
from engine.markdown.ids import leading_id
from engine.markdown.lines import line_at, lines_of, top

_LEAD = re.compile(r"[ \t]*(\*\*|__)?")
_TITLE = re.compile(r"(?:[ \t]*\([^)\n]*\))?(?:\*\*|__)?(?:[ \t]*\([^)\n]*\))?[ \t]*[:.—–-](?!\w)(.*)")


class Case(NamedTuple):
    """A test condition where the spec defines it."""

    id: str
    line: int
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """The block of text that defines one acceptance criterion."""

    id: str
    line: int
    text: str  # its lines, joined by LF, without blanks at the end
    tcs: tuple[Case, ...]


def spec_sections(raw: bytes) -> dict[str, Section]:
    """Return the acceptance criteria that a feature spec defines; of two with one id, the first.

    A section ends before the next criterion, horizontal rule, or heading that is not below its own.
    """
    span, shown = split(raw), lines_of(raw)
    body = span.body if span else top(raw)
    base, above = line_at(raw, body), 6
    drafts: list[_Draft] = []
    for block in read_blocks(raw[body:].decode("utf-8", "replace")):
        defined = [(base + block.line + index, id_, title) for index, id_, title in _definitions(block)]
        if block.kind != "text" and not block.nested:
            case = any(id_.startswith("TC") for _, id_, _ in defined)
            if drafts and block.level < drafts[-1].level + (not case):
                drafts[-1].close(base + block.line)
            above = block.level or above
        for line, id_, title in defined:
            if id_.startswith("AC"):
                if drafts:
                    drafts[-1].close(line)
                drafts.append(_Draft(id_, line, above))
            elif drafts and not drafts[-1].after:
                drafts[-1].tcs.append(Case(id_, line, title))
    found: dict[str, Section] = {}
    for draft in drafts:
        text = "\n".join(shown[draft.line - 1 : (draft.after or len(shown) + 1) - 1]).rstrip()
        found.setdefault(draft.id, Section(draft.id, draft.line, text, tuple(draft.tcs)))
    return found


@dataclass(slots=True)
class _Draft:
    """A section whose end is being looked for."""

    id: str
    line: int
    level: int  # of the heading that it stands under, or that it is
    after: int = 0
    tcs: list[Case] = field(default_factory=list)

    def close(self, line: int) -> None:
        self.after = self.after or line


def _definitions(block: Block) -> Iterator[tuple[int, str, str]]:
    """Yield (index of the line, id, title) of each id that a block defines and does not merely mention.

    In running text an id needs a colon or dash, and an AC bold type as well; a heading needs neither.
    """
    for index, line in enumerate(block.text.rstrip("\n").split("\n")):
        lead = _LEAD.match(line)
        text = line[lead.end() if lead else 0 :]
        id_ = leading_id(text)
        if id_ is None:
            continue
        title = _TITLE.match(text, len(id_))
        bold = bool(lead and lead[1])
        if title and (bold or id_.startswith("TC") or block.kind == "heading"):
            yield index, id_, title[1].replace("**", "").strip(" \t*")
        elif block.kind == "heading" and find_ids(text) == [id_]:
            yield index, id_, text[len(id_) :].replace("**", "").strip(" \t*")
