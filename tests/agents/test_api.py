"""A model behind an API, by the real SDKs against servers on loopback: what it is asked, what counts as an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.agents.reply import read_report
from engine.cage import broken
from engine.errors import UsageError
from engine.model.verdict import Verdict, Work
from tests.agents.api_world import AT, DONE, KINDS, LOOK, VERDICT, WORK, Desk, needs_cage, results
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI

pytestmark = [needs_cage, pytest.mark.usefixtures("_key")]


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-test")


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_looks_and_hands_in_a_verdict(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """Words between are harmless; the verdict is the fenced block that all agents answer with."""
    with kind([{**LOOK, "thinking": "What is there?"}, {"text": "All is well.", **DONE}]) as fake:
        reply = Desk(tmp_path, fake).run()
    assert (reply.status, reply.why, reply.started, reply.ended) == ("ok", "", AT, AT)
    report = read_report(reply.text, "verdict", story="4", turn=1, tcs=["TC-4.1a"])
    assert isinstance(report, Verdict)
    assert (report.verdict, report.tcs, report.boundaries) == ("PASS", {"TC-4.1a": "pass"}, None)
    [shown] = results(fake.requests[1])
    assert "alpha" in shown
    assert not fake.problems


@pytest.mark.parametrize("kind", KINDS)
def test_model_effort_and_limit_are_those_of_the_role(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """Model, effort and the tokens of an answer reach the server as story.toml says; the reply says who answered."""
    with kind([DONE]) as fake:
        reply = Desk(tmp_path, fake).set(model="small-1", effort="low", max_tokens=777).run()
    [body] = fake.requests
    assert (body["model"], reply.model) == ("small-1", "small-1")
    effort = body["output_config"] if kind is FakeAnthropic else body["reasoning"]
    assert effort["effort"] == "low"
    assert body.get("max_tokens", body.get("max_output_tokens")) == 777


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_took_is_counted_and_priced(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """Tokens of all requests, those from the cache among them, and their cost by the price of the role."""
    with kind([LOOK, DONE]) as fake:
        reply = Desk(tmp_path, fake).run()
    usage = reply.usage
    assert usage.input > usage.cached > 0
    assert usage.output > 0
    cost = (10 * (usage.input - usage.cached) + usage.cached + 100 * usage.output) / 1_000_000
    assert usage.cost == pytest.approx(cost, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fenced_block_in_words_counts_as_well(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """A model that answers as the brief's form says, without the tool, has answered."""
    block = f"```json\n{json.dumps({**VERDICT, 'tcs': {}})}\n```"
    with kind([{"text": block}]) as fake:
        reply = Desk(tmp_path, fake).run()
    assert (reply.status, reply.text, len(fake.requests)) == ("ok", block, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_words_alone_are_no_answer(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """A model that only talks is told to hand in its answer."""
    with kind([{"text": "Let me look."}, DONE]) as fake:
        reply = Desk(tmp_path, fake).run()
    assert reply.status == "ok"
    assert "Nothing was handed in" in json.dumps(fake.requests[1])


@pytest.mark.parametrize("said", [{"text": "PASS, I guess"}, {"tools": [("final_result", {"verdict": "MAYBE"})]}])
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_without_form_is_handed_on_to_be_refused(
    tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI], said: dict[str, object]
) -> None:
    """Told twice in vain, the answer goes to the one reader of all agents, who refuses it; it is no verdict."""
    with kind([said] * 4) as fake:
        reply = Desk(tmp_path, fake).run()
    assert (reply.status, len(fake.requests)) == ("ok", 3)
    assert "MAYBE" in reply.text or reply.text == "PASS, I guess"
    with pytest.raises(Exception, match=r"Field required|needs exactly one|verdict"):
        read_report(reply.text, "verdict", story="4", turn=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_case_with_two_statuses_is_sent_back(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """A list could say two things of one test case, of which a map would keep the last; it is asked again."""
    twice = [{"tc": "TC-4.1a", "status": "fail"}, {"tc": "TC-4.1a", "status": "pass"}]
    with kind([{"tools": [("final_result", {**VERDICT, "tcs": twice})]}, DONE]) as fake:
        reply = Desk(tmp_path, fake).run()
    assert reply.status == "ok"
    assert "TC-4.1a stands there twice" in json.dumps(fake.requests[1])


@pytest.mark.parametrize("kind", KINDS)
def test_an_engineer_changes_the_copy_and_nothing_else(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """Files are written by the tools in the copy, at the paths of the real tree, which stays as it was."""
    made = ("write_file", {"path": "src/new.py", "content": "x = 1\n"})
    there = [("create_directory", {"path": "src"}), ("edit_file", _edit())]
    with kind([{"tools": there}, {"tools": [made]}, WORK]) as fake:
        desk = Desk(tmp_path, fake)
        reply = desk.run(returns="work", writable=True)
    assert isinstance(read_report(reply.text, "work", story="4", turn=1), Work)
    assert (desk.tree / "src/new.py").read_text() == "x = 1\n"
    assert (desk.tree / "a.md").read_text() == "gamma\nbeta\n"
    assert (desk.root / "a.md").read_text() == "the real one\n"
    assert sorted(path.name for path in desk.root.iterdir()) == ["a.md"]


def _edit() -> dict[str, object]:
    return {"path": "a.md", "old_text": "alpha", "new_text": "gamma"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_validator_cannot_change_the_copy(tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI]) -> None:
    """A read-only role has no tool that writes, and its commands find the tree read-only."""
    with kind([{"tools": [("run_command", {"command": "echo x > a.md; cat a.md"})]}, DONE]) as fake:
        desk = Desk(tmp_path, fake)
        desk.run()
    names = {tool["name"] for tool in fake.requests[0]["tools"]}
    assert names == {"read_file", "run_command", "final_result"}
    assert "Read-only file system" in results(fake.requests[1])[0]
    assert (desk.tree / "a.md").read_text() == "alpha\nbeta\n"


def test_no_tool_leads_out_of_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `..`, nor an absolute path, nor a link shows a file outside, and no command sees a key or the network."""
    monkeypatch.setenv("SOME_SECRET", "hunter2")
    (tmp_path / "outside.txt").write_text("hunter2\n")
    command = f"env; cat {tmp_path}/outside.txt; cat /proc/*/environ; python3 -c 'import socket; {_dial()}'"
    asked = [("read_file", {"path": path}) for path in ("../outside.txt", f"{tmp_path}/outside.txt", "link")]
    asked += [("write_file", {"path": "link", "content": "no"}), ("run_command", {"command": command})]
    with FakeAnthropic([{"tools": asked}, WORK]) as fake:
        desk = Desk(tmp_path, fake)
        (desk.tree / "link").symlink_to(tmp_path / "outside.txt")
        reply = desk.run(returns="work", writable=True)
    assert reply.status == "ok"
    told = "\n".join(results(fake.requests[1]))
    assert len(results(fake.requests[1])) == 5
    assert "hunter2" not in told
    assert "sk-test" not in told
    assert "Network is unreachable" in told
    assert (tmp_path / "outside.txt").read_text() == "hunter2\n"


def _dial() -> str:
    return 'socket.create_connection(("192.0.2.1", 80), 5)'


@pytest.mark.long
def test_a_command_that_never_ends_or_never_stops_talking_is_stopped(tmp_path: Path) -> None:
    """Time and output of a command are bounded, and the model is told."""
    asked = [
        ("run_command", {"command": c, "timeout_seconds": 3}) for c in ("sleep 60", "yes", "setsid sleep 77 & exit")
    ]
    with FakeAnthropic([{"tools": asked}, DONE]) as fake:
        assert Desk(tmp_path, fake).run().status == "ok"
    slow, loud, _ = results(fake.requests[1])
    assert "timed out" in slow
    assert "it printed more than 10 MB" in loud
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 77" not in running


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_is_needed_for_a_server_of_ones_own(
    tmp_path: Path, kind: type[FakeAnthropic | FakeOpenAI], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a base_url and no key anywhere, a word that is none is sent."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with kind([DONE], key="none") as fake:
        assert Desk(tmp_path, fake).set(key=None).run().status == "ok"


def test_a_missing_key_is_named_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key is asked for and not set, the role is refused with what to do."""
    monkeypatch.delenv("TEST_KEY")
    with FakeAnthropic([DONE]) as fake:
        desk = Desk(tmp_path, fake)
        with pytest.raises(UsageError, match=r"roles\.v: TEST_KEY is not set.*\[roles\.v\] in story\.toml"):
            desk.run()
        monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
        with pytest.raises(UsageError, match="ANTHROPIC_API_KEY is not set"):
            desk.set(key=None, base_url=None).run()
    assert not fake.requests


def test_without_a_cage_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bubblewrap is not there the run is refused with how to get it, never done bare."""
    with FakeAnthropic([DONE]) as fake:
        desk = Desk(tmp_path, fake)
        broken.cache_clear()
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match=r"bwrap is not on PATH\. Install bubblewrap"):
            desk.run()
    broken.cache_clear()
    assert not fake.requests


def test_looking_imports_no_sdk() -> None:
    """`story status` does not pay for the libraries of models behind an API."""
    code = (
        "import sys, engine.cli, engine.wiring, engine.status; "
        "sys.exit(any(n in sys.modules for n in ('pydantic_ai', 'anthropic', 'openai', 'httpx2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
