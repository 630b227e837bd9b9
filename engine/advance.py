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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, assert_never

from engine.actions.act import act
from engine.actions.fixed import before_fix
from engine.actions.read_back import ReadBack
from engine.actions.situation import Outcome, Situation
from engine.agents.protocol import Agent, Clock
from engine.budget import not_yet, share
from engine.cage import Cage
from engine.calls.port import Calls
from engine.checks.expected import other_tcs, owed_tcs
from engine.errors import FormatError, UsageError
from engine.files import disk
from engine.files.blame import person_behind
from engine.files.evidence import FINDINGS, save_evidence
from engine.files.repository import show_new
from engine.files.story_file import write_story
from engine.inputs import claims_of, missing_prompts, story_problems
from engine.live import Watch
from engine.look import Repository, Seen, inputs_now, look
from engine.model.events import Began, Decided, Ended, Event, Stepped, Wrote
from engine.model.inputs import written
from engine.model.machine import ConsolidateAct, Machine, Role
from engine.model.step import Fire, Place, Run, Step, Todo, Wait, Waiting
from engine.rules.decide import decide, next_question, unticks
from engine.rules.history import fold
from engine.rules.notice import Noticed, notice
from engine.rules.overrule import overrule as passed_over
from engine.rules.projection import edits
from engine.rules.questions import ask_about
from engine.settle import corrections, told, write_corrections
from engine.showing import shown_with
from engine.snapshot import keep_entry, keep_step
from engine.trust import distrust, refuse


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that reaches out of the engine, handed in by the wiring."""

    calls: Calls
    clock: Clock
    mint: Callable[[], str]
    author: Callable[[], str]
    agents: Callable[[str, Role], Agent]
    demand: Callable[[str, Role], None]
    tell: Callable[[str], None]
    cage: Callable[[Machine, Path], Cage | None]
    watch: Watch


@dataclass(slots=True)
class Advanced:
    """What happened, and who must do what next. `outcome` is "moved" when a step was written.

    `since` is the number of events that the journal had before.
    """

    outcome: Literal["moved", "waiting"] = "waiting"
    steps: list[Step] = field(default_factory=list)
    waiting: Waiting | None = None
    would: list[str] = field(default_factory=list)
    since: int = 0


def advance(repository: Repository, folder: Path, story_id: str, *, ports: Ports, one_step: bool = False) -> Advanced:
    """Advance a story until it needs a person, waits for another story or is over; `one_step` stops after one."""
    result = Advanced()
    lock = repository.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        seen = look(repository, folder, story_id)
        result.since = len(seen.events)
        for rescued in (*disk.sweep(seen.path.parent), *disk.sweep(seen.evidence)):
            ports.tell(f"{rescued} holds what somebody saved while the engine was killed: compare it, then delete it")
        while len(result.steps) < repository.config.limits.steps:
            waiting = _turn(seen, ports, result)
            if waiting is not None:
                result.waiting = waiting
                break
            if one_step and result.steps and result.steps[-1].source != result.steps[-1].dest:
                result.waiting = foresee(repository, folder, story_id, ports=ports).waiting
                break
            seen = look(repository, folder, story_id)
        else:
            ports.tell(f"stopped after {len(result.steps)} steps, as limits.steps in story.toml says; run it again")
    result.outcome = "moved" if result.steps else "waiting"
    return result


def foresee(repository: Repository, folder: Path, story_id: str, *, ports: Ports) -> Advanced:
    """Say what `advance` would do next, changing nothing."""
    seen = look(repository, folder, story_id)
    _demand_honest(seen)
    noticed = _notice(seen, ports)
    seen = _with(seen, noticed.events)
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
    return result


def overrule(repository: Repository, folder: Path, story_id: str, *, to: str, because: str, ports: Ports) -> Step:
    """Take an exit that is not open, since a person says so with a reason that stays in the log."""
    if not because.strip():
        raise UsageError('--because "…" is empty: an overrule needs a reason, which stays in the log.')
    lock = repository.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        seen = look(repository, folder, story_id)
        _demand_honest(seen)
        if seen.progress.unwritten:
            raise UsageError(
                f"story {story_id} has something to be written still. Run `story advance {story_id}` first."
            )
        noticed = _notice(seen, ports).events
        known = _with(seen, noticed)
        passed = passed_over(known.chart, known.progress, known.facts, known.inputs, to)
        if isinstance(passed, str):
            raise UsageError(f"story {story_id} cannot be overruled: {passed}.")
        for event in noticed:
            seen.journal.append(event)
        result = Advanced()
        who, reason = ports.author(), " ".join(because.split())
        ticked = ", ".join(repr(seen.machine.items[item].text) for item in passed.ticks)
        why = f"overruled by {who}: {reason}; not met: {'; '.join(passed.unmet)}"
        exit_ = passed.exit.model_copy(update={"ticks": passed.ticks})
        fire = Fire(
            source=known.progress.state, dest=to, exit=exit_, why=why + (f"; ticked: {ticked}" if ticked else "")
        )
        keep_entry(known)
        seen = _fire(known, fire, ports, result, {"by": who, "because": reason, "unmet": passed.unmet})
        _write(seen)
        keep_step(seen)
    return result.steps[-1]


def _turn(seen: Seen, ports: Ports, result: Advanced) -> Waiting | None:
    """One turn; the answer says whom it waits for, None says: look again."""
    _demand_honest(seen)
    unwritten = seen.progress.unwritten
    if unwritten and not seen.progress.running and not all(isinstance(event, Decided) for event in unwritten):
        _write(_ask_all(seen, ports))
        return None
    noticed = _notice(seen, ports)
    if noticed.events:
        for event in noticed.events:
            seen.journal.append(event)
        seen = _with(seen, noticed.events)
    match decide(seen.chart, seen.progress, seen.facts, seen.inputs):
        case Fire() as fire:
            keep_entry(seen)
            if corrected := corrections(seen, ports.clock()):
                seen.journal.append(corrected)
                _write(_with(seen, [corrected]))
                return None
            seen = _fire(seen, fire, ports, result)
            _write(seen)
            keep_step(seen)
            return None
        case Run() as run if run.asks:
            _write(_ask_all(seen, ports))
            return None
        case Run() as run:
            for todo in run.todo:
                if todo.role:
                    ports.demand(todo.role, seen.machine.roles[todo.role])  # before anything is spent
            if waiting := not_yet(seen, run.todo, result.since, ports.clock()):
                return waiting
            keep_entry(seen)
            pending = _run(seen, run, ports, result.since)
            if pending and len(pending) == len(run.todo):
                return Waiting(for_="person", items=tuple(pending))
            return None
        case Wait() as wait:
            if noticed.events or noticed.wrong or seen.progress.unwritten:
                _write(seen)
            if wait.for_ == "files":
                raise _prompts_missing(seen)
            return Waiting(for_=wait.for_, items=tuple(_places(seen, wait, noticed)))
        case never:
            assert_never(never)


def _fire(
    seen: Seen, fire: Fire, ports: Ports, result: Advanced, overruled: Mapping[str, object] | None = None
) -> Seen:
    """Journal the step and the questions of the state it enters, so that one write shows all of it."""
    progress = seen.progress
    actions = [*progress.done.items()]
    step = Stepped(
        at=ports.clock(),
        n=progress.steps + 1,
        source=fire.source,
        dest=fire.dest,
        why="; ".join(filter(None, (fire.why, told(seen)))),
        ticks=fire.exit.ticks,
        unticks=unticks(seen.machine, progress, fire),
        evidence=tuple(ended.evidence for _, ended in actions if ended.evidence),
        enters=fire.exit.enters,
        resets=fire.exit.resets,
        changed=fire.changed,
    ).model_copy(update=overruled)
    seen.journal.append(step)
    names = tuple(f"{name}{' as ' + role if role else ''}" for (name, role), _ in actions)
    result.steps.append(Step(source=fire.source, dest=fire.dest, actions=names, why=step.why))
    return _ask_all(_with(seen, [step]), ports)


def _ask_all(seen: Seen, ports: Ports) -> Seen:
    """Put the questions of the state to a person, if it has any that are not put yet."""
    standing = seen.repository.config.standing.model_dump(exclude_none=True)
    while True:
        todo = next_question(seen.machine, seen.progress)
        if todo is None:
            return seen
        shows = shown_with(seen, todo)
        asked = ask_about(seen.machine, seen.progress, todo, standing=standing, at=ports.clock(), shows=shows)
        for event in asked:
            seen.journal.append(event)
        seen = _with(seen, asked)


def _run(seen: Seen, run: Run, ports: Ports, since: int) -> list[Place]:
    """Carry out a group of actions; the places where a person plays a role that has not answered yet."""
    begun = _begin_all(seen, run.todo, ports)
    left = share(seen, sum(bool(todo.role) for todo in run.todo), since)
    situation = replace(_situation(seen, ports), left=left)
    outcomes = asyncio.run(_all(begun, situation, ports.calls))
    pending = []
    errors = []
    for (todo, began), outcome in zip(begun, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            errors.append(outcome)
            continue
        if outcome.status == "pending":
            pending.append(Place(file=outcome.body, line=1, text=outcome.why))
            continue
        _end(seen, todo, began, outcome)
        ports.tell(f"story {seen.shown.id}: {outcome.why}")
    if errors:
        raise errors[0]  # what its siblings answered is kept
    if len(pending) < len(outcomes) or seen.progress.unwritten:
        _write(look(seen.repository, seen.repository.root / seen.pack.root, seen.source.id))
    return pending


async def _all(begun: list[tuple[Todo, Began]], situation: Situation, calls: Calls) -> list[Outcome | BaseException]:
    runs = (act(todo, began.call, situation, calls) for todo, began in begun)
    return await asyncio.gather(*runs, return_exceptions=True)


def _begin_all(seen: Seen, todo: tuple[Todo, ...], ports: Ports) -> list[tuple[Todo, Began]]:
    """Mint the calls' ids in the journal, or find those that a killed engine minted."""
    begun = []
    number = seen.progress.calls
    for one in todo:
        running = seen.progress.running.get((one.act.id, one.role))
        if running is None:
            number += 1
            running = _begin(seen, one, number, ports)
        begun.append((one, running))
    return begun


def _begin(seen: Seen, todo: Todo, number: int, ports: Ports) -> Began:
    who = f"{todo.act.id}-{todo.role}" if todo.role else todo.act.id
    name = f"{seen.shown.id}/{seen.progress.state}/{who}/{todo.turn}.{todo.attempt}"
    began = Began(
        at=ports.clock(),
        call=f"{name}-{ports.mint()}",
        number=number,
        act=todo.act.id,
        role=todo.role,
        attempt=todo.attempt,
        turn=todo.turn,
        resumes=todo.resumes,
        inputs=seen.inputs,
        files=before_fix(
            todo.act,
            machine=seen.machine,
            pack=seen.pack,
            story=seen.source,
            findings=seen.progress.findings,
            root=seen.repository.root,
        ),
    )
    seen.journal.append(began)
    ports.tell(f"story {seen.shown.id}: {began.act}{' as ' + began.role if began.role else ''} …")
    return began


def _end(seen: Seen, todo: Todo, began: Began, outcome: Outcome) -> None:
    name = began.evidence
    head = {
        "story": seen.shown.id,
        "call": began.call,
        "status": outcome.status,
        "result": outcome.why,
        **({"session": outcome.session, "model": outcome.model} if outcome.session else {}),
        "ended": outcome.at,
    }
    same = seen.journal.demand_same
    same()
    sha = save_evidence(seen.evidence / name, head, outcome.body, still=same)
    if isinstance(todo.act, ConsolidateAct) and outcome.status == "ok":
        save_evidence(seen.evidence / FINDINGS, {"story": seen.shown.id, "from": name}, outcome.body, still=same)
    ended = Ended(
        at=outcome.at,
        call=began.call,
        status="ok" if outcome.status == "ok" else "invalid" if outcome.status == "invalid" else "failed",
        why=outcome.why,
        facts=outcome.facts,
        findings=outcome.findings,
        answers=outcome.answers,
        disputes=outcome.disputes,
        sections=outcome.sections,
        accepts=outcome.accepts,
        tcs=outcome.tcs,
        counts=outcome.counts,
        evidence=name,
        sha=sha,
        inputs=inputs_now(seen) if written(todo.act) else {},
        freezes=outcome.freezes,
        session=outcome.session,
        lost=outcome.lost,
        half=outcome.half,
        passes=outcome.passes,
        until=outcome.until,
        model=outcome.model,
        usage=outcome.usage,
    )
    seen.journal.append(ended)


def _write(seen: Seen) -> None:
    """Bring story.md and settled figures up to the journal; nothing is written where nothing is missing."""
    write_corrections(seen)
    wanted = edits(seen.machine, seen.progress, seen.shown, seen.evidence.name)
    write_story(seen.path, wanted, lock=seen.write_lock, still=seen.journal.demand_same)
    if seen.progress.unwritten:
        seen.journal.append(Wrote())
    show_new(seen.repository.root, [seen.evidence])


def _prompts_missing(seen: Seen) -> FormatError:
    named = ", ".join(missing_prompts(seen.machine, seen.source))
    remedy = f"Write it beside story.md, as `story new` does. `story check {seen.shown.id}` says more."
    return FormatError(f"the story has no prompt {named}.", path=seen.shown.path, line=1, remedy=remedy)


def _notice(seen: Seen, ports: Ports) -> Noticed:
    proof = person_behind(seen.repository.root, seen.shown.path, seen.machine.people)
    by, at = ports.author(), ports.clock()
    return notice(seen.machine, seen.progress, seen.shown, by=by, at=at, proof=proof, inputs=seen.inputs)


def _demand_honest(seen: Seen) -> None:
    """Only the engine writes progress, and only from evidence; anything else is refused with the way back."""
    refuse(distrust(seen.repository.root, seen.shown, seen.machine, seen.evidence, seen.events)[1])


def _with(seen: Seen, events: list[Event]) -> Seen:
    """The same story with some more events in its journal."""
    every = (*seen.events, *events)
    progress = fold(seen.machine, every)
    return replace(seen, events=every, progress=progress)


def _situation(seen: Seen, ports: Ports) -> Situation:
    repository = seen.repository
    back = ReadBack(repository.root, seen.evidence, seen.machine, seen.progress)
    return Situation(
        root=repository.root,
        scratch=repository.state,
        pack=seen.pack,
        story=seen.source,
        machine=seen.machine,
        progress=seen.progress,
        config=repository.config,
        agents=lambda role: ports.agents(role, seen.machine.roles[role]),
        clock=ports.clock,
        claims=lambda: claims_of(seen.pack, seen.source.id),
        problems=lambda: story_problems(seen.pack, repository.root, seen.source.id),
        tests=back.tests,
        evidence=back.evidence,
        inputs=seen.inputs,
        words=_words(seen),
        still=seen.journal.demand_same,
        cage=lambda reports: ports.cage(seen.machine, reports),
        watch=ports.watch,
        others=lambda: other_tcs(seen.pack, seen.source.id),
        owed=lambda: owed_tcs(seen.pack, seen.source.id),
    )


def _words(seen: Seen) -> dict[str, str]:
    ids = [story.id for story in seen.pack.stories]
    index = ids.index(seen.source.id)
    last = seen.progress.log[-1] if seen.progress.log else None
    folder = seen.evidence.relative_to(seen.repository.root).as_posix()
    links = "".join(f"\n- {folder}/{name}" for name in last.evidence) if last else ""
    return {
        "n": seen.source.id,
        "prev": ids[index - 1] if index else "before it",
        "slug": seen.source.slug,
        "failures": f"{last.why}{links}" if last else "",
        "note": _note(seen),
    }


def _note(seen: Seen) -> str:
    """What a person wrote to the answers that led into this state; older notes were about something else."""
    notes: list[str] = []
    for event in seen.events:
        if isinstance(event, Stepped):
            kept, notes = notes, []
            if event.n == seen.progress.steps:
                return "\n".join(kept)
        elif isinstance(event, Decided) and event.note:
            notes.append(event.note)
    return ""


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
