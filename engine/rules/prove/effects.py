"""What actions, exits and entries do to what is known: produce, tick, reopen, stale."""

from __future__ import annotations

from engine.model.facts import Fact
from engine.model.inputs import written
from engine.model.machine import (
    AgentAct,
    AskAct,
    ConsolidateAct,
    Exit,
    GateAct,
    Input,
    SimpleAct,
    SpotCheckAct,
    Stale,
)
from engine.rules.history import produced, reopened
from engine.rules.prove.bits import ANEW, CHALLENGED, FINDINGS, UNKNOWN, YES, Bits, Change
from engine.rules.prove.study import JUDGES, Study


class Effects:
    """The changes of a machine; without `staling`, as if nothing ever went stale."""

    def __init__(self, study: Study, bits: Bits, *, staling: bool) -> None:
        self.study, self.bits, self.staling = study, bits, staling
        self._gone: dict[frozenset[Input], Change] = {}

    def act(self, act: SimpleAct) -> Change:
        """An action that ended well: it may change inputs, then it produces, then it ticks."""
        change = self.stale(act).then(self._produce(act))
        for item in act.ticks:
            change = change.then(self.bits.put(("item", item), "ticked"))
        return change

    def stale(self, act: SimpleAct) -> Change:
        """What rests on an input that an action may change may have become open or unknown."""
        return self._changed(written(act))

    def sent_back(self, entry: Stale) -> Change:
        """A change from outside that is acted on: the same, and a round is counted."""
        return self._changed({*entry.rests_on}).then(self.bits.any(("rounds", entry.enters)))

    def close(self, exit_: Exit) -> Change:
        """An exit that is taken ticks and counts."""
        change = Change()
        for item in exit_.ticks:
            change = change.then(self.bits.put(("item", item), "ticked"))
        counted = (*exit_.resets, *([exit_.enters] if exit_.enters else []))
        return change.then(self.bits.any(*(("rounds", loop) for loop in counted)))

    def enter(self, name: str) -> Change:
        """A state that is entered reopens items and drops what it is about to produce."""
        bits, machine = self.bits, self.study.machine
        state = machine.states[name]
        change = bits.any(*ANEW)
        for item in reopened(machine, state):
            change = change.then(bits.put(("item", item), "open"))
        for act in state.acts():
            for fact in produced(machine, act):
                kept = isinstance(act, AgentAct) and act.only is not None
                change = change.then(bits.loosen([fact]) if kept else bits.put(fact, UNKNOWN))
        return change

    def _produce(self, act: SimpleAct) -> Change:
        bits, machine = self.bits, self.study.machine
        match act:
            case AgentAct():
                return self._report(act)
            case GateAct():
                return bits.produce(("gate", act.run)).then(bits.put(("began", act.run), YES))
            case ConsolidateAct():
                # a FAIL of which nothing is left open counts as PASS
                verdicts = [("verdict", role) for role in machine.members(act.consolidate)]
                counted = Change(add=sum(bits.bit[fact]["PASS"] for fact in verdicts))
                return bits.produce(*FINDINGS).then(counted).then(bits.put(CHALLENGED, "none"))
            case SpotCheckAct():
                claims = [("claims", role) for role in machine.members(act.spot_check)]
                return bits.produce(("claims",), *claims).then(bits.put(("about",), act.spot_check))
            case AskAct():
                decision = machine.decisions[act.ask]
                change = bits.produce(("decision", act.ask))
                change = change.then(bits.any(*(("item", item) for item in decision.box)))
                if decision.challenges:
                    change = change.then(bits.any(CHALLENGED))
                decides = decision.per == "finding" or decision.standing
                return change.then(Change(add=bits.produce(*FINDINGS).add)) if decides else change

    def _report(self, act: AgentAct) -> Change:
        bits = self.bits
        change = bits.put(("ran", act.id), YES).then(bits.put(("purpose", act.purpose), YES))
        if act.purpose in JUDGES:
            for role in self.study.machine.members(act.agent):
                change = change.then(bits.produce(("verdict", role))).then(bits.put(("claims", role), UNKNOWN))
            return change.then(bits.loosen([("claims",), *FINDINGS]))
        return change.then(bits.produce(("deviations",))) if act.purpose == "self_review" else change

    def _changed(self, inputs: set[Input]) -> Change:
        changed = frozenset(inputs) if self.staling else frozenset[Input]()
        if changed not in self._gone:
            self._gone[changed] = self._stale_by(changed)
        return self._gone[changed]

    def _stale_by(self, changed: frozenset[Input]) -> Change:
        study, machine = self.study, self.study.machine
        gone: list[Fact] = [("item", key) for key, item in machine.items.items() if changed & {*item.rests_on}]
        roles = [role for role, ground in study.judges.items() if ground & changed]
        gone += [fact for role in roles for fact in (("verdict", role), ("claims", role))]
        gone += [("claims",), *FINDINGS] if roles else []
        if "code" in changed:
            gone += [("gate", gate) for gate in machine.gates] + [("deviations",)]
        return self.bits.loosen(gone)
