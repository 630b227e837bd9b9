"""Stories in which a model plays a role: its CLI works in a copy, and gates over the tree run in the cage."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine import cage
from engine.errors import UsageError
from engine.files.config import RoleConfig
from engine.look import Repository
from engine.model.events import Ended
from engine.wiring import gate_cage
from tests.life import machine
from tests.repo import CHECK, TCS, Repo, verdict

STATE = "docs/stories/story-1-greeter"


def played(repo: Repo, kind: str) -> Repository:
    """The repository with its verifier played by a kind of agent, all others by scripts."""
    config = repo.repository.config
    roles = {**config.roles, "verifier": RoleConfig(agent=kind)}
    return replace(repo.repository, config=config.model_copy(update={"roles": roles}))


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository whose verifier is the Codex CLI: a stand-in on PATH, which finds all in order."""
    programs, home = tmp_path / "bin", tmp_path / "home"
    for folder in (programs, home, home / ".codex"):
        folder.mkdir()
    (home / ".codex/auth.json").write_text("{}")  # a login
    shutil.copy(Path(__file__).with_name("agents") / "standin.py", programs / "codex")
    (programs / "codex").chmod(0o755)
    said = {**verdict(tcs=TCS, boundaries=[]), "story": "1", "round": 1}
    answer = {"type": "agent_message", "text": f"```json\n{json.dumps(said)}\n```"}
    events = [
        {"type": "thread.started", "thread_id": "T1"},
        {"type": "item.completed", "item": answer},
        {"type": "turn.completed", "usage": {"input_tokens": 10, "output_tokens": 1}},
    ]
    (programs / "plan.json").write_text(json.dumps({"runs": [[{"say": event} for event in events]]}))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SECRET_KEY", "sk-secret")
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    scripted = '[roles.verifier]\nagent = "scripted"\nscript = "../script.yaml"\n'
    assert scripted in toml.read_text()
    toml.write_text(toml.read_text().replace(scripted, '[roles.verifier]\nagent = "codex"\n'))
    return repo


def test_a_story_is_verified_by_codex_and_completed(repo: Repo, tmp_path: Path) -> None:
    """The whole way with a CLI for one role: its reply is a verdict, its session and tokens are in the journal."""
    repo.advance()
    for tick in ("Human approved", "Gorilla testing done (human)", "Story marked complete"):
        repo.tick(tick).advance()
    assert repo.at == "complete"
    (ended,) = [event for event in repo.events if isinstance(event, Ended) and event.model == "gpt-5.2-codex"]
    assert (ended.session, ended.usage.input, ended.facts) == ("T1", 10, {"verdict:verifier": "PASS"})
    asked = json.loads((tmp_path / "home/.codex/asked.jsonl").read_text())
    assert asked["cwd"] == str(repo.root)
    assert "SECRET_KEY" not in asked["env"]


def test_what_a_gate_makes_where_nothing_was_is_put_aside(repo: Repo) -> None:
    """A machine of its own would rule the story from then on: it is moved away, and the run is none."""
    forge = "mkdir -p machines && echo 'states: {}' > machines/story.yaml\n"
    tests = dict.fromkeys(("tests/tc_1_1a.sh", "tests/tc_1_1b.sh"), forge + CHECK)
    repo.script({"act": "impl", "files": tests, "reply": {"files": [*tests]}})
    repo.advance()
    repo.tick("Human approved").advance()
    assert not (repo.root / "machines").exists()
    told = [event.why for event in repo.events if isinstance(event, Ended) and "made machines" in event.why]
    assert told
    assert list((repo.state / "gates").rglob("put-aside/*/machines/story.yaml"))


@pytest.mark.parametrize("kind", ["api", "codex", "claude"])
def test_gates_are_caged_where_a_model_plays_any_role(repo: Repo, kind: str) -> None:
    """One role is enough: its work is in the tree that gates run."""
    box = gate_cage(machine(), repo.state / "reports", played(repo, kind), platform="linux")
    assert box is not None
    assert box.kept == (repo.state / "reports",)
    assert {repo.story, repo.story.parent / "evidence", repo.root / ".git", repo.root / "story.toml"} <= {
        *box.protected
    }


@pytest.mark.parametrize(("kind", "platform"), [("person", "linux"), ("scripted", "linux"), ("codex", "darwin")])
def test_gates_are_bare_where_no_model_wrote_or_there_is_no_cage(repo: Repo, kind: str, platform: str) -> None:
    """People and scripts are trusted; elsewhere than on Linux there is no bubblewrap, and docs/security.md says so."""
    assert gate_cage(machine(), repo.state / "reports", played(repo, kind), platform=platform) is None


def test_no_gate_runs_bare_where_it_has_to_be_caged(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bubblewrap the gate is refused, with what to install."""
    monkeypatch.setenv("PATH", "/nonexistent")
    cage.broken.cache_clear()
    with pytest.raises(UsageError, match="Install bubblewrap"):
        gate_cage(machine(), repo.state / "reports", played(repo, "codex"), platform="linux")
    cage.broken.cache_clear()
