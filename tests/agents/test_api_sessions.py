"""Sessions of models behind an API: gone on with in another process, after a kill, or told to be lost."""

from __future__ import annotations

import json
import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from engine.agents.reply import read_report
from tests.agents.api_world import CALL, DONE, KINDS, LOOK, Desk, needs_cage, results
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import FakeServer

Kind = type[FakeAnthropic | FakeOpenAI]
NEXT = "4/revalidating/again-v/1.1-ef01"
pytestmark = [needs_cage, pytest.mark.usefixtures("_key")]


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-test")


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_is_gone_on_with_and_found_in_the_cache(tmp_path: Path, kind: Kind) -> None:
    """A follow-up has all that was said before it, word for word, so that the provider has most of it cached."""
    with kind([{**LOOK, "thinking": "Hm."}, DONE, DONE]) as fake:
        first = Desk(tmp_path, fake).run()
        second = Desk(tmp_path, fake).run("And now?", call=NEXT, session=first.session)
    assert (first.status, second.status) == ("ok", "ok")
    assert second.session not in (None, first.session)
    said = json.dumps(fake.requests[2])
    assert "Look at all of it." in said
    assert "Let me look." in said
    assert "And now?" in said
    before, after = fake.requests[1], fake.requests[2]
    assert (before["tools"], before.get("instructions")) == (after["tools"], after.get("instructions"))
    assert second.usage.cached > second.usage.input / 2
    assert not fake.problems


def test_what_is_long_and_stays_is_marked_for_the_cache(tmp_path: Path) -> None:
    """Anthropic caches up to marks: one ends tools and instructions, the other moves along with the conversation."""
    with FakeAnthropic([LOOK, DONE]) as fake:
        Desk(tmp_path, fake).run()
    for body in fake.requests:
        assert "cache_control" in body["system"][-1]
        assert "cache_control" in body["messages"][-1]["content"][-1]


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_this_call_took_is_counted(tmp_path: Path, kind: Kind) -> None:
    """The usage of a follow-up is its own, without that of the session before."""
    with kind([DONE, DONE]) as fake:
        desk = Desk(tmp_path, fake)
        first = desk.run()
        second = desk.run("And now?", call=NEXT, session=first.session)
    assert first.usage.output == second.usage.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_was_answered_is_not_paid_for_again(tmp_path: Path, kind: Kind) -> None:
    """Asked again under the same id, the answer comes from the session, without a request."""
    with kind([LOOK, DONE]) as fake:
        first = Desk(tmp_path, fake).run()
        assert Desk(tmp_path, fake).run() == first
    assert len(fake.requests) == 2


@pytest.mark.parametrize("breaks", ["gone", "torn", "other", "outside"])
def test_a_lost_session_is_named(tmp_path: Path, breaks: str) -> None:
    """A session that is gone, cannot be read, or is another agent's is no silent fresh start."""
    with FakeAnthropic([DONE]) as fake:
        desk = Desk(tmp_path, fake)
        session = desk.run().session or ""
        kept = desk.player.folder / session / "conversation.json"
        if breaks == "gone":
            kept.unlink()
        elif breaks == "torn":
            kept.write_bytes(kept.read_bytes()[:-20])
        asked = {"other": "person-4/validating/1", "outside": f"../sessions/{session}"}.get(breaks, session)
        reply = desk.run("And now?", call=NEXT, session=asked)
    assert (reply.status, reply.lost, reply.session, reply.passes) == ("failed", True, None, False)
    assert asked in reply.why
    assert len(fake.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_overgrown_session_counts_as_lost(tmp_path: Path, kind: Kind) -> None:
    """Where the provider says that the conversation has become too long, a new session is needed."""
    said = {"error": (400, "prompt is too long: 210000 tokens > 200000 maximum")}
    if kind is FakeOpenAI:
        said["kind"] = "context_length_exceeded"
    with kind([DONE, said, said]) as fake:
        desk = Desk(tmp_path, fake)
        first = desk.run()
        reply = desk.run("And now?", call=NEXT, session=first.session)
        fresh = desk.run("And now?", call=f"{NEXT}2")
    assert (reply.status, reply.lost, reply.session) == ("failed", True, None)
    assert "has outgrown its context" in reply.why
    assert (fresh.status, fresh.lost) == ("failed", False)


_ENGINES = get_context("forkserver")
_ENGINES.set_forkserver_preload(["tests.agents.api_world"])  # the SDKs take seconds to import: once is enough


def play(folder: Path, kind: Kind, url: str, writable: bool) -> None:
    """One call, played in a process of its own; its reply goes into a file."""
    os.environ["TEST_KEY"] = "sk-test"
    fake = kind([])
    fake.url = url
    (folder / "reply.json").write_text(Desk(folder, fake).run(writable=writable).model_dump_json())


def engine(folder: Path, fake: FakeServer, *, writable: bool = False) -> ForkServerProcess:
    """The same call in a process that may be killed."""
    process = _ENGINES.Process(target=play, args=(folder, type(fake), fake.url, writable))
    process.start()
    return process


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_goes_on_without_paying_again(tmp_path: Path, kind: Kind) -> None:
    """Killed while the third answer was awaited, the next process asks for that one only; the first two are kept."""
    running: list[ForkServerProcess] = []

    def kill(body: object) -> dict[str, object]:
        running[0].kill()
        return {"drop": True}

    with kind([LOOK, LOOK, kill, DONE]) as fake:
        running.append(engine(tmp_path, fake))
        running[0].join(60)
        assert running[0].exitcode == -signal.SIGKILL
        assert len(fake.requests) == 3
        engine(tmp_path, fake).join(60)
    assert len(fake.requests) == 4
    assert fake.requests[3] == fake.requests[2]
    reply = json.loads((tmp_path / "reply.json").read_text())
    assert read_report(reply["text"], "verdict", story="4", turn=1)
    assert reply["usage"]["output"] > 0
    assert not fake.problems


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_tool_did_before_the_kill_is_not_done_again(tmp_path: Path, kind: Kind) -> None:
    """Of two commands side by side, one was done and the other not: the model is told so, and none is run again."""
    asked = [("run_command", {"command": "echo once >> done.txt"}), ("run_command", {"command": "sleep 50"})]
    with kind([{"tools": asked}, DONE]) as fake:
        running = engine(tmp_path, fake, writable=True)
        kept = tmp_path / "sessions" / CALL.replace("/", "-") / "conversation.json"
        until = time.monotonic() + 60
        while not kept.exists() or "(no output)" not in kept.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        running.kill()
        running.join(60)
        engine(tmp_path, fake, writable=True).join(60)
    assert (tmp_path / "copy/done.txt").read_text() == "once\n"
    told = results(fake.requests[1])
    assert "(no output)" in told[0]
    assert "interrupted" in told[1]
    assert len(fake.requests) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_session_can_be_asked_again_after_an_answer_without_form(tmp_path: Path, kind: Kind) -> None:
    """An answer that nobody accepted is part of the session; what is asked next follows it."""
    with kind([{"tools": [("final_result", {"verdict": "MAYBE"})]}] * 3 + [DONE]) as fake:
        desk = Desk(tmp_path, fake)
        first = desk.run()
        second = desk.run("Your last answer could not be accepted.", call=NEXT, session=first.session)
    assert second.status == "ok"
    assert read_report(second.text, "verdict", story="4", turn=1)
    assert not fake.problems
