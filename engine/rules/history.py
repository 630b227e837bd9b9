"""The journal folded into where a story stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.model.events import Adopted, Asked, Began, Corrected, Decided, Ended, Event, Rewound, Stepped, Ticked, Wrote
from engine.model.facts import Fact
from engine.model.inputs import DOCUMENTS, kind_of, moved_parts, parts_of, written
from engine.model.machine import (
    ANSWERED,
    AgentAct,
    AskAct,
    ConsolidateAct,
    GateAct,
    Input,
    Machine,
    SimpleAct,
    SpotCheckAct,
    State,
)
from engine.model.verdict import Finding, FixAnswer
from engine.rules.findings import BLOCKERS_ONLY, accept, to_fix
from engine.rules.guards import compile_guard, demanded

Who = tuple[str, str]
"""(action id, role); the role of a gate or an engine's action is ""."""

JUDGES = ("validate", "revalidate", "verify")


@dataclass(slots=True)
class Progress:
    """Where a story stands by its journal. Built by `fold`; read by everybody else."""

    state: str
    origin: str | None = None
    steps: int = 0
    round: int = 0
    calls: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    facts: dict[Fact, str] = field(default_factory=dict)
    running: dict[Who, Began] = field(default_factory=dict)
    done: dict[Who, Ended] = field(default_factory=dict)
    failures: dict[Who, list[Ended]] = field(default_factory=dict)
    latest: dict[Who, Ended] = field(default_factory=dict)
    first: dict[str, Ended] = field(default_factory=dict)  # each gate's first run since execution began
    frozen: Ended | None = None  # the gate run that lists the tests as they must stay
    amended: Decided | None = None  # a person's leave to change them, until the next gate froze them anew
    turns: dict[Who, int] = field(default_factory=dict)
    sessions: dict[Who, str] = field(default_factory=dict)
    judged: dict[str, dict[str, str]] = field(default_factory=dict)
    ground: dict[str, str] = field(default_factory=dict)  # the inputs that the newest evidence stands on
    grounds: dict[str, dict[str, str]] = field(default_factory=dict)  # those that each ticked item was earned on
    findings: tuple[Finding, ...] = ()
    named: dict[str, Finding] = field(default_factory=dict)  # every finding that ever had an id, in any phase
    answers: tuple[FixAnswer, ...] = ()
    rounds: list[tuple[str, Ended]] = field(default_factory=list)  # the consolidations, with whom they were about
    challenges: dict[str, str] = field(default_factory=dict)  # finding → what a person holds against it, unanswered
    challenged: set[str] = field(default_factory=set)  # every finding that a person ever challenged
    accepts: str = ""  # who answered last that issues are left
    accepted: dict[str, str] = field(default_factory=dict)  # the issues that were left, and by whom
    half: dict[str, tuple[str, str]] = field(default_factory=dict)  # session → what it did in vain, as two commits
    newest: dict[str, str] = field(default_factory=dict)  # each role's newest session
    follow_ups: dict[tuple[str, str], Began] = field(default_factory=dict)  # (role, question) not answered yet
    before: dict[str, str] = field(default_factory=dict)  # the files as they were before the last fix began
    asked: dict[str, Asked] = field(default_factory=dict)
    questions: int = 0
    dispositions: dict[str, Decided] = field(default_factory=dict)
    decided: dict[str, Decided] = field(default_factory=dict)
    bugs: dict[str, str] = field(default_factory=dict)  # what a person reported, id → what is wrong
    reported: int = 0  # the highest number of a bug that was ever given
    corrected: dict[str, Corrected] = field(default_factory=dict)  # by the id of the question that settled it
    log: list[Stepped] = field(default_factory=list)
    entered: list[tuple[str, int]] = field(default_factory=list)  # each state and the index of what led to it
    needed: set[str] = field(default_factory=set)  # human items without which it would not be where it is
    dropped: set[str] = field(default_factory=set)  # evidence that no longer counts since the story was rewound
    unwritten: list[Event] = field(default_factory=list)

    @property
    def uncounted(self) -> list[str]:
        """The bugs that the story's own number of tests does not include."""
        counted = {bug for event in self.corrected.values() for bug in event.counted}
        return [bug for bug in self.bugs if bug not in counted]

    def ticked(self, item: str) -> bool:
        """Does the journal hold this item as ticked?"""
        return self.facts.get(("item", item)) == "ticked"


def fold(machine: Machine, events: Iterable[Event]) -> Progress:
    """Replay a story's journal, in which nothing is `impossible`, under its machine."""
    progress = Progress(machine.initial, facts={("item", key): "open" for key in machine.items})
    calls: dict[str, Began] = {}
    every = list(events)
    for index, event in enumerate(every):
        match event:
            case Adopted():
                _adopt(machine, progress, event)
            case Began():
                calls[event.call] = event
                _begin(progress, event)
            case Ended():
                _end(machine, progress, calls[event.call], event)
                if calls[event.call].question:
                    continue  # nothing of it is to be written
            case Asked():
                progress.asked[event.id] = event
                progress.questions += 1
            case Decided():
                _decide(machine, progress, event)
            case Corrected():
                progress.corrected[event.decision] = event
            case Ticked():
                progress.facts["item", event.item] = "ticked" if event.ticked else "open"
                progress.grounds[event.item] = event.inputs
            case Stepped():
                _step(machine, progress, event)
            case Rewound():
                progress = _rewind(machine, every[:index], progress, event)
            case Wrote():
                progress.unwritten.clear()
        if isinstance(event, Adopted | Stepped | Rewound):
            progress.entered.append((progress.state, index))
        if isinstance(event, Adopted | Ended | Asked | Decided | Corrected | Stepped | Rewound):
            progress.unwritten.append(event)
    progress.facts["findings", "challenged"] = "some" if progress.challenges else "none"
    for loop, limit in machine.loops.items():
        left = progress.counts.get(loop, 0) < limit.max_rounds
        progress.facts["rounds", loop] = "left" if left else "used_up"
    return progress


def produced(machine: Machine, act: SimpleAct) -> set[Fact]:
    """The facts an action brings about."""
    match act:
        case GateAct():
            return {("gate", act.run)}
        case AskAct():
            return {("decision", act.ask)}
        case ConsolidateAct():
            return {("findings", "to_fix"), ("findings", "ambiguous")}
        case SpotCheckAct():
            return {("claims",)}
        case AgentAct():
            if act.purpose in JUDGES:
                return {("verdict", role) for role in machine.members(act.agent)}
            return {("deviations",)} if act.purpose == "self_review" else set()


def roles_of(machine: Machine, act: SimpleAct) -> tuple[str, ...]:
    """The roles that carry an action out; "" stands for the engine itself."""
    return machine.members(act.agent) if isinstance(act, AgentAct) else ("",)


def reopened(machine: Machine, state: State) -> tuple[str, ...]:
    """The items that entering a state unticks: all from `reopens` on, in document order."""
    if state.reopens is None:
        return ()
    items = [key for key, item in machine.items.items() if item.derived is None]
    return tuple(items[items.index(state.reopens) :])


def _begins(machine: Machine, event: Stepped) -> bool:
    """Does execution begin with this step, and not go on after fixes or a failure?"""
    if event.source == machine.defaults.failed or machine.phase_of(event.dest) != "execution":
        return False
    return machine.phase_of(event.source) in ("validation", "ready")


def _adopt(machine: Machine, progress: Progress, event: Adopted) -> None:
    """Begin; what a person attests was done before has all its items and a row of the log."""
    _enter(machine, progress, event.state)
    if not event.because:
        return
    why = f"attested by {event.by}: {event.because}"
    progress.steps = 1
    progress.log.append(Stepped(at=event.at, n=1, source="adopted", dest=event.state, why=why))
    own = {key: item for key, item in machine.items.items() if item.derived is None}
    progress.facts |= {("item", key): "ticked" for key in own}
    progress.needed = {key for key, item in own.items() if item.by == "human"}


def _rewind(machine: Machine, before: list[Event], now: Progress, event: Rewound) -> Progress:
    """The story as it was when it last entered a state; what is numbered goes on, and nothing is forgotten."""
    at = max(index for state, index in now.entered if state == event.dest)
    then = fold(machine, before[: at + 1])
    then.entered.pop()
    then.steps, then.calls, then.questions, then.turns = event.n, now.calls, now.questions, now.turns
    then.named, then.unwritten = now.named, now.unwritten
    then.reported, then.corrected = now.reported, now.corrected
    then.log = [*now.log, Stepped(at=event.at, n=event.n, source=event.source, dest=event.dest, why=event.why)]
    then.dropped = now.dropped | {late.evidence for late in before[at + 1 :] if isinstance(late, Ended)}
    then.facts |= {("item", item): "open" for item in event.open}
    then.needed -= set(event.open)
    return then


def _enter(machine: Machine, progress: Progress, state: str) -> None:
    if state == machine.defaults.failed and progress.state != state:
        progress.origin = progress.state
    progress.state = state
    for bag in (progress.running, progress.done, progress.failures, progress.asked, progress.decided):
        bag.clear()
    for act in machine.states[state].acts():
        if isinstance(act, AgentAct) and act.only:
            continue
        for fact in produced(machine, act):
            progress.facts.pop(fact, None)


def _begin(progress: Progress, event: Began) -> None:
    progress.calls = max(progress.calls, event.number)
    if event.question:
        progress.follow_ups[event.role, event.question] = event
        return
    who = (event.act, event.role)
    progress.running[who] = event
    progress.turns[who] = event.turn
    progress.before = {**event.files, **progress.before}


def _end(machine: Machine, progress: Progress, began: Began, ended: Ended) -> None:
    who = (began.act, began.role)
    if ended.session:
        progress.newest[began.role] = ended.session
        if not began.question:
            progress.sessions[who] = ended.session
        for old, session in list(progress.sessions.items()):
            if old[1] == began.role and session == began.resumes:
                progress.sessions[old] = ended.session
    _keep_half(progress, began, ended)
    if ended.lost:
        progress.sessions = {old: session for old, session in progress.sessions.items() if session != ended.lost}
    if began.question:
        progress.follow_ups.pop((began.role, began.question), None)
        return
    progress.running.pop(who, None)
    if ended.status != "ok":
        progress.failures.setdefault(who, []).append(ended)
        return
    act = next((act for act in machine.states[progress.state].acts() if act.id == began.act), None)
    if not progress.done:  # the oldest of what is observed in a state: what changes meanwhile was not seen by all of it
        progress.ground = began.inputs
    changed = written(act) if act else set[Input]()
    if changed and ended.inputs:
        kept = {part: sha for part, sha in progress.ground.items() if kind_of(part) not in changed}
        progress.ground = kept | parts_of(ended.inputs, changed)
    progress.latest[who] = ended
    progress.done = dict(sorted([*progress.done.items(), (who, ended)], key=lambda one: one[1].number))
    if began.act in machine.gates:
        progress.first.setdefault(began.act, ended)
    if ended.freezes:
        progress.frozen, progress.amended = ended, None
    for name, value in ended.facts.items():
        fact = tuple(name.split(":"))
        progress.facts[fact] = value
        if fact[0] == "verdict" and began.role:
            progress.judged[began.role] = began.inputs
    if act is None:
        return
    if isinstance(act, ConsolidateAct):
        progress.findings = ended.findings
        progress.named |= {finding.id: finding for finding in ended.findings}
        progress.rounds.append((act.consolidate, ended))
        progress.answers = ()
        progress.before = {}
        progress.challenges = {}
        progress.accepts = ended.accepts or progress.accepts
    progress.answers += ended.answers
    if act.ticks and all(_has_done(progress, act, role, began.inputs) for role in roles_of(machine, act)):
        _tick(machine, progress, act.ticks)


def _keep_half(progress: Progress, began: Began, ended: Ended) -> None:
    """Remember what a session did and nobody took over, until one that goes on with it comes to its end."""
    half = progress.half.get(began.resumes or "") if began.question else ended.half
    if ended.session and half:
        progress.half[ended.session] = half
    else:
        progress.half.pop(ended.session or "", None)


def _has_done(progress: Progress, act: SimpleAct, role: str, inputs: Mapping[str, str]) -> bool:
    """Has a role done its part of an action, or is its PASS on these documents what the action leaves out?"""
    if (act.id, role) in progress.done:
        return True
    return isinstance(act, AgentAct) and act.only == "not_passed_on_current_inputs" and passed(progress, role, inputs)


def passed(progress: Progress, role: str, inputs: Mapping[str, str]) -> bool:
    """Did a role say PASS about the documents as they are in these inputs?"""
    same = not moved_parts(progress.judged.get(role, {}), inputs, DOCUMENTS)
    return progress.facts.get(("verdict", role)) == "PASS" and same


def _tick(machine: Machine, progress: Progress, items: Iterable[str]) -> None:
    """Tick what was earned, on the inputs that the newest evidence stands on."""
    for item in items:
        progress.facts["item", item] = "ticked"
        rests_on = machine.items[item].rests_on if item in machine.items else ()
        progress.grounds[item] = parts_of(progress.ground, rests_on)


def _decide(machine: Machine, progress: Progress, event: Decided) -> None:
    progress.decided[event.id or event.decision] = event
    decision = machine.decisions.get(event.decision)
    if decision is not None and event.option in decision.amends and progress.frozen is not None:
        progress.amended = event
    progress.bugs |= event.bugs
    progress.reported = max([progress.reported, *(int(bug[1:]) for bug in event.bugs)])
    progress.asked.pop(event.id, None)
    if event.finding is None:
        progress.facts["decision", event.decision] = event.option
        progress.accepts = event.by if event.option == BLOCKERS_ONLY else progress.accepts
    elif decision is not None and event.option in decision.challenges:
        progress.challenges[event.finding] = event.note
        progress.challenged.add(event.finding)
        progress.dispositions.pop(event.finding, None)
    else:
        progress.dispositions[event.finding] = event
    effort = progress.facts.get(("decision", "effort"))
    if progress.findings:
        left = to_fix(progress.findings, progress.dispositions, effort)
        progress.facts["findings", "to_fix"] = "some" if left else "none"
    if event.finding is not None and not any(a.decision == event.decision for a in progress.asked.values()):
        progress.facts["decision", event.decision] = ANSWERED


def _step(machine: Machine, progress: Progress, event: Stepped) -> None:
    progress.steps = event.n
    progress.log.append(event)
    _tick(machine, progress, event.ticks)
    for loop in event.resets:
        progress.counts[loop] = 0
    effort = progress.facts.get(("decision", "effort"))
    if effort:
        by = progress.accepts if effort == BLOCKERS_ONLY else ""
        accept(progress.accepted, progress.findings, progress.dispositions, by)
    if event.enters:
        progress.round = progress.counts[event.enters] = progress.counts.get(event.enters, 0) + 1
    if _begins(machine, event):
        progress.first.clear()
        progress.frozen = progress.amended = None
    progress.needed |= _demands(machine, event, progress.origin if event.because else None)
    _enter(machine, progress, event.dest)
    for item in event.unticks:
        progress.facts["item", item] = "open"
    progress.needed -= set(event.unticks)


def _demands(machine: Machine, event: Stepped, origin: str | None) -> set[str]:
    """The human items that every exit which this step can have taken asks for; overruled, also one of `origin`."""
    sources = [event.source, *([origin] if origin and event.source == machine.defaults.failed else [])]
    exits = [exit_ for name in sources for exit_ in machine.states[name].exits if exit_.to == event.dest]
    asked = [demanded(compile_guard(machine, exit_.when)) for exit_ in exits]
    items = set.intersection(*asked) if asked else set()
    return {item for item in items if machine.items[item].by == "human"}
