"""The real Claude Code, against a fake of its provider: what it prints, what its commands may do, what it forgets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.agents.claude import Claude
from engine.agents.player import Room
from tests.clis.world import PROBE, World
from tests.fakes.anthropic import FakeAnthropic

pytestmark = [pytest.mark.clis, pytest.mark.timeout(100)]


@pytest.fixture(autouse=True)
def _key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORY_TEST_KEY", "sk-test")
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")


def results(fake: FakeAnthropic) -> list[tuple[bool, str]]:
    """(did it go well, what the model got) of each tool that it called, in the order of the calls."""
    blocks = [
        block
        for message in fake.requests[-1]["messages"]
        for block in (message["content"] if isinstance(message["content"], list) else ())
    ]
    found = {block["tool_use_id"]: block for block in blocks if block["type"] == "tool_result"}
    called = [found[block["id"]] for block in blocks if block["type"] == "tool_use"]
    return [(not block.get("is_error"), json.dumps(block["content"])) for block in called]


def test_it_answers_and_goes_on_in_the_same_session(world: World) -> None:
    """The prompt comes by stdin, the session's id comes first, and each run tells what it took itself."""
    with FakeAnthropic([{"text": "one"}, {"text": "two"}]) as fake:
        first = world.run(Claude, fake.url)
        again = world.run(Claude, fake.url, call="c2", session=first.session, text="# Again\n\nMore.")
    assert (first.status, first.text) == ("ok", "one"), first
    assert (again.status, again.text, again.session) == ("ok", "two", first.session), again
    assert world.raw()[0]["session_id"] == first.session
    said = json.dumps(fake.requests[-1]["messages"])
    assert "Do it." in said
    assert "More." in said
    assert fake.requests[0]["output_config"]["effort"] == "high"
    assert first.model == "claude-opus-5-5"
    assert first.usage.input > 0
    assert first.usage.cost is not None


def test_a_reader_reads_and_does_no_more(world: World) -> None:
    """Where the workspace is read-only there are three tools, and they read nothing outside of it."""
    secret = world.home / ".claude/secret"
    secret.parent.mkdir()
    secret.write_text("TOKEN")
    (world.root / "out").symlink_to(secret)
    reads = [("Read", {"file_path": str(path)}) for path in (world.root / "a.txt", secret, "/etc/passwd")]
    calls = [
        *reads,
        ("Read", {"file_path": str(world.root / "out")}),
        ("Grep", {"pattern": "hi"}),
        ("Bash", {"command": "ls"}),
        ("Write", {"file_path": str(world.root / "new"), "content": "x"}),
    ]
    with FakeAnthropic([{"tools": calls}, {"text": "done"}]) as fake:
        reply = world.run(Claude, fake.url)
    assert reply.status == "ok", reply
    assert [good for good, _ in results(fake)] == [True, False, False, False, True, False, False], results(fake)
    assert {tool["name"] for tool in fake.requests[0]["tools"]} == {"Read", "Grep", "Glob"}


def test_its_edits_stay_in_the_copy(world: World) -> None:
    """A writer edits the copy; no path and no link leads its tools to its own settings or out of the tree."""
    settings = world.home / ".claude/settings.json"
    settings.parent.mkdir()
    (world.root / "out").symlink_to(settings.parent)
    places = [world.root / "new.txt", settings, world.root / "out/settings.json", Path("/tmp/x"), world.root / "../y"]
    calls = [("Write", {"file_path": str(path), "content": "{}"}) for path in places]
    with FakeAnthropic([{"tools": calls}, {"text": "done"}]) as fake:
        reply = world.run(Claude, fake.url, writable=True)
    assert reply.status == "ok", reply
    assert [good for good, _ in results(fake)] == [True, False, False, False, False], results(fake)
    assert (world.copy / "new.txt").is_file()
    assert not settings.exists()
    assert not (world.root / "new.txt").exists()


def test_its_commands_are_confined(world: World) -> None:
    """Each command runs in a cage of ours inside of the cage: no network, no key, nothing written but the copy."""
    with FakeAnthropic([]) as other:
        port = other.url.rsplit(":", 1)[1]
        probe = PROBE.replace("PORT", port).replace("STATE", str(world.state))
        script = [{"tools": [("Bash", {"command": probe, "description": "try"})]}, {"text": "done"}]
        with FakeAnthropic(script) as fake:
            reply = world.run(Claude, fake.url, writable=True)
    assert reply.status == "ok", (reply, results(fake))
    [(good, said)] = results(fake)
    assert good
    assert "done" in said
    assert "WROTE tree" in said
    assert "REACHED" not in said
    assert "sk-test" not in said
    wrote = [word for word in json.loads(said).split("\n") if word.startswith("WROTE ")]
    assert wrote[0] == "WROTE tree"
    outside = [Path(word.removeprefix("WROTE ")) for word in wrote[1:]]
    assert not [path for path in outside if path.exists()]  # what it wrote there was in folders of its own
    assert not {Path("/etc/out"), world.home / ".claude/out", Path(".git/out")} & {*outside}
    assert (world.copy / "in.txt").is_file()


def test_settings_in_the_tree_run_nothing(world: World) -> None:
    """A hook that an agent left in the tree's settings is not run."""
    hook = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "echo x > hooked"}]}]}}
    (world.root / ".claude").mkdir()
    (world.root / ".claude/settings.json").write_text(json.dumps(hook))
    with FakeAnthropic([{"text": "done"}]) as fake:
        reply = world.run(Claude, fake.url, writable=True)
    assert reply.status == "ok", reply
    assert not (world.copy / "hooked").exists()


@pytest.mark.parametrize("session", ["223d962c-6691-4a15-a83c-8e20792ee9c1", "no-such-session"])
def test_a_lost_session_is_told(world: World, session: str) -> None:
    """An unknown session is lost, which is nobody's verdict."""
    with FakeAnthropic([{"text": "as if nothing were wrong"}]) as fake:
        reply = world.run(Claude, fake.url, session=session)
    assert (reply.status, reply.lost, reply.session, reply.passes) == ("failed", True, None, False), reply


@pytest.mark.parametrize(
    ("said", "why", "passes"),
    [
        ({"error": (401, "invalid x-api-key")}, "/login", False),
        ({"error": (400, "Your credit balance is too low to access the Anthropic API.")}, "Credit", False),
        ({"text": "half", "cut": True}, "cut off", True),
        ({"text": "", "stop": "refusal"}, "Usage Policy", False),
    ],
)
def test_what_fails_is_told_as_what_it_is(world: World, said: dict[str, object], why: str, passes: bool) -> None:
    """Claude Code says "success" of an API failure and of half an answer: neither is an answer here."""
    with FakeAnthropic([said] * 20) as fake:
        reply = world.run(Claude, fake.url, room=Room(hidden=(world.state,), env=("CLAUDE_CODE_MAX_RETRIES",)))
    assert reply.status == "failed", reply
    assert why in reply.why, reply
    assert reply.passes == passes, reply
