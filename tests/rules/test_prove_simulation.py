"""Random stories, walked on the statechart: what the proofs hold for possible is all that ever happens."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from engine.files.machine_file import read_machine
from engine.model.facts import Fact
from engine.model.inputs import written
from engine.model.machine import (
    ORIGIN,
    AgentAct,
    AskAct,
    ConsolidateAct,
    GateAct,
    Input,
    Machine,
    SimpleAct,
    SpotCheckAct,
)
from engine.rules.history import produced, reopened
from engine.rules.prove import prove
from engine.rules.prove.bits import UNKNOWN
from engine.rules.prove.flow import Flow
from engine.rules.prove.study import JUDGES, Study
from engine.rules.statechart import Cursor, Statechart
from tests.rounds import rounds

ROOT = Path(__file__).parents[2]
FINDINGS = (("findings", "to_fix"), ("findings", "ambiguous"))


class World:
    """One story with dice for agents, gates, people and failures."""

    def __init__(self, machine: Machine, flow: Flow, chart: Statechart, seed: int) -> None:
        self.machine, self.flow, self.chart = machine, flow, chart
        self.dice = random.Random(seed)
        self.luck = self.dice.choice([0.3, 0.6, 0.9, 1.0])
        self.facts: dict[Fact, str] = {("item", item): "open" for item in machine.items}
        self.facts["findings", "challenged"] = "none"
        self.counts = dict.fromkeys(machine.loops, 0)
        self.judged: dict[str, int] = {}
        self.version = 0
        self.origin = ""
        self.taken: str | None = None
        self.enter(machine.initial)

    def good(self) -> bool:
        return self.dice.random() < self.luck

    def enter(self, name: str) -> None:
        if name == self.machine.defaults.failed and self.taken != name:
            self.origin = self.taken or ""
        self.taken = name
        state = self.machine.states[name]
        for item in reopened(self.machine, state):
            self.facts["item", item] = "open"
        for act in state.acts():
            if not (isinstance(act, AgentAct) and act.only):
                for fact in produced(self.machine, act):
                    self.facts.pop(fact, None)
        for loop, limit in self.machine.loops.items():
            self.facts["rounds", loop] = "left" if self.counts[loop] < limit.max_rounds else "used_up"
        self.facts["dependencies",] = "complete" if self.dice.random() < 0.7 else "open"
        self.facts["files",] = "exist"
        self.check()

    def check(self) -> None:
        """Every fact's value is one that the proofs hold for possible here."""
        failed = self.machine.defaults.failed
        node = (self.taken, self.origin if self.taken == failed else "")
        env, bits = self.flow.entered[node], self.flow.bits
        for fact in bits.bit:
            value = self.facts.get(fact, UNKNOWN)
            if fact[0] in ("item", "verdict", "gate", "decision", "findings", "deviations", "rounds"):
                assert env & bits.bit[fact][value], (node, fact, value)

    def stale(self, changed: set[Input]) -> None:
        """What rested on a changed input may be opened or dropped; a change of nothing stales nothing."""
        if not changed or self.dice.random() < 0.3:
            return
        self.version += 1
        for key, item in self.machine.items.items():
            if changed & set(item.rests_on):
                self.facts["item", key] = "open"
        for role, ground in self.flow.study.judges.items():
            if ground & changed and self.dice.random() < 0.5:
                for fact in (("verdict", role), ("claims",), *FINDINGS):
                    self.facts.pop(fact, None)
        if "code" in changed and self.dice.random() < 0.5:
            for fact in [fact for fact in self.facts if fact[0] in ("gate", "deviations")]:
                self.facts.pop(fact)

    def do(self, act: SimpleAct) -> None:
        facts, machine = self.facts, self.machine
        self.stale(written(act))
        match act:
            case AgentAct():
                for role in machine.members(act.agent) if act.purpose in JUDGES else ():
                    current = facts.get(("verdict", role)) == "PASS" and self.judged.get(role) == self.version
                    if not (act.only and current):
                        facts["verdict", role] = "PASS" if self.good() else "FAIL"
                        self.judged[role] = self.version
                if act.purpose == "self_review":
                    facts["deviations",] = "none" if self.good() else "some"
            case GateAct():
                outcomes = list(machine.gates[act.run].outcomes)
                facts["gate", act.run] = outcomes[0] if self.good() else self.dice.choice(outcomes)
            case ConsolidateAct():
                for fact in FINDINGS:
                    facts[fact] = "none" if self.good() else "some"
                facts["findings", "challenged"] = "none"
                for role in machine.members(act.consolidate):  # a FAIL that holds nothing up counts as PASS
                    if self.dice.random() < 0.1:
                        facts["verdict", role] = "PASS"
            case SpotCheckAct():
                facts["claims",] = "confirmed" if self.good() else "refuted"
            case AskAct():
                self.ask(act.ask)
        for item in act.ticks:
            facts["item", item] = "ticked"

    def ask(self, name: str) -> None:
        decision = self.machine.decisions[name]
        if decision.per == "finding":
            self.facts["decision", name] = "answered"
            self.facts["findings", "to_fix"] = "none" if self.good() else "some"
            if decision.challenges and not self.good():
                self.facts["findings", "challenged"] = "some"
            return
        options = list(decision.options)
        answer = options[0] if self.good() else self.dice.choice(options)
        self.facts["decision", name] = answer
        for item, option in decision.box.items():
            if option == answer:
                self.facts["item", item] = "ticked"

    def sent_back(self, name: str) -> bool:
        """Now and then something changes from outside, which may be acted on before, between or after the work."""
        for entry in self.machine.stale:
            fragile = [key for key, item in self.machine.items.items() if set(entry.rests_on) & set(item.rests_on)]
            ticked = any(self.facts["item", key] == "ticked" for key in fragile)
            if name not in entry.in_ or not ticked or self.dice.random() > 0.05:
                continue
            if self.facts["rounds", entry.enters] == "used_up":
                self.enter(self.machine.defaults.failed)
                return True
            self.stale(set(entry.rests_on))
            self.counts[entry.enters] += 1
            self.enter(entry.to)
            return True
        return False

    def step(self) -> None:
        """Work in the state until an exit opens, or fail on the way."""
        name = self.taken
        assert name is not None
        if self.sent_back(name):
            return
        for act in self.machine.states[name].acts():
            if self.sent_back(name):
                return
            if not isinstance(act, AskAct) and self.dice.random() < 0.02:
                self.stale(written(act))
                self.enter(self.machine.defaults.failed)
                return
            self.do(act)
        self.facts["dependencies",] = "complete"
        open_ = [way for way in self.chart.ways[name] if way.holds(self.facts) is True]
        assert len(open_) == 1, (name, self.facts)
        cursor = Cursor(name, self.facts, self.origin)
        exit_ = self.chart.advance(cursor)
        assert exit_ is not None
        assert exit_.to in (cursor.state, ORIGIN)
        for item in exit_.ticks:
            self.facts["item", item] = "ticked"
        for loop in exit_.resets:
            self.counts[loop] = 0
        if exit_.enters:
            self.counts[exit_.enters] += 1
        self.enter(cursor.state)


@pytest.mark.parametrize(
    ("path", "stories"),
    [
        ("machines/story.yaml", 300),
        pytest.param("machines/story.yaml", 2_000, marks=pytest.mark.long),
        pytest.param("machines/infrastructure.yaml", 700, marks=pytest.mark.long),
        ("tests/data/machines/doc-review.yaml", 700),
    ],
)
def test_nothing_happens_that_the_proofs_hold_for_impossible(path: str, stories: int) -> None:
    """On random walks one exit is open in each state, no fact has an unforeseen value, and every story ends."""
    machine = read_machine(ROOT / path).machine
    assert prove(machine) == []
    flow, chart = Flow(Study(machine)), Statechart(machine)
    ends: Counter[str] = Counter()
    steps = 0
    for seed in range(rounds(stories)):
        world = World(machine, flow, chart, seed)
        for _ in range(3_000):
            if world.taken in machine.terminal:
                break
            world.step()
            steps += 1
        assert world.taken in machine.terminal, f"story {seed} does not end"
        ends[str(world.taken)] += 1
        if machine.terminal[str(world.taken)] == "success":
            own = [key for key, item in machine.items.items() if item.derived is None]
            assert all(world.facts["item", key] == "ticked" for key in own)
    assert set(ends) == set(machine.terminal)
    assert steps > 5 * rounds(stories)


def test_the_walk_would_notice() -> None:
    """Against an analysis that forgets that evidence goes stale, the same walks fail."""
    machine = read_machine(ROOT / "machines" / "story.yaml").machine
    flow, chart = Flow(Study(machine), staling=False), Statechart(machine)
    with pytest.raises(AssertionError, match="assert"):
        _walk_all(machine, flow, chart)


def _walk_all(machine: Machine, flow: Flow, chart: Statechart) -> None:
    for seed in range(500):
        world = World(machine, flow, chart, seed)
        while world.taken not in machine.terminal:
            world.step()
