"""Nobody's fake: both API roles with an independent server, and the Claude Code that its makers ship. `make smoke`.

The model is small enough for any machine, and too small to judge anything. What counts is that the server takes what
we send, and that what it answers is read for what it is.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.agents.block import InvalidReply
from engine.agents.claude import Claude
from engine.agents.reply import read_report
from engine.model.events import Ended
from engine.model.verdict import Work
from engine.process import Deadlines
from tests.agents.api_world import DONE, KINDS, LOOK, Desk, needs_cage
from tests.clis.world import World
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.repo import Repo

Kind = type[FakeAnthropic | FakeOpenAI]
PATIENT = Deadlines(total=900, start=600, silence=600)
pytestmark = [pytest.mark.smoke, needs_cage, pytest.mark.timeout(1800), pytest.mark.usefixtures("_key")]


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEST_KEY", "STORY_TEST_KEY"):
        monkeypatch.setenv(name, "sk-test")


def real(folder: Path, kind: Kind, server: str, **changes: object) -> Desk:
    """A desk whose provider is the independent server."""
    with kind([]) as fake:
        desk = Desk(folder, fake)
    url = server if kind is FakeAnthropic else f"{server}/v1"
    return desk.set(base_url=url, deadlines=PATIENT, effort=None, max_tokens=60, **changes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_is_asked_and_what_it_says_is_no_verdict(tmp_path: Path, kind: Kind, server: str) -> None:
    """Tools, instructions and brief are taken; what a tiny model says is read, counted and refused by name."""
    desk = real(tmp_path, kind, server, requests=3)
    reply = desk.run("Read a.md, and say whether it is good.")
    print(f"\n{kind.__name__}: {reply.status}: {reply.why or reply.text!r}, {reply.usage}")
    assert "SmolLM2" in (reply.model or "")
    assert reply.usage.input > 500, "without the tools it would be less"
    assert reply.usage.output > 0
    if reply.status == "ok":
        with pytest.raises(InvalidReply):
            read_report(reply.text, "verdict", story="4", turn=1)
    else:
        assert "answer was cut at 60 tokens" in reply.why or "no answer after 3 requests" in reply.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_with_tools_is_taken(tmp_path: Path, kind: Kind, server: str) -> None:
    """A session with tool calls, their results and an answer is replayed, and the server goes on with it."""
    with kind([LOOK, DONE]) as fake:
        first = Desk(tmp_path, fake).run()
    reply = real(tmp_path, kind, server, requests=1).run("And now?", call="4/next", session=first.session)
    print(f"\n{kind.__name__}: {reply.status}: {reply.why or reply.text!r}, {reply.usage}")
    assert reply.usage.output > 0, reply
    assert "refused" not in reply.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_tool_call_is_read(tmp_path: Path, kind: Kind, server: str) -> None:
    """The model can repeat a call: the server's grammar holds it to our strict form, and it comes out as an answer."""
    said = {"files": ["a.md"], "deviations": [], "discoveries": []}
    call = json.dumps({"name": "final_result", "arguments": said})
    text = f"Repeat this, and nothing else:\n<tool_call>\n{call}\n</tool_call>"
    reply = real(tmp_path, kind, server, requests=1).run(text, returns="work", writable=True)
    print(f"\n{kind.__name__}: {reply.status}: {reply.why or reply.text!r}, {reply.usage}")
    assert reply.status == "ok", reply
    report = read_report(reply.text, "work", story="4", turn=1)
    assert report == Work(files=("a.md",))


def test_a_story_is_not_validated_by_what_is_no_verdict(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through `advance`, with the engine's own briefs: no box is ticked, and a person is asked."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    repo = Repo(tmp_path)
    toml = (repo.root / "story.toml").read_text()
    for role, url in (("builder_validator", server), ("pedant_validator", f"{server}/v1")):
        scripted = f'[roles.{role}]\nagent = "scripted"\nscript = "../script.yaml"\n'
        model = f'agent = "api"\nbase_url = "{url}"\nmax_tokens = 60\nrequests = 2\ntotal = "10m"\nstart = "10m"\n'
        toml = toml.replace(scripted, f"[roles.{role}]\n{model}")
    assert toml.count(server) == 2
    repo.write("story.toml", toml)
    repo.advance()
    ended = [event for event in repo.events if isinstance(event, Ended)]
    for event in ended:
        print(f"\n{event.call}: {event.status}: {event.why}, {event.usage}")
    assert repo.at == "stuck"
    assert ended
    assert {event.status for event in ended} <= {"invalid", "failed"}
    assert sum(event.usage.output for event in ended) > 0
    assert repo.ticked() == []


def test_the_claude_code_of_its_makers_answers_and_goes_on(bundled: World) -> None:
    """The program that the wheel of claude-agent-sdk bundles: a brief, a tool, an answer, and the session again."""
    read = {"tools": [("Read", {"file_path": str(bundled.root / "a.txt")})]}
    with FakeAnthropic([read, {"text": "one"}, {"text": "two"}]) as fake:
        first = bundled.run(Claude, fake.url)
        again = bundled.run(Claude, fake.url, call="c2", session=first.session, text="# Again\n\nMore.")
    print(f"\n{first}\n{again}")
    assert (first.status, first.text) == ("ok", "one"), first
    assert (again.status, again.text, again.session) == ("ok", "two", first.session), again
    assert "hi" in json.dumps(fake.requests[1]["messages"][-1])
    assert not fake.problems
