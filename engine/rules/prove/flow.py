"""What may hold where: every fact's possible values in every state, over all paths, by a fixed point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from engine.model.facts import Fact
from engine.model.machine import (
    ORIGIN,
    AgentAct,
    AskAct,
    ConsolidateAct,
    Exit,
    GateAct,
    Input,
    SimpleAct,
    SpotCheckAct,
)
from engine.rules.guards import facts_of
from engine.rules.history import produced
from engine.rules.prove.bits import ANEW, FINDINGS, UNKNOWN, YES, Bits, Env
from engine.rules.prove.study import JUDGES, Edge, Study, acts_of, written

Node = tuple[str, str]
"""A state, and for the state of failed stories the state they came from (else "")."""


@dataclass(frozen=True, slots=True)
class Passage:
    """An edge as the flow took it: what may hold when it arrives, before the target's `reopens`."""

    source: Node
    target: Node
    number: int | None
    arriving: Env
    returns: bool = False
    """Does it lead a failed story back to where it was?"""

    @property
    def edge(self) -> Edge:
        """The edge behind it."""
        return Edge(self.source[0], self.target[0], self.number)


class Flow:
    """Every fact's possible values at every state, by iteration to a fixed point."""

    def __init__(self, study: Study, *, staling: bool = True) -> None:
        self.study, self.staling = study, staling
        self.bits = Bits(study)
        self.entered: dict[Node, Env] = {}
        self.worked: dict[Node, Env] = {}
        self.passages: list[Passage] = []
        self._gone: dict[frozenset[Input], Env] = {}
        self._enter = {name: self._entering(name) for name in study.machine.states}
        self._run()

    def nodes(self, name: str) -> list[Node]:
        """The state as the flow knows it: once, or once for each state that stories fail from."""
        return [node for node in self.entered if node[0] == name]

    def at(self, name: str) -> Env:
        """What may hold on entering a state; 0 when it is never entered."""
        return _join(env for node, env in self.entered.items() if node[0] == name)

    def after(self, name: str) -> Env:
        """What may hold when a state's actions are done."""
        return _join(env for node, env in self.worked.items() if node[0] == name)

    def before(self, name: str) -> Iterator[tuple[SimpleAct, Env]]:
        """Each action of a state with what may hold when it begins."""
        env = self.at(name)
        for group in self.study.machine.states[name].groups():
            for act in group:
                yield act, env
            for act in group:
                env = self.act(env, act)

    def act(self, env: Env, act: SimpleAct) -> Env:
        """What may hold after an action."""
        bits, machine = self.bits, self.study.machine
        env |= self._stale(act)
        match act:
            case AgentAct():
                env = self._agent(env, act)
            case GateAct():
                env = bits.put(bits.set(env, [("gate", act.run)]), ("began", act.run), YES)
            case ConsolidateAct():
                env = bits.set(env, FINDINGS)
            case SpotCheckAct():
                roles = [("claims", role) for role in machine.members(act.spot_check)]
                env = bits.set(env, [("claims",), *(role for role in roles if role in bits.bit)])
                env = bits.put(env, ("about",), act.spot_check)
            case AskAct():
                decision = machine.decisions[act.ask]
                env = bits.set(env, [("decision", act.ask)])
                for item in decision.box:
                    env |= bits.masks["item", item]
                if decision.per == "finding" or decision.standing:
                    for fact in FINDINGS:
                        if bits.possible(env, fact) != {UNKNOWN}:
                            env |= bits.masks[fact] & ~bits.bit[fact][UNKNOWN]
        for item in act.ticks:
            env = bits.put(env, ("item", item), "ticked")
        return env

    def stales(self, act: SimpleAct, fact: Fact) -> bool:
        """Does an action change what a fact rests on?"""
        own = fact[0] == "item" and fact[1] in act.ticks
        return bool(self._stale(act) & self.bits.masks[fact]) and not own

    @cached_property
    def fresh(self) -> Flow:
        """The same flow if no change ever made anything stale."""
        return Flow(self.study, staling=False)

    def _run(self) -> None:
        start = (self.study.machine.initial, UNKNOWN)
        self.entered[start] = self._arrive(self.bits.start(), start[0])
        order = {name: number for number, name in enumerate(self.study.machine.states)}
        todo, found = {start}, dict[Node, list[Passage]]()
        while todo:
            # pass after pass in the order of the file, so that a node mostly comes after what leads to it
            for node in sorted(self.entered, key=lambda node: (order[node[0]], node[1])):
                if node in todo:
                    todo.remove(node)
                    found[node] = list(self._leave(node))
                    todo.update(self._spread(found[node]))
        self.passages = [passage for passages in found.values() for passage in passages]

    def _spread(self, passages: list[Passage]) -> Iterator[Node]:
        """Let passages arrive; the targets that learned something."""
        for passage in passages:
            env = self._arrive(passage.arriving, passage.target[0])
            old = self.entered.get(passage.target, 0)
            if env | old != old:
                self.entered[passage.target] = env | old
                yield passage.target

    def _leave(self, node: Node) -> Iterator[Passage]:
        name, origin = node
        machine = self.study.machine
        state, failed = machine.states[name], machine.defaults.failed
        env = broken = self.entered[node]
        for group in state.groups():
            for act in group:
                broken |= env | self._stale(act)
                env = self.act(env, act)
                broken |= env
        self.worked[node] = env
        if state.works and name != failed:
            yield Passage(node, (failed, name), None, broken)
        for number, exit_ in enumerate(state.exits):
            target = origin if exit_.to == ORIGIN else exit_.to
            taken = self._take(env, name, number)
            if taken and target:
                came = UNKNOWN if target != failed else name if name != failed else origin
                yield Passage(node, (target, came), number, taken, exit_.to == ORIGIN)

    def _take(self, env: Env, name: str, number: int) -> Env:
        """What may hold behind an exit; 0 when it is never open."""
        terms, exits = self.study.terms[name], self.study.machine.states[name].exits
        exit_ = exits[number]
        if exit_.otherwise:
            for other, term in zip(exits, terms, strict=True):
                if not other.otherwise:
                    env = env and self.bits.assume(env, term, False)
        else:
            env = self.bits.assume(env, terms[number])
        if env and exit_.when is not None and ("claims",) in facts_of(terms[number]):
            env = self._claims(env)
        return env and self._close(env, exit_)

    def _close(self, env: Env, exit_: Exit) -> Env:
        for item in exit_.ticks:
            env = self.bits.put(env, ("item", item), "ticked")
        for loop in (*exit_.resets, *([exit_.enters] if exit_.enters else [])):
            env |= self.bits.masks["rounds", loop]
        return env

    def _claims(self, env: Env) -> Env:
        """What a guard learned about the claims holds for those the last spot check was about."""
        bits = self.bits
        about = bits.possible(env, ("about",))
        told = bits.possible(env, ("claims",))
        if UNKNOWN in about | told:
            return env
        covered = set.intersection(*(set(self.study.machine.members(who)) for who in about))
        for role in covered & set(self.study.judges):
            fact = ("claims", role)
            kept = bits.possible(env, fact) & told
            if bits.known(env, fact) and kept:
                env = bits.put(env, fact, *kept)
        return env

    def _agent(self, env: Env, act: AgentAct) -> Env:
        bits = self.bits
        if act.purpose in JUDGES:
            roles = self.study.machine.members(act.agent)
            env = bits.set(env, [("verdict", role) for role in roles])
            for role in roles:
                env = bits.put(env, ("claims", role), UNKNOWN)
            env |= bits.loosen([("claims",), *FINDINGS])
        if act.purpose == "self_review":
            env = bits.set(env, [("deviations",)])
        env = bits.put(env, ("ran", act.id), YES)
        return bits.put(env, ("purpose", act.purpose), YES)

    def _stale(self, act: SimpleAct) -> Env:
        """The bits by which what rests on a changed input may have become open or unknown."""
        changed = frozenset(written(act)) if self.staling else frozenset()
        if changed not in self._gone:
            self._gone[changed] = self._stale_by(changed)
        return self._gone[changed]

    def _stale_by(self, changed: frozenset[Input]) -> Env:
        study, machine = self.study, self.study.machine
        gone: list[Fact] = [
            ("item", key) for key, item in machine.items.items() if changed & {*item.rests_on}
        ]
        roles = [role for role, ground in study.judges.items() if ground & changed]
        gone += [fact for role in roles for fact in (("verdict", role), ("claims", role))]
        gone += [("claims",), *FINDINGS] if roles else []
        if "code" in changed:
            gone += [("gate", gate) for gate in machine.gates] + [("deviations",)]
        return self.bits.loosen(gone)

    def _entering(self, name: str) -> tuple[Env, Env]:
        """The bits that entering a state takes away, and those it adds."""
        bits, machine = self.bits, self.study.machine
        state = machine.states[name]
        take = add = 0
        if state.reopens is not None:
            items = [key for key, item in machine.items.items() if item.derived is None]
            for item in items[items.index(state.reopens) :]:
                take |= bits.masks["item", item]
                add |= bits.bit["item", item]["open"]
        for act, _ in acts_of(name, state):
            for fact in produced(machine, act):
                take |= bits.masks[fact] if not (isinstance(act, AgentAct) and act.only) else 0
                add |= bits.bit[fact][UNKNOWN]
        for fact in ANEW:
            add |= bits.masks[fact]
        return ~take, add

    def _arrive(self, env: Env, name: str) -> Env:
        keep, add = self._enter[name]
        if env & self.bits.bit["dependencies",]["open"]:
            add |= self.bits.masks["dependencies",]
        return env & keep | add


def _join(envs: Iterable[Env]) -> Env:
    joined = 0
    for env in envs:
        joined |= env
    return joined
