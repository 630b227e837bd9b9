"""mistune's blocks in document order, each with its source line.

mistune 3.4 decides what a heading, a paragraph and a list item is; this module only adds the line. It works
because every nested source that mistune builds (list item, block quote) keeps one line per source line, in
order: a nested state needs just one number, the source line of its line 0. It leans on mistune's internals:
the fuzz test compares every tree with stock mistune's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import Match
from typing import Any, Literal

from mistune import BlockParser, BlockState

Token = dict[str, Any]
"""A block as mistune has it, which gives it no type."""

_MARKER = re.compile(r"[ \t]*(?:[*+-]|\d{1,9}[.)])")
_LISTED = frozenset({"heading", "paragraph", "block_text", "thematic_break", "list", "block_quote"})


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a run of text lines, or a horizontal rule."""

    kind: Literal["heading", "text", "rule"]
    line: int  # 0-based line of the body
    text: str  # raw markdown without container prefixes, one line per source line
    level: int  # of a heading, else 0
    headings: tuple[str, ...]  # the enclosing headings; a heading's own title comes last
    depth: int  # the number of lists around it
    starts_item: bool  # the first paragraph of a list item
    nested: bool  # inside a list or a block quote


def read_blocks(body: str) -> list[Block]:
    """Return a markdown body's blocks in document order; tables are text, code and HTML are left out."""
    return sorted(_walk(parse(body), (), 0, first=None, nested=False), key=lambda block: block.line)


def parse(body: str) -> list[Token]:
    """Return mistune's block tokens, each but list items with a 0-based "line"."""
    state = _LineState()
    source = body.replace("\r\n", "\n").replace("\r", "\n")
    state.process(source if source.endswith("\n") else source + "\n")
    _PARSER.parse(state)
    return state.tokens


class _LineState(BlockState):
    """Stamps each block token with its source line."""

    def __init__(self, parent: _LineState | None = None) -> None:
        super().__init__(parent)
        self.line0 = 0  # source line of this state's line 0
        self.quote_start: int | None = None  # start of the block quote being opened
        self.item_start = 0  # start of the list item being collected
        self._seen = (0, 0)

    def line_at(self, position: int) -> int:
        start, count = self._seen if position >= self._seen[0] else (0, 0)
        count += self.src.count("\n", start, position)
        self._seen = (position, count)
        return self.line0 + count

    def append_token(self, token: Token) -> None:
        token["line"] = self.line_at(self.cursor)
        super().append_token(token)

    def add_paragraph(self, text: str) -> None:
        self.note_jump()
        super().add_paragraph(text)
        self.tokens[-1].setdefault("line", self.line_at(self.cursor))

    def append_paragraph(self) -> int | None:
        self.note_jump()
        return super().append_paragraph()

    def note_jump(self) -> None:
        """Note where a paragraph goes on after a block quote: mistune puts the quote before all of it."""
        last = self.last_token()
        if last and last["type"] == "paragraph":
            length, count = last.get("counted", (0, 0))
            count += last["text"].count("\n", length)
            last["counted"] = len(last["text"]), count
            line = self.line_at(self.cursor)
            start, from_line = last.get("jumps", [(0, last["line"])])[-1]
            if line != from_line + count - start:
                last.setdefault("jumps", [(0, last["line"])]).append((count, line))

    def child_state(self, src: str, lazy_line_starts: set[int] | None = None) -> _LineState:
        child = super().child_state(src, lazy_line_starts)
        assert isinstance(child, _LineState)
        if self.quote_start is not None:
            child.line0, self.quote_start = self.line_at(self.quote_start), None
            return child
        first = self.get_line(self.item_start)
        marker = _MARKER.match(first)
        # an item whose first line is blank starts, for mistune, on the next line
        blank = not first[marker.end() if marker else 0 :].strip()
        child.line0 = self.line_at(self.item_start) + blank
        # mistune has already read the next item's first line, if there is a next item
        self.item_start = self.src.rfind("\n", 0, self.cursor - 1) + 1
        return child


class _LineParser(BlockParser):
    """Tells the state where a quote or a list item starts; the table plugin is off on purpose."""

    state_cls = _LineState

    def extract_block_quote(self, m: Match[str], state: BlockState) -> tuple[str, int | None, set[int]]:
        assert isinstance(state, _LineState)
        start = state.cursor
        extracted = super().extract_block_quote(m, state)  # may parse a list on the way
        state.quote_start = start
        return extracted

    def parse_list(self, m: Match[str], state: BlockState) -> int:
        assert isinstance(state, _LineState)
        outer, state.item_start = state.item_start, state.cursor
        try:
            return super().parse_list(m, state)
        finally:
            state.item_start = outer


_PARSER = _LineParser()


def _walk(
    tokens: list[Token],
    path: tuple[tuple[int, str], ...],
    depth: int,
    *,
    first: Token | None,
    nested: bool,
) -> Iterator[Block]:
    """Yield the blocks below *tokens*; a heading in a container names only what follows it in there."""
    titles = tuple(title for _, title in path)
    listed = [token for token in tokens if token["type"] in _LISTED]
    for token in sorted(listed, key=_first_line):  # mistune's order is not always document order
        match token["type"]:
            case "heading":
                level, text = token["attrs"]["level"], token["text"].strip()
                path = (*(above for above in path if above[0] < level), (level, text))
                titles = tuple(title for _, title in path)
                yield Block("heading", token["line"], text, level, titles, depth, False, nested)
            case "list":
                for item in token["children"]:
                    within = item["children"]
                    start = within[0] if within else None
                    yield from _walk(within, path, depth + 1, first=start, nested=True)
            case "block_quote":
                yield from _walk(token["children"], path, depth, first=None, nested=True)
            case "thematic_break":
                yield Block("rule", token["line"], "", 0, titles, depth, False, nested)
            case _:
                for line, text in _pieces(token):
                    starts_item = token is first and line == token["line"]
                    yield Block("text", line, text, 0, titles, depth, starts_item, nested)


def _pieces(token: Token) -> list[tuple[int, str]]:
    """Return a paragraph's runs of consecutive lines, nearly always one."""
    if "jumps" not in token:
        return [(token["line"], token["text"])]
    lines, jumps = token["text"].rstrip("\n").split("\n"), token["jumps"]
    ends = [start for start, _ in jumps[1:]] + [len(lines)]
    return [(line, "\n".join(lines[a:b])) for (a, line), b in zip(jumps, ends, strict=True)]


def _first_line(token: Token) -> float:
    if token["type"] in ("list", "list_item", "block_quote"):
        return min(map(_first_line, token["children"]), default=float("inf"))
    line: int = token["line"]
    return line
