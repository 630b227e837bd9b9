"""The journals as one timeline: who was busy with which story, who was waited for, and when each was over. Pure.

timeline
├── _read_times       each event's time; a clock that goes back, or says nothing, is told and never believed
└── _lane             one story: its calls and questions as spans, its stays in states as blocks
    └── _blocks       a stay without the time in which a person was asked, neighbours of one word joined
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.model.events import Adopted, Asked, Began, Decided, Ended, Event, Rewound, Stepped, Wrote
from engine.model.machine import AgentAct, Machine, Phase
from engine.model.timeline import ENGINE, GATES, PERSON, Block, Kind, Lane, Outcome, Span, Timeline
from engine.rules.forgery import impossible

WORDS: dict[Phase, str] = {
    "validation": "Validate",
    "ready": "queued",
    "execution": "Execute",
    "verification": "Verify",
    "done": "Finish",
}
OWN_WORK = ("spot_check", "consolidate")
JITTER = 1.0
"""Seconds by which a time may be before the one above it: times are whole seconds."""
_LEFT = "the story went on without it"


@dataclass(frozen=True, slots=True)
class Kept:
    """One story's journal as it was read; `problem` is why it was not, or that it must not be believed."""

    pack: str
    story: str
    file: str
    machine: Machine | None = None
    events: tuple[Event, ...] = ()
    problem: str = ""


def timeline(journals: Sequence[Kept], *, now: float | None = None, planned: Iterable[Span] = ()) -> Timeline:
    """Fold the journals of some stories, in their order, into one timeline.

    `now` is until when what has no end yet is drawn; never before the last event. `planned` are spans to come, of
    these stories or of others; with them, `now` is a part of the picture.
    """
    planned = [*planned]
    believed = [_believable(kept) for kept in journals]
    read = [_read_times(kept) for kept in believed]
    every = [at for times, _ in read for at in times]
    end = max(every, default=0)
    lanes = [_lane(kept, times, end) for kept, (times, _) in zip(believed, read, strict=True)]
    goes_on = bool(planned) or any(span.outcome == "running" for lane in lanes for span in lane.spans)
    if now is not None and now > end and goes_on:
        end = now
        lanes = [_lane(kept, times, end) for kept, (times, _) in zip(believed, read, strict=True)]
    notes = [note for _, told in read for note in told] + [note for lane in lanes for note in _unended(lane)]
    lanes = _with_planned(lanes, planned)
    coming = [span for lane in lanes for span in lane.spans if span.outcome == "planned"]
    ends = [end] if every else []
    start = min([*every, *(span.start for span in coming)], default=0)
    return Timeline(
        start=start,
        end=max([*ends, *(span.end for span in coming)], default=0),
        now=max(start, end) if coming else None,
        lanes=tuple(lanes),
        notes=tuple(notes),
    )


def word_of(machine: Machine | None, name: str) -> str:
    """What a story is busy with in a state, in the method's words: Validate, Fix, queued, Execute, Verify."""
    state = machine.states.get(name) if machine else None
    if state is None:
        return name
    if state.phase == "validation" and any(isinstance(act, AgentAct) and act.purpose == "fix" for act in state.acts()):
        return "Fix"
    return WORDS[state.phase] if state.do or state.phase == "ready" else name


def seconds(text: str) -> float | None:
    """A journal's time in seconds since the epoch; one without a zone is taken as UTC. None if it is no time."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _believable(kept: Kept) -> Kept:
    """The journal as far as it can have happened."""
    if not kept.events or kept.problem:
        return kept
    bad = next(iter(impossible(kept.machine, kept.events)), None) if kept.machine else None
    if not isinstance(kept.events[0], Adopted):
        bad = (1, "it begins with no adoption")
    if bad is None and all(seconds(_at(event)) is None for event in kept.events):
        bad = (1, "no time in it can be read")
    if bad is None:
        return kept
    problem = f"{kept.file}:{bad[0]}: journal: {bad[1]}; nothing from there on is drawn"
    return Kept(kept.pack, kept.story, kept.file, kept.machine, kept.events[: bad[0] - 1], problem)


def _read_times(kept: Kept) -> tuple[list[float], list[str]]:
    """The time of each event, none before what it follows from, and what had to be said about that."""
    told: list[str] = []
    times: list[float] = []
    read = [seconds(_at(event)) for event in kept.events]
    latest = next((at for at in read if at is not None), 0.0)
    began: dict[str, float] = {}
    for line, (event, at) in enumerate(zip(kept.events, read, strict=True), 1):
        least = began.get(event.call, latest) if isinstance(event, Ended) else latest  # calls end side by side
        if at is None:
            if not isinstance(event, Wrote):
                told.append(f"{kept.file}:{line}: {_at(event)!r} is no time; drawn at the time before it")
            at = latest
        elif at < least:
            if least - at > JITTER:
                told.append(
                    f"{kept.file}:{line}: the clock went back by {least - at:.0f} s; drawn as if it stood still"
                )
            at = least
        if isinstance(event, Began):
            began[event.call] = at
        latest = max(latest, at)
        times.append(at)
    return times, told


@dataclass(slots=True)
class _Story:
    """A story while its journal is read."""

    kept: Kept
    state: str = ""
    since: float = 0
    calls: dict[str, tuple[Began, str, float]] = field(default_factory=dict)  # with the state, and when it began
    left: dict[str, float] = field(default_factory=dict)  # calls whose state was left since, and when
    asked: dict[str, tuple[Asked, float]] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    stays: list[tuple[str, float, float]] = field(default_factory=list)

    def enter(self, state: str, at: float) -> None:
        """Leave a state with its questions and calls; a question to an agent in between belongs to none."""
        if self.state:
            self.stays.append((self.state, self.since, at))
        for asked, start in self.asked.values():
            self.wait(asked, start, at, "unended", _LEFT)
        self.asked.clear()
        self.left = {call: at for call, (began, _, _) in self.calls.items() if not began.question} | self.left
        self.state, self.since = state, at

    def close(self, at: float, outcome: Outcome, why: str) -> None:
        """End what is still open when nothing follows."""
        for call, (began, state, start) in self.calls.items():
            gone = call in self.left
            self.call(began, state, start, self.left.get(call, at), *(("unended", _LEFT) if gone else (outcome, why)))
        for asked, start in self.asked.values():
            self.wait(asked, start, at, outcome, why)

    def call(self, began: Began, state: str, start: float, end: float, outcome: Outcome, why: str) -> None:
        """Keep a call."""
        who = began.role or (ENGINE if began.act in OWN_WORK else GATES)
        self._keep(state, began.act, who, start, end, outcome, why)

    def wait(self, asked: Asked, start: float, end: float, outcome: Outcome, why: str) -> None:
        """Keep a question to a person."""
        about = ": ".join(filter(None, (asked.finding, why)))
        self._keep(self.state, asked.decision, PERSON, start, end, outcome, about)

    def _keep(self, state: str, act: str, who: str, start: float, end: float, outcome: Outcome, why: str) -> None:
        word = word_of(self.kept.machine, state)
        told = {"pack": self.kept.pack, "story": self.kept.story, "state": state, "word": word, "act": act, "who": who}
        self.spans.append(Span(**told, start=start, end=end, outcome=outcome, why=why))


def _lane(kept: Kept, times: list[float], now: float) -> Lane:
    """One story's lane; what has no end yet ends now."""
    if not kept.events:
        return Lane(pack=kept.pack, story=kept.story, problem=kept.problem)
    story = _Story(kept)
    for event, at in zip(kept.events, times, strict=True):
        match event:
            case Adopted():
                story.enter(event.state, at)
            case Stepped() | Rewound():
                story.enter(event.dest, at)
            case Began():
                story.calls[event.call] = (event, story.state, at)
            case Ended() if event.call in story.calls:
                began, state, start = story.calls.pop(event.call)
                story.call(began, state, start, at, event.status, event.why)
            case Asked():
                story.asked[event.id] = (event, at)
            case Decided() if event.id in story.asked:
                asked, start = story.asked.pop(event.id)
                story.wait(asked, start, at, "ok", f"{event.option} ({event.by.partition(' <')[0]})")
            case _:
                pass
    over = kept.machine.terminal.get(story.state) if kept.machine and not kept.problem else None
    since = story.since
    if kept.problem:
        story.close(max(times), "unended", "the rest is not known")
    else:
        story.close(now, "running", "")
        if over is None:
            story.stays.append((story.state, since, now))
    return Lane(
        pack=kept.pack,
        story=kept.story,
        state=story.state,
        attested=isinstance(kept.events[0], Adopted) and bool(kept.events[0].because),
        complete=since if over == "success" else None,
        abandoned=since if over == "failure" else None,
        blocks=tuple(_blocks(kept.machine, story)),
        spans=tuple(sorted(story.spans, key=lambda span: (span.start, span.end))),
        problem=kept.problem,
    )


def _blocks(machine: Machine | None, story: _Story) -> list[Block]:
    """The stays in states as blocks; where a person was asked, that is what the story did."""
    asked = sorted((span for span in story.spans if span.who == PERSON), key=lambda span: span.start)
    found: list[Block] = []
    for state, start, end in story.stays:
        word, at = word_of(machine, state), start
        kind = _kind(machine, state)
        for span in asked:
            left, right = max(at, span.start), min(end, span.end)
            if left < right:
                found += [Block(kind=kind, word=word, start=at, end=left)] if at < left else []
                found.append(Block(kind="person", word=span.act, start=left, end=right))
                at = right
        if at < end:
            found.append(Block(kind=kind, word=word, start=at, end=end))
    return _joined(found)


def _kind(machine: Machine | None, name: str) -> Kind:
    state = machine.states.get(name) if machine else None
    if state is None or not (state.do or state.phase == "ready"):
        return "nobody"
    return "stories" if state.phase == "ready" else "work"


def _joined(blocks: list[Block]) -> list[Block]:
    joined: list[Block] = []
    for block in blocks:
        before = joined[-1] if joined else None
        if before and (before.kind, before.word, before.end) == (block.kind, block.word, block.start):
            joined[-1] = before.model_copy(update={"end": block.end})
        else:
            joined.append(block)
    return joined


def _with_planned(lanes: list[Lane], planned: Iterable[Span]) -> list[Lane]:
    """Each planned span in its story's lane; a story without one gets it, below the others."""
    coming: dict[tuple[str, str], list[Span]] = {}
    for span in planned:
        coming.setdefault((span.pack, span.story), []).append(span)
    found = []
    for lane in lanes:
        more = coming.pop((lane.pack, lane.story), [])
        found.append(lane.model_copy(update={"spans": (*lane.spans, *more)}) if more else lane)
    return found + [Lane(pack=pack, story=story, spans=tuple(more)) for (pack, story), more in coming.items()]


def _unended(lane: Lane) -> list[str]:
    """What began in a lane and was left behind."""
    left = [] if lane.problem else [span for span in lane.spans if span.outcome == "unended"]
    where = f"{lane.pack}, story {lane.story}"
    return [f"{where}: {span.act} by {span.who} in {span.state} has no end: {span.why}" for span in left]


def _at(event: Event) -> str:
    return "" if isinstance(event, Wrote) else event.at
