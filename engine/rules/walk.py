"""One story's way through its machine, with dice for agents, gates and people. Pure: the dice are handed in.

Walker.walk         from the first state to the last: what was done on the way, how long it took
Walker._do          one action: how long it takes, and the facts that it brings about
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from engine.errors import UsageError
from engine.model.durations import Durations, Odds, Skewed, Span
from engine.model.facts import Fact
from engine.model.machine import ANSWERED, AgentAct, AskAct, ConsolidateAct, GateAct, Phase, SimpleAct, SpotCheckAct
from engine.model.step import Todo
from engine.rules.findings import FIXES
from engine.rules.history import JUDGES, produced, reopened
from engine.rules.schedule import Wanted, wanted
from engine.rules.statechart import Cursor, Statechart
from engine.rules.workplace import WORK

PEOPLE = "people"
ENDLESS = 1_000
"""States that a story may pass through before it counts as one that never ends."""
Time = Literal["agent", "gate", "notice", "person"]
Chance = Literal["finds", "again", "unclear", "fails", "deviates", "crashes", "cost"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What stages of one kind ask for: room for a group of actions, or a person; `cost` is that of each run.

    `todo` are the actions of the group in `state`, each with its role, "" for none.
    """

    phase: Phase
    wants: Wanted
    roles: tuple[str, ...] = ()
    asks: bool = False
    cost: float = 0.0
    state: str = ""
    todo: tuple[tuple[str, str], ...] = ()


class Stage(NamedTuple):
    """One group of actions, or one question: `each` role's own minutes, and the `notice` before a person begins."""

    kind: Kind
    minutes: float
    notice: float = 0.0
    each: tuple[float, ...] = ()


@dataclass(slots=True)
class Walk:
    """All that a story goes through, in order; whether it ends well; whether it is executed in the one tree."""

    stages: list[Stage] = field(default_factory=list)
    success: bool = True
    in_tree: bool = True

    @property
    def works(self) -> bool:
        """Is it ever at work?"""
        return self.split() < len(self.stages)

    def split(self) -> int:
        """How many stages come before it is at work."""
        return next((n for n, stage in enumerate(self.stages) if stage.kind.phase in WORK), len(self.stages))


class Walker:
    """Walks stories of one machine. `people` is how many there are to be asked, None for as many as are needed."""

    def __init__(
        self,
        chart: Statechart,
        durations: Iterable[Durations],
        *,
        providers: Mapping[str, str] | None = None,
        people: int | None = None,
    ) -> None:
        self._chart, self._machine = chart, chart.machine
        self._durations = tuple(durations)
        own = {name: role.provider for name, role in chart.machine.roles.items()}
        self._providers = own | dict(providers or {})
        self._room = {PEOPLE: people} if people else {}
        self.kind = cache(self._kind)
        self.odds = cache(self._odds)
        self.answers = cache(self._answers)

    def walk(self, dice: random.Random, at: str | None = None) -> Walk:
        """A story's whole way; `at` leaves out what lies before it first comes to this state, or beyond its phase."""
        story = _Story(self, dice)
        machine = self._machine
        walk = Walk(in_tree=machine.pipeline.isolation.get("execution") != "worktree")
        passed = at is None
        for _ in range(ENDLESS):
            if story.state in machine.terminal:
                walk.success = machine.terminal[story.state] == "success"
                return walk
            passed = passed or self._reached(story.state, str(at))
            stages = story.step()
            if passed:
                walk.stages += stages
        raise UsageError(
            f"a story of machine {machine.machine!r} does not end with these durations: after {ENDLESS} states it is "
            f"in {story.state!r}. Lower the chances that something goes wrong."
        )

    def _reached(self, state: str, at: str) -> bool:
        order = list(self._machine.states)
        beyond = order.index(state) > order.index(at) and self._machine.phase_of(state) != self._machine.phase_of(at)
        return state == at or (beyond and state != self._machine.defaults.failed)

    def _kind(self, state: str, acts: tuple[str, ...], roles: tuple[str, ...]) -> Kind:
        named = {act.id: act for act in self._machine.states[state].acts()}
        todo = [Todo(act=named[act], role=role) for act, role in zip(acts, roles, strict=True)]
        wants = wanted("", self._machine, state, todo, self._providers)
        asks = any(isinstance(one.act, AskAct) for one in todo)
        if asks and self._room:
            wants = Wanted("", {PEOPLE: 1}, self._room)
        cost = self.odds(state)["cost"]
        assert isinstance(cost, float)
        pairs = tuple(zip(acts, roles, strict=True))
        return Kind(self._machine.phase_of(state), wants, tuple(filter(None, roles)), asks, cost, state, pairs)

    def _odds(self, state: str) -> dict[str, Span]:
        """What holds in a state: the nearest table that has a key counts."""
        tables: list[Odds] = []
        for one in self._durations:
            named = (one.states.get(state), one.phases.get(self._machine.phase_of(state)), one.default)
            tables += [table for table in named if table is not None]
        found: dict[str, Span] = {}
        for key in Odds.model_fields:
            values = (getattr(table, key) for table in tables)
            found[key] = next((value for value in values if value is not None), 0.0)
        return found

    def _answers(self, decision: str) -> dict[str, float]:
        """How often a person answers what, of the options that there are."""
        options = self._machine.decisions[decision].options
        said = next((one.answers[decision] for one in self._durations if decision in one.answers), {})
        return {option: chance for option, chance in said.items() if option in options}


class _Story:
    """One story on its way: the state it is in, and what is known."""

    def __init__(self, walker: Walker, dice: random.Random) -> None:
        self._walker, self._dice = walker, dice
        self._machine, self._chart = walker._machine, walker._chart
        self._facts: dict[Fact, str] = {("item", item): "open" for item in self._machine.items}
        self._facts |= {("dependencies",): "complete", ("files",): "exist", ("findings", "challenged"): "none"}
        self._counts = dict.fromkeys(self._machine.loops, 0)
        self._origin: str | None = None
        self.state = ""
        self._enter(self._machine.initial)

    def step(self) -> list[Stage]:
        """Do what the state asks for and leave it."""
        stages: list[Stage] = []
        for group in self._machine.states[self.state].groups():
            todo = [(act, role) for act in group for role in self._roles(act)]
            for tries in range(self._machine.defaults.retries + 1):
                if not todo:
                    break
                each = [self._takes(act) for act, _ in todo]
                if isinstance(group[0], AskAct | AgentAct | GateAct):
                    stages.append(self._stage(todo, each))
                todo = [one for one in todo if not isinstance(one[0], AskAct) and self._crashes(one[0])]
                if todo and tries == self._machine.defaults.retries:
                    self._enter(self._machine.defaults.failed)
                    return stages
            for act in group:
                self._do(act)
        self._leave()
        return stages

    def _stage(self, todo: list[tuple[SimpleAct, str]], each: list[float]) -> Stage:
        kind = self._walker.kind(self.state, tuple(act.id for act, _ in todo), tuple(role for _, role in todo))
        notice = self._span("notice") if kind.asks else 0.0
        own = tuple(minutes for (_, role), minutes in zip(todo, each, strict=True) if role)
        return Stage(kind, max(each), notice, own)

    def _roles(self, act: SimpleAct) -> tuple[str, ...]:
        """Who has to do it: of those that answer what a person challenged, one."""
        if not isinstance(act, AgentAct):
            return ("",)
        roles = self._machine.members(act.agent)
        return (self._dice.choice(roles),) if act.only == "challenged" else roles

    def _takes(self, act: SimpleAct) -> float:
        match act:
            case AgentAct():
                return self._span("agent")
            case GateAct():
                return self._span("gate")
            case AskAct():
                return self._span("person")
        return 0.0

    def _crashes(self, act: SimpleAct) -> bool:
        return isinstance(act, AgentAct | GateAct) and self._happens("crashes")

    def _do(self, act: SimpleAct) -> None:
        """Note what an action brought about."""
        facts = self._facts
        match act:
            case AgentAct():
                first = act.purpose != "revalidate"
                for role in self._machine.members(act.agent) if act.purpose in JUDGES else ():
                    facts["verdict", role] = "FAIL" if self._happens("finds" if first else "again") else "PASS"
                if act.purpose == "self_review":
                    facts["deviations",] = "some" if self._happens("deviates") else "none"
            case GateAct():
                outcomes = [*self._machine.gates[act.run].outcomes]
                facts["gate", act.run] = outcomes[1] if self._happens("fails") else outcomes[0]
            case ConsolidateAct():
                said = {facts.get(("verdict", role)) for role in self._machine.members(act.consolidate)}
                facts["findings", "to_fix"] = "some" if "FAIL" in said else "none"
                facts |= {("findings", "ambiguous"): "none", ("findings", "challenged"): "none"}
            case SpotCheckAct():
                facts["claims",] = "refuted" if self._happens("unclear") else "confirmed"
            case AskAct():
                self._answer(act.ask)
        for item in act.ticks:
            facts["item", item] = "ticked"

    def _answer(self, name: str) -> None:
        """What a person says: the first option, but for the chances of others."""
        decision = self._machine.decisions[name]
        drawn, option = self._dice.random(), next(iter(decision.options))
        for other, chance in self._walker.answers(name).items():
            if 0 <= drawn < chance:
                option = other
            drawn -= chance
        if decision.per == "finding":
            self._facts["decision", name] = ANSWERED
            self._facts["findings", "challenged"] = "some" if option in decision.challenges else "none"
            if option not in (*FIXES, *decision.challenges):
                self._facts["findings", "to_fix"] = "none"
            return
        self._facts["decision", name] = option
        for item, means in decision.box.items():
            if means == option:
                self._facts["item", item] = "ticked"

    def _leave(self) -> None:
        cursor = Cursor(self.state, self._facts, self._origin)
        exit_ = self._chart.advance(cursor)
        if exit_ is None:
            message = f"no exit of state {self.state!r} of machine {self._machine.machine!r} opens in a simulation."
            raise UsageError(f"{message} `story machine check` says whether the machine is at fault.")
        self._facts |= {("item", item): "ticked" for item in exit_.ticks}
        self._counts |= dict.fromkeys(exit_.resets, 0)
        if exit_.enters:
            self._counts[exit_.enters] += 1
        self._enter(cursor.state)

    def _enter(self, state: str) -> None:
        if state == self._machine.defaults.failed and self.state != state:
            self._origin = self.state
        self.state = state
        entered = self._machine.states[state]
        self._facts |= {("item", item): "open" for item in reopened(self._machine, entered)}
        for act in entered.acts():
            if not (isinstance(act, AgentAct) and act.only):
                for fact in produced(self._machine, act):
                    self._facts.pop(fact, None)
        for loop, limit in self._machine.loops.items():
            self._facts["rounds", loop] = "left" if self._counts[loop] < limit.max_rounds else "used_up"

    def _happens(self, what: Chance) -> bool:
        return self._dice.random() < self._chance(what)

    def _chance(self, what: Chance) -> float:
        value = self._walker.odds(self.state)[what]
        assert isinstance(value, float)
        return value

    def _span(self, what: Time) -> float:
        """Minutes, drawn."""
        match self._walker.odds(self.state)[what]:
            case Skewed() as skewed:
                return skewed.median * math.exp(self._dice.gauss(0.0, 1.0) * math.log(skewed.spread))
            case (low, high):
                return self._dice.uniform(low, high)
            case minutes:
                assert isinstance(minutes, float)
                return minutes
