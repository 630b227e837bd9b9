"""A machine as the proofs look at it: its places, its guards as terms, its edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from engine.model.facts import Facts
from engine.model.inputs import DOCUMENTS, inputs_of
from engine.model.machine import (
    ORIGIN,
    AgentAct,
    AskAct,
    ConsolidateAct,
    Exit,
    Input,
    Machine,
    Parallel,
    SimpleAct,
    SpotCheckAct,
    State,
)
from engine.rules.guards import Term, compile_guard, evaluate, facts_of
from engine.rules.prove.flaw import Place

JUDGES = ("validate", "revalidate", "verify")
WORKERS = ("implement", "fix", "fix_code")
MAX_CASES = 20_000
"""The most cases of one state's guards that are tried."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from state to state: an exit or an entry of `stale` by its number, or neither for a technical failure."""

    source: str
    target: str
    number: int | None
    stale: int | None = None

    @property
    def place(self) -> Place:
        """Where the edge is declared."""
        if self.stale is not None:
            return ("stale", self.stale)
        if self.number is None:
            return ("defaults", "failed")
        return ("states", self.source, "exits", self.number)


class Study:
    """A machine whose names are sound, with everything derived from it that several proofs need."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.terms: dict[str, list[Term]] = {
            name: [compile_guard(machine, exit_.when) for exit_ in state.exits]
            for name, state in machine.states.items()
        }
        self.read = {name: [facts_of(term) for term in terms] for name, terms in self.terms.items()}
        """The facts each exit of a state reads."""
        self.works = {name: state.works for name, state in machine.states.items()}

    @cached_property
    def edges(self) -> list[Edge]:
        """All declared ways and those of technical failures; `origin` has no fixed target and is left out.

        What changes outside may send a story over an entry of `stale`, or to the state for failures.
        """
        failed = self.machine.defaults.failed
        found = []
        for name, state in self.machine.states.items():
            found += [Edge(name, exit_.to, number) for number, exit_ in enumerate(state.exits) if exit_.to != ORIGIN]
            if state.works and name != failed:
                found.append(Edge(name, failed, None))
        for number, entry in enumerate(self.machine.stale):
            found += [Edge(name, target, None, number) for name in entry.in_ for target in (entry.to, failed)]
        return found

    @cached_property
    def exits(self) -> list[tuple[Edge, Exit]]:
        """The edges that are exits, with them."""
        return [
            (edge, self.machine.states[edge.source].exits[edge.number])
            for edge in self.edges
            if edge.number is not None
        ]

    @cached_property
    def acts(self) -> list[tuple[str, SimpleAct, Place]]:
        """Every action with its state and place."""
        return [
            (name, act, place) for name, state in self.machine.states.items() for act, place in acts_of(name, state)
        ]

    @cached_property
    def agents(self) -> dict[str, tuple[str, AgentAct, Place]]:
        """The agents' actions by id."""
        return {act.id: (name, act, place) for name, act, place in self.acts if isinstance(act, AgentAct)}

    @cached_property
    def used(self) -> set[str]:
        """The purposes the machine uses."""
        return {act.purpose for _, act, _ in self.agents.values()}

    @cached_property
    def judges(self) -> dict[str, set[Input]]:
        """Each role that gives verdicts, and what those rest on."""
        rests: dict[str, set[Input]] = {}
        for _, act, _ in self.agents.values():
            if act.purpose in JUDGES:
                for role in self.machine.members(act.agent):
                    rests.setdefault(role, set()).update(self.ground(act))
        return rests

    def roles(self, purpose: str) -> set[str]:
        """The roles that have this purpose somewhere."""
        return {
            role
            for _, act, _ in self.agents.values()
            if act.purpose == purpose
            for role in self.machine.members(act.agent)
        }

    def own(self, name: str) -> set[str]:
        """The items a state ticks: by its actions, its exits, or a person's box."""
        state = self.machine.states[name]
        ticked = {item for act in state.acts() for item in act.ticks}
        ticked |= {item for exit_ in state.exits for item in exit_.ticks}
        return ticked | set(self.boxes(name))

    def ticked_by(self, key: str) -> set[str]:
        """The purposes of the agents that tick an item, and "" where anything else does."""
        found = {"" for state in self.machine.states.values() for exit_ in state.exits if key in exit_.ticks}
        found |= {"" for name in self.machine.states if key in self.boxes(name)}
        return found | {getattr(act, "purpose", "") for _, act, _ in self.acts if key in act.ticks}

    def boxes(self, name: str) -> dict[str, str]:
        """The items whose tick answers a question of this state, with the question."""
        return {
            item: act.ask
            for act in self.machine.states[name].acts()
            if isinstance(act, AskAct)
            for item in self.machine.decisions[act.ask].box
        }

    def executes(self) -> bool:
        """Does the machine have a phase of execution at all?"""
        return any(state.phase == "execution" for state in self.machine.states.values())

    def taken(self, name: str, facts: Facts) -> list[int]:
        """The exits that are open under these facts."""
        exits, terms = self.machine.states[name].exits, self.terms[name]
        answers = [None if e.otherwise else evaluate(term, facts) for e, term in zip(exits, terms, strict=True)]
        open_ = [number for number, answer in enumerate(answers) if answer is True]
        if open_ or any(a is None for a, e in zip(answers, exits, strict=True) if not e.otherwise):
            return open_
        return [number for number, exit_ in enumerate(exits) if exit_.otherwise]

    def reads(self, name: str) -> set[tuple[str, ...]]:
        """The facts the exits of a state read."""
        return {fact for read in self.read[name] for fact in read}

    def ground(self, act: SimpleAct) -> set[Input]:
        """What the verdict, review or findings of an action rest on."""
        match act:
            case AgentAct(purpose="verify" | "self_review"):
                return {"code"}
            case AgentAct(purpose="validate" | "revalidate"):
                reads = self.machine.prompts[act.prompt].reads
                return {inputs_of(token) for token in reads} or {*DOCUMENTS}
            case ConsolidateAct(consolidate=who) | SpotCheckAct(spot_check=who):
                return {part for role in self.machine.members(who) for part in self.judges.get(role, ())}
        return set()


def acts_of(name: str, state: State) -> Iterator[tuple[SimpleAct, Place]]:
    """The actions of a state with their places, in order."""
    for number, act in enumerate(state.do):
        place: Place = ("states", name, "do", number)
        if isinstance(act, Parallel):
            for index, part in enumerate(act.parallel):
                yield part, (*place, "parallel", index)
        else:
            yield act, place


def reach(start: set[str], ways: list[tuple[str, str]]) -> set[str]:
    """Every state that can be reached over these ways, the start included."""
    after: dict[str, list[str]] = {}
    for source, target in ways:
        after.setdefault(source, []).append(target)
    seen, todo = set(start), list(start)
    while todo:
        for target in after.get(todo.pop(), ()):
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen
