"""What in story.md, its evidence and its journal the engine did not write, each with a code and its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.model.events import Adopted, Asked, Began, Decided, Ended, Event, Rewound, Stepped, Wrote
from engine.model.machine import Machine
from engine.model.problem import Problem, Severity
from engine.model.story import Story
from engine.rules.history import Progress, fold
from engine.rules.projection import odd_rows, rewound

_BACK = "Put it back (`git diff` shows the change), or bring story.md back: `story rewind {story} --to {state}`."
_EVIDENCE = "Bring the file back from git, or rewind to before it: `story rewind {story} --to STATE`."
_DRIFT = "Compare it with what was accepted; what is to be done about it is a story of its own."
_JOURNAL = "Bring the journal back: `{back}`."

CATALOGUE: dict[str, tuple[str, str]] = {
    "S111": ("the state is not the journal's", _BACK),
    "S114": ("an item that only evidence may tick is ticked", _BACK),
    "S115": ("an item that evidence ticked is not ticked", _BACK),
    "S116": ("the machine is not the one that the story was adopted under", _BACK),
    "S117": ("`round` or `updated` is not the journal's", _BACK),
    "S118": ("a row of the log is missing", _BACK),
    "S119": ("a row of the log is not the journal's, or not in its place", _BACK),
    "S120": ("the log has a row that the journal does not have", _BACK),
    "S121": ("evidence is not what the journal says was written", _EVIDENCE),
    "S122": ("evidence is missing", _EVIDENCE),
    "S123": ("evidence that no call of the journal wrote", "Move the file out of the folder."),
    "S124": ("there is no journal, or it does not begin with an adoption", _JOURNAL),
    "S125": ("the journal is shorter than what follows from it: it was cut", _JOURNAL),
    "S126": ("the journal is another story's", _JOURNAL),
    "S127": ("a human item that the state needs is not ticked", _BACK),
    "S128": ("an event of the journal cannot have happened where it stands", _JOURNAL),
    "S129": ("what a complete story rested on has changed since (a warning; it stays complete)", _DRIFT),
}
"""Code → (what is wrong, the way back)."""
MENDED = ("S111", "S114", "S115", "S116", "S117", "S118", "S119", "S120", "S127")
"""What rewinding overwrites, after it was shown."""
FINDINGS = "findings.md"
_NUMBERED = re.compile(r"(\d{2,})-.*\.md")


@dataclass(frozen=True, slots=True)
class Record:
    """All that lies on the disk for one story, and that somebody could have changed.

    `files` are the evidence folder's names with the SHA-256 of their bytes; `copied` is (file, same) of findings.md:
    the evidence it says it was copied from, and whether it has the same body; `longer` says that git knows more of
    the journal; `back` is the command that brings the journal back.
    """

    story: Story
    machine: Machine
    events: tuple[Event, ...]
    folder: str
    files: Mapping[str, str]
    copied: tuple[str, bool] | None = None
    longer: bool = False
    back: str = "git checkout HEAD -- journal.jsonl"


def forgeries(record: Record) -> list[Problem]:
    """Everything that was not written by the engine, the journal first, since the rest is held against it."""
    found = [_problem(record, "journal", *told) for told in _journal(record)]
    if any(problem.code in ("S124", "S126", "S128") for problem in found):
        return found
    progress = fold(record.machine, record.events)
    found += [_problem(record, "journal", *told) for told in _cut(record, progress)]
    found += [_problem(record, "story", *told) for told in against_journal(record)]
    found += [_problem(record, name, code, 1, what) for code, name, what in _evidence(record, progress)]
    return found


def other_machine(events: tuple[Event, ...], story: Story) -> str:
    """What is wrong with the machine that story.md names, "" where nothing is."""
    named = events[0].machine if events and isinstance(events[0], Adopted) else story.machine
    return "" if named == story.machine else f"the machine is {story.machine!r}, the journal says {named!r}"


def refusal(story: Story, code: str, line: int, what: str) -> Problem:
    """One thing that is wrong in story.md, told before the rest of it can be read."""
    remedy = CATALOGUE[code][1].format(story=story.id, state="STATE")
    said = {"code": code, "severity": Severity.ERROR, "story": story.id, "file": story.path, "line": line}
    return Problem(**said, message=f"{what}.", remedy=remedy)


def consolidated(events: tuple[Event, ...]) -> list[str]:
    """The evidence from which findings.md was copied, the newest last."""
    calls = {event.call for event in events if isinstance(event, Began) and event.act == "consolidate"}
    return [e.evidence for e in events if isinstance(e, Ended) and e.status == "ok" and e.call in calls]


Told = tuple[str, int, str]
"""(code, line, what)"""


def _journal(record: Record) -> Iterator[Told]:
    """What is wrong with the journal by itself."""
    story, events = record.story, record.events
    if not events or not isinstance(events[0], Adopted):
        yield "S124", 1, "the journal is missing or empty" if not events else "the journal begins with no adoption"
        return
    owners = [(line, event.call.partition("/")[0]) for line, event in enumerate(events, 1) if isinstance(event, Began)]
    if events[0].story:
        owners.insert(0, (1, events[0].story))
    other = next(((line, owner) for line, owner in owners if owner != story.id), None)
    if other:
        yield "S126", other[0], f"the journal is that of story {other[1]}, this is story {story.id}"
        return
    yield from (("S128", line, what) for line, what in impossible(record.machine, events))


def impossible(machine: Machine, events: tuple[Event, ...]) -> Iterator[tuple[int, str]]:
    """(line, what) of the first event that cannot have happened where it stands."""
    state, steps, running = "", 0, dict[str, str]()
    entered: list[str] = []
    if events and not isinstance(events[0], Adopted):
        return  # told by a code of its own
    for line, event in enumerate(events, 1):
        what = ""
        match event:
            case Adopted():
                what = "a second adoption" if line > 1 else ""
                state, steps = event.state, 1 if event.because else 0
            case Began():
                running[event.call] = event.act
            case Ended():
                what = "" if running.pop(event.call, None) else f"{event.call} ended, but had not begun"
            case Stepped() | Rewound():
                fits = event.n == steps + 1 and event.source == state
                what = "" if fits else f"step {event.n} from {event.source!r} follows step {steps} to {state!r}"
                if isinstance(event, Rewound) and event.dest not in entered:
                    what = f"it was rewound to {event.dest!r}, where it had not been"
                state, steps = event.dest, event.n
            case Asked(decision=name) | Decided(decision=name):
                what = "" if name in machine.decisions else f"machine {machine.machine!r} has no decision {name!r}"
            case _:
                pass
        if isinstance(event, Adopted | Stepped | Rewound):
            entered.append(state)
            if state not in machine.states:
                what = f"machine {machine.machine!r} has no state {state!r}"
        if what:
            yield line, what
            return


def _cut(record: Record, progress: Progress) -> Iterator[Told]:
    """What was there once that the journal should know."""
    line, steps = len(record.events), progress.steps
    if record.longer:
        yield "S125", line, f"the journal ends at line {line}, the committed one has more, or says something else"
    beyond = [n for n in record.story.log if n > steps]
    if beyond and beyond[0] == steps + 1:
        yield "S125", line, f"the journal ends at step {steps}, the log of story.md at step {max(beyond)}"
    put = {f"D{number}" for number in range(1, progress.questions + 1)}
    for shown in record.story.decisions:
        if shown.id not in put:
            yield "S125", line, f"the journal does not know question {shown.id}, story.md line {shown.line} asks it"
    late = sorted(
        name for name in record.files if (match := _NUMBERED.fullmatch(name)) and int(match[1]) > _last(record)
    )
    if late:
        yield "S125", line, f"the journal ends before call {int(late[0].split('-')[0])}, but there is {late[0]}"


def _last(record: Record) -> int:
    return max((event.number for event in record.events if isinstance(event, Began)), default=0)


def against_journal(record: Record) -> list[Told]:
    """What in story.md contradicts the journal; where a write may be missing, it may be older by what is missing."""
    events, machine = record.events, record.machine
    now = fold(machine, events)
    if rewound(now):
        return []
    written = max((index for index, event in enumerate(events) if isinstance(event, Wrote)), default=0)
    last = len(events) if now.unwritten else written + 1
    tries = [list(_against(record, fold(machine, events[:end]))) for end in range(last, written, -1)]
    return [] if [] in tries else list(_against(record, now))


def _against(record: Record, progress: Progress) -> Iterator[Told]:
    story, machine = record.story, record.machine
    if wrong := other_machine(record.events, story):
        yield "S116", story.line("machine"), wrong
    if story.state != progress.state:
        yield "S111", story.line("state"), f"the state is {story.state!r}, the journal says {progress.state!r}"
    for item in story.items:
        if item.own or machine.items[item.id].derived:
            continue
        known = progress.ticked(item.id)
        if machine.items[item.id].by == "human":
            if known and not item.ticked and item.id in progress.needed:
                yield (
                    "S127",
                    item.line,
                    f"{item.text!r} was unticked, but the story is {progress.state!r} because of it",
                )
        elif item.ticked and not known:
            yield "S114", item.line, f"{item.text!r} is ticked, but no evidence says so"
        elif known and not item.ticked:
            yield "S115", item.line, f"{item.text!r} was unticked by hand"
    first = record.events[0]
    updated = progress.log[-1].at if progress.log else first.at if isinstance(first, Adopted) else None
    for key, shown, wanted in (("round", story.round, progress.round), ("updated", story.updated, updated)):
        if shown != wanted:
            yield "S117", story.line(key), f"{key!r} is {shown!r}, the journal says {wanted!r}"
    yield from _log(record, progress)


def _log(record: Record, progress: Progress) -> Iterator[Told]:
    story = record.story
    known = {str(step.n) for step in progress.log}
    seen: list[int] = []
    odd = odd_rows(progress, story, record.folder)
    for row in story.rows:
        name = row.cells[0]
        if name in known and int(name) not in seen:
            if row in odd:
                yield "S119", row.line, f"the log's row {name} is not what the journal says"
            elif seen and int(name) < seen[-1]:
                yield "S119", row.line, f"the log's row {name} stands below row {seen[-1]}"
            seen.append(int(name))
        elif not (name.isdecimal() and int(name) == progress.steps + 1):  # that one says that the journal was cut
            yield "S120", row.line, f"the log has a row {name!r} that the journal does not have"
    for n in sorted({int(name) for name in known} - set(seen)):
        yield "S118", story.line("checklist"), f"the log lost step {n}"


def _evidence(record: Record, progress: Progress) -> Iterator[tuple[str, str, str]]:
    """(code, file, what) of evidence that is not what the journal says was written."""
    began = {event.call: event for event in record.events if isinstance(event, Began)}
    ended = [event for event in record.events if isinstance(event, Ended)]
    seen = {k: v for event in record.events if isinstance(event, Rewound) for k, v in event.seen.items()}
    for event in ended:
        found, accepted = record.files.get(event.evidence, ""), event.evidence in progress.dropped
        if found == event.sha or (accepted and seen.get(event.evidence) == found):
            continue
        if found:
            yield "S121", event.evidence, "the file was edited: it is not what the journal says was written"
        else:
            yield "S122", event.evidence, f"the evidence of {event.call.rpartition('-')[0]} is missing"
    known = {event.evidence for event in ended} | {event.evidence for event in began.values()}
    for name in sorted(set(record.files) - known):
        match = _NUMBERED.fullmatch(name)
        if match and int(match[1]) <= _last(record):
            yield "S123", name, "no call of the journal wrote this file"
    lists = consolidated(record.events)
    running = {e.evidence for e in began.values() if e.call not in {end.call for end in ended}}
    if not lists or (lists[-1] in progress.dropped and seen.get(FINDINGS) == record.files.get(FINDINGS, "")):
        return
    if record.copied is None:
        yield "S122", FINDINGS, "the consolidated findings are missing"
    elif not record.copied[1] or record.copied[0] not in {lists[-1], *running}:
        yield "S121", FINDINGS, f"the file was edited: it is not what {lists[-1]} says"


def _problem(record: Record, where: str, code: str, line: int, what: str) -> Problem:
    story, folder = record.story, record.folder
    state = next((e.dest for e in reversed(record.events) if isinstance(e, Stepped | Rewound)), "")
    state = state or next((e.state for e in record.events if isinstance(e, Adopted)), "STATE")
    files = {"story": story.path, "journal": f"{folder}/journal.jsonl"}
    return Problem(
        code=code,
        severity=Severity.ERROR,
        story=story.id,
        file=files.get(where, f"{folder}/{where}"),
        line=line,
        message=f"{what}.",
        remedy=CATALOGUE[code][1].format(story=story.id, state=state, back=record.back),
    )
