"""Asking an agent: the brief goes out, and only what can be read as a report comes in as a fact."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from engine.actions.act import act as perform
from engine.actions.situation import Outcome
from engine.agents.person import PersonAgent
from engine.agents.scripted import ScriptedAgent
from engine.model.machine import AgentAct, AskAct, ConsolidateAct, GateAct, SpotCheckAct
from engine.model.step import Todo
from engine.model.verdict import Finding, FixAnswer
from tests.life import AT, BUILDER, ENGINEER, VERIFIER, Life, machine
from tests.scene import DirectCalls, scene

ACTS = {act.id: act for state in machine().states.values() for act in state.acts() if isinstance(act, AgentAct)}
VERDICT = {
    "story": "<story>",
    "round": "<round>",
    "verdict": "FAIL",
    "confidence": "high",
    "reasoning": "I read all of it.",
    "findings": [{"severity": "issue", "where": "a.md:1", "quote": "q", "text": "bad\nwords"}],
    "tcs": {"TC-1.1a": "fail"},
    "boundaries": [],
}


def ask(
    folder: Path,
    act: str,
    role: str,
    reply: object,
    life: Life | None = None,
    *,
    turn: int = 1,
    claims: tuple[int | None, tuple[str, ...]] = (None, ("TC-1.1a",)),
    **script: object,
) -> Outcome:
    folder.mkdir(exist_ok=True)
    path = folder / "script.yaml"
    path.write_text(yaml.safe_dump({"replies": [{"reply": reply, **script}]}))
    agent = ScriptedAgent(path, root=folder, clock=lambda: AT)
    situation = scene(folder, life, agents=lambda _: agent, claims=claims)
    todo = Todo(act=ACTS[act], role=role, turn=turn)
    return asyncio.run(perform(todo, "c1", situation, DirectCalls()))


def test_a_verdict_becomes_a_fact_with_its_findings(tmp_path: Path) -> None:
    """A verdict names its role; its findings name it as their source; the evidence shows one line each."""
    outcome = ask(tmp_path, "verify", VERIFIER, VERDICT)
    assert outcome.facts == {f"verdict:{VERIFIER}": "FAIL"}
    assert outcome.why == "GPT-5.2 Codex: FAIL (1 issue)"
    assert [(f.sources, f.id, f.check) for f in outcome.findings] == [((VERIFIER,), "", None)]
    assert outcome.tcs == {"TC-1.1a": "fail"}
    assert (outcome.session, outcome.model) == ("scripted-c1", "scripted")
    assert "**FAIL**, confidence high: I read all of it." in outcome.body
    assert "- [ ] issue `a.md:1`: bad words" in outcome.body
    assert "| TC-1.1a | fail |" in outcome.body


def test_only_a_verifier_vouches_for_tcs(tmp_path: Path) -> None:
    """A validator reads documents, no test has run: what it says of TCs is no claim about tests."""
    outcome = ask(tmp_path, "builder", BUILDER, {**VERDICT, "tcs": {"TC-1.1a": "pass", "TC-9.9": "pass"}})
    assert (outcome.status, outcome.tcs) == ("ok", {})


def test_a_verifier_must_speak_of_every_tc(tmp_path: Path) -> None:
    """A verifier whose table lacks a TC of the story has not answered."""
    outcome = ask(tmp_path, "verify", VERIFIER, VERDICT, claims=(None, ("TC-1.1a", "TC-1.1b")))
    assert (outcome.status, outcome.facts) == ("invalid", {})
    assert outcome.why == "GPT-5.2 Codex: invalid answer: the TC table lacks TC-1.1b."


def test_an_answer_in_prose_is_invalid_and_kept(tmp_path: Path) -> None:
    """What cannot be read is no verdict; its words are kept as evidence, its session for the second try."""
    outcome = ask(tmp_path, "builder", BUILDER, "PASS!")
    assert (outcome.status, outcome.facts, outcome.body) == ("invalid", {}, "PASS!")
    assert outcome.session == "scripted-c1"


def test_a_technical_failure_is_no_answer(tmp_path: Path) -> None:
    """A crash is told with the role's title and leaves no fact."""
    outcome = ask(tmp_path, "builder", BUILDER, "", fails="out of memory")
    assert (outcome.status, outcome.facts) == ("failed", {})
    assert outcome.why == "Senior Engineer: out of memory"


def test_a_role_played_by_hand_is_pending(tmp_path: Path) -> None:
    """Until a person has saved the reply there is no outcome; the body says where the brief lies."""
    agent = PersonAgent(tmp_path / "briefs", clock=lambda: AT)
    situation = scene(tmp_path, agents=lambda _: agent)
    outcome = asyncio.run(perform(Todo(act=ACTS["builder"], role=BUILDER), "c1", situation, DirectCalls()))
    assert outcome.status == "pending"
    assert Path(outcome.body).read_text().startswith("# Senior Engineer: validate, story 4")


def found(id_: str, severity: str = "blocker") -> Finding:
    return Finding(id=id_, severity=severity, text=f"text {id_}", sources=("a",))


def fixing() -> Life:
    life = Life("consolidating").checked().merged("some", findings=(found("F1"), found("F2"), found("F3", "nit")))
    return life.to("fixing")


def test_a_fixer_answers_the_fix_list(tmp_path: Path) -> None:
    """Each finding on the list needs an answer; nits and what a person put aside do not."""
    one = [{"finding": "F1", "answer": "fixed", "because": "spec.md:3\nsays so"}]
    both = [*one, {"finding": "F2", "answer": "rejected", "because": "F1 says it"}]
    assert ask(tmp_path, "fixer", ENGINEER, {"answers": one}, fixing()).status == "invalid"
    outcome = ask(tmp_path, "fixer", ENGINEER, {"answers": both}, fixing())
    assert [(a.finding, a.answer, a.because) for a in outcome.answers] == [
        ("F1", "fixed", "spec.md:3 says so"),
        ("F2", "rejected", "F1 says it"),
    ]
    assert outcome.why == "Senior Engineer: F1 fixed, F2 rejected"
    assert "- F1 (text F1): fixed, because spec.md:3 says so" in outcome.body
    aside = Life("consolidating").checked().merged("some", findings=(found("F1"), found("F2")))
    aside.to("triage").asked("triage", "F2").decided("triage", "defer", finding="F2").to("fixing")
    assert ask(tmp_path, "fixer", ENGINEER, {"answers": one}, aside).status == "ok"
    nothing = ask(tmp_path, "fixer", ENGINEER, {"answers": []}, Life("fixing"))
    assert nothing.why == "Senior Engineer: nothing to fix"


class Listener:
    """Plays a role and keeps the brief that it got."""

    def __init__(self, folder: Path) -> None:
        self.person = PersonAgent(folder / "briefs", clock=lambda: AT)
        self.folder = folder

    def brief(self, act: str, role: str, life: Life) -> str:
        situation = scene(self.folder, life, agents=lambda _: self.person)
        outcome = asyncio.run(perform(Todo(act=ACTS[act], role=role), "c1", situation, DirectCalls()))
        return Path(outcome.body).read_text()


def test_the_fixer_is_told_the_list_with_what_a_person_said(tmp_path: Path) -> None:
    """The fix list in the brief holds what is to fix, with the notes of whoever decided."""
    life = Life("consolidating").checked().merged("some", findings=(found("F1"), found("F2"), found("F3", "nit")))
    life.to("triage").asked("triage", "F1").decided("triage", "fix", finding="F1", note="only the title")
    text = Listener(tmp_path).brief("fixer", ENGINEER, life.to("fixing"))
    assert "- F1 (blocker): text F1\n  A person says: only the title\n- F2 (blocker): text F2\n" in text
    assert "F3" not in text.split("```json")[0]


def test_validators_are_told_what_the_fixer_answered(tmp_path: Path) -> None:
    """A re-validation shows the fixer's answers to the findings."""
    life = fixing().began("fixer", ENGINEER)
    life.ended(answers=(FixAnswer(finding="F1", answer="rejected", because="spec.md:3"),)).to("revalidating")
    text = Listener(tmp_path).brief("again", BUILDER, life)
    assert "- F1 (text F1): rejected, because spec.md:3" in text


def test_the_second_try_is_told_what_was_wrong(tmp_path: Path) -> None:
    """After an invalid answer the brief says why, also when a crash came in between."""
    life = Life("validating").began("builder", BUILDER).ended("invalid", why="it holds no block.")
    life.began("builder", BUILDER).ended("failed", why="crash")
    text = Listener(tmp_path).brief("builder", BUILDER, life)
    assert "could not be accepted: it holds no block." in text


def test_a_report_of_work_tells_deviations_only_at_the_self_review(tmp_path: Path) -> None:
    """Deviations become a fact in the self-review; elsewhere they are evidence."""
    work = {"files": ["src/a.py"], "deviations": ["returns a list"], "discoveries": []}
    review = ask(tmp_path, "self_rev", ENGINEER, work)
    assert review.facts == {"deviations": "some"}
    assert review.why == "Senior Engineer: self review done, 1 deviations"
    assert review.body == "Files:\n\n- src/a.py\n\nDeviations:\n\n- returns a list\n"
    clean = ask(tmp_path, "self_rev", ENGINEER, {"files": []})
    assert (clean.facts, clean.body) == ({"deviations": "none"}, "Nothing was reported.")
    assert ask(tmp_path, "impl", ENGINEER, work).facts == {}


def test_each_kind_of_action_has_its_performer(tmp_path: Path) -> None:
    """A gate, a spot check and a consolidation are performed by the engine itself."""
    situation = scene(tmp_path, config={"gates": {"lint": {"run": ["true"]}}})
    for act, fact in (
        (GateAct(run="lint"), "gate:lint"),
        (SpotCheckAct(spot_check="validators"), "claims"),
        (ConsolidateAct(consolidate="validators"), "findings:to_fix"),
    ):
        outcome = asyncio.run(perform(Todo(act=act, role=""), "c1", situation, DirectCalls()))
        assert fact in outcome.facts


def test_a_question_to_a_person_is_no_call(tmp_path: Path) -> None:
    """Nobody but a person answers a question; it is never performed."""
    todo = Todo(act=AskAct(ask="approve"), role="")
    with pytest.raises(AssertionError, match="question to a person"):
        asyncio.run(perform(todo, "c1", scene(tmp_path), DirectCalls()))


def test_the_form_that_is_asked_for_is_the_form_that_is_read(tmp_path: Path) -> None:
    """A verdict that fills the brief's form is accepted."""
    life = Life("verifying")
    text = Listener(tmp_path).brief("verify", VERIFIER, life)
    form = json.loads(text.split("```json\n")[1].split("```")[0])
    filled = {**form, "verdict": "PASS", "confidence": "low", "reasoning": "Ran it.", "findings": []}
    filled |= {"tcs": {"TC-1.1a": "pass"}, "counts": {"passed": 1, "failed": 0}, "boundaries": []}
    assert ask(tmp_path / "b", "verify", VERIFIER, filled).status == "ok"
