"""`story rewind`: bring a story back to a state that it has been in; nothing is deleted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.agents.protocol import Clock
from engine.errors import UsageError
from engine.files import disk
from engine.files.story_file import write_story
from engine.look import Repository, Seen, adopted_machine, look
from engine.model.events import Ended, Rewound, Wrote
from engine.model.problem import Problem
from engine.model.step import Step
from engine.rules.forgery import FINDINGS, MENDED, consolidated
from engine.rules.history import fold
from engine.rules.projection import edits
from engine.snapshot import keep_step, restore
from engine.trust import distrust, refuse


@dataclass(slots=True)
class Back:
    """What rewinding did: the step, what it found changed by hand, and the files that it brought back."""

    step: Step
    found: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kept: str = ""


def rewind(
    repository: Repository,
    folder: Path,
    story_id: str,
    *,
    to: str,
    because: str,
    code: bool,
    author: str,
    clock: Clock,
) -> Back:
    """Bring a story back to when it last entered a state, and with `code` the files, too.

    What was changed by hand in story.md is overwritten, and named in the log. A damaged journal is refused.
    """
    lock = repository.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        disk.sweep(repository.root / folder)
        seen = look(repository, folder, story_id, machine=adopted_machine(repository, folder, story_id))
        at = _entry(seen, to)
        found, altered = _found(seen, at)
        files, kept = restore(seen, at) if code else ([], "")
        event = _event(seen, to, because, code, found, altered, by=author, at=clock())
        seen.journal.append(event)
        after = _with(seen, event)
        wanted = edits(after.machine, after.progress, after.shown, after.evidence.name)
        write_story(after.path, wanted, lock=after.write_lock, still=after.journal.demand_same)
        after.journal.append(Wrote())
        keep_step(after)
    step = Step(source=event.source, dest=event.dest, actions=(), why=event.why)
    return Back(step=step, found=[str(problem) for problem in found], files=files, kept=kept)


def _entry(seen: Seen, to: str) -> int:
    """The index of the event by which the story last entered a state."""
    entered = seen.progress.entered
    if not any(state == to for state, _ in entered):
        known = ", ".join(dict.fromkeys(state for state, _ in entered)) or "no state, since its journal is empty"
        raise UsageError(f"story {seen.shown.id} has not been in {to!r}; it has been in {known}. Name one of these.")
    return max(index for state, index in entered if state == to)


def _found(seen: Seen, at: int) -> tuple[list[Problem], dict[str, str]]:
    """What was changed by hand and is put right by this, and the altered evidence; anything else refuses."""
    root, evidence = seen.repository.root, seen.evidence
    record, problems = distrust(root, seen.shown, seen.machine, evidence, seen.events)
    late = {event.evidence for event in seen.events[at + 1 :] if isinstance(event, Ended)} | seen.progress.dropped
    lists = consolidated(seen.events)
    if lists and lists[-1] in late:
        late.add(FINDINGS)
    names = {f"{record.folder}/{name}": name for name in late}
    altered = {p.file: names[p.file] for p in problems if p.code in ("S121", "S122") and p.file in names}
    refuse([problem for problem in problems if problem.code not in MENDED and problem.file not in altered])
    return problems, {name: record.files.get(name, "") for name in altered.values()}


def _event(
    seen: Seen, to: str, because: str, code: bool, found: list[Problem], altered: dict[str, str], *, by: str, at: str
) -> Rewound:
    """The event; a human item that is not ticked now stays so, whatever it was then: only a person ticks it."""
    why = f"rewound by {by}" + (f": {because}" if because else "") + ("; with the code" if code else "")
    if found:
        places = "; ".join(f"{problem.message.rstrip('.')} ({_place(problem)})" for problem in found)
        why += f"; changed by hand: {places}"
    event = Rewound(
        at=at,
        by=by,
        n=seen.progress.steps + 1,
        source=seen.progress.state,
        dest=to,
        because=because,
        why=why,
        seen=altered,
        code=code,
    )
    then = _with(seen, event).progress
    human = [item for item in seen.shown.items if not item.own and seen.machine.items[item.id].by == "human"]
    return event.model_copy(
        update={"open": tuple(item.id for item in human if then.ticked(item.id) and not item.ticked)}
    )


def _place(problem: Problem) -> str:
    return f"{problem.file.rpartition('/')[2]}:{problem.line}"


def _with(seen: Seen, event: Rewound) -> Seen:
    every = (*seen.events, event)
    return replace(seen, events=every, progress=fold(seen.machine, every))
