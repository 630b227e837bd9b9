"""H: what only people decide, and that they are asked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from engine.model.facts import Fact
from engine.model.machine import ORIGIN, AskAct
from engine.rules.prove.bits import UNKNOWN
from engine.rules.prove.flaw import Flaw, flaw
from engine.rules.prove.flow import Flow
from engine.rules.prove.study import MAX_CASES, Study


def people(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find ways past a person, and questions that a person cannot answer anew."""
    yield from _asked(study)
    yield from _boxes(study, flow)
    yield from _failures(study)
    yield from _last_word(study)
    for name in study.machine.states:
        if flow.at(name):
            yield from _used_up(study, flow, name)


def _asked(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    asked = {act.ask for _, act, _ in study.acts if isinstance(act, AskAct)}
    for name in machine.decisions:
        if name not in asked:
            yield flaw("H01", ("decisions", name), f"decision {name!r} is never asked.")
    for name, state in machine.states.items():
        if state.asks and state.works:
            yield flaw("H02", ("states", name, "do"), f"{name!r} asks a person and works.")
        questions = [act.ask for act in state.acts() if isinstance(act, AskAct)]
        for number, exit_ in enumerate(state.exits):
            place = ("states", name, "exits", number)
            if state.asks and exit_.to == name:
                yield flaw("H06", place, f"an answer in {name!r} asks again.")
            read = study.read[name][number]
            for question in questions:
                if ("decision", question) not in read and not exit_.otherwise:
                    yield flaw("H11", place, f"{name!r} asks {question!r} and goes to {exit_.to!r} regardless.")
    entered = {exit_.enters for state in machine.states.values() for exit_ in state.exits}
    entered |= {entry.enters for entry in machine.stale}
    for loop in machine.loops:
        if loop not in entered:
            yield flaw("H09", ("loops", loop), f"loop {loop!r} is never counted.")


def _boxes(study: Study, flow: Flow) -> Iterator[Flaw]:
    for name in study.machine.states:
        env = flow.at(name)
        for item in study.boxes(name):
            if env and "ticked" in flow.bits.possible(env, ("item", item)):
                text = study.machine.items[item].text
                yield flaw("H08", ("states", name), f"{text!r} may be ticked before {name!r} asks for it.")


def _failures(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    failed = machine.defaults.failed
    if not machine.states[failed].asks:
        yield flaw("H04", ("defaults", "failed"), f"{failed!r} asks nobody what to do about a failure.")
    for number, exit_ in enumerate(machine.states[failed].exits):
        if exit_.to not in machine.terminal and set(exit_.resets) != set(machine.loops):
            left = ", ".join(sorted(set(machine.loops) - set(exit_.resets)))
            place = ("states", failed, "exits", number)
            yield flaw("H07", place, f"the exit from {failed!r} to {exit_.to!r} leaves used up: {left}.")


def _last_word(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    for edge, _ in study.exits:
        if edge.target in machine.terminal and not machine.states[edge.source].asks:
            code = "H05" if machine.terminal[edge.target] == "success" else "H10"
            yield flaw(code, edge.place, f"{edge.source!r} leads to {edge.target!r} without a person.")


def _used_up(study: Study, flow: Flow, name: str) -> Iterator[Flaw]:
    """Where rounds left would lead into the loop, rounds used up must lead to a person."""
    machine, told = study.machine, set[int]()
    exits = machine.states[name].exits
    facts = sorted(study.reads(name))
    for fact in (fact for fact in facts if fact[0] == "rounds"):
        others = [other for other in facts if other != fact]
        domains = [sorted(flow.bits.possible(flow.after(name), other) - {UNKNOWN}) for other in others]
        for values in itertools.islice(itertools.product(*domains), MAX_CASES):
            case: dict[Fact, str] = dict(zip(others, values, strict=True))
            left = study.taken(name, case | {fact: "left"})
            if not any(exits[number].enters == fact[1] for number in left):
                continue
            for number in study.taken(name, case | {fact: "used_up"}):
                target = exits[number].to
                if number not in told and (target == ORIGIN or not machine.states[target].asks):
                    told.add(number)
                    place = ("states", name, "exits", number)
                    yield flaw("H03", place, f"{name!r} leads to {target!r} when {fact[1]!r} is used up.")
