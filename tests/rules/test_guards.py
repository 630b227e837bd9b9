"""Guards: yes, no, or not known yet, and always why."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.files.machine_file import find_machine, read_machine
from engine.model.machine import Guard
from engine.rules.guards import (
    ALWAYS,
    All,
    Any,
    Is,
    Not,
    Term,
    compile_guard,
    evaluate,
    explain,
    facts_of,
    leaves,
    phrase,
    statement,
)
from tests.life import BUILDER, PEDANT, machine

NAMES = "abc"


def leaf(name: str) -> Is:
    return Is(("gate", name), frozenset({"pass"}))


LEAVES = st.sampled_from(NAMES).map(leaf)
TERMS: st.SearchStrategy[Term] = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, max_size=3).map(lambda terms: All(tuple(terms)))
        | st.lists(inner, max_size=3).map(lambda terms: Any(tuple(terms)))
    ),
    max_leaves=8,
)
KNOWN = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["pass", "fail"])).map(
    lambda known: {("gate", name): value for name, value in known.items()}
)


def kleene(term: Term, facts: dict[tuple[str, ...], str]) -> bool | None:
    """The same question asked in numbers: no is 0, not known is 1, yes is 2."""

    def number(term: Term) -> int:
        if isinstance(term, Is):
            return {None: 1, "pass": 2, "fail": 0}[facts.get(term.fact)]
        if isinstance(term, Not):
            return 2 - number(term.term)
        parts = [number(part) for part in term.terms]
        return max(parts, default=0) if isinstance(term, Any) else min(parts, default=2)

    return {0: False, 1: None, 2: True}[number(term)]


@given(term=TERMS, facts=KNOWN)
def test_terms_answer_as_kleene_says(term: Term, facts: dict[tuple[str, ...], str]) -> None:
    """Every term answers with Kleene's three values."""
    assert evaluate(term, facts) is kleene(term, facts)


@given(term=TERMS, facts=KNOWN)
def test_an_answer_never_changes_when_more_is_known(term: Term, facts: dict[tuple[str, ...], str]) -> None:
    """A yes or a no holds in every world that the unknown facts may still turn out to be."""
    answer = evaluate(term, facts)
    unknown = [("gate", name) for name in NAMES if ("gate", name) not in facts]
    worlds = [
        {**facts, **dict(zip(unknown, values, strict=True))}
        for values in itertools.product(["pass", "fail"], repeat=len(unknown))
    ]
    if answer is not None:
        assert {evaluate(term, world) for world in worlds} == {answer}
    assert all(evaluate(term, world) is not None for world in worlds)


@given(term=TERMS, facts=KNOWN)
def test_whatever_does_not_hold_says_why(term: Term, facts: dict[tuple[str, ...], str]) -> None:
    """A term that holds needs no explanation; one that does not always has one, unless it asks nothing at all."""
    reasons = explain(term, facts, machine())
    if evaluate(term, facts) is True:
        assert reasons == []
    elif [*leaves(term)]:
        assert reasons
    assert all(reason and "\n" not in reason for reason in reasons)


def test_not_of_something_unknown_is_unknown() -> None:
    """`not` of a verdict that is still missing does not hold yet."""
    term = Not(leaf("a"))
    assert [evaluate(term, facts) for facts in ({}, {("gate", "a"): "fail"}, {("gate", "a"): "pass"})] == [
        None,
        True,
        False,
    ]


def test_no_guard_always_holds() -> None:
    """An exit without a guard is open, and nothing stands in its way."""
    assert compile_guard(machine(), None) is ALWAYS
    assert evaluate(ALWAYS, {}) is True
    assert explain(ALWAYS, {}, machine()) == []
    assert evaluate(Any(()), {}) is False


def test_explain_names_every_question_that_does_not_answer_yes() -> None:
    """What is open, what is unknown and what is otherwise: each is named, and what holds is not."""
    guard = Guard.model_validate(
        {
            "all": [{"checked": ["human_approved", "red_done"]}, {"dependencies": "complete"}],
            "gate": {"tests": "pass", "lint": ["pass"]},
            "verdict": {"of": "validators", "is": "PASS"},
        }
    )
    facts = {
        ("item", "red_done"): "ticked",
        ("dependencies",): "open",
        ("gate", "tests"): "fail",
        ("verdict", BUILDER): "PASS",
    }
    assert explain(compile_guard(machine(), guard), facts, machine()) == [
        "item not ticked: 'Human approved'",
        "dependencies is open, needs complete",
        f"not known yet: verdict {PEDANT}",
        "gate tests is fail, needs pass",
        "not known yet: gate lint",
    ]


def test_explain_says_what_must_not_hold_and_what_would_do() -> None:
    """`not` is told as what must not hold, `any` as the choices."""
    guard = Guard.model_validate({"not": {"gate": {"tests": "pass", "lint": "pass"}}})
    passed = {("gate", "tests"): "pass", ("gate", "lint"): "pass"}
    (why,) = explain(compile_guard(machine(), guard), passed, machine())
    assert why == "must not hold: gate tests is pass and gate lint is pass"
    either = Guard.model_validate({"any": [{"checked": "human_approved"}, {"claims": "confirmed"}]})
    (why,) = explain(compile_guard(machine(), either), {}, machine())
    assert why == "none of: item not ticked: 'Human approved' | not known yet: claims"


ASKED = [
    ({"checked": "human_approved"}, {("item", "human_approved")}),
    ({"section": "Verification"}, {("item", i) for i in machine().checklist["Verification"]}),
    ({"verdict": {"of": "verifier", "is": "FAIL"}}, {("verdict", "verifier")}),
    ({"verdict": {"of": "validators", "is": "PASS"}}, {("verdict", BUILDER), ("verdict", PEDANT)}),
    ({"gate": {"tests": "pass"}}, {("gate", "tests")}),
    ({"decision": {"approve": ["approve", "abandon"]}}, {("decision", "approve")}),
    ({"findings": {"to_fix": "some", "ambiguous": "none"}}, {("findings", "to_fix"), ("findings", "ambiguous")}),
    ({"rounds": {"fix": "left"}}, {("rounds", "fix")}),
    ({"claims": "refuted"}, {("claims",)}),
    ({"deviations": "none"}, {("deviations",)}),
    ({"dependencies": "complete"}, {("dependencies",)}),
    ({"files": "exist"}, {("files",)}),
    ({"any": [{"claims": "refuted"}, {"not": {"files": "exist"}}]}, {("claims",), ("files",)}),
]


@pytest.mark.parametrize(("guard", "facts"), ASKED, ids=range(len(ASKED)))
def test_every_key_of_a_guard_asks_about_its_facts(guard: dict[str, object], facts: set[tuple[str, ...]]) -> None:
    """Each key of the machine format reads exactly its facts, and says them as a statement."""
    term = compile_guard(machine(), Guard.model_validate(guard))
    assert facts_of(term) == facts
    assert all(phrase(single, machine()) for single in leaves(term))


def test_several_values_will_do() -> None:
    """Where a guard lists several options, any of them answers it."""
    term = compile_guard(machine(), Guard.model_validate({"decision": {"effort": ["all", "blockers only"]}}))
    for value, answer in (("all", True), ("blockers only", True), ("none", False)):
        assert evaluate(term, {("decision", "effort"): value}) is answer
    assert phrase(next(leaves(term)), machine()) == "decision effort is all or blockers only"


def test_an_empty_guard_is_refused() -> None:
    """A guard that asks nothing is a mistake, not a yes."""
    with pytest.raises(ValidationError, match="empty guard"):
        Guard.model_validate({})


def test_a_term_is_said_with_what_it_denies() -> None:
    """The log never says of a term the opposite of what holds: "not" and "or" are said as well."""
    shipped = read_machine(find_machine("story")).machine
    guard = Guard.model_validate({"not": {"checked": ["green_passes", "gates_pass"]}})
    said = statement(compile_guard(shipped, guard), shipped)
    assert said == "not ('Tests PASS' is ticked and 'Quality gates pass' is ticked)"
    either = Guard.model_validate({"any": [{"gate": {"tests": "fail"}}, {"checked": "green_passes"}]})
    assert statement(compile_guard(shipped, either), shipped) == "(gate tests is fail or 'Tests PASS' is ticked)"
