"""What happened when, as values to draw. All times are seconds since the Unix epoch."""

from __future__ import annotations

from typing import Literal

from engine.model.base import Value

Outcome = Literal["ok", "failed", "invalid", "running", "unended", "planned"]
Kind = Literal["work", "person", "stories", "nobody"]
PERSON, GATES, ENGINE = "person", "gates", "engine"
"""Who works on a story besides the roles of its machine."""


class Span(Value):
    """A call or a question to a person: who was busy with which story, and how it ended.

    `who` is a role, or PERSON, GATES, ENGINE. `word` names what the story was busy with. A question is `running`
    until it is answered. `unended` was left behind: the story went on without its end. What is `planned` is to come.
    """

    pack: str
    story: str
    state: str
    word: str
    act: str
    who: str
    start: float
    end: float
    outcome: Outcome
    why: str = ""


class Block(Value):
    """A stretch of a story's life: agents and gates had it (`work`), a person, other stories, or nobody yet."""

    kind: Kind
    word: str
    start: float
    end: float


class Lane(Value):
    """One story: where it stands, what it went through, and when it was over. `problem` is why that is not all."""

    pack: str
    story: str
    state: str = ""
    attested: bool = False
    complete: float | None = None
    abandoned: float | None = None
    blocks: tuple[Block, ...] = ()
    spans: tuple[Span, ...] = ()
    problem: str = ""


class Timeline(Value):
    """All lanes with the time that they share. `notes` say what is odd in the journals, each with its place.

    `now` is until when it happened, where something is planned after it.
    """

    start: float = 0
    end: float = 0
    now: float | None = None
    lanes: tuple[Lane, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def spans(self) -> list[Span]:
        """The spans of all lanes."""
        return [span for lane in self.lanes for span in lane.spans]
