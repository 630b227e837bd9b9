"""Stopped by Ctrl-C, told when a person is needed, asked whether it works: the command line around real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.files.journal import read_journal
from engine.live import Heart, Watch, show
from engine.model.events import Began, Ended
from engine.model.machine import Machine
from engine.wiring import player_for
from tests.agents.api_world import needs_cage
from tests.agents.test_program import STARTED, completed
from tests.cli.run import Ran, heed_ctrl_c, run, spawn, state_home
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.repo import CONFIG, Repo, approved, verdict

SAYS = {"text": "ready"}


def role(repo: Repo, name: str, words: str) -> None:
    """Somebody else plays a role, as story.toml says."""
    toml = (repo.root / "story.toml").read_text()
    scripted = f'[roles.{name}]\nagent = "scripted"\nscript = "../script.yaml"\n'
    assert scripted in toml
    repo.write("story.toml", toml.replace(scripted, f"[roles.{name}]\n{words}\n"))


def standin(folder: Path, *runs: list[dict[str, object]]) -> dict[str, str]:
    """The Codex CLI of the tests, logged in, with what it does in each run; the environment that finds it."""
    home, programs = folder / "home", folder / "bin"
    (home / ".codex").mkdir(parents=True)
    (home / ".codex/auth.json").write_text("{}")
    programs.mkdir()
    shutil.copy(Path(__file__).parent / "agents/standin.py", programs / "codex")
    (programs / "codex").chmod(0o755)
    (programs / "plan.json").write_text(json.dumps({"runs": runs}))
    return {"HOME": str(home), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def interrupted(repo: Repo, alive: Path, env: dict[str, str]) -> Ran:
    """Advance in a process of its own, and press Ctrl-C as soon as something is there."""
    words = [sys.executable, "-m", "engine", "advance", "1"]
    environ = {**os.environ, "XDG_STATE_HOME": str(state_home(repo.root)), **env}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    until = time.monotonic() + 60
    with subprocess.Popen(words, cwd=repo.root, env=environ, preexec_fn=heed_ctrl_c, **pipes) as engine:
        try:
            while not alive.exists():
                assert time.monotonic() < until
                assert engine.poll() is None, engine.communicate()
                time.sleep(0.05)
            engine.send_signal(signal.SIGINT)
            out, err = engine.communicate(timeout=30)
        finally:
            engine.kill()
    return Ran(engine.returncode, out, err)


def beats(alive: Path) -> bool:
    """Does what writes into this file still live?"""
    time.sleep(0.3)
    before = alive.read_text()
    time.sleep(0.4)
    return alive.read_text() != before


def ends(repo: Repo) -> tuple[list[str], list[str]]:
    """(calls that began, calls that ended), by the journal."""
    events = read_journal(repo.story.parent / "evidence/journal.jsonl")
    return (
        [event.call for event in events if isinstance(event, Began)],
        [event.call for event in events if isinstance(event, Ended)],
    )


@pytest.mark.long
@needs_cage
def test_ctrl_c_stops_agents_and_the_next_run_goes_on_in_their_session(tmp_path: Path) -> None:
    """Exit 130 and one line; the agent is gone with all that it started, its sibling's answer stays, nothing ended."""
    answer = f"```json\n{json.dumps(verdict(story='1', round=1))}\n```"
    said = {"say": {"type": "item.completed", "item": {"type": "agent_message", "text": answer}}}
    env = standin(tmp_path, [STARTED, {"leave": True}, {"deaf": True}, {"sleep": 90}], [STARTED, said, completed()])
    repo = Repo(tmp_path)
    role(repo, "pedant_validator", 'agent = "codex"\nmodel = "m"')
    alive = tmp_path / "home/.codex/alive"
    ran = interrupted(repo, alive, env)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.splitlines()[-1] == "story: stopped; run it again to go on"
    assert "Traceback" not in ran.err
    assert not beats(alive)
    began, ended = ends(repo)
    assert (len(began), ended) == (2, [])
    again = spawn(repo.root, "advance", "1", env=env)
    assert (again.code, repo.at) == (0, "approving"), again.err
    assert ends(repo)[0][:2] == began
    asked = [json.loads(line) for line in (tmp_path / "home/.codex/asked.jsonl").read_text().splitlines()]
    assert [one["argv"][-3:-1] == ["resume", "T1"] for one in asked] == [False, True]


def test_ctrl_c_stops_gates(tmp_path: Path) -> None:
    """A gate's command is gone with its children; the call is made again by the next run."""
    slow = "while :; do date +%s%N > ../alive; sleep 0.05; done & wait"
    repo = approved(tmp_path, config=CONFIG.replace("sh tools/run-tests {report}", "sh tools/slow {report}"))
    repo.write("tools/slow", slow)
    ran = interrupted(repo, tmp_path / "alive", {})
    assert (ran.code, ran.out) == (130, "")
    assert not beats(tmp_path / "alive")
    began, ended = ends(repo)
    assert len(began) == len(ended) + 1
    shutil.copy(repo.root / "tools/run-tests", repo.root / "tools/slow")
    assert spawn(repo.root, "advance", "1").code == 0
    assert repo.at == "gorilla"


@pytest.mark.long
def test_a_person_is_told_once_the_engine_stops_for_her(tmp_path: Path) -> None:
    """`notify.command` runs at the end of an advance that waits for a person, and at no other."""
    repo = Repo(tmp_path, config=CONFIG + '\n[notify]\ncommand = "echo {story} {text} >> told"\n')
    assert spawn(repo.root, "advance", "1", "--step").code == 0
    assert not (repo.root / "told").exists()
    ran = spawn(repo.root, "advance", "1")
    assert "waits for a person" in ran.out
    assert (repo.root / "told").read_text().startswith("1 docs/stories/story-1-greeter/story.md:")


def test_heartbeats_are_plain_lines(tmp_path: Path) -> None:
    """In a pipe who is at work is said by a plain line once a minute."""
    assert isinstance(show(Watch(), print, terminal=False), Heart)


def test_deadlines_are_two_five_and_forty_five_minutes_unless_said_otherwise(tmp_path: Path) -> None:
    """Start, silence and total of an agent, as story.toml may set them, and the total as the machine may."""
    repo = Repo(tmp_path)
    machine = repo.look().machine
    told = player_for("verifier", machine.roles["verifier"], repo.repository).deadlines
    assert (told.start, told.silence, told.total) == (120, 300, 2700)
    given = {**machine.model_dump(by_alias=True, exclude={"roles"}), "defaults": {"timeout": "10m", "failed": "stuck"}}
    for own, total in (({}, 600), ({"timeout": "20m"}, 1200)):
        roles = {name: {**one.model_dump(exclude={"timeout"}), **own} for name, one in machine.roles.items()}
        timed = Machine.model_validate({**given, "roles": roles}).roles["verifier"]
        assert player_for("verifier", timed, repo.repository).deadlines.total == total
    role(repo, "verifier", 'start = "5s"\nsilence = "6s"\ntotal = "7s"')
    told = player_for("verifier", machine.roles["verifier"], repo.repository).deadlines
    assert (told.start, told.silence, told.total) == (5, 6, 7)


@needs_cage
def test_doctor_asks_each_model_for_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Online each model answers as it would in a story, each time anew; a refused key is told with what to do."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeAnthropic([SAYS, SAYS]) as one, FakeOpenAI([SAYS], key="another") as other:
        repo = Repo(tmp_path)
        role(repo, "builder_validator", f'agent = "api"\nbase_url = "{one.url}"')
        role(repo, "pedant_validator", f'agent = "api"\nbase_url = "{other.url}/v1"')
        offline = run(repo.root, "doctor", "--json")
        assert (offline.code, len(one.requests), len(other.problems)) == (0, 0, 0)
        for count in (1, 2):
            ran = run(repo.root, "doctor", "--online", "--json")
            assert (ran.code, len(one.requests)) == (3, count)
    told = {role["role"]: role for role in ran.data["roles"]}
    assert told["builder_validator"]["says"] == "opus answers"
    assert told["builder_validator"]["wrong"] == ""
    assert "the key in OPENAI_API_KEY is refused" in told["pedant_validator"]["wrong"]
    assert "Correct it" in told["pedant_validator"]["wrong"]
    assert not one.problems


@needs_cage
def test_doctor_asks_a_cli(tmp_path: Path) -> None:
    """A CLI answers in its cage, in a copy of the tree, like in a story."""
    said = {"say": {"type": "item.completed", "item": {"type": "agent_message", "text": "ready"}}}
    env = standin(tmp_path, [STARTED, said, completed()])
    repo = Repo(tmp_path)
    role(repo, "pedant_validator", 'agent = "codex"\nmodel = "m"')
    ran = spawn(repo.root, "doctor", "--online", "--json", env=env)
    [told] = [one for one in ran.data["roles"] if one["role"] == "pedant_validator"]
    assert (told["wrong"], ran.code) == ("", 0)
    assert told["says"].endswith("m answers")
    asked = [json.loads(line) for line in (tmp_path / "home/.codex/asked.jsonl").read_text().splitlines()]
    assert [one["prompt"] for one in asked if one["argv"][0] == "exec"] == ["Answer with the one word: ready."]
