"""A journal told in minutes: what one story went through, as `engine.rules.timeline` reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.model.events import Adopted, Asked, Began, Decided, Ended, Event, Rewound, Stepped, Wrote
from engine.model.timeline import Span
from engine.rules.timeline import Kept
from tests.life import BUILDER, ENGINEER, PEDANT, VERIFIER, machine

PACK = "docs/stories"
DAWN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def clock(minutes: float) -> str:
    """So many minutes after dawn, as the journal writes it."""
    return (DAWN + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch(minutes: float) -> float:
    """The same in seconds since the epoch."""
    return DAWN.timestamp() + 60 * minutes


class Past:
    """One story's journal, to which events are added by word and minute."""

    def __init__(self, story: str = "1", at: float = 0, *, state: str = "drafted", because: str = "") -> None:
        self.story, self.calls, self.asks, self.steps = story, 0, 0, 1 if because else 0
        self.state = state
        self.events: list[Event] = [
            Adopted(at=clock(at), by="Ana", machine="story", state=state, story=story, because=because),
            Wrote(),
        ]

    def to(self, state: str, at: float) -> Past:
        """The story went on to a state."""
        self.steps += 1
        self.events += [Stepped(at=clock(at), n=self.steps, source=self.state, dest=state, why="because"), Wrote()]
        self.state = state
        return self

    def back(self, state: str, at: float) -> Past:
        """A person brought it back."""
        self.steps += 1
        self.events.append(Rewound(at=clock(at), by="Ana", n=self.steps, source=self.state, dest=state, why="because"))
        self.state = state
        return self

    def began(self, act: str, role: str, at: float, *, question: str = "") -> Past:
        """A call was submitted."""
        self.calls += 1
        call = f"{self.story}/{self.calls}"
        told = {"act": act, "role": role, "attempt": 1, "turn": 1, "question": question}
        self.events.append(Began(at=clock(at), call=call, number=self.calls, **told))
        return self

    def ended(self, at: float, status: str = "ok", *, call: int = 0, why: str = "done") -> Past:
        """A call ended, the last one where none is named."""
        name = f"{self.story}/{call or self.calls}"
        self.events.append(Ended(at=clock(at), call=name, status=status, why=why, evidence="x.md", sha="0" * 64))
        return self

    def call(self, act: str, role: str, start: float, end: float, status: str = "ok") -> Past:
        """A call from begin to end."""
        return self.began(act, role, start).ended(end, status)

    def asked(self, decision: str, at: float, *, finding: str | None = None) -> Past:
        """A person was asked."""
        self.asks += 1
        self.events.append(Asked(at=clock(at), id=f"D{self.asks}", decision=decision, finding=finding))
        return self

    def decided(self, decision: str, option: str, at: float) -> Past:
        """She answered the last question."""
        by = "Ana <ana@example.org>"
        self.events.append(Decided(at=clock(at), id=f"D{self.asks}", decision=decision, option=option, by=by))
        return self

    def validated(self, start: float, end: float) -> Past:
        """Both validators passed it, between these minutes."""
        self.to("validating", start)
        self.began("builder", BUILDER, start).began("pedant", PEDANT, start)
        self.ended(start + 0.7 * (end - start), call=self.calls - 1).ended(end)
        return self.to("consolidating", end)

    def approved(self, start: float, end: float) -> Past:
        """A person approved it, after so long."""
        return self.to("approving", start).asked("approve", start).decided("approve", "approve", end).to("queued", end)

    def executed(self, start: float, end: float) -> Past:
        """Red, green and gates."""
        third = (end - start) / 3
        self.to("red", start).call("impl", ENGINEER, start, start + third)
        self.to("green", start + third).call("impl_green", ENGINEER, start + third, start + 2 * third)
        return self.to("gating", start + 2 * third).call("tests", "", start + 2 * third, end)

    def verified(self, start: float, end: float, accepted: float) -> Past:
        """Gorilla testing was done before; the verifier passed it, and a person accepted it."""
        self.to("verifying", start).call("verify", VERIFIER, start, end)
        self.to("accepting", end).asked("accept", end).decided("accept", "ship it", accepted)
        return self.to("complete", accepted)

    def kept(self, pack: str = PACK, problem: str = "") -> Kept:
        """As it is read from the disk."""
        file = f"{pack}/story-{self.story}/evidence/journal.jsonl"
        return Kept(pack, self.story, file, machine(), tuple(self.events), problem)


def pipeline() -> list[Past]:
    """The method's own example: validation runs ahead, and no story waits for it."""
    two = Past("2").validated(0, 20).approved(21, 25).executed(26, 70).verified(70, 95, 100)
    three = Past("3").validated(5, 24).approved(25, 40).executed(100, 150).verified(150, 170, 178)
    four = Past("4").validated(30, 55)
    four.to("triage", 56).asked("triage", 56, finding="F1").decided("triage", "fix", 80)
    four.to("fixing", 80).call("fixer", ENGINEER, 80, 84, "failed").call("fixer", ENGINEER, 84, 99)
    four.to("revalidating", 99).call("again", PEDANT, 99, 110).approved(110, 121).executed(178, 214)
    five = Past("5").validated(60, 88).approved(90, 160)
    six = Past("6").validated(112, 140).to("approving", 141).asked("approve", 141)
    return [two, three, four, five, six, Past("7")]


def planned(story: str, start: float, end: float, pack: str = PACK) -> Span:
    """A verification to come."""
    where = {"pack": pack, "story": story, "state": "verifying", "word": "Verify", "act": "verify", "who": "verifier"}
    return Span(**where, start=epoch(start), end=epoch(end), outcome="planned")
