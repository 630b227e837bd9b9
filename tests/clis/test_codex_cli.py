"""The real Codex CLI, against a fake of its provider: what it prints, what its commands may do, what it forgets."""

from __future__ import annotations

import json

import pytest

from engine.agents.codex import Codex
from tests.clis.world import PROBE, World
from tests.fakes.openai import FakeOpenAI

pytestmark = [pytest.mark.clis, pytest.mark.timeout(100)]


@pytest.fixture(autouse=True)
def _key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORY_TEST_KEY", "sk-test")


def ran(fake: FakeOpenAI) -> str:
    """What the commands of a run printed, as the model got it."""
    items = fake.requests[-1]["input"]
    return "\n".join(json.dumps(item["output"]) for item in items if item.get("type") == "function_call_output")


def command(line: str) -> dict[str, object]:
    """The model asks for a command."""
    return {"tools": [("exec_command", {"cmd": line, "yield_time_ms": 20_000})]}


def test_it_answers_and_goes_on_in_the_same_session(world: World) -> None:
    """The prompt comes by stdin, the thread's id is kept, and usage of a resumed thread is only what it took itself."""
    with FakeOpenAI([{"text": "one"}, {"text": "two"}]) as fake:
        first = world.run(Codex, fake.url + "/v1")
        again = world.run(Codex, fake.url + "/v1", call="c2", session=first.session, text="# Again\n\nMore.")
    assert (first.status, first.text, first.session is not None) == ("ok", "one", True), first
    assert (again.status, again.text, again.session) == ("ok", "two", first.session), again
    said = [json.dumps(request["input"]) for request in fake.requests]
    assert "Do it." in said[0]
    assert "Do it." in said[1]
    assert "More." in said[1]
    assert fake.requests[0]["reasoning"]["effort"] == "high"
    total = next(e["usage"] for e in world.raw("c2") if e["type"] == "turn.completed")
    assert again.usage.input + first.usage.input == total["input_tokens"]
    assert again.usage.input > 0


@pytest.mark.parametrize("writable", [False, True])
def test_its_commands_are_confined(world: World, writable: bool) -> None:
    """In the cage its own sandbox starts: no network, no key, nothing written but the copy, and that if it may be."""
    with FakeOpenAI([]) as other:
        port = other.url.rsplit(":", 1)[1]
        probe = PROBE.replace("PORT", port).replace("STATE", str(world.state))
        with FakeOpenAI([command(probe), {"text": "done"}]) as fake:
            reply = world.run(Codex, fake.url + "/v1", writable=writable)
    said = ran(fake)
    assert reply.status == "ok", (reply, said)
    assert "done" in said
    wrote = {word for word in said.split("\\n") if word.startswith("WROTE ")}
    assert wrote == ({"WROTE tree"} if writable else set()), said
    assert "REACHED" not in said
    assert "sk-test" not in said.replace("grep -c sk-test", "")
    assert (world.copy / "in.txt").exists() == writable
    assert not (world.root / "in.txt").exists()


@pytest.mark.parametrize("session", ["01a20312-a87f-7cb0-984e-78e56b2ecdd7", "no-such-session"])
def test_a_lost_session_is_told(world: World, session: str) -> None:
    """Codex begins a new thread where it does not know an id that is none of its own: that is no going on."""
    with FakeOpenAI([{"text": "as if nothing were wrong"}]) as fake:
        reply = world.run(Codex, fake.url + "/v1", session=session)
    assert (reply.status, reply.lost, reply.session, reply.passes) == ("failed", True, None, False), reply


@pytest.mark.parametrize(
    ("said", "why", "passes"),
    [
        ({"error": (401, "Incorrect API key provided.")}, "codex login", False),
        ({"error": (429, "You exceeded your current quota"), "kind": "insufficient_quota"}, "Quota exceeded", False),
        ({"error": (429, "The usage limit has been reached"), "kind": "usage_limit_reached"}, "usage limit", True),
        ({"text": "half", "stop": "max_output_tokens"}, "max_output_tokens", False),
        ({"text": ""}, "empty", False),
    ],
)
def test_what_fails_is_told_as_what_it_is(world: World, said: dict[str, object], why: str, passes: bool) -> None:
    """A refusal of the provider is a failed reply in Codex' own words, and is tried again only where it can pass."""
    with FakeOpenAI([said] * 40) as fake:
        reply = world.run(Codex, fake.url + "/v1")
    assert reply.status == "failed"
    assert why in reply.why, reply
    assert reply.passes == passes, reply
