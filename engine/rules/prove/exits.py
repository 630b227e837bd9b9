"""G: exactly one exit is open in every case that can come up."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.model.facts import Fact
from engine.rules.prove.bits import UNKNOWN
from engine.rules.prove.flaw import Flaw, flaw
from engine.rules.prove.flow import Flow
from engine.rules.prove.stale import trace
from engine.rules.prove.study import MAX_CASES, Study

_OUTSIDE = frozenset({"dependencies", "files"})


def exits(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find guards that overlap, leave a case open, read the unknown or are dead."""
    for name, state in study.machine.states.items():
        if state.exits and flow.at(name):
            yield from _state(study, flow, name)


@dataclass(slots=True)
class _Cases:
    """What trying every case of a state showed."""

    used: set[int] = field(default_factory=set)
    overlaps: dict[tuple[int, ...], dict[Fact, str]] = field(default_factory=dict)
    stuck: dict[Fact, str] | None = None


def _state(study: Study, flow: Flow, name: str) -> Iterator[Flaw]:
    domains: dict[Fact, list[str]] = {}
    for fact in sorted(study.reads(name)):
        values = flow.bits.possible(flow.after(name), fact)
        if UNKNOWN in values:
            yield _unknown(study, flow, name, fact, values)
        # what is told above is not told again as a missing exit
        domains[fact] = sorted(values - {UNKNOWN}) or [UNKNOWN]
    exits_ = study.machine.states[name].exits
    others = [number for number, exit_ in enumerate(exits_) if exit_.otherwise]
    for number in others[1:]:
        yield flaw("G04", ("states", name, "exits", number), f"{name!r} has two exits with `otherwise`.")
    size = 1
    for values_ in domains.values():
        size *= len(values_)
    if size > MAX_CASES:
        yield flaw("G11", ("states", name, "exits"), f"{name!r} has {size} cases to try.")
        return
    cases = _try(study, name, domains)
    for numbers, facts in cases.overlaps.items():
        targets = " and to ".join(repr(exits_[number].to) for number in numbers)
        why = f"in {name!r} the exits to {targets} are both open when {_told(facts)}."
        yield flaw("G04", ("states", name, "exits", numbers[-1]), why)
    if cases.stuck is not None:
        yield flaw("G05", ("states", name, "exits"), f"{name!r} has no exit when {_told(cases.stuck)}.")
        yield from _stuck_by(study, flow, name, cases.stuck)
    for number, exit_ in enumerate(exits_):
        if number not in cases.used:
            place = ("states", name, "exits", number)
            yield flaw("G08", place, f"the exit from {name!r} to {exit_.to!r} can never be taken.")


def _unknown(study: Study, flow: Flow, name: str, fact: Fact, values: set[str]) -> Flaw:
    place = ("states", name, "exits")
    what = " ".join(fact)
    if values == {UNKNOWN}:
        return flaw("G07", place, f"{name!r} reads {what}, which nothing before it produces.")
    if UNKNOWN not in flow.fresh.bits.possible(flow.fresh.after(name), fact):
        writer = trace(study, flow, flow.nodes(name), fact)
        if writer is not None:
            return flaw("S02", writer.place, f"{writer} that {what} rests on, and {name!r} then reads it.")
    return flaw("G12", place, f"{name!r} reads {what}, which is not known on every path to it.")


def _stuck_by(study: Study, flow: Flow, name: str, facts: dict[Fact, str]) -> Iterator[Flaw]:
    """Where a case without exit is one of staled items, say who staled them."""
    for fact, value in facts.items():
        if fact[0] == "item" and value == "open" and flow.fresh.bits.sure(flow.fresh.after(name), fact, "ticked"):
            writer = trace(study, flow, flow.nodes(name), fact)
            if writer is not None:
                text = study.machine.items[fact[1]].text
                yield flaw("S01", writer.place, f"{writer} that {text!r} rests on, and {name!r} needs it.")


def _try(study: Study, name: str, domains: dict[Fact, list[str]]) -> _Cases:
    """Try every case: what comes from outside may still change, so one way out of it is enough."""
    boxes = study.boxes(name)
    outer = [fact for fact in domains if fact[0] in _OUTSIDE or (fact[0] == "item" and fact[1] in boxes)]
    inner = [fact for fact in domains if fact not in outer]
    cases = _Cases()
    for values in itertools.product(*(domains[fact] for fact in inner)):
        known = dict(zip(inner, values, strict=True))
        moves = False
        for waited in itertools.product(*(domains[fact] for fact in outer)):
            facts = known | dict(zip(outer, waited, strict=True))
            if UNKNOWN in facts.values():
                facts = {fact: value for fact, value in facts.items() if value}
            open_ = study.taken(name, facts)
            cases.used.update(open_)
            moves = moves or bool(open_)
            if len(open_) > 1:
                cases.overlaps.setdefault(tuple(open_), facts)
        if not moves and cases.stuck is None:
            cases.stuck = known
    return cases


def _told(facts: dict[Fact, str]) -> str:
    return ", ".join(f"{' '.join(fact)} is {value or 'unknown'}" for fact, value in facts.items()) or "asked"
