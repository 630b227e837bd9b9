"""The example project from drafted to complete, both API roles played through the real SDKs, killed in each phase."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.files.journal import read_journal
from engine.model.events import Ended, Stepped
from tests.agents.api_world import needs_cage
from tests.agents.example_world import Models, live, project_of
from tests.test_example import WAYS, check

pytestmark = [needs_cage, pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = {"builder", "fixer", "again", "impl", "impl_green", "self_rev", "verify"}
"""Each act in which an agent works, from validation to verification."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.startswith(("PYTEST_D", "COV_", "GIT_", "ANTHROPIC_", "OPENAI_")):
            monkeypatch.delenv(key)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_all_stories_are_completed_by_models_across_kills(tmp_path: Path) -> None:
    """Three stories, both providers: each act of story 1 is killed once, goes on, and pays for no answer twice."""
    with Models(kills=set()) as models:
        project = project_of(tmp_path, models, {})
        for story, way in WAYS.items():
            models.kills = KILLS if story == "1" else set()
            live(project, story, models)
            events = read_journal(project.look(story).evidence / "journal.jsonl")
            assert [event.dest for event in events if isinstance(event, Stepped)] == way
            models_of = {event.model for event in events if isinstance(event, Ended) and event.usage.input}
            assert models_of == {"opus", "gpt-5.2-codex"}
        assert not models.one.problems + models.other.problems
    assert {*models.killed} == KILLS
    for (story, act, who, part), times in models.asked.items():
        once = 1 if act not in ("pedant", "again") else 2  # in flight when its sibling's engine was killed
        killed = story == "1" and act in KILLS and part == "hand in"
        assert times <= once + killed, (story, act, who, part, times)
    assert check(project.root) == []
