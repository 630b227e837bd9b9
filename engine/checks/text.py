"""One file as lines: which are prose, under which headings, and what is inline code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from engine.markdown.document import lines_of, read_document

_FENCE = re.compile(r"[ \t>]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)?(`{3,}|~{3,})(.*)")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ENGINE_TITLES = re.compile(r"(?:log|decisions|(?:story \S+ )?execution checklist)$", re.I)

MANUAL = re.compile(
    r"\bmanual(?:ly)?\s*(?:[/|(]|-only\b|integration\b|tests?\b|checks?\b|TCs?\b|only\b|valid|verif|$)"
    r"|[(|,→:]\s*manual(?:ly)?\b(?=\s*(?:$|[|).,;(/]))|\bis manual\b|\bby hand\b|\bgorilla\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One source line; `fenced`: code, front matter or comment; `engine`: in a section the engine writes."""

    number: int
    text: str
    headings: tuple[str, ...]
    fenced: bool
    engine: bool


@lru_cache(maxsize=64)  # one step asks several questions of the same files
def read_lines(raw: bytes) -> tuple[Line, ...]:
    """Give every line its headings and say which lines are not prose."""
    document = read_document(raw)
    heads = {h.line: h for h in document.headings if not h.nested}
    found: list[Line] = []
    path: tuple[tuple[int, str], ...] = ()
    titles: tuple[str, ...] = ()
    fence = ""
    commented = False
    texts = lines_of(raw)
    body = len(lines_of(raw[: document.body_start]))
    for number, text in enumerate(texts, 1):
        hidden = number <= body
        if not hidden and not fence:
            text, commented, hidden = _strip_comments(text, commented)
        if not hidden and not commented:
            fence, hidden = _next_fence(fence, text)
        head = heads.get(number)
        if head and not hidden:
            path = (*(p for p in path if p[0] < head.level), (head.level, head.text))
            titles = tuple(t for _, t in path)
        engine = any(_ENGINE_TITLES.match(t) for t in titles[1:])
        found.append(Line(number, text, titles, hidden, engine))
    return tuple(found)


def without_code(text: str) -> str:
    """Blank out inline code, keeping the length."""
    return _CODE.sub(lambda m: " " * len(m[0]), text)


def code_spans(text: str) -> list[str]:
    """What stands in inline code, in order."""
    return [m[2].strip() for m in _CODE.finditer(text)]


def plain(text: str) -> str:
    """Drop emphasis marks and outer blanks, so that `**Story 3**` reads `Story 3`."""
    return text.replace("**", "").replace("__", "").strip().strip("*").strip()


def _strip_comments(text: str, commented: bool) -> tuple[str, bool, bool]:
    """(text without comments, whether a comment goes on, whether nothing but comment was here)."""
    if commented:
        end = text.find("-->")
        if end < 0:
            return text, True, True
        text = text[end + 3 :]
    masked, kept, at = without_code(text), "", 0
    while (start := masked.find("<!--", at)) >= 0:
        kept += text[at:start]
        end = masked.find("-->", start + 4)
        if end < 0:
            return kept, True, not kept.strip()
        at = end + 3
    return kept + text[at:], False, at > 0 and not (kept + text[at:]).strip()


def _next_fence(fence: str, text: str) -> tuple[str, bool]:
    """(the fence that is open after this line, whether this line is fenced)."""
    m = _FENCE.match(text)
    if not fence:
        opens = m is not None and not (m[1][0] == "`" and "`" in m[2])
        return (m[1] if m and opens else ""), bool(opens)
    closes = m is not None and m[1].startswith(fence) and not m[2].strip()
    return ("" if closes else fence), True
