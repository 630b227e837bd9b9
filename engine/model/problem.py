"""A problem that `story check` reports, as other programs read it."""

from __future__ import annotations

from enum import StrEnum

from engine.model.base import Value


class Severity(StrEnum):
    """How much a problem weighs: an error stops `advance`, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Echo(Value):
    """Another place that repeats the same root cause."""

    file: str
    line: int
    message: str


class Problem(Value):
    """One root cause: a code, a place, what is wrong and what to do about it.

    `file` is relative to the repository (posix), `line` is 1-based. `also` is another story that it is about.
    """

    code: str
    severity: Severity
    story: str | None = None
    file: str
    line: int
    message: str
    remedy: str
    echoes: tuple[Echo, ...] = ()
    also: str | None = None

    def concerns(self, story: str) -> bool:
        """Is it about this story?"""
        return story in (self.story, self.also)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity.value} {self.code}: {self.message} {self.remedy}"
