"""What may hold where: every fact's possible values in every state, over all paths, by a fixed point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from engine.model.facts import Fact
from engine.model.machine import ORIGIN, SimpleAct
from engine.rules.prove.bits import UNKNOWN, Bits, Change, Env
from engine.rules.prove.effects import Effects
from engine.rules.prove.study import Edge, Study

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
    stale: int | None = None

    @property
    def edge(self) -> Edge:
        """The edge behind it."""
        return Edge(self.source[0], self.target[0], self.number, self.stale)


class Flow:
    """Every fact's possible values at every state, by iteration to a fixed point."""

    def __init__(self, study: Study, *, staling: bool = True) -> None:
        self.study = study
        self.bits = Bits(study)
        self.effects = Effects(study, self.bits, staling=staling)
        self.entered: dict[Node, Env] = {}
        self.passages: list[Passage] = []
        states = study.machine.states
        self._enter = {name: self.effects.enter(name) for name in states}
        self._work = {name: self._works(name) for name in states}
        self._close = {name: [self.effects.close(exit_) for exit_ in states[name].exits] for name in states}
        self._run()

    def nodes(self, name: str) -> list[Node]:
        """The state as the flow knows it: once, or once for each state that stories fail from."""
        return [node for node in self.entered if node[0] == name]

    def at(self, name: str) -> Env:
        """What may hold on entering a state; 0 when it is never entered."""
        joined = 0
        for node in self.nodes(name):
            joined |= self.entered[node]
        return joined

    def after(self, name: str) -> Env:
        """What may hold when a state's actions are done; 0 when it is never entered."""
        env = self.at(name)
        return env and self._work[name][0].on(env)

    def before(self, name: str) -> Iterator[tuple[SimpleAct, Env]]:
        """Each action of a state with what may hold when it begins."""
        env = self.at(name)
        for group in self.study.machine.states[name].groups():
            for act in group:
                yield act, env
            for act in group:
                env = self.effects.act(act).on(env)

    def stales(self, act: SimpleAct, fact: Fact) -> bool:
        """Does an action change what a fact rests on?"""
        own = fact[0] == "item" and fact[1] in act.ticks
        return bool(self.effects.stale(act).add & self.bits.masks[fact]) and not own

    @cached_property
    def fresh(self) -> Flow:
        """The same flow if no change ever made anything stale."""
        return Flow(self.study, staling=False)

    def _works(self, name: str) -> tuple[Change, Change]:
        """What all actions of a state do, and what may be done when one of them fails."""
        done = broken = Change()
        for act in self.study.machine.states[name].acts():
            broken = broken.beside(done.then(self.effects.stale(act)))
            done = done.then(self.effects.act(act))
            broken = broken.beside(done)
        return done, broken

    def _run(self) -> None:
        start = (self.study.machine.initial, UNKNOWN)
        self.entered[start] = self._enter[start[0]].on(self.bits.start())
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

    def _spread(self, passages: Iterable[Passage]) -> Iterator[Node]:
        """Let passages arrive; the targets that learned something."""
        for passage in passages:
            env = self._enter[passage.target[0]].on(passage.arriving)
            old = self.entered.get(passage.target, 0)
            if env | old != old:
                self.entered[passage.target] = env | old
                yield passage.target

    def _leave(self, node: Node) -> Iterator[Passage]:
        name, origin = node
        state, failed = self.study.machine.states[name], self.study.machine.defaults.failed
        done, broken = self._work[name]
        if self.study.works[name] and name != failed:
            yield Passage(node, (failed, name), None, broken.on(self.entered[node]))
        env = done.on(self.entered[node])
        for number, exit_ in enumerate(state.exits):
            target = origin if exit_.to == ORIGIN else exit_.to
            taken = self._take(env, name, number)
            if taken and target:
                came = UNKNOWN if target != failed else name if name != failed else origin
                yield Passage(node, (target, came), number, taken, exit_.to == ORIGIN)
        for number, entry in enumerate(self.study.machine.stale):
            if name in entry.in_:
                env = self.entered[node] | broken.on(self.entered[node]) | done.on(self.entered[node])
                back = self.effects.sent_back(entry).on(env)
                yield Passage(node, (entry.to, UNKNOWN), None, back, stale=number)
                yield Passage(node, (failed, name), None, env, stale=number)

    def _take(self, env: Env, name: str, number: int) -> Env:
        """What may hold behind an exit; 0 when it is never open."""
        terms, exits = self.study.terms[name], self.study.machine.states[name].exits
        if exits[number].otherwise:
            for other, term in zip(exits, terms, strict=True):
                if not other.otherwise:
                    env = env and self.bits.assume(env, term, False)
        else:
            env = self.bits.assume(env, terms[number])
        if env and ("claims",) in self.study.read[name][number]:
            env = self._claims(env)
        return env and self._close[name][number].on(env)

    def _claims(self, env: Env) -> Env:
        """What a guard learned about the claims holds for those the last spot check was about."""
        bits = self.bits
        about = bits.possible(env, ("about",))
        told = bits.possible(env, ("claims",))
        if UNKNOWN in about | told:
            return env
        covered = set.intersection(*(set(self.study.machine.members(who)) for who in about))
        for role in covered:
            fact = ("claims", role)
            kept = bits.possible(env, fact) & told
            if bits.known(env, fact) and kept:
                env = bits.put(fact, *kept).on(env)
        return env
