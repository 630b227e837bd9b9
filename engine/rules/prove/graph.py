"""G: the shape of the graph: reachable, ending, bounded."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.facts import Fact
from engine.model.machine import ANSWERED, ORIGIN, AgentAct, Guard
from engine.rules.prove.flaw import Flaw, flaw
from engine.rules.prove.study import Study, reach

_WAITS = frozenset({"dependencies", "files", "item"})


def graph(study: Study) -> Iterator[Flaw]:
    """Find unreachable states, dead ends, unbounded cycles and a broken way to success."""
    yield from _states(study)
    yield from _ends(study)
    yield from _back(study)
    yield from _cycles(study)
    yield from _loops(study)
    yield from _all_good(study)


def _states(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    reached = reach({machine.initial}, [(edge.source, edge.target) for edge in study.edges])
    for name, state in machine.states.items():
        if name not in reached:
            yield flaw("G01", ("states", name), f"{name!r} cannot be reached from {machine.initial!r}.")
        if name not in machine.terminal and not state.exits:
            yield flaw("G02", ("states", name), f"{name!r} is not terminal and has no exit.")
        if name not in machine.terminal and not state.do:
            waits = any(fact[0] in _WAITS for fact in study.reads(name))
            if state.exits and not waits:
                yield flaw("G15", ("states", name), f"{name!r} does nothing and waits for nothing.")
        for number, exit_ in enumerate(state.exits):
            place = ("states", name, "exits", number)
            if exit_.to == ORIGIN and name != machine.defaults.failed:
                yield flaw("G17", (*place, "to"), f"no story comes to {name!r} by failing.")
            if exit_.to == machine.defaults.failed and not _used_up(exit_.when):
                yield flaw("G20", (*place, "to"), f"{name!r} sends a story to {exit_.to!r} without a failure.")
            if exit_.otherwise and exit_.when is not None:
                yield flaw("G18", (*place, "otherwise"), f"the exit to {exit_.to!r} asks and does not ask.")


def _used_up(guard: Guard | None) -> bool:
    """Does a guard ask for a loop that is used up?"""
    if guard is None:
        return False
    parts = (*(guard.all or ()), *(guard.any or ()))
    return "used_up" in (guard.rounds or {}).values() or any(_used_up(part) for part in parts)


def _ends(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    for name, state in machine.states.items():
        if (name in machine.terminal) != (state.phase == "done"):
            yield flaw("G09", ("states", name, "phase"), f"{name!r} has the phase {state.phase!r}.")
        if len({exit_.to for exit_ in state.exits}) == 1 < len(state.exits):
            yield flaw("G21", ("states", name, "exits"), f"every exit of {name!r} leads to one state.")
        if name in machine.terminal and (state.exits or state.do):
            yield flaw("G09", ("states", name), f"{name!r} is terminal and still acts.")
    good = {name for name, kind in machine.terminal.items() if kind == "success"}
    ways = [(edge.target, edge.source) for edge, _ in study.exits]
    if any(exit_.to == ORIGIN for exit_ in machine.states[machine.defaults.failed].exits):
        ways += [(name, machine.defaults.failed) for name, state in machine.states.items() if state.works]
    back = reach(good, ways)
    for name in machine.states:
        if name not in back and name not in machine.terminal:
            yield flaw("G06", ("states", name), f"no way leads from {name!r} to a successful end.")


def _back(study: Study) -> Iterator[Flaw]:
    states = study.machine.states
    for edge, _ in study.exits:
        source, target = states[edge.source], states[edge.target]
        back = source.phase in ("execution", "verification") and target.phase in ("validation", "ready")
        if back and not source.asks and not target.asks:
            yield flaw("G19", edge.place, f"{edge.source!r} leads back to {edge.target!r} with nobody asked.")


def _cycles(study: Study) -> Iterator[Flaw]:
    ways = _unattended(study)
    free = [(source, target) for source, target, enters in ways if enters is None]
    for name in study.machine.states:
        if name in reach({target for source, target in free if source == name}, free):
            yield flaw("G03", ("states", name), f"{name!r} can run in a circle without end.")
    pairs = [(source, target) for source, target, _ in ways]
    for edge, exit_ in study.exits:
        if exit_.enters is None or study.machine.states[edge.source].asks:
            continue
        asked = ("rounds", exit_.enters) in study.read[edge.source][edge.number or 0]
        if edge.source in reach({edge.target}, pairs) and not asked:
            yield flaw("G10", edge.place, f"{edge.source!r} enters loop {exit_.enters!r} again unasked.")


def _unattended(study: Study) -> list[tuple[str, str, str | None]]:
    """The exits between states where no person is asked, each with the loop that counts it."""
    states = study.machine.states
    return [
        (edge.source, edge.target, exit_.enters)
        for edge, exit_ in study.exits
        if not states[edge.source].asks and not states[edge.target].asks
    ]


def _loops(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    counted = {edge.target: exit_.enters for edge, exit_ in study.exits if exit_.enters is not None}
    for edge, exit_ in study.exits:
        loop = counted.get(edge.target)
        if loop is None or exit_.enters == loop:
            continue
        if not (machine.states[edge.source].asks and loop in exit_.resets):
            why = f"the exit from {edge.source!r} to {edge.target!r} does not count a round of {loop!r}."
            yield flaw("G13", edge.place, why)
    for target, loop in counted.items():
        if not any(isinstance(act, AgentAct) for act in machine.states[target].acts()):
            yield flaw("G14", ("states", target), f"loop {loop!r} repeats {target!r}, where no agent works.")


def _all_good(study: Study) -> Iterator[Flaw]:
    """From every state, the run in which every gate, verdict and person says the best thing succeeds."""
    facts = best(study)
    told: set[str] = set()
    for name in study.machine.states:
        for found in _good_run(study, name, facts):
            if found.message not in told:
                told.add(found.message)
                yield found


def _good_run(study: Study, name: str, facts: dict[Fact, str]) -> Iterator[Flaw]:
    machine, seen = study.machine, list[str]()
    if machine.terminal.get(name) == "failure":
        return
    while name not in machine.terminal:
        if name in seen:
            circle = seen[seen.index(name) :]
            first = circle.index(min(circle))
            way = " > ".join([*circle[first:], *circle[:first], circle[first]])
            yield flaw("G16", ("states", circle[first]), f"the good run never ends: {way}.")
            return
        seen.append(name)
        open_ = study.taken(name, facts)
        exits = machine.states[name].exits
        if len(open_) != 1:
            yield flaw("G16", ("states", name), f"the good run stops in {name!r}: {len(open_)} exits are open.")
            return
        if exits[open_[0]].otherwise:
            place = ("states", name, "exits", open_[0])
            yield flaw("G16", place, f"the good run is taken for a bad one in {name!r}: `otherwise` is open.")
            return
        if exits[open_[0]].to == ORIGIN:
            return
        name = exits[open_[0]].to
    if machine.terminal[name] != "success":
        yield flaw("G16", ("terminal", name), f"a good run ends in {name!r}, from {seen[-1]!r}.")


def best(study: Study) -> dict[Fact, str]:
    """The facts of a run in which all goes well: the first outcome, the first option, PASS, nothing found."""
    machine = study.machine
    facts: dict[Fact, str] = {("verdict", role): "PASS" for role in machine.roles}
    facts |= {("gate", name): next(iter(gate.outcomes)) for name, gate in machine.gates.items()}
    for name, decision in machine.decisions.items():
        facts["decision", name] = ANSWERED if decision.per == "finding" else next(iter(decision.options))
    facts |= {("item", item): "ticked" for item in machine.items}
    facts |= {("rounds", loop): "left" for loop in machine.loops}
    facts |= {("findings", "to_fix"): "none", ("findings", "ambiguous"): "none", ("claims",): "confirmed"}
    facts["findings", "challenged"] = "none"
    facts |= {("deviations",): "none", ("dependencies",): "complete"}
    return facts | {("files",): "exist"}
