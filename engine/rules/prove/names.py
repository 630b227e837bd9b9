"""R: every name that a machine uses is defined in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from engine.model.machine import (
    ANSWERED,
    ORIGIN,
    AgentAct,
    AskAct,
    ConsolidateAct,
    Exit,
    GateAct,
    Guard,
    Machine,
    Resume,
    SimpleAct,
    SpotCheckAct,
)
from engine.rules.prove.flaw import Flaw, Place, flaw
from engine.rules.prove.study import acts_of

PLACEHOLDERS = frozenset({"n", "prev", "slug", "fix_list", "fix_report", "failures", "note"})
_PLACEHOLDER = re.compile(r"<(\w+)>")


def names(machine: Machine) -> Iterator[Flaw]:
    """Find every name that is not defined."""
    yield from _top(machine)
    ids = {act.id for state in machine.states.values() for act in state.acts() if isinstance(act, AgentAct)}
    for name, state in machine.states.items():
        place: Place = ("states", name)
        if state.reopens is not None:
            own = [key for key, item in machine.items.items() if item.derived is None]
            yield from _one("R02", (*place, "reopens"), "item of this story", state.reopens, own)
        for act, at in acts_of(name, state):
            yield from _act(machine, act, at, ids)
        for number, exit_ in enumerate(state.exits):
            yield from _exit(machine, exit_, (*place, "exits", number))
    yield from _decisions(machine)
    yield from _stale(machine)
    yield from _rules(machine)


def _top(machine: Machine) -> Iterator[Flaw]:
    yield from _one("R01", ("initial",), "state", machine.initial, machine.states)
    yield from _one("R01", ("defaults", "failed"), "state", machine.defaults.failed, machine.states)
    for name in machine.terminal:
        yield from _one("R01", ("terminal", name), "state", name, machine.states)
    for group, defined in machine.groups.items():
        yield from _many("R03", ("groups", group, "members"), "role", defined.members, machine.roles)
    seen: dict[str, str] = {}
    for section, items in machine.checklist.items():
        for key in items:
            if key in seen:
                why = f"item {key!r} stands in {seen[key]!r} and in {section!r}."
                yield flaw("R00", ("checklist", section, key), why)
            seen[key] = section
    ids: dict[str, str] = {}
    for name, state in machine.states.items():
        for act, place in acts_of(name, state):
            if isinstance(act, AgentAct):
                if act.id in ids:
                    yield flaw("R11", (*place, "id"), f"action {act.id!r} is also in {ids[act.id]!r}.")
                ids[act.id] = name
    for key, prompt in machine.prompts.items():
        for part, text in (("text", prompt.text), ("file", prompt.file)):
            for word in _PLACEHOLDER.findall(text):
                if word not in PLACEHOLDERS:
                    yield flaw("R12", ("prompts", key, part), f"unknown placeholder <{word}>.")
    for key, gate in machine.gates.items():
        if gate.baseline is not None:
            yield from _one("R06", ("gates", key, "baseline"), "gate", gate.baseline, machine.gates)


def _act(machine: Machine, act: SimpleAct, place: Place, ids: set[str]) -> Iterator[Flaw]:
    yield from _many("R02", (*place, "ticks"), "item", act.ticks, machine.items)
    who = {**machine.roles, **machine.groups}
    match act:
        case AgentAct():
            yield from _one("R03", (*place, "agent"), "role", act.agent, who)
            yield from _one("R04", (*place, "prompt"), "prompt", act.prompt, machine.prompts)
            if isinstance(act.session, Resume):
                yield from _many("R05", (*place, "session", "resume"), "action", act.session.resume, ids)
        case GateAct():
            yield from _one("R06", (*place, "run"), "gate", act.run, machine.gates)
        case ConsolidateAct():
            yield from _one("R03", (*place, "consolidate"), "role", act.consolidate, who)
        case SpotCheckAct():
            yield from _one("R03", (*place, "spot_check"), "role", act.spot_check, who)
        case AskAct():
            yield from _one("R07", (*place, "ask"), "decision", act.ask, machine.decisions)


def _exit(machine: Machine, exit_: Exit, place: Place) -> Iterator[Flaw]:
    if exit_.to != ORIGIN:
        yield from _one("R01", (*place, "to"), "state", exit_.to, machine.states)
    yield from _many("R02", (*place, "ticks"), "item", exit_.ticks, machine.items)
    yield from _many("R08", (*place, "resets"), "loop", exit_.resets, machine.loops)
    if exit_.enters is not None:
        yield from _one("R08", (*place, "enters"), "loop", exit_.enters, machine.loops)
    if exit_.when is not None:
        yield from _guard(machine, exit_.when, (*place, "when"))


def _guard(machine: Machine, guard: Guard, place: Place) -> Iterator[Flaw]:
    for key, parts in (("all", guard.all), ("any", guard.any)):
        for number, part in enumerate(parts or ()):
            yield from _guard(machine, part, (*place, key, number))
    if guard.not_ is not None:
        yield from _guard(machine, guard.not_, (*place, "not"))
    yield from _many("R02", (*place, "checked"), "item", guard.checked or (), machine.items)
    yield from _many("R10", (*place, "section"), "section", guard.section or (), machine.checklist)
    if guard.verdict is not None:
        who = {**machine.roles, **machine.groups}
        yield from _one("R03", (*place, "verdict", "of"), "role", guard.verdict.of, who)
    for gate, outcomes in (guard.gate or {}).items():
        at = (*place, "gate", gate)
        if gate in machine.gates:
            yield from _many("R13", at, f"outcome of {gate}", outcomes, machine.gates[gate].outcomes)
        yield from _one("R06", at, "gate", gate, machine.gates)
    for name, options in (guard.decision or {}).items():
        at = (*place, "decision", name)
        if name in machine.decisions:
            decision = machine.decisions[name]
            known = (ANSWERED,) if decision.per == "finding" else tuple(decision.options)
            yield from _many("R09", at, f"option of {name}", options, known)
        yield from _one("R07", at, "decision", name, machine.decisions)
    for loop in guard.rounds or {}:
        yield from _one("R08", (*place, "rounds", loop), "loop", loop, machine.loops)


def _decisions(machine: Machine) -> Iterator[Flaw]:
    for name, decision in machine.decisions.items():
        for item, option in decision.box.items():
            place: Place = ("decisions", name, "box", item)
            yield from _one("R02", place, "item", item, machine.items)
            known = () if decision.per == "finding" else tuple(decision.options)
            yield from _one("R09", place, f"option of {name}", option, known)
        named = {"amends": decision.amends, "challenges": decision.challenges, "reports": decision.reports}
        for key, options in (*named.items(), ("settles", decision.settles)):
            yield from _many("R09", ("decisions", name, key), f"option of {name}", options, decision.options)
        if decision.rest is not None:
            yield from _one("R09", ("decisions", name, "rest"), f"option of {name}", decision.rest, decision.options)


def _stale(machine: Machine) -> Iterator[Flaw]:
    for number, entry in enumerate(machine.stale):
        place: Place = ("stale", number)
        yield from _many("R01", (*place, "in"), "state", entry.in_, machine.states)
        yield from _one("R01", (*place, "to"), "state", entry.to, machine.states)
        yield from _one("R08", (*place, "enters"), "loop", entry.enters, machine.loops)


def _rules(machine: Machine) -> Iterator[Flaw]:
    for number, rule in enumerate(machine.rules):
        place: Place = ("rules", number)
        if rule.entering.state is not None:
            at = (*place, "entering", "state")
            yield from _one("R01", at, "state", rule.entering.state, machine.states)
        needs = (*place, "needs")
        yield from _many("R10", (*needs, "section"), "section", rule.needs.section, machine.checklist)
        yield from _many("R02", (*needs, "items"), "item", rule.needs.items, machine.items)
        if rule.needs.verdict is not None:
            who = {**machine.roles, **machine.groups}
            yield from _one("R03", (*needs, "verdict"), "role", rule.needs.verdict, who)


def _many(code: str, place: Place, kind: str, used: Iterable[str], defined: Iterable[str]) -> Iterator[Flaw]:
    for name in used:
        yield from _one(code, place, kind, name, defined)


def _one(code: str, place: Place, kind: str, name: str, defined: Iterable[str]) -> Iterator[Flaw]:
    known = list(defined)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known) or 'none'}."
        yield flaw(code, place, f"there is no {kind} {name!r}{hint}")
