"""What a provider may do to us, through `advance`: a named error with role, provider, what was kept and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from engine.advance import advance
from engine.agents.api import ApiAgent
from engine.agents.protocol import Agent
from engine.errors import UsageError
from engine.model.events import Ended
from engine.model.machine import Role
from engine.wiring import player_for, wire
from tests.agents.api_world import LOOK, needs_cage
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Said
from tests.life import AT
from tests.repo import Repo

pytestmark = needs_cage
ROLES = {
    "builder_validator": ("Senior Engineer", "anthropic", "ANTHROPIC_API_KEY"),
    "pedant_validator": ("GPT-5.2 Codex", "openai", "OPENAI_API_KEY"),
}
"""The title, the provider and the key of each role."""
ANOTHER = "let another agent play the role"


@dataclass(frozen=True)
class Trouble:
    """What both servers answer after one look at a file; what is told of it, and what to do about it."""

    says: Said
    told: str
    todo: str
    status: str = "failed"


TROUBLES = {
    "wrong key": Trouble({"error": (401, "invalid key")}, "the key in {key} is refused", "Correct it"),
    "unknown model": Trouble({"error": (404, "model: gpt-9")}, "no such model", "Correct `model`"),
    "retired model": Trouble({"error": (410, "retired on 2026-01-05")}, "there no more: status 410", "Correct `model`"),
    "HTML instead of JSON": Trouble({"page": "<html>Hello</html>"}, "cannot be read", "Is it such a server"),
    "cut stream": Trouble({"text": "PASS, as far as", "cut": True}, "the answer broke off", ANOTHER),
    "overloaded": Trouble({"error": (529, "overloaded")}, "the server fails: status 529", ANOTHER),
    "server down": Trouble({"drop": True}, "no connection ({url}", "Is the network there, and the server up?"),
    "refusal": Trouble({"text": "PASS.", "stop": "refusal"}, "the model refused to answer", "let another model play"),
    "max_tokens": Trouble({"text": "PASS", "stop": "max_tokens"}, "was cut at 16000 tokens", "Raise `max_tokens`"),
    "empty answer": Trouble({"text": ""}, "it holds 0 JSON blocks", "kept as session", "invalid"),
    "huge answer": Trouble({"text": "PASS " * 220_000}, "has 1100000 characters", "kept as session", "invalid"),
    "invalid verdict twice": Trouble(
        {"tools": [("final_result", {"verdict": "MAYBE"})]}, "Field required", "kept as session", "invalid"
    ),
}
OPENAIS = {"refusal": "content_filter", "max_tokens": "max_output_tokens"}
"""OpenAI's words for why an answer stopped."""


@contextmanager
def models(folder: Path, says: Said, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Repo, dict[str, str]]]:
    """A repository whose validators are models of both providers, which answer alike; the address of each role."""
    for _, _, key in ROLES.values():
        monkeypatch.setenv(key, "sk-test")
    other = {**says, **({"stop": OPENAIS[says["stop"]]} if "stop" in says else {})}
    with FakeAnthropic([LOOK, *[says] * 40]) as one, FakeOpenAI([LOOK, *[other] * 40]) as two:
        repo = Repo(folder)
        toml = (repo.root / "story.toml").read_text()
        urls = dict(zip(ROLES, (one.url, f"{two.url}/v1"), strict=True))
        for role, url in urls.items():
            scripted = f'[roles.{role}]\nagent = "scripted"\nscript = "../script.yaml"\n'
            assert scripted in toml
            toml = toml.replace(scripted, f'[roles.{role}]\nagent = "api"\nbase_url = "{url}"\n')
        repo.write("story.toml", toml)
        yield repo, urls


def go(repo: Repo) -> list[Ended]:
    """Advance, without waiting between two tries; what ended."""
    repository = repo.repository

    async def sleep(_: float) -> None:
        pass

    def agent(name: str, role: Role) -> Agent:
        return ApiAgent(player_for(name, role, repository), clock=lambda: AT, sleep=sleep)

    ports = wire(repository, tell=lambda _: None, clock=lambda: AT)
    advance(repository, repo.pack, "1", ports=replace(ports, agents=agent))
    return [event for event in repo.events if isinstance(event, Ended)]


@pytest.mark.parametrize("name", TROUBLES)
def test_it_is_named_and_kept_and_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each error names role, provider and remedy; what was said before is kept; no fact or tick comes of it."""
    trouble = TROUBLES[name]
    with models(tmp_path, trouble.says, monkeypatch) as (repo, urls):
        ended = go(repo)
    assert repo.at == "stuck"
    assert repo.ticked() == []
    for role, (title, provider, key) in ROLES.items():
        mine = [event for event in ended if f"-{role}/" in event.call]
        assert mine
        for event in mine:
            assert (event.status, event.facts) == (trouble.status, {})
            assert event.why.startswith((f"{title}: {provider} (", f"{title} ({provider}, ")), event.why
            assert trouble.told.format(key=key, url=urls[role]) in event.why
            assert trouble.todo in event.why, event.why
        assert "is kept as session" in mine[0].why
        kept = repo.state / "sessions" / str(mine[0].session) / "conversation.json"
        assert "Let me look." in kept.read_text()
    assert trouble.told.partition("{")[0] in repo.text  # whoever looks into story.md sees it, and is asked


@pytest.mark.parametrize("role", ROLES)
def test_without_a_key_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    """A role without its key is refused by name before anything is asked or written."""
    title, _, key = ROLES[role]
    with models(tmp_path, {"text": ""}, monkeypatch) as (repo, urls):
        monkeypatch.delenv(key)
        repo.write("story.toml", (repo.root / "story.toml").read_text().replace(f'base_url = "{urls[role]}"\n', ""))
        with pytest.raises(UsageError, match=rf"{title} \({role}\) cannot work: {key} is not set\. Export {key}, or"):
            go(repo)
    assert not [event for event in repo.events if isinstance(event, Ended)]
