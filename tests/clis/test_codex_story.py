"""The example project with the real Codex CLI as validator and verifier, killed while it validates and verifies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.files.journal import read_journal
from engine.model.events import Ended, Stepped
from tests.agents.api_world import needs_cage
from tests.agents.example_world import Models, live, project_of
from tests.clis.world import World
from tests.test_example import WAYS, check

pytestmark = [pytest.mark.clis, pytest.mark.slow, needs_cage, pytest.mark.timeout(900)]
CODEX = 'agent = "codex"\nkey = "STORY_TEST_KEY"'


def test_a_story_is_validated_and_verified_by_codex_across_kills(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From drafted to complete, beside a model of the other provider; after a kill its own session is gone on with."""
    monkeypatch.setenv("STORY_TEST_KEY", "none")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    kills = {"pedant", "verify"}
    with Models(kills=set()) as models:
        project = project_of(tmp_path / "p", models, {"pedant_validator": CODEX, "verifier": CODEX})
        for story in ("0", "1"):
            models.kills = kills if story == "1" else set()
            live(project, story, models)
        events = read_journal(project.look("1").evidence / "journal.jsonl")
        assert [event.dest for event in events if isinstance(event, Stepped)] == WAYS["1"]
        codex = [event for event in events if isinstance(event, Ended) and event.model == "gpt-5.2-codex"]
        assert [event.status for event in codex] == ["ok"] * 3  # the validation, the re-validation, the verification
        assert codex[0].session == codex[1].session, "the re-validation goes on with the validator's own session"
        assert all(event.usage.input > 0 for event in codex)
        assert not models.one.problems + models.other.problems
    assert {*models.killed} == kills
    assert check(project.root) == []
