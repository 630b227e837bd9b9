"""A, C, I, S: what must hold on every path: no step skipped, nothing stale relied on, the rules kept."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.facts import Fact
from engine.model.machine import AskAct, ConsolidateAct, GateAct, Rule, SpotCheckAct
from engine.rules.prove.bits import UNKNOWN, YES
from engine.rules.prove.flaw import Flaw, Place, flaw
from engine.rules.prove.flow import Flow, Passage
from engine.rules.prove.stale import Writer, trace
from engine.rules.prove.study import Study

Lost = dict[Writer, dict[str, str]]
"""Who stales which items, each with a way that relies on it."""
_STEPS = ("validate", "implement", "self_review", "verify")


def paths(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find what can be skipped or gone stale on the way into execution, into success, into ruled places."""
    lost: Lost = {}
    for passage in flow.passages:
        if _executes(study, passage):
            yield from _into_execution(study, flow, passage)
        if study.machine.terminal.get(passage.target[0]) == "success":
            yield from _into_success(study, flow, passage, lost)
    for number, rule in enumerate(study.machine.rules):
        for passage in flow.passages:
            if _enters(study, rule, passage):
                yield from _rule(study, flow, number, rule, passage, lost)
    for writer, relied in lost.items():
        (item, way), *rest = relied.items()
        more = f" (so do {', '.join(repr(other) for other, _ in rest)})" if rest else ""
        why = f"{writer} that {item!r} rests on{more}, and {way} relies on it."
        yield flaw("S01", writer.place, why)
    yield from _order(study, flow)
    yield from _guards(study, flow)


def _executes(study: Study, passage: Passage) -> bool:
    there, here = study.machine.phase_of(passage.target[0]), study.machine.phase_of(passage.source[0])
    return there == "execution" and here not in ("execution", "verification") and not passage.returns


def _into_execution(study: Study, flow: Flow, passage: Passage) -> Iterator[Flaw]:
    place, env = passage.edge.place, passage.arriving
    if not _ran(study, flow, env, "validate"):
        yield flaw("A10", place, f"execution can be entered from {passage.source[0]!r} without validation.")
    for role in sorted(study.roles("validate")):
        yield from _trusted(flow, passage, role, "what is executed")


def _into_success(study: Study, flow: Flow, passage: Passage, lost: Lost) -> Iterator[Flaw]:
    place, env = passage.edge.place, passage.arriving
    needed = [step for step in _STEPS if step in study.used or (step == "verify" and "implement" in study.used)]
    for step in needed:
        if not _ran(study, flow, env, step):
            yield flaw("A10", place, f"a story can complete without `{step}`.")
    for role in sorted(study.judges):
        yield from _trusted(flow, passage, role, "what is completed")
    for key, item in study.machine.items.items():
        fact = ("item", key)
        sure = item.derived is not None or flow.bits.sure(env, fact, "ticked")
        if not sure and not _staled(study, flow, passage, fact, lost):
            yield flaw("C03", place, f"a story can complete with {item.text!r} unticked.")


def _trusted(flow: Flow, passage: Passage, role: str, what: str) -> Iterator[Flaw]:
    place, env = passage.edge.place, passage.arriving
    if not flow.bits.known(env, ("verdict", role)):
        yield flaw("A12", place, f"{role!r} has not judged {what} since it changed last.")
    elif not flow.bits.known(env, ("claims", role)):
        yield flaw("A11", place, f"the last claims of {role!r} about {what} are taken unchecked.")


def _ran(study: Study, flow: Flow, env: int, purpose: str) -> bool:
    """Did such an agent run on every path? An item that nothing else ticks shows it as well."""
    fact = ("purpose", purpose)
    ticked = [key for key in study.machine.items if study.ticked_by(key) == {purpose}]
    shown = any(flow.bits.sure(env, ("item", key), "ticked") for key in ticked)
    return shown or (fact in flow.bits.bit and flow.bits.sure(env, fact, YES))


def _enters(study: Study, rule: Rule, passage: Passage) -> bool:
    source, target = passage.source[0], passage.target[0]
    if rule.entering.state is not None:
        # where nothing is done, a failed story comes back to what it had entered before
        return rule.entering.state == target and not (passage.returns and not study.works[target])
    machine, phase = study.machine, rule.entering.phase
    # who is sent back to earn again what changed enters no phase
    back = passage.returns or passage.stale is not None
    return machine.phase_of(target) == phase != machine.phase_of(source) and not back


def _rule(study: Study, flow: Flow, number: int, rule: Rule, passage: Passage, lost: Lost) -> Iterator[Flaw]:
    missing: list[str] = []
    for fact, value in _needed(study, rule, passage):
        sure = flow.bits.sure(passage.arriving, fact, value)
        if not sure and not (fact[0] == "item" and _staled(study, flow, passage, fact, lost)):
            missing.append(f"{' '.join(fact)} {value}")
    for what, fact in (("spot_check", ("claims",)), ("consolidate", ("findings", "to_fix"))):
        if rule.needs.ran == what and not flow.bits.known(passage.arriving, fact):
            missing.append(what)
    if missing:
        way = f"{passage.source[0]} → {passage.target[0]}"
        yield flaw("I01", ("rules", number), f"rule {rule.id!r} fails on {way}: {', '.join(missing)}.")


def _needed(study: Study, rule: Rule, passage: Passage) -> Iterator[tuple[Fact, str]]:
    machine, needs = study.machine, rule.needs
    for item in needs.items:
        yield ("item", item), "ticked"
    for section in needs.section:
        for item in machine.checklist[section]:
            yield ("item", item), "ticked"
    if needs.dependencies is not None:
        yield ("dependencies",), needs.dependencies
    if needs.verdict is not None and not _decided(study, passage.source[0]):
        for role in machine.members(needs.verdict):
            yield ("verdict", role), "PASS"
            yield ("claims", role), "confirmed"


def _decided(study: Study, name: str) -> bool:
    """Does a person decide each finding in this state?"""
    asked = (act.ask for act in study.machine.states[name].acts() if isinstance(act, AskAct))
    return any(study.machine.decisions[ask].per == "finding" for ask in asked)


def _staled(study: Study, flow: Flow, passage: Passage, fact: Fact, lost: Lost) -> bool:
    """Was an item earned on every path and staled on one? Then note who staled it."""
    fresh = [p for p in flow.fresh.passages if p.edge == passage.edge and p.source == passage.source]
    if not fresh or not all(flow.fresh.bits.sure(p.arriving, fact, "ticked") for p in fresh):
        return False
    writer = trace(study, flow, [passage.source], fact)
    if writer is None:
        return False
    way = f"{passage.source[0]} → {passage.target[0]}"
    lost.setdefault(writer, {}).setdefault(study.machine.items[fact[1]].text, way)
    return True


def _order(study: Study, flow: Flow) -> Iterator[Flaw]:
    """The engine's own work comes after what it works on."""
    machine = study.machine
    places = {id(act): place for _, act, place in study.acts}
    for name in machine.states:
        for act, env in flow.before(name):
            place = places[id(act)]
            if isinstance(act, AskAct) and machine.decisions[act.ask].per == "finding":
                if env and not flow.bits.known(env, ("findings", "to_fix")):
                    yield flaw("A16", place, f"{name!r} asks about findings that are not consolidated.")
            elif env and isinstance(act, GateAct):
                baseline = machine.gates[act.run].baseline
                if baseline is not None and not flow.bits.sure(env, ("began", baseline), YES):
                    yield flaw("A18", place, f"{act.run!r} is compared with {baseline!r}, which has not run.")
            elif env and isinstance(act, ConsolidateAct | SpotCheckAct):
                yield from _engine_work(study, flow, name, act, env, place)


def _engine_work(
    study: Study, flow: Flow, name: str, act: ConsolidateAct | SpotCheckAct, env: int, place: Place
) -> Iterator[Flaw]:
    who = act.consolidate if isinstance(act, ConsolidateAct) else act.spot_check
    for role in study.machine.members(who):
        if not flow.bits.known(env, ("verdict", role)):
            yield flaw("A15", place, f"{name!r} works on a verdict that {role!r} has not given on every path.")
        elif isinstance(act, ConsolidateAct) and not flow.bits.known(env, ("claims", role)):
            yield flaw("A14", place, f"{name!r} consolidates claims of {role!r} that are not checked yet.")


def _guards(study: Study, flow: Flow) -> Iterator[Flaw]:
    """A guard that reads a verdict or findings trusts them: their claims must have been checked, and held."""
    for name, reads in study.read.items():
        env, asks = flow.after(name), study.machine.states[name].asks
        for number, read in enumerate(reads if env else []):
            place = ("states", name, "exits", number, "when")
            roles = sorted(fact[1] for fact in read if fact[0] == "verdict")
            for role in roles:
                if UNKNOWN in flow.bits.possible(env, ("claims", role)):
                    yield flaw("A11", place, f"{name!r} trusts the verdict of {role!r} unchecked.")
            trusts = roles or ("findings", "to_fix") in read
            if trusts and not asks and ("claims",) not in read:
                yield flaw("A11", place, f"{name!r} acts on claims whether they were confirmed or refuted.")
