"""A whole story's validation with models behind APIs, as story.toml wires them, through `advance`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.model.events import Ended
from engine.rules.spending import agent_runs, total
from tests.agents.api_world import needs_cage
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Said
from tests.repo import Repo, finding, verdict

pytestmark = needs_cage


def says(said: str, turn: int, *findings: dict[str, str]) -> Said:
    """A verdict on story 1, handed in."""
    return {"tools": [("final_result", verdict(said, *findings, story="1", round=turn))]}


@contextmanager
def validated(folder: Path, monkeypatch: pytest.MonkeyPatch, *builder: Said) -> Iterator[tuple[Repo, FakeAnthropic]]:
    """A repository whose validators are an Anthropic and an OpenAI model; the engineer is a script."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeAnthropic(builder) as one, FakeOpenAI([says("PASS", 1)] * 2) as other:
        fixed = [{"finding": "F1", "answer": "fixed", "because": "docs/feature-spec.md:4"}]
        change = {"file": "docs/feature-spec.md", "old": "in two words", "new": "in two short words"}
        repo = Repo(folder, {"act": "fixer", "replace": [change], "reply": {"answers": fixed, "files": []}})
        toml = (repo.root / "story.toml").read_text()
        for role, url in (("builder_validator", one.url), ("pedant_validator", f"{other.url}/v1")):
            scripted = f'[roles.{role}]\nagent = "scripted"\nscript = "../script.yaml"\n'
            assert scripted in toml
            price = "price = {input = 5, output = 25}"
            toml = toml.replace(scripted, f'[roles.{role}]\nagent = "api"\nbase_url = "{url}"\n{price}\n')
        repo.write("story.toml", toml)
        yield repo, one
        assert not one.problems + other.problems


def test_two_models_validate_and_one_validates_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAIL of one leads through the fix to a re-validation in its own session; the story waits for approval."""
    script = (says("FAIL", 1, finding("Two words are one too few.")), says("PASS", 1))
    with validated(tmp_path, monkeypatch, *script) as (repo, fake):
        repo.advance()
        assert repo.at == "approving"
    assert "Two words are one too few." in json.dumps(fake.requests[1]["messages"][:-1])
    ended = [event for event in repo.events if event.event == "ended" and event.session and event.usage.input]
    assert {event.model for event in ended} == {"opus", "gpt-5.2-codex"}
    assert all(event.usage.cost for event in ended)


def test_a_lost_session_ends_at_a_person_and_goes_on_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's file deleted between validation and re-validation: a person says whether to go on."""
    script = (says("FAIL", 1, finding("Two words are one too few.")), says("PASS", 2))
    with validated(tmp_path, monkeypatch, *script) as (repo, fake):
        while repo.at != "revalidating":
            repo.advance(one_step=True)
        for kept in (repo.state / "sessions").glob("*builder*/conversation.json"):
            kept.unlink()
        repo.advance()
        assert (repo.at, len(fake.requests)) == ("stuck", 1)
        assert "is gone: there is no" in repo.text
        repo.tick("try again").edit("Note (required):", "Note (required): yes, afresh")
        repo.advance()
        assert repo.at == "approving"
    [asked] = fake.requests[1]["messages"]
    assert "You do not remember your earlier session." in json.dumps(asked)
    assert "Two words are one too few." in json.dumps(asked)


def test_a_run_that_reaches_the_limit_stops_and_goes_on_when_it_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verdict, nothing lost: the sibling's reply counts, a person raises the limit, and no answer is paid twice."""
    look = {"text": "Let me look.", "tools": [("read_file", {"path": "docs/feature-spec.md"})]}
    with validated(tmp_path, monkeypatch, look, look, look, says("PASS", 2)) as (repo, fake):
        toml = (repo.root / "story.toml").read_text()
        repo.write("story.toml", toml + "\n[limits]\nstory = {cost = 0.05}\n")
        result = repo.advance()
        asked = len(fake.requests)
        assert asked < 4
        assert result.waiting is not None
        assert (repo.at, result.waiting.for_, result.waiting.items[0].file) == ("validating", "person", "story.toml")
        assert "dollars are spent" in result.waiting.items[0].text
        ended = [event for event in repo.events if isinstance(event, Ended)]
        assert {(event.status, *event.facts.values()) for event in ended} == {("failed",), ("ok", "PASS")}
        spent = total(agent_runs(repo.events)).cost
        dearest = max(event.usage.cost or 0 for event in ended)
        assert spent < 0.05 + dearest
        assert not repo.advance().steps
        assert len(fake.requests) == asked
        repo.write("story.toml", toml + "\n[limits]\nstory = {cost = 5}\n")
        repo.advance()
        assert repo.at == "approving"
    assert len(fake.requests) == 4
    assert json.dumps(fake.requests[3]["messages"]).count("Let me look.") == 3
