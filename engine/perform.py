"""A group of actions, carried out side by side: journal "began" before, evidence and "ended" after."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from engine.actions.act import act
from engine.actions.fixed import before_fix
from engine.actions.read_back import ReadBack
from engine.actions.situation import Outcome, Situation
from engine.budget import share
from engine.calls.port import Calls
from engine.checks.expected import other_tcs, owed_tcs
from engine.files.evidence import FINDINGS, save_evidence
from engine.inputs import claims_of, story_problems
from engine.look import Seen, inputs_now, look
from engine.model.events import Began, Decided, Ended, Stepped
from engine.model.inputs import written
from engine.model.machine import ConsolidateAct
from engine.model.step import Run, Todo
from engine.ports import Ports
from engine.rules.spending import agent_runs, total
from engine.steps import write


async def perform(seen: Seen, run: Run, ports: Ports) -> list[Outcome]:
    """Carry out a group of actions; those that have not ended: a person has not answered, or they run elsewhere."""
    begun = _begin_all(seen, run.todo, ports)
    agents = sum(bool(todo.role) for todo in run.todo)
    situation = replace(situation_of(seen, ports), left=share(seen, agents, ports.purse))
    ports.purse.running += agents
    try:
        outcomes = await _all(begun, situation, ports.calls)
    finally:
        ports.purse.running -= agents
    pending = []
    errors = []
    for (todo, began), outcome in zip(begun, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            errors.append(outcome)
            continue
        if outcome.status in ("pending", "running"):
            pending.append(outcome)
            continue
        ended = _end(seen, todo, began, outcome)
        ports.purse.spent += total(agent_runs([began, ended]))
        ports.tell(f"story {seen.shown.id}: {outcome.why}")
    if errors:
        raise errors[0]  # what its siblings answered is kept
    if len(pending) < len(outcomes) or seen.progress.unwritten:
        write(look(seen.repository, seen.repository.root / seen.pack.root, seen.source.id))
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


def _end(seen: Seen, todo: Todo, began: Began, outcome: Outcome) -> Ended:
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
        worker=outcome.worker,
        usage=outcome.usage,
    )
    seen.journal.append(ended)
    return ended


def situation_of(seen: Seen, ports: Ports) -> Situation:
    """What the actions of a story know when they run."""
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
