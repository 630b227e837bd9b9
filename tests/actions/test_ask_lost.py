"""Asking a role whose session is lost: the journal says so, and a new session is told what was found."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.actions.act import act as perform
from engine.actions.situation import Outcome
from engine.model.call import Brief, Reply
from engine.model.machine import AgentAct
from engine.model.step import Todo
from engine.model.verdict import Finding
from tests.life import AT, BUILDER, ENGINEER, Life, machine
from tests.scene import DirectCalls, scene

ACTS = {act.id: act for state in machine().states.values() for act in state.acts() if isinstance(act, AgentAct)}
FOUND = Finding(id="F1", severity="issue", text="The count is wrong.", where="docs/spec.md:3", sources=(BUILDER,))


class Forgetful:
    """Has lost every session; it keeps the brief that it got."""

    in_copy = False

    def __init__(self) -> None:
        self.text = ""

    async def run(self, brief: Brief) -> Reply:
        self.text = brief.text
        return Reply(status="failed", text="", why="session s1 is gone.", lost=True, started=AT, ended=AT)


def ask(folder: Path, act: str, role: str, life: Life, resumes: str | None) -> tuple[Outcome, str]:
    agent = Forgetful()
    situation = scene(folder, life, agents=lambda _: agent)
    todo = Todo(act=ACTS[act], role=role, resumes=resumes)
    return asyncio.run(perform(todo, "c1", situation, DirectCalls())), agent.text


@pytest.mark.parametrize(
    ("act", "role", "told"),
    [("again", BUILDER, "a person decides whether to go on"), ("impl_green", ENGINEER, "it is run again")],
)
def test_the_outcome_names_the_lost_session_and_what_follows(tmp_path: Path, act: str, role: str, told: str) -> None:
    """A failure, never a verdict, with the session's name for the journal and the machine's answer in its reason."""
    outcome, _ = ask(tmp_path, act, role, Life("validating"), "s1")
    assert (outcome.status, outcome.lost, outcome.facts) == ("failed", "s1", {})
    rest = f"Without it, {told}: in a new session, with what was found in its brief."
    assert outcome.why == f"Senior Engineer: session s1 is gone. {rest}"


def test_a_new_session_is_told_what_the_lost_one_found(tmp_path: Path) -> None:
    """An action that should have gone on with a session and has none gets reports and findings in its brief."""
    life = Life("validating").began("builder", BUILDER).ended(session="s1", why="Senior Engineer: FAIL (1 issue)")
    life.to("consolidating").checked().merged("some", findings=(FOUND,)).to("fixing").to("revalidating")
    _, fresh = ask(tmp_path, "again", BUILDER, life, None)
    assert "You do not remember your earlier session." in fresh
    assert "- Senior Engineer: FAIL (1 issue)\n\n- F1 (issue) `docs/spec.md:3`: The count is wrong.\n" in fresh
    _, resumed = ask(tmp_path, "again", BUILDER, life, "s1")
    assert "You do not remember" not in resumed


def test_an_action_that_begins_a_session_is_told_of_none(tmp_path: Path) -> None:
    """Only what the machine lets resume has something to remember."""
    _, text = ask(tmp_path, "builder", BUILDER, Life("validating"), None)
    assert "You do not remember" not in text
