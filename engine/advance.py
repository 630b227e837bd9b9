"""One story, advanced: read → decide → act → write, until a person is needed or it is over.

advance
├── look                 files → Seen
├── heal                 what a killed engine had in the journal but not yet in story.md
├── notice               what a person ticked or answered
├── decide               Fire | Run | Wait
├── act                  calls side by side; journal "began" before, evidence and "ended" after
└── write                story.md by replayed edits, then "wrote"
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, assert_never

from engine.abreast import clash, moved_on, take_over
from engine.actions.situation import Outcome
from engine.budget import not_yet
from engine.commits import commit_step
from engine.derived import show_derived
from engine.errors import FormatError
from engine.files import disk
from engine.homes import demand_lives
from engine.inputs import missing_prompts
from engine.look import Repository, Seen, look
from engine.model.events import Decided, Event
from engine.model.step import Fire, Place, Run, Step, Wait, Waiting
from engine.perform import perform
from engine.ports import Ports
from engine.rules.decide import decide
from engine.rules.notice import Noticed
from engine.settle import corrections
from engine.snapshot import keep_entry, keep_step
from engine.steps import ask_all, demand_honest, notice_now, take_step, with_events, write
from engine.workplace import begins_work, entrance, in_the_way


@dataclass(slots=True)
class Advanced:
    """What happened, and who must do what next. `outcome` is "moved" when a step was written."""

    outcome: Literal["moved", "waiting"] = "waiting"
    steps: list[Step] = field(default_factory=list)
    waiting: Waiting | None = None
    would: list[str] = field(default_factory=list)


def advance(repository: Repository, folder: Path, story_id: str, *, ports: Ports, one_step: bool = False) -> Advanced:
    """Advance a story until it needs a person, waits for another story or is over; `one_step` stops after one."""
    return asyncio.run(advancing(repository, folder, story_id, ports=ports, one_step=one_step))


async def advancing(
    repository: Repository, folder: Path, story_id: str, *, ports: Ports, one_step: bool = False
) -> Advanced:
    """`advance`, as one of several stories that move side by side."""
    result = Advanced()
    lock = repository.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        demand_lives(repository, folder, story_id)
        seen = look(repository, folder, story_id)
        for rescued in (*disk.sweep(seen.path.parent), *disk.sweep(seen.evidence)):
            ports.tell(f"{rescued} holds what somebody saved while the engine was killed: compare it, then delete it")
        while len(result.steps) < repository.config.limits.steps:
            waiting = await _turn(seen, ports, result)
            if waiting is not None:
                result.waiting = waiting
                break
            if one_step and result.steps and result.steps[-1].source != result.steps[-1].dest:
                result.waiting = foresee(repository, folder, story_id, ports=ports).waiting
                break
            seen = look(repository, folder, story_id)
        else:
            ports.tell(f"stopped after {len(result.steps)} steps, as limits.steps in story.toml says; run it again")
        if result.steps or seen.progress.state not in seen.machine.terminal:
            show_derived(seen)
    result.outcome = "moved" if result.steps else "waiting"
    return result


def foresee(repository: Repository, folder: Path, story_id: str, *, ports: Ports) -> Advanced:
    """Say what `advance` would do next, changing nothing."""
    seen = look(repository, folder, story_id)
    demand_honest(seen)
    noticed = notice_now(seen, ports)
    seen = with_events(seen, noticed.events)
    result = Advanced(would=[_told(event) for event in noticed.events])
    match decide(seen.chart, seen.progress, seen.facts, seen.inputs):
        case Fire() as fire:
            result.would.append(f"go from {fire.source} to {fire.dest}: {fire.why}")
        case Run() as run:
            result.would += [f"run {todo.act.id}" + (f" as {todo.role}" if todo.role else "") for todo in run.todo]
        case Wait() as wait:
            result.waiting = Waiting(for_=wait.for_, items=tuple(_places(seen, wait, noticed)))
        case never:
            assert_never(never)
    result.waiting = clash(seen, moved_on(seen)) or result.waiting
    return result


async def _turn(seen: Seen, ports: Ports, result: Advanced) -> Waiting | None:
    """One turn; the answer says whom it waits for, None says: look again."""
    demand_honest(seen)
    unwritten = seen.progress.unwritten
    if unwritten and not seen.progress.running and not all(isinstance(event, Decided) for event in unwritten):
        write(ask_all(seen, ports))
        return None
    if moved := moved_on(seen):
        held = clash(seen, moved)
        if held is None:
            take_over(seen, moved, ports)
        return held
    noticed = notice_now(seen, ports)
    if noticed.events:
        for event in noticed.events:
            seen.journal.append(event)
        seen = with_events(seen, noticed.events)
    match decide(seen.chart, seen.progress, seen.facts, seen.inputs):
        case Fire() as fire:
            return _step(seen, fire, ports, result)
        case Run() as run if run.asks:
            write(ask_all(seen, ports))
            return None
        case Run() as run:
            for todo in run.todo:
                if todo.role:
                    ports.demand(todo.role, seen.machine.roles[todo.role])  # before anything is spent
            story, state = seen.shown.path, seen.progress.state
            async with ports.admit(story, seen.machine, state, run.todo) as waited:
                if waited and not _same(seen, run):
                    return None
                if waiting := not_yet(seen, run.todo, ports.purse, ports.clock()):
                    return waiting
                keep_entry(seen)
                pending = await perform(seen, run, ports)
            if pending and len(pending) == len(run.todo):
                return _not_ended(pending)
            return None
        case Wait() as wait:
            if noticed.events or noticed.wrong or seen.progress.unwritten:
                write(seen)
            if wait.for_ == "files":
                raise _prompts_missing(seen)
            return Waiting(for_=wait.for_, items=tuple(_places(seen, wait, noticed)))
        case never:
            assert_never(never)


def _step(seen: Seen, fire: Fire, ports: Ports, result: Advanced) -> Waiting | None:
    """Take an exit, unless the tree that the story would be executed in is another's."""
    begins = begins_work(seen, fire)
    if begins and seen.repository.main is None and seen.repository.isolated(seen.machine):
        if seen.progress.unwritten:
            write(seen)
        return Waiting(for_="worktree", items=())
    begins = begins and seen.repository.main is None
    with entrance(seen, begins=begins):
        if begins and (taken := (*in_the_way(seen), *ports.before(seen.shown.path))):
            if seen.progress.unwritten:
                write(seen)
            return Waiting(for_="tree", items=taken)
        keep_entry(seen)
        if corrected := corrections(seen, ports.clock()):
            seen.journal.append(corrected)
            write(with_events(seen, [corrected]))
            return None
        after, step = take_step(seen, fire, ports)
    result.steps.append(step)
    write(after)
    keep_step(after)
    show_derived(after)
    if ports.commit:
        commit_step(seen, step, alone=ports.committed)
    ports.stepped(step)
    return None


def _not_ended(pending: list[Outcome]) -> Waiting:
    """Whom a group waits for of which nothing has ended: a person who plays a role, else calls that run elsewhere."""
    by_hand = tuple(Place(file=one.body, line=1, text=one.why) for one in pending if one.status == "pending")
    return Waiting(for_="person" if by_hand else "calls", items=by_hand)


def _same(seen: Seen, run: Run) -> bool:
    """Is all as it was when these actions were found to be needed?"""
    now = look(seen.repository, seen.repository.root / seen.pack.root, seen.source.id)
    unread = now.shown != seen.shown or now.pack != seen.pack
    return not unread and decide(now.chart, now.progress, now.facts, now.inputs) == run


def _prompts_missing(seen: Seen) -> FormatError:
    named = ", ".join(missing_prompts(seen.machine, seen.source))
    remedy = f"Write it beside story.md, as `story new` does. `story check {seen.shown.id}` says more."
    return FormatError(f"the story has no prompt {named}.", path=seen.shown.path, line=1, remedy=remedy)


def _places(seen: Seen, wait: Wait, noticed: Noticed) -> list[Place]:
    """Where somebody must look or edit, most blocking first."""
    places = [*noticed.wrong, *noticed.open, *noticed.unproven]
    if places:
        return places
    match wait.for_:
        case "dependencies":
            return list(seen.waiting_for)
        case "nobody":
            return []
        case "files" | "person":
            own = [item for item in seen.shown.items if item.own and not item.ticked]
            if any(why.startswith("item not ticked") for why in wait.why) and own:
                return [Place(file=seen.shown.path, line=item.line, text=item.text) for item in own]
            return [Place(file=seen.shown.path, line=1, text=why) for why in wait.why]
        case never:
            assert_never(never)


def _told(event: Event) -> str:
    if isinstance(event, Decided):
        return f"take the answer {event.option!r} to {event.decision} by {event.by}"
    return f"note in the journal: {event.model_dump(exclude={'at'})}"
