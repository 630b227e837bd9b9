"""A prompt holds all that its reader needs, and no template text is left anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.catalogue import problem
from engine.checks.reading import PROMPT_NAME, Page, Reading, name_of
from engine.checks.text import code_spans, plain, without_code
from engine.model.problem import Problem

_REFERENCES = re.compile(r"referenc|traceab|related|further reading|background", re.I)
_VERB = r"(?:see|read|refer to|consult|look (?:it |them )?up in|open|study|follow|check|review)"
_INSTRUCTION = re.compile(
    rf"(?:^|[.;:(,!]\s*|[-*+]\s+|\d[.)]\s+|\b(?:please|first|must|should|then|and|also|to|details,|you)\s+)({_VERB})\s+",
    re.I,
)
_DOCUMENT = re.compile(
    r"(?<![\w@.{}/-])(?P<path>[\w@.{}-]+(?:/[\w@.{}-]+)*\.md)\b|"
    r"\b(?P<name>(?:the|its|our) (?:(?:feature|tech(?:nical)?|functional)[ -])?"
    r"(?:spec(?:ification)?|tech(?:nical)? design|design doc(?:ument)?|test plan|PRD|overview))\b(?!['’])",
    re.I,
)
_NEEDLESS = re.compile(
    r"\b(?:rationale|background|history|traceab\w*|optional\w*|not needed|no need|do not|don't|never|inlined|"
    r"copied|further reading|if blocked|inconsisten\w*|conflict\w*|align\w*)\b",
    re.I,
)
_OWN = re.compile(r"story\.md|readme\.md|changelog\.md|claude\.md|agents\.md", re.I)
_TAGS = (
    r"name|slug|id|n|title|description|placeholder|number|path|file|date|story|feature|url|todo|"
    r"insert[ \w-]*|your[ _-][\w -]+|[a-z]+[_-][a-z_-]+"
)
_PLACEHOLDERS = (
    re.compile(r"(?<![\w/])(?:TODO|TBD|FIXME|XXX+)\b(?!\s*(?:comments?|markers?|list|items?|app\b))"),
    re.compile(r"\blorem ipsum\b", re.I),
    re.compile(r"\{\{?\s*[A-Za-z][\w -]*\}?\}"),
    re.compile(rf"<(?:{_TAGS})>", re.I),
    re.compile(r"\[(?:insert|your|describe|fill in|add|placeholder)\b[^\]\[]{0,80}\](?!\()", re.I),
)
_DENIED = re.compile(r"\b(?:no|without|any|zero|remaining|remove|leftover|every|each|all|of)\s+(?:\S+\s+){0,2}$", re.I)
_TEMPLATE_PATH = re.compile(r"[\w./-]*(?:\{\w[\w-]*\}|<\w[\w-]*>)[\w./{}<>-]*\.md")


def check_prompts(reading: Reading) -> Iterator[Problem]:
    """Look for instructions to read elsewhere, and for placeholders."""
    for page in reading.pages():
        if page.role == "prompt":
            yield from _self_contained(page)
        yield from _placeholders(page)


def _self_contained(page: Page) -> Iterator[Problem]:
    for line in page.prose:
        if any(_REFERENCES.search(t) for t in line.headings[1:]):
            continue
        for sentence in re.split(r"(?<=[.;!?])\s+(?=[A-Z*`(])", plain(line.text)):
            told = _INSTRUCTION.search(sentence)
            named = _DOCUMENT.search(sentence, told.end() if told else 0)
            if told and named and not _NEEDLESS.search(sentence) and not _is_own(named["path"]):
                what = named["path"] or named["name"]
                message = f'"{told[1]} … {what}": whoever executes this prompt needs {what}.'
                yield problem("C501", page.at(line.number), message, story=page.story)
                break


def _is_own(path: str | None) -> bool:
    """Whether a file is the prompt's own business: its siblings, and notes that belong to the product."""
    name = name_of(path or "")
    return bool(path) and bool(PROMPT_NAME.fullmatch(name) or _OWN.fullmatch(name))


def _placeholders(page: Page) -> Iterator[Problem]:
    for line in page.prose:
        text = without_code(line.text)
        found = next((m for pattern in _PLACEHOLDERS for m in pattern.finditer(text) if _left(text, m)), None)
        what = found[0] if found else next(filter(_TEMPLATE_PATH.fullmatch, code_spans(line.text)), None)
        if what:
            yield problem("C502", page.at(line.number), f"The placeholder {what!r} was left.", story=page.story)


def _left(text: str, m: re.Match[str]) -> bool:
    return not (m[0].isupper() and _DENIED.search(text[: m.start()]))
