"""S: what changes from outside is acted on before it is relied on, and leads to where it is earned again."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.inputs import written
from engine.model.machine import Input
from engine.rules.guards import demanded
from engine.rules.history import reopened
from engine.rules.prove.flaw import Flaw, flaw
from engine.rules.prove.flow import Flow, Passage
from engine.rules.prove.study import Study, reach


def outside(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find entries of `stale` that cannot act or mislead, and places where none acts."""
    for number in range(len(study.machine.stale)):
        yield from _acts(study, flow, number)
        yield from _earns(study, number)
        yield from _opens(study, flow, number)
    for passage in flow.passages:
        if passage.number is not None and _relies(study, passage):
            yield from _seen(study, flow, passage)


def _acts(study: Study, flow: Flow, number: int) -> Iterator[Flaw]:
    """Each state of an entry goes on, is named once, holds what may go stale, and does not change it itself."""
    machine = study.machine
    entry, place = machine.stale[number], ("stale", number)
    never = {*machine.terminal, machine.defaults.failed}
    if entry.to in never:
        yield flaw("S03", (*place, "to"), f"a change cannot lead to {entry.to!r}.")
    for name in entry.in_:
        told = {kind for other in machine.stale[:number] if name in other.in_ for kind in other.rests_on}
        twice = [kind for kind in entry.rests_on if kind in told]
        fragile = [("item", key) for key, item in machine.items.items() if {*item.rests_on} & {*entry.rests_on}]
        env = flow.at(name) | flow.after(name)
        if name in never or entry.in_.count(name) > 1:
            yield flaw("S03", (*place, "in"), f"nothing can be sent back from {name!r} by this.")
        elif twice:
            yield flaw("S03", (*place, "in"), f"{name!r} is named for {' and '.join(twice)} already.")
        elif not any("ticked" in flow.bits.possible(env, fact) for fact in fragile):
            yield flaw("S03", (*place, "in"), f"in {name!r} nothing is ticked that rests on this.")
        own = {kind for act in machine.states[name].acts() for kind in written(act)} & {*entry.rests_on}
        if own:
            yield flaw("S06", (*place, "in"), f"{name!r} itself changes the {' and '.join(sorted(own))}.")


def _earns(study: Study, number: int) -> Iterator[Flaw]:
    """No way leads from the target to success past what ticks the items again."""
    machine = study.machine
    entry = machine.stale[number]
    good = {name for name, kind in machine.terminal.items() if kind == "success"}
    for key, item in machine.items.items():
        if not {*item.rests_on} & {*entry.rests_on}:
            continue
        ways = [
            (edge.source, edge.target)
            for edge, _ in study.exits
            if key not in study.own(edge.source) | demanded(study.terms[edge.source][edge.number or 0])
        ]
        if good & reach({entry.to}, ways):
            yield flaw("S05", ("stale", number, "to"), f"from {entry.to!r} a story can complete without {item.text!r}.")


def _opens(study: Study, flow: Flow, number: int) -> Iterator[Flaw]:
    """What the target reopens by its place in the checklist rests on the change, too; people are asked again."""
    machine = study.machine
    entry = machine.stale[number]
    for key in reopened(machine, machine.states[entry.to]):
        item = machine.items[key]
        if item.by == "human" or {*item.rests_on} & {*entry.rests_on}:
            continue
        held = [name for name in entry.in_ if "ticked" in flow.bits.possible(flow.after(name), ("item", key))]
        if held:
            yield flaw("S07", ("stale", number, "to"), f"{entry.to!r} opens {item.text!r}, ticked in {held[0]!r}.")


def _relies(study: Study, passage: Passage) -> bool:
    """Does a story begin to be executed here, or end well?"""
    there, here = study.machine.phase_of(passage.target[0]), study.machine.phase_of(passage.source[0])
    begins = there == "execution" and here in ("validation", "ready") and not passage.returns
    return begins or study.machine.terminal.get(passage.target[0]) == "success"


def _seen(study: Study, flow: Flow, passage: Passage) -> Iterator[Flaw]:
    machine, source = study.machine, passage.source[0]
    acted = {kind for entry in machine.stale if source in entry.in_ for kind in entry.rests_on}
    rests: dict[Input, str] = {}
    for key, item in machine.items.items():
        if "ticked" in flow.bits.possible(passage.arriving, ("item", key)):
            rests |= {kind: item.text for kind in item.rests_on if kind not in acted}
    for kind, text in rests.items():
        why = f"a changed {kind}, which {text!r} rests on, is not acted on in {source!r}."
        yield flaw("S04", passage.edge.place, why)
