"""The shipped machines are proven, cover the method word for word, and are quick to prove."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from engine.check import check_machine_at
from engine.files.machine_file import read_machine
from engine.model.machine import AgentAct, AskAct, Machine, Resume
from engine.rules.prove import prove
from engine.rules.prove.graph import best
from engine.rules.prove.study import Study

ROOT = Path(__file__).parents[2]
STORY = ROOT / "machines" / "story.yaml"

CHECKLIST = {
    "Validation": [
        "Senior Engineer validated",
        "GPT-5.2 Codex validated",
        "Findings consolidated",
        "Blockers fixed",
        "Re-validation passed",
        "Human approved",
    ],
    "Implementation": [
        "Skeleton + Red executed",
        "Tests ERROR as expected",
        "Green executed",
        "Tests PASS",
        "Quality gates pass",
        "Self-review done",
    ],
    "Verification": [
        "Gorilla testing done (human)",
        "Verify prompt executed",
        "All TCs verified",
        "Story marked complete",
    ],
    "Ready for Next": ["Story N+1 already validated", "Or validation in progress"],
}
SET_UP = {
    **CHECKLIST,
    "Implementation": ["Setup executed", "Quality gates pass", "Self-review done"],
    "Verification": [
        "Gorilla testing done (human)",
        "Verify prompt executed",
        "Verification passed",
        "Story marked complete",
    ],
}


@pytest.fixture(scope="module")
def story() -> Machine:
    return read_machine(STORY).machine


@pytest.mark.parametrize(
    "path",
    ["machines/story.yaml", "machines/infrastructure.yaml", "tests/data/machines/doc-review.yaml"],
)
def test_the_machine_is_proven(path: str) -> None:
    """The shipped machines, and one that has neither execution nor our states, have no flaw."""
    assert check_machine_at(ROOT / path, root=ROOT) == []


@pytest.mark.parametrize(("name", "texts"), [("story", CHECKLIST), ("infrastructure", SET_UP)])
def test_the_checklist_is_the_methods_word_for_word(name: str, texts: dict[str, list[str]]) -> None:
    """Sections and items stand as the method has them, in its order."""
    machine = read_machine(ROOT / "machines" / f"{name}.yaml").machine
    found = {section: [item.text for item in items.values()] for section, items in machine.checklist.items()}
    assert found == texts
    assert list(found) == list(texts)
    assert machine.title == "Story <n> Execution Checklist"


@pytest.mark.parametrize(
    "row",
    [
        ("validate", "Senior Engineer", "opus", None, "read-only", "fresh"),
        ("validate", "GPT-5.2 Codex", "gpt-5.2-codex", "high", "read-only", "fresh"),
        ("fix", "Senior Engineer", "opus", None, "workspace-write", "either"),
        ("revalidate", "GPT-5.2 Codex", "gpt-5.2-codex", "high", "read-only", "same"),
        ("revalidate", "Senior Engineer", "opus", None, "read-only", "same"),
        ("implement", "Senior Engineer", "opus", None, "workspace-write", "fresh"),
        ("self_review", "Senior Engineer", "opus", None, "workspace-write", "same"),
        ("verify", "GPT-5.2 Codex", "gpt-5.2-codex", "high", "workspace-write", "fresh"),
    ],
)
def test_the_agent_selection_guide_holds(story: Machine, row: tuple[str | None, ...]) -> None:
    """Each row of the guide is an action of the machine: task, agent, model, effort, sandbox, session."""
    rows = set()
    for state in story.states.values():
        for act in state.acts():
            if isinstance(act, AgentAct):
                session = "same" if isinstance(act.session, Resume) else act.session
                for name in story.members(act.agent):
                    role = story.roles[name]
                    rows.add((act.purpose, role.title, role.model, role.effort, role.sandbox, session))
    assert row in rows


def test_every_human_decision_point_is_asked(story: Machine) -> None:
    """Triage, effort, conflict, counts, gorilla testing and acceptance are questions, never automated."""
    points = {"triage", "effort", "spec_conflict", "counts", "gorilla", "accept"}
    asked = {act.ask for state in story.states.values() for act in state.acts() if isinstance(act, AskAct)}
    assert points | {"approve", "stuck"} == asked == set(story.decisions)
    assert [name for name, decision in story.decisions.items() if decision.standing] == ["effort"]
    assert story.decisions["triage"].per == "finding"


def test_human_items_are_a_persons(story: Machine) -> None:
    """The items that only a person ticks are the three that the method gives to people."""
    human = [item.text for item in story.items.values() if item.by == "human"]
    assert human == ["Human approved", "Gorilla testing done (human)", "Story marked complete"]


def test_the_good_run_visits_the_method_in_its_order(story: Machine) -> None:
    """When all goes well a story is validated, approved, built, reviewed, tried, verified and accepted."""
    study, facts = Study(story), best(Study(story))
    name, way = story.initial, [story.initial]
    while name not in story.terminal:
        name = story.states[name].exits[study.taken(name, facts)[0]].to
        way.append(name)
    assert way == [
        *("drafted", "validating", "consolidating", "approving", "queued", "red", "green", "gating"),
        *("self_review", "gorilla", "verifying", "accepting", "complete"),
    ]


def test_validators_get_the_methods_template(story: Machine) -> None:
    """Both validators are told the six points and the report of the method's template."""
    prompt = story.prompts["validate"]
    for words in (
        "**Assume:** Story <prev> is complete (or in progress).",
        "1. Story structure (prerequisites, ACs, files, test counts)",
        "6. AC/TC traceability",
        "- Blockers (must fix before execution)",
        "- Confidence level with reasoning",
    ):
        assert words in prompt.text
    assert prompt.reads == ("story.md", "prompt-*.md", "design", "spec")


def test_loops_end_at_a_person(story: Machine) -> None:
    """Each loop has a limit, and the state for failures asks a person, who may grant new rounds."""
    assert all(loop.max_rounds <= 3 for loop in story.loops.values())
    assert story.states[story.defaults.failed].asks


@pytest.mark.skipif(sys.gettrace() is not None, reason="measured without a tracer")
def test_proving_is_quick(story: Machine) -> None:
    """The proof of the shipped machine takes less than 50 ms of computing, reading it less than 60."""
    assert min(_seconds(lambda: prove(story)) for _ in range(10)) < 0.05
    assert min(_seconds(lambda: read_machine(STORY)) for _ in range(10)) < 0.06


def test_worktrees_let_stories_run_side_by_side() -> None:
    """Where execution and verification are isolated, several stories may execute and fixers may write code."""
    raw = read_machine(STORY).root.plain()
    raw["pipeline"]["concurrency"]["execution"] = 4
    raw["states"]["fixing"]["do"][0]["writes"].append("files")
    assert {flaw.code for flaw in prove(Machine.model_validate(raw))} == {"P01", "P05"}
    raw["states"]["fixing"]["do"][0]["writes"].pop()
    raw["pipeline"]["isolation"] = {"execution": "worktree", "verification": "worktree"}
    assert prove(Machine.model_validate(raw)) == []


def _seconds(work: object) -> float:
    assert callable(work)
    began = time.process_time()
    work()
    return time.process_time() - began
