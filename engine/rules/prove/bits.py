"""An environment: every fact's possible values as one integer.

Each value that a fact may have is a bit; what is not known has a bit of its own, and so has each thing
that only the proofs ask for: has an action run, are a role's latest claims checked. Paths join by `|`, a
guard takes bits away, an action sets them. A fact with a single bit holds on every path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.model.facts import Fact
from engine.model.machine import ANSWERED, SpotCheckAct
from engine.rules.guards import All, Is, Not, Term
from engine.rules.prove.study import Study

Env = int
UNKNOWN = ""
YES = "yes"
FINDINGS: tuple[Fact, ...] = (("findings", "to_fix"), ("findings", "ambiguous"))
CHALLENGED: Fact = ("findings", "challenged")
ANEW: dict[Fact, tuple[str, ...]] = {("files",): ("exist", "missing")}
"""Facts of the world outside, which may differ whenever one looks."""


class Change(NamedTuple):
    """What an act, an exit or an entry does to an environment: bits it keeps, and bits it adds."""

    keep: int = -1
    add: int = 0

    def on(self, env: Env) -> Env:
        """The environment afterwards."""
        return env & self.keep | self.add

    def then(self, later: Change) -> Change:
        """Both, one after the other."""
        return Change(self.keep & later.keep, self.add & later.keep | later.add)

    def beside(self, other: Change) -> Change:
        """Either of both: what is possible after one of them."""
        return Change(self.keep | other.keep, self.add | other.add)


class Bits:
    """The bits of all facts of a machine, and what can be asked of and done to an environment."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.values: dict[Fact, tuple[str, ...]] = dict(_domains(study))
        self.bit: dict[Fact, dict[str, int]] = {}
        self.masks: dict[Fact, int] = {}
        self._kept: dict[tuple[int, bool], int] = {}
        shift = 0
        for fact, values in self.values.items():
            self.bit[fact] = {value: 1 << shift + index for index, value in enumerate(values)}
            self.masks[fact] = ((1 << len(values)) - 1) << shift
            shift += len(values)

    def start(self) -> Env:
        """A new story: nothing ticked, nothing known."""
        env = 0
        for fact, values in self.values.items():
            many = fact[0] in ("dependencies", "files", "rounds")
            env |= self.masks[fact] if many else self.bit[fact][values[0]]
        return env

    def possible(self, env: Env, fact: Fact) -> set[str]:
        """The values a fact may have."""
        return {value for value, bit in self.bit[fact].items() if env & bit}

    def sure(self, env: Env, fact: Fact, value: str) -> bool:
        """Does the fact have this value on every path?"""
        return env & self.masks[fact] == self.bit[fact][value]

    def known(self, env: Env, fact: Fact) -> bool:
        """Is the fact known on every path?"""
        return fact in self.bit and not env & self.bit[fact][UNKNOWN]

    def put(self, fact: Fact, *values: str) -> Change:
        """The fact has one of these values now."""
        bits = self.bit[fact]
        return Change(~self.masks[fact], sum(bits[value] for value in values))

    def produce(self, *facts: Fact) -> Change:
        """Each of these facts is known now, with any value."""
        keep = add = 0
        for fact in facts:
            keep |= self.masks[fact]
            add |= self.masks[fact] & ~self.bit[fact][UNKNOWN]
        return Change(~keep, add)

    def loosen(self, facts: Iterable[Fact]) -> Change:
        """These facts may have become open or unknown."""
        add = 0
        for fact in facts:
            add |= self.bit[fact]["open" if fact[0] == "item" else UNKNOWN]
        return Change(add=add)

    def any(self, *facts: Fact) -> Change:
        """These facts may have any value now."""
        add = 0
        for fact in facts:
            add |= self.masks[fact]
        return Change(add=add)

    def assume(self, env: Env, term: Term, answer: bool = True) -> Env:
        """What remains possible when a term has this answer; 0 when it cannot."""
        if isinstance(term, Is):
            mask = self.masks[term.fact]
            rest = env & mask & self._keep(term, answer)
            return env & ~mask | rest if rest else 0
        if isinstance(term, Not):
            return self.assume(env, term.term, not answer)
        if isinstance(term, All) == answer:
            for part in term.terms:
                env = env and self.assume(env, part, answer)
            return env
        joined = 0
        for part in term.terms:
            joined |= self.assume(env, part, answer)
        return joined

    def _keep(self, term: Is, answer: bool) -> int:
        """The bits of the values with which a question has this answer."""
        key = (id(term), answer)
        if key not in self._kept:
            bits = self.bit[term.fact].items()
            fits = [bit for value, bit in bits if value != UNKNOWN and (value in term.wanted) == answer]
            # what is not complete yet may be so by the time somebody looks again
            later = self.masks[term.fact] if term.fact == ("dependencies",) and not answer else 0
            self._kept[key] = sum(fits) | later
        return self._kept[key]


def _domains(study: Study) -> Iterator[tuple[Fact, tuple[str, ...]]]:
    """All facts with their values; the first is a new story's."""
    machine = study.machine
    for item in machine.items:
        yield ("item", item), ("open", "ticked")
    for role in machine.roles:
        yield ("verdict", role), (UNKNOWN, "PASS", "FAIL")
        yield ("claims", role), (UNKNOWN, "confirmed", "refuted")
    spotted = {act.spot_check for _, act, _ in study.acts if isinstance(act, SpotCheckAct)}
    yield ("claims",), (UNKNOWN, "confirmed", "refuted")
    yield ("about",), (UNKNOWN, *sorted(spotted))
    for fact in FINDINGS:
        yield fact, (UNKNOWN, "some", "none")
    yield CHALLENGED, ("none", "some")
    for gate, defined in machine.gates.items():
        yield ("gate", gate), (UNKNOWN, *defined.outcomes)
        yield ("began", gate), (UNKNOWN, YES)
    for name, decision in machine.decisions.items():
        options = (ANSWERED,) if decision.per == "finding" else tuple(decision.options)
        yield ("decision", name), (UNKNOWN, *options)
    yield ("deviations",), (UNKNOWN, "some", "none")
    for loop in machine.loops:
        yield ("rounds", loop), ("left", "used_up")
    yield ("dependencies",), ("complete", "open")
    yield from ANEW.items()
    for act_id in study.agents:
        yield ("ran", act_id), (UNKNOWN, YES)
    for purpose in sorted(study.used):
        yield ("purpose", purpose), (UNKNOWN, YES)
