"""What agents answer: findings, verdicts, answers to findings, reports of work."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict

from engine.model.base import Value
from engine.model.machine import Severity

Outcome = Literal["pass", "fail", "manual", "deferred"]
Answer = Literal["fixed", "rejected", "needs a person"]
Stand = Literal["concede", "partly", "hold"]
OneLine = Annotated[str, AfterValidator(lambda text: " ".join(text.split()))]
"""Agents' words that are shown in story.md: on one line they can be no item, heading or fence of their own."""
Check = Literal["confirmed", "refuted", "uncheckable"]


class Dispute(Value):
    """What a validator says to a finding of its own that the fixer rejected, or that a person challenged.

    `severity` is the revised one, of `partly` only. `by` and `was` are filled in by the consolidation.
    """

    finding: str
    answer: Stand
    because: Annotated[OneLine, Field(min_length=1)]
    severity: Severity | None = None
    by: str = ""
    was: Severity | None = None


class Finding(Value):
    """One thing a validator, a verifier or `story check` found.

    `where` is `path:line` or `path`; `quote` is what stands there, word for word. `id` is given by the
    consolidation ("F1") and stays with the finding through all rounds; an agent names it by `again`, and by
    `broken_by` the finding whose fix broke this. `late` ones hold no story up; `end` says how one was closed.
    """

    id: str = ""
    severity: Severity
    where: OneLine = ""
    quote: str = ""
    text: str
    sources: tuple[str, ...] = ()
    ambiguous: str = Field("", description="Why a person must look at it; empty when nobody must.")
    check: Check | None = None
    saw: OneLine = Field("", description="What a program saw when it held the claim against files and tests.")
    again: OneLine = ""
    broken_by: OneLine = ""
    late: bool = False
    end: OneLine = ""
    disputes: tuple[Dispute, ...] = ()

    @property
    def words(self) -> str:
        """Its text as it is compared: letters and digits only, without the line numbers, which move."""
        return re.sub(r"\W+", " ", re.sub(r"(\.\w+):\d+", r"\1", self.text)).strip().lower()


class Counts(Value):
    """How many tests a verifier says that it saw pass and fail."""

    passed: Annotated[int, Strict(), Field(ge=0)]
    failed: Annotated[int, Strict(), Field(ge=0)] = 0


class Boundary(Value):
    """One thing outside the story's code that it talks to, and what stands there in the product as it is now."""

    name: Annotated[OneLine, Field(min_length=1)]
    status: Literal["stub", "mocked", "integrated"]


class Verdict(Value):
    """PASS or FAIL with confidence, findings and TC-by-TC status; a verification adds the inventory of boundaries."""

    story: str
    round: Annotated[int, Strict()]
    verdict: Literal["PASS", "FAIL"]
    confidence: Literal["high", "medium", "low"]
    reasoning: str
    findings: tuple[Finding, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    tcs: dict[str, Outcome] = {}
    counts: Counts | None = None
    boundaries: tuple[Boundary, ...] | None = None


class FixAnswer(Value):
    """What a fixer says to one finding."""

    finding: str
    answer: Answer
    because: OneLine = ""


class Fixes(Value):
    """What a fixer did: an answer per finding, and the files it changed."""

    answers: tuple[FixAnswer, ...]
    files: tuple[str, ...] = ()


class Work(Value):
    """What an engineer did."""

    files: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    discoveries: tuple[str, ...] = ()


Report = Verdict | Fixes | Work
