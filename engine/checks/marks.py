"""Task items are task items: no near misses, no foreign marks."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.catalogue import problem
from engine.checks.reading import Reading
from engine.model.problem import Problem

_CODES = {"near miss": "C701", "foreign mark": "C702"}


def check_marks(reading: Reading) -> Iterator[Problem]:
    """Report what looks like a task item and would be passed over."""
    for page in reading.pages():
        for suspect in page.document.suspects:
            text = suspect.text if len(suspect.text) <= 60 else suspect.text[:59] + "…"
            message = f"{text!r} is a {suspect.kind} of a task item."
            yield problem(_CODES[suspect.kind], page.at(suspect.line), message, story=page.story)
