"""C: the checklist is ticked by whom it says, from evidence, and never ahead of the work."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.facts import Fact
from engine.model.machine import AgentAct, AskAct, ConsolidateAct, GateAct, ItemDef, Phase, SpotCheckAct
from engine.rules.prove.bits import Env
from engine.rules.prove.flaw import Flaw, Place, flaw
from engine.rules.prove.flow import Flow
from engine.rules.prove.study import Study

_BY = {AgentAct: "agent", GateAct: "gate", ConsolidateAct: "engine", SpotCheckAct: "engine"}
_EVIDENCE = {
    "agent": frozenset({"verdict", "deviations"}),
    "gate": frozenset({"gate"}),
    "engine": frozenset({"findings", "claims"}),
    "human": frozenset[str](),
}
_PHASES: tuple[Phase, ...] = ("validation", "ready", "execution", "verification", "done")


def boxes(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find items that lie, or that nobody can tick."""
    yield from _texts(study)
    yield from _ticked(study)
    yield from _by(study)
    yield from _earned(study, flow)
    yield from _grounds(study)
    yield from _derived(study)
    yield from _ahead(study, flow)


def _texts(study: Study) -> Iterator[Flaw]:
    for section, items in study.machine.checklist.items():
        seen: set[str] = set()
        for key, item in items.items():
            if item.text in seen:
                place = ("checklist", section, key, "text")
                yield flaw("C07", place, f"{section!r} has two items {item.text!r}.")
            seen.add(item.text)


def _place(study: Study, key: str) -> Place:
    section = next(name for name, items in study.machine.checklist.items() if key in items)
    return ("checklist", section, key)


def _ticked(study: Study) -> Iterator[Flaw]:
    ticked = {item for name in study.machine.states for item in study.own(name)}
    for key, item in study.machine.items.items():
        if item.derived is not None and key in ticked:
            yield flaw("C01", _place(study, key), f"{item.text!r} shows another story and is ticked by a state.")
        if item.derived is None and key not in ticked:
            yield flaw("C01", _place(study, key), f"nothing ever ticks {item.text!r}.")


def _by(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    for _, act, place in study.acts:
        by = _BY.get(type(act))
        for key in act.ticks:
            item = machine.items[key]
            if item.by != by and item.derived is None:
                why = f"{item.text!r} is for {_who(item)} to tick, not for {_an(by)}."
                yield flaw("C02", (*place, "ticks"), why)
        if isinstance(act, AskAct):
            for key in machine.decisions[act.ask].box:
                if machine.items[key].by != "human":
                    why = f"{machine.items[key].text!r} is {_who(machine.items[key])}'s, not a person's box."
                    yield flaw("C02", ("decisions", act.ask, "box", key), why)


def _earned(study: Study, flow: Flow) -> Iterator[Flaw]:
    """What an exit ticks is told by its guard or by a person, from evidence that is not stale."""
    machine = study.machine
    for passage in flow.passages:
        if passage.number is None:
            continue
        name = passage.source[0]
        place = ("states", name, "exits", passage.number, "ticks")
        asks = machine.states[name].asks
        read = study.read[name][passage.number]
        for key in machine.states[name].exits[passage.number].ticks:
            item = machine.items[key]
            facts = [fact for fact in (flow.bits.bit if asks else read) if fact[0] in _EVIDENCE[item.by]]
            if item.by == "human":
                yield flaw("C02", place, f"only a person ticks {item.text!r}.")
            elif not any(_told(study, flow, passage.arriving, fact) for fact in facts):
                yield flaw("C05", place, f"{name!r} ticks {item.text!r} without fresh evidence.")


def _told(study: Study, flow: Flow, env: Env, fact: Fact) -> bool:
    """Is the evidence there, and for a gate: is it the good, first outcome?"""
    if fact[0] == "gate":
        return flow.bits.sure(env, fact, next(iter(study.machine.gates[fact[1]].outcomes)))
    return flow.bits.known(env, fact)


def _grounds(study: Study) -> Iterator[Flaw]:
    """An item that a verdict ticks rests on what the verdict rests on."""
    machine = study.machine
    for name, state in machine.states.items():
        grounds = [(act.ticks, study.ground(act)) for act in state.acts()]
        for number, exit_ in enumerate(state.exits):
            roles = [fact[1] for fact in study.read[name][number] if fact[0] == "verdict"]
            judged = {part for role in roles for part in study.judges.get(role, ())}
            grounds.append((exit_.ticks, judged))
        for ticks, ground in grounds:
            for key in ticks:
                item = machine.items[key]
                lacks = sorted(ground - set(item.rests_on))
                if item.by in ("agent", "engine") and lacks:
                    place = (*_place(study, key), "rests_on")
                    yield flaw("C08", place, f"{item.text!r} does not rest on: {', '.join(lacks)}.")


def _who(item: ItemDef) -> str:
    return _an("person" if item.by == "human" else item.by)


def _an(by: str | None) -> str:
    return {"engine": "the engine", "agent": "an agent", None: "nobody"}.get(by, f"a {by}")


def _derived(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    derived = {key for key, item in machine.items.items() if item.derived is not None}
    for key in derived:
        if machine.items[key].by != "engine":
            place = (*_place(study, key), "by")
            yield flaw("C06", place, f"{machine.items[key].text!r} is derived, which the engine does.")
    for name, reads in study.read.items():
        for number, read in enumerate(reads):
            if any(fact[0] == "item" and fact[1] in derived for fact in read):
                place = ("states", name, "exits", number, "when")
                yield flaw("C06", place, f"a guard in {name!r} reads a derived item.")
    for number, rule in enumerate(machine.rules):
        needed = {*rule.needs.items, *(key for s in rule.needs.section for key in machine.checklist[s])}
        if needed & derived:
            yield flaw("C06", ("rules", number, "needs"), f"rule {rule.id!r} needs a derived item.")


def _ahead(study: Study, flow: Flow) -> Iterator[Flaw]:
    """The list is an honest progress bar: below work that is done again, nothing is ticked."""
    order = list(study.machine.items)
    home = _home(study)
    for name, state in study.machine.states.items():
        own = study.own(name)
        # who only earns again what another phase's change staled does not go back to that phase
        firsts = [order.index(key) for key in own if home[key] == state.phase]
        env = flow.at(name)
        for key in order[min(firsts) :] if firsts and env else []:
            if key not in own and "ticked" in flow.bits.possible(env, ("item", key)):
                text = study.machine.items[key].text
                yield flaw("C04", ("states", name), f"{name!r} can be entered with {text!r} still ticked.")


def _home(study: Study) -> dict[str, Phase]:
    """The first phase in which each item is ticked."""
    home: dict[str, Phase] = {}
    for name, state in study.machine.states.items():
        for key in study.own(name):
            home[key] = min(home.get(key, state.phase), state.phase, key=_PHASES.index)
    return home
