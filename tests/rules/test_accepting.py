"""Acceptance rests on what the machine saw: an accepted PASS with a failing gate or a refuted claim leads elsewhere."""

from __future__ import annotations

from itertools import product

import pytest

from engine.model.step import Fire
from tests.life import VERIFIER, Life, told

WORLDS = [None, {("rounds", "verify"): "used_up"}]


@pytest.mark.parametrize(
    ("said", "gate", "claims", "to_fix", "ambiguous"),
    list(product(("PASS", "FAIL"), ("pass", "fail"), ("confirmed", "refuted"), ("none", "some"), ("none", "some"))),
)
def test_verification_leads_to_acceptance_only_when_everything_agrees(
    said: str, gate: str, claims: str, to_fix: str, ambiguous: str
) -> None:
    """Of all that can follow a verdict, only PASS, a passing gate, nothing open and nothing refuted leads on."""
    life = Life("verifying").verdict("verify", VERIFIER, said).gate("tests", gate)
    life.checked(claims).merged(to_fix, ambiguous)
    good = (said, gate, claims, to_fix, ambiguous) == ("PASS", "pass", "confirmed", "none", "none")
    for world in WORLDS:
        decision = life.decide(world)
        assert isinstance(decision, Fire)
        assert (decision.dest == "accepting") == good, told(decision)
        assert ("tcs_verified" in decision.exit.ticks) == good


@pytest.mark.parametrize("done", range(4))
def test_nothing_is_accepted_before_every_check_is_done(done: int) -> None:
    """As long as gate, spot check or consolidation is missing, a PASS fires no exit."""
    life = Life("verifying")
    steps = [
        lambda: life.verdict("verify", VERIFIER, "PASS"),
        lambda: life.gate("tests", "pass"),
        lambda: life.checked(),
    ]
    for step in steps[:done]:
        step()
    assert told(life.decide()).startswith("run ")


@pytest.mark.parametrize("to_fix", ["none", "some"])
@pytest.mark.parametrize("effort", ["all", "blockers only"])
def test_no_answer_of_a_person_makes_up_for_a_failing_gate(to_fix: str, effort: str) -> None:
    """Whatever a person says of the findings: while the tests fail, triage leads back to the engineer."""
    life = Life("verifying").verdict("verify", VERIFIER, "PASS").gate("tests", "fail")
    life.checked("refuted").merged(to_fix, "none").to("verify_triage")
    life.decided("triage", "answered", by="").decided("effort", effort)
    for world in WORLDS:
        assert told(life.decide(world)).startswith("→ verify_fixing")
