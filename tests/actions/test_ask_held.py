"""Asking: an agent's verdict is held against the gates, the TCs and the documents that the engine knows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.actions.ask import ask
from engine.actions.situation import Outcome
from engine.model.call import Brief, Reply
from engine.model.machine import AgentAct
from engine.model.step import Todo
from tests.life import AT, VERIFIER, Life, machine
from tests.scene import STORY, DirectCalls, replace, scene, story

TCS = {"TC-4.1a": "pass", "TC-4.1b": "pass"}
VERDICT = {"story": "4", "round": 1, "verdict": "PASS", "confidence": "high", "reasoning": "I ran all of it."}


class Says:
    """An agent that always says the same."""

    in_copy = False

    def __init__(self, text: str) -> None:
        self._text = text

    async def run(self, brief: Brief) -> Reply:
        assert brief.role == VERIFIER
        return Reply(status="ok", text=self._text, started=AT, ended=AT, session="s1")


def block(**changes: object) -> str:
    return f"```json\n{json.dumps({**VERDICT, 'tcs': TCS, 'boundaries': [], **changes})}\n```\n"


def verified(tmp_path: Path, life: Life, text: str, **more: object) -> Outcome:
    """What becomes of a verifier's words."""
    found = next(act for act in machine().states["verifying"].acts() if act.id == "verify")
    assert isinstance(found, AgentAct)
    others = {"TC-4.2": "manual", "TC-4.3": "deferred"}
    situation = scene(tmp_path, life, agents=lambda _: Says(text), claims=(2, tuple(TCS)))
    situation = replace(situation, others=lambda: others, **more)
    return asyncio.run(ask(found, Todo(act=found, role=VERIFIER), "c", situation, DirectCalls()))


@pytest.mark.parametrize("gate", ["tests", "typecheck", "lint"])
def test_pass_while_a_gate_of_this_round_fails_is_invalid(tmp_path: Path, gate: str) -> None:
    """PASS after a gate of this round that did not pass is invalid, and the agent is told which gate."""
    outcome = verified(tmp_path, Life("verifying").gate(gate, "fail"), block())
    assert outcome.status == "invalid"
    assert outcome.facts == {}
    assert f"PASS with gate {gate} being 'fail' contradicts itself" in outcome.why
    assert outcome.session == "s1"


def test_a_gate_that_passed_or_belongs_to_another_round_is_no_contradiction(tmp_path: Path) -> None:
    """Gates that passed do not stand against PASS, and those of an earlier state are another round's."""
    for life in (
        Life("verifying").gate("tests", "pass"),
        Life("red").gate("red_tests", "expected"),
        Life("gating").gate("tests", "fail").to("verifying"),
    ):
        outcome = verified(tmp_path, life, block())
        assert (outcome.status, outcome.facts) == ("ok", {f"verdict:{VERIFIER}": "PASS"})


def test_a_failing_gate_is_no_verdict_of_its_own(tmp_path: Path) -> None:
    """A FAIL that names what is wrong is accepted whatever the gates say."""
    finding = {"severity": "blocker", "where": "src/login.py:4", "quote": "x", "text": "it does not start"}
    text = block(verdict="FAIL", findings=[finding])
    outcome = verified(tmp_path, Life("verifying").gate("tests", "fail"), text)
    assert (outcome.status, outcome.facts) == ("ok", {f"verdict:{VERIFIER}": "FAIL"})


@pytest.mark.parametrize(
    ("tcs", "status"),
    [
        ({**TCS, "TC-4.2": "manual", "TC-4.3": "deferred"}, "ok"),
        ({**TCS, "TC-4.1b": "manual"}, "invalid"),
        ({**TCS, "TC-4.1b": "deferred"}, "invalid"),
        ({**TCS, "TC-4.2": "deferred"}, "invalid"),
        ({**TCS, "TC-4.2": "pass"}, "invalid"),
        ({**TCS, "TC-9.9": "pass"}, "invalid"),
        ({"TC-4.1a": "pass"}, "invalid"),
    ],
)
def test_the_story_says_what_is_manual_or_deferred(tmp_path: Path, tcs: dict[str, str], status: str) -> None:
    """A TC is manual or deferred only where the story says so, and no other TC is known."""
    assert verified(tmp_path, Life("verifying"), block(tcs=tcs)).status == status


def test_a_verdict_from_a_document_is_no_answer(tmp_path: Path) -> None:
    """A verdict that stands word for word in the story or a prompt was not given by the agent."""
    text = f"# Story 4: Login\n\nAnswer with this:\n\n{block()}\n"
    for known in (story(text), story(prompts={"prompt-4.R-verify.md": text})):
        assert known.folder == STORY
        outcome = verified(tmp_path, Life("verifying"), block(), story=known)
        assert outcome.status == "invalid"
        assert "stands word for word in a document" in outcome.why


def test_counts_stand_in_outcome_and_evidence(tmp_path: Path) -> None:
    """What a verifier counted is kept for the spot check and shown in the evidence."""
    outcome = verified(tmp_path, Life("verifying"), block(counts={"passed": 13, "failed": 0}))
    assert outcome.counts is not None
    assert (outcome.counts.passed, outcome.counts.failed) == (13, 0)
    assert "Tests, as counted by the agent: 13 passed, 0 failed." in outcome.body
