"""Guards as three-valued questions: yes, no, or not known yet, and always why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from engine.model.facts import Fact, Facts
from engine.model.machine import Guard, Machine


@dataclass(frozen=True, slots=True)
class Is:
    """Does a fact have one of these values?"""

    fact: Fact
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True)
class All:
    """Do all of these hold?"""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Does one of these hold?"""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Does this surely not hold?"""

    term: Term


Term = Is | All | Any | Not
ALWAYS = All(())


def compile_guard(machine: Machine, guard: Guard | None) -> Term:
    """Turn a guard of the machine file into a term; `None` always holds."""
    if guard is None:
        return ALWAYS
    terms = tuple(_terms(machine, guard))
    return terms[0] if len(terms) == 1 else All(terms)


def evaluate(term: Term, facts: Facts) -> bool | None:
    """Answer a term: True, False, or None where it is not known yet (Kleene's three values)."""
    if isinstance(term, Is):
        value = facts.get(term.fact)
        return None if value is None else value in term.wanted
    if isinstance(term, Not):
        inner = evaluate(term.term, facts)
        return None if inner is None else not inner
    decisive = isinstance(term, Any)
    unknown = False
    for part in term.terms:
        answer = evaluate(part, facts)
        if answer is decisive:
            return decisive
        unknown = unknown or answer is None
    return None if unknown else not decisive


def explain(term: Term, facts: Facts, machine: Machine) -> list[str]:
    """Name every question that does not answer yes, in words; empty when the term holds."""
    if evaluate(term, facts) is True:
        return []
    if isinstance(term, Is):
        return [_why(term, facts, machine)]
    if isinstance(term, Not):
        return [f"must not hold: {statement(term.term, machine)}"]
    if isinstance(term, All):
        return [why for part in term.terms for why in explain(part, facts, machine)]
    return ["none of: " + " | ".join(" and ".join(explain(part, facts, machine)) for part in term.terms)]


def leaves(term: Term) -> Iterator[Is]:
    """All single questions of a term."""
    match term:
        case Is():
            yield term
        case Not(inner):
            yield from leaves(inner)
        case All(terms) | Any(terms):
            for part in terms:
                yield from leaves(part)


def facts_of(term: Term) -> set[Fact]:
    """All facts a term reads."""
    return {leaf.fact for leaf in leaves(term)}


def demanded(term: Term) -> set[str]:
    """The items without which a term cannot hold."""
    match term:
        case Is():
            return {term.fact[1]} if term.fact[0] == "item" else set()
        case Not():
            return set()
        case All(terms):
            return {item for part in terms for item in demanded(part)}
        case Any(terms):
            return set.intersection(*(demanded(part) for part in terms)) if terms else set()
        case never:
            assert_never(never)


def statement(term: Term, machine: Machine) -> str:
    """Say a whole term as a statement, "" for one that asks nothing."""
    match term:
        case Is():
            return phrase(term, machine)
        case Not(inner):
            return f"not ({statement(inner, machine)})"
        case All(terms):
            return " and ".join(statement(part, machine) for part in terms)
        case Any(terms):
            return f"({' or '.join(statement(part, machine) for part in terms)})"


def phrase(leaf: Is, machine: Machine) -> str:
    """Say one question as a statement."""
    kind, *names = leaf.fact
    if kind == "item":
        return f"{machine.items[names[0]].text!r} is ticked"
    if kind == "files":
        return "story.md and its prompts are there"
    verb = "are" if kind in ("dependencies", "claims", "findings") else "is"
    return f"{' '.join(leaf.fact)} {verb} {' or '.join(sorted(leaf.wanted))}"


def _why(leaf: Is, facts: Facts, machine: Machine) -> str:
    value = facts.get(leaf.fact)
    if leaf.fact[0] == "item":
        return f"item not ticked: {machine.items[leaf.fact[1]].text!r}"
    wanted = " or ".join(sorted(leaf.wanted))
    name = " ".join(leaf.fact)
    return f"not known yet: {name}" if value is None else f"{name} is {value}, needs {wanted}"


def _terms(machine: Machine, guard: Guard) -> Iterator[Term]:
    for part in guard.all or ():
        yield compile_guard(machine, part)
    if guard.any is not None:
        yield Any(tuple(compile_guard(machine, part) for part in guard.any))
    if guard.not_ is not None:
        yield Not(compile_guard(machine, guard.not_))
    ticked = frozenset({"ticked"})
    for item in guard.checked or ():
        yield Is(("item", item), ticked)
    for section in guard.section or ():
        for item in machine.checklist[section]:
            yield Is(("item", item), ticked)
    if guard.verdict is not None:
        for role in machine.members(guard.verdict.of):
            yield Is(("verdict", role), frozenset({guard.verdict.is_}))
    for kind, asked in (("gate", guard.gate), ("decision", guard.decision)):
        for name, values in (asked or {}).items():
            yield Is((kind, name), frozenset(values))
    for name, value in (guard.findings or {}).items():
        yield Is(("findings", name), frozenset({value}))
    for name, amount in (guard.rounds or {}).items():
        yield Is(("rounds", name), frozenset({amount}))
    for single in ("claims", "deviations", "dependencies", "files"):
        wanted = getattr(guard, single)
        if wanted is not None:
            yield Is((single,), frozenset({wanted}))
