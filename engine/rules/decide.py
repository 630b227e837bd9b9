"""Decide what a story needs next: fire an exit, run actions, or wait. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.facts import Facts
from engine.model.machine import AgentAct, AskAct, Exit, Machine, Phase, Resume, SimpleAct
from engine.model.step import Decision, Fire, Run, Todo, Wait
from engine.rules.disputes import disputed, unsettled
from engine.rules.guards import explain, facts_of, statement
from engine.rules.history import Progress, Who, passed, reopened, roles_of
from engine.rules.stale import send_back
from engine.rules.statechart import Cursor, Statechart

PHASES: tuple[Phase, ...] = ("validation", "ready", "execution", "verification", "done")
INVALID_TWICE = 2


def decide(chart: Statechart, progress: Progress, facts: Facts, inputs: dict[str, str]) -> Decision:
    """Answer what comes next for one story.

    `facts` are the journal's facts with those of the world around it (dependencies, files, own items); `inputs` are
    the hashes of what evidence rests on, as they are now. What changed from outside comes before all else, but a call
    that runs is ended first, and so is what a person answered, unless that would end the story well.
    """
    machine, state = chart.machine, chart.machine.states[progress.state]
    if progress.state in machine.terminal:
        return Wait(for_="nobody", why=(f"the story is {progress.state}",))
    back = None if progress.running else send_back(machine, progress, inputs)
    if back is not None and not state.asks:
        return back
    pending = next(_pending(machine, progress, inputs), None)
    if pending is not None and not isinstance(pending[0].act, AskAct):
        spent = next((todo for todo in pending if _spent(machine, progress, todo)), None)
        return _give_up(machine, progress, spent) if spent else Run(todo=pending)
    cursor = Cursor(progress.state, facts, progress.origin)
    exit_ = chart.advance(cursor)
    if back is not None and (exit_ is None or machine.terminal.get(cursor.state) == "success"):
        return back
    if exit_ is not None:
        blocked = own_items(machine, progress.state, cursor.state, facts) or open_findings(machine, progress, exit_)
        if blocked:
            return Wait(for_="person", why=blocked)
        return Fire(source=progress.state, dest=cursor.state, exit=exit_, why=_why(chart, exit_, progress))
    if pending is not None:
        return Run(todo=pending)
    return _wait(chart, state.asks, progress, facts)


def why_not(chart: Statechart, state: str, facts: Facts) -> list[tuple[Exit, bool | None, list[str]]]:
    """For each exit of a state: is it open, and if not, each question that does not answer yes."""
    rows = []
    for way in chart.ways[state]:
        answer = way.holds(facts)
        if way.exit.otherwise:
            other = "another exit is open" if answer is False else "another exit may still open"
            reasons = [] if answer else [other]
        else:
            reasons = explain(way.term, facts, chart.machine)
        rows.append((way.exit, answer, reasons))
    return rows


def next_question(machine: Machine, progress: Progress) -> AskAct | None:
    """The first question of the state that is not put to a person yet, if nothing else is to be done first."""
    pending = next(_pending(machine, progress, {}), ())
    return next((todo.act for todo in pending if isinstance(todo.act, AskAct)), None)


def unticks(machine: Machine, progress: Progress, fire: Fire) -> tuple[str, ...]:
    """The items that a step unticks, of those that are ticked by then."""
    return fire.opens or tuple(
        item
        for item in reopened(machine, machine.states[fire.dest])
        if progress.ticked(item) or item in fire.exit.ticks
    )


def _pending(machine: Machine, progress: Progress, inputs: dict[str, str]) -> Iterator[tuple[Todo, ...]]:
    """The groups of actions that are not done yet, in order."""
    for group in machine.states[progress.state].groups():
        todo = tuple(
            _todo(progress, act, role)
            for act in group
            for role in roles_of(machine, act)
            if not _done(progress, act, role, inputs)
        )
        if todo:
            yield todo


def _done(progress: Progress, act: SimpleAct, role: str, inputs: dict[str, str]) -> bool:
    if isinstance(act, AskAct):
        named = {event.decision for event in progress.asked.values()}
        return act.ask in named | {event.decision for event in progress.decided.values()}
    if (act.id, role) in progress.done:
        return True
    if isinstance(act, AgentAct) and act.only == "challenged":
        return not disputed(progress, role)
    if isinstance(act, AgentAct) and act.only:
        return passed(progress, role, inputs)
    return False


def _todo(progress: Progress, act: SimpleAct, role: str) -> Todo:
    who: Who = (act.id, role)
    failures = progress.failures.get(who, [])
    running = progress.running.get(who)
    resumes = _resumes(progress, act, role)
    lost = {failure.lost for failure in failures}
    begun = [failure.session for failure in failures if failure.session and failure.session not in lost]
    if begun:  # a refused answer is asked for again there, and what broke off goes on: it is paid for
        resumes = begun[-1]
    return Todo(
        act=act,
        role=role,
        attempt=len(failures) + 1,
        turn=running.turn if running else progress.turns.get(who, 0) + 1,
        call=running.call if running else None,
        resumes=running.resumes if running else resumes,
    )


def _resumes(progress: Progress, act: SimpleAct, role: str) -> str | None:
    if not isinstance(act, AgentAct) or not isinstance(act.session, Resume):
        return None
    return next((s for earlier in act.session.resume if (s := progress.sessions.get((earlier, role)))), None)


def _spent(machine: Machine, progress: Progress, todo: Todo) -> bool:
    failures = progress.failures.get((todo.act.id, todo.role), [])
    invalid = sum(failure.status == "invalid" for failure in failures)
    lost = sum(failure.lost is not None for failure in failures)
    if lost and isinstance(todo.act, AgentAct) and todo.act.asks_if_stale:
        return True
    if failures and not failures[-1].passes and failures[-1].lost is None:
        return True
    paused = sum(failure.until is not None for failure in failures)
    return invalid >= INVALID_TWICE or len(failures) - invalid - lost - paused > machine.defaults.retries


def _give_up(machine: Machine, progress: Progress, todo: Todo) -> Fire:
    last = progress.failures[todo.act.id, todo.role][-1]
    failed = machine.defaults.failed
    who = machine.roles[todo.role].title if todo.role else todo.act.id
    why = last.why if last.lost else f"{who} failed {todo.attempt - 1} times: {last.why}"
    return Fire(source=progress.state, dest=failed, exit=Exit(to=failed), why=why)


def own_items(machine: Machine, source: str, dest: str, facts: Facts) -> tuple[str, ...]:
    """Own items of a phase guard the way onward out of it."""
    here, there = machine.phase_of(source), machine.phase_of(dest)
    if PHASES.index(there) <= PHASES.index(here) or machine.terminal.get(dest) == "failure":
        return ()
    open_ = [fact for fact, value in facts.items() if fact[0] == "own" and value == "open"]
    late = [fact for fact in open_ if PHASES.index(section_phase(machine, fact[1])) < PHASES.index(there)]
    return tuple(f"item not ticked: {fact[2]!r} ({fact[1]})" for fact in late)


def open_findings(machine: Machine, progress: Progress, exit_: Exit) -> tuple[str, ...]:
    """No story succeeds over a blocker or an issue of which nobody can say how it ended."""
    if machine.terminal.get(exit_.to) != "success":
        return ()
    return tuple(f"{f.id} ({f.severity}) is open: {f.text}" for f in unsettled(progress))


def section_phase(machine: Machine, section: str) -> Phase:
    """The phase whose states tick the items of a section; own items guard its end."""
    items = set(machine.checklist.get(section, {}))
    for state in machine.states.values():
        ticks = {item for act in state.acts() for item in act.ticks} | {i for e in state.exits for i in e.ticks}
        boxes = {i for a in state.acts() if isinstance(a, AskAct) for i in machine.decisions[a.ask].box}
        if items & (ticks | boxes):
            return state.phase
    return "done"


def _why(chart: Statechart, exit_: Exit, progress: Progress) -> str:
    """What was observed or decided in the state; where nothing was, the guard in words."""
    said = [ended.why for ended in progress.done.values() if ended.why]
    decided = [
        f"{event.decision}{' ' + event.finding if event.finding else ''}: {event.option} "
        + f"({event.by}{', by the box for the rest' if event.rest else ''})"
        + (f": {' '.join(event.note.split())}" if event.note else "")
        for event in progress.decided.values()
        if event.by
    ]
    if said or decided:
        return "; ".join([*said, *decided])
    way = next(way for way in chart.ways[progress.state] if way.exit is exit_)
    return statement(way.term, chart.machine) or "there is nothing to wait for"


def _wait(chart: Statechart, asks: bool, progress: Progress, facts: Facts) -> Wait:
    rows = why_not(chart, progress.state, facts)
    reasons = tuple(dict.fromkeys(reason for _, _, reasons in rows for reason in reasons))
    if asks:
        return Wait(for_="person", why=reasons)
    read = {fact[0] for way in chart.ways[progress.state] for fact in facts_of(way.term)}
    if "files" in read and facts.get(("files",)) != "exist":
        return Wait(for_="files", why=reasons)
    if "dependencies" in read and facts.get(("dependencies",)) != "complete":
        return Wait(for_="dependencies", why=reasons)
    return Wait(for_="person", why=reasons)
