"""What goes wrong between us and a provider: what can pass is tried again, the rest is named; never a verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.agents.api_failure import back_off
from engine.agents.block import InvalidReply
from engine.agents.reply import read_report
from engine.process import Deadlines
from tests.agents.api_world import AT, DONE, KINDS, LOOK, Desk, needs_cage
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Said

Kind = type[FakeAnthropic | FakeOpenAI]
pytestmark = [needs_cage, pytest.mark.usefixtures("_key")]


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-test")


@pytest.mark.parametrize(
    "trouble",
    [
        {"drop": True},
        {"text": "Let me", "cut": True},
        {**DONE, "cut": True},
        {"error": (500, "oops")},
        {"error": (503, "busy")},
        {"error": (529, "overloaded")},
        {"error": (429, "slow down")},
    ],
    ids=["dropped", "cut", "cut in the answer", "500", "503", "529", "429"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_can_pass_is_tried_again(tmp_path: Path, kind: Kind, trouble: Said) -> None:
    """A lost connection, a cut stream, an overload: waited longer each time; what was answered is not asked again."""
    with kind([LOOK, trouble, trouble, DONE]) as fake:
        desk = Desk(tmp_path, fake)
        reply = desk.run()
    assert (reply.status, desk.slept) == ("ok", [1.0, 2.0])
    assert fake.requests[1] == fake.requests[2] == fake.requests[3]
    assert not fake.problems


def test_waits_grow_and_differ_by_chance() -> None:
    """Doubled each time up to a minute, half of it left to chance, so that many engines do not come back at once."""
    assert [back_off(tries, 1.0) for tries in (0, 1, 5, 9)] == [1.0, 2.0, 32.0, 60.0]
    assert [back_off(tries, 0.0) for tries in (0, 1, 5, 9)] == [0.5, 1.0, 16.0, 30.0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_provider_says_how_long_to_wait(tmp_path: Path, kind: Kind) -> None:
    """Retry-After is kept to where it is longer than our own patience."""
    with kind([{"error": (429, "slow"), "headers": {"retry-after": "7"}}, DONE]) as fake:
        desk = Desk(tmp_path, fake)
        assert desk.run().status == "ok"
    assert desk.slept == [7.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_limit_is_told_with_its_end(tmp_path: Path, kind: Kind) -> None:
    """A wait beyond the deadline is not waited for here: the reply says that it passes, and when."""
    with kind([LOOK, {"error": (429, "limit"), "headers": {"retry-after": "7200"}}]) as fake:
        desk = Desk(tmp_path, fake)
        reply = desk.run()
    assert (reply.status, reply.passes, reply.until, reply.text) == ("failed", True, "2026-11-22T10:00:00Z", "")
    assert desk.slept == []
    assert reply.usage.input > 0
    assert (reply.usage.cost or 0) > 0
    assert reply.why.endswith("What it said so far is kept as session 4-validating-builder-v-1.1-abcd.")
    assert reply.session == "4-validating-builder-v-1.1-abcd"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_tried_for_ever(tmp_path: Path, kind: Kind) -> None:
    """After six tries of one request it is a failure that may pass."""
    with kind([{"error": (500, "oops")}] * 9) as fake:
        desk = Desk(tmp_path, fake)
        reply = desk.run()
    assert (reply.status, reply.passes, reply.until) == ("failed", True, None)
    assert desk.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert "the server fails: status 500, oops" in reply.why


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ({"error": (400, "bad effort")}, "the request is refused: status 400, bad effort. Correct what it names"),
        ({"error": (403, "no access")}, "the key in TEST_KEY is refused: status 403, no access"),
        ({"error": (404, "model: x")}, "there is no such model or address: status 404, model: x"),
        ({"error": (402, "no credit")}, "quota or credit is used up: status 402, no credit"),
        ({"text": "no", "stop": "refused"}, "the model refused to answer"),
        ({"text": "a long", "stop": "length"}, r"the answer was cut at 16000 tokens. Raise `max_tokens`"),
    ],
    ids=["400", "403", "404", "402", "refusal", "max_tokens"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_pass_is_not_tried_again(tmp_path: Path, kind: Kind, trouble: Said, told: str) -> None:
    """A refused key or request, an unknown model, an empty account, a refusal: one request, and what to do about it."""
    words = (
        {"refused": "refusal", "length": "max_tokens"}
        if kind is FakeAnthropic
        else {
            "refused": "content_filter",
            "length": "max_output_tokens",
        }
    )
    with kind([{**trouble, "stop": words[trouble["stop"]]} if "stop" in trouble else trouble]) as fake:
        desk = Desk(tmp_path, fake)
        reply = desk.run()
    assert (reply.status, reply.passes, reply.lost, reply.text) == ("failed", False, False, "")
    assert reply.why.startswith(f"{desk.player.provider} ({desk.player.model}): {told}")
    assert (len(fake.requests), desk.slept) == (1, [])


def test_a_quota_is_not_tried_again_though_its_status_is_429(tmp_path: Path) -> None:
    """OpenAI says with the status of a rate limit that the money is gone; waiting would not help."""
    with FakeOpenAI([{"error": (429, "check your plan"), "kind": "insufficient_quota"}]) as fake:
        reply = Desk(tmp_path, fake).run()
    assert (reply.passes, len(fake.requests)) == (False, 1)
    assert "quota or credit is used up" in reply.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_key_is_named_by_its_variable(tmp_path: Path, kind: Kind) -> None:
    """The key itself is not told, only where it stands."""
    with kind([], key="another") as fake:
        reply = Desk(tmp_path, fake).run()
    assert (reply.status, reply.passes) == ("failed", False)
    assert "the key in TEST_KEY is refused" in reply.why
    assert "sk-test" not in reply.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_instead_of_an_answer_is_named_with_its_address(tmp_path: Path, kind: Kind) -> None:
    """A server that answers with HTML is none of a provider's: its address is told."""
    with kind([{"page": "<html>Welcome</html>"}] * 9) as fake:
        desk = Desk(tmp_path, fake)
        reply = desk.run()
    assert reply.status == "failed"
    assert f"({desk.player.base_url}): the answer cannot be read" in reply.why
    raw = desk.player.transcript("4/validating/builder-v/1.1-abcd").raw
    assert b"<html>Welcome</html>" in raw.read_bytes()
    assert reply.why.endswith(f"What came is kept in {raw}.")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_down_is_named(tmp_path: Path, kind: Kind) -> None:
    """No connection: tried again, then told with the address."""
    with kind([]) as fake:
        desk = Desk(tmp_path, fake)
    reply = desk.run()
    assert (reply.status, reply.passes, len(desk.slept)) == ("failed", True, 6)
    assert f"no connection ({desk.player.base_url})" in reply.why


def test_a_failed_response_is_a_failure(tmp_path: Path) -> None:
    """An error in the midst of a stream counts as the same error before it."""
    with FakeOpenAI([{"failed": {"code": "server_error", "message": "boom"}}, DONE]) as fake:
        desk = Desk(tmp_path, fake)
        assert desk.run().status == "ok"
    assert desk.slept == [1.0]


@pytest.mark.long
@pytest.mark.parametrize(
    ("trouble", "deadlines", "told"),
    [
        ({**DONE, "pause": 2}, Deadlines(total=60, start=0.5, silence=60), "no answer began within 0.5 seconds"),
        ({**DONE, "stall": 2}, Deadlines(total=60, start=60, silence=0.5), "nothing came for 0.5 seconds"),
        ({**DONE, "stall": 4}, Deadlines(total=3, start=60, silence=60), "no answer within 0.05 minutes in all"),
    ],
    ids=["start", "silence", "total"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_each_deadline_ends_the_run(tmp_path: Path, kind: Kind, trouble: Said, deadlines: Deadlines, told: str) -> None:
    """No beginning, silence in the midst, too long in all: a failure that may pass, with what was said before kept."""
    with kind([LOOK, trouble]) as fake:
        reply = Desk(tmp_path, fake).set(deadlines=deadlines).run()
    assert (reply.status, reply.passes) == ("failed", True)
    assert told in reply.why
    assert reply.session is not None
    assert reply.usage.output > 0


@pytest.mark.parametrize("kind", KINDS)
def test_requests_are_bounded(tmp_path: Path, kind: Kind) -> None:
    """A model that never comes to an end is stopped at the role's limit."""
    with kind([LOOK] * 9) as fake:
        reply = Desk(tmp_path, fake).set(requests=3).run()
    assert (reply.status, reply.passes, len(fake.requests)) == ("failed", False, 3)
    assert re.search(r"no answer after 3 requests\. Raise `requests` under \[roles\.v\]", reply.why)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_took_what_the_limits_left_it_asks_no_more(tmp_path: Path, kind: Kind) -> None:
    """It may pass its share by one request; session and cost are kept, and it is worth another try at once."""
    with kind([LOOK] * 9) as fake:
        desk = Desk(tmp_path, fake)
        first = desk.run(left=0.0001)
        again = desk.run(left=0.0001)
        more = desk.run(call="4/validating/builder-v/1.2-beef", session=first.session, left=1000)
    assert first.usage.cost is not None
    assert f"it was stopped after {first.usage.cost:.2f} dollars, since the limits left it 0.00" in first.why
    assert (first.status, first.passes, first.lost, first.until) == ("failed", True, False, AT)
    assert again.usage == first.usage  # the same call, begun again by a killed engine, asks for nothing
    assert (more.status, more.until) == ("failed", None)  # the script is over
    assert len(fake.requests) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_price_no_limit_in_dollars_stops_a_run(tmp_path: Path, kind: Kind) -> None:
    """What nobody can tell is not guessed at: such a role is run once and no more."""
    with kind([LOOK, DONE]) as fake:
        assert Desk(tmp_path, fake).set(price=None).run(left=0.0001).status == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_answer_and_one_of_ten_megabytes_are_no_verdicts(tmp_path: Path, kind: Kind) -> None:
    """Both come back as they are, and the reader of all agents refuses them."""
    for name, last in (("empty", ""), ("huge", "x" * 10**7)):
        (tmp_path / name).mkdir()
        with kind([{"text": ""}, {"text": ""}, {"text": last}]) as fake:
            reply = Desk(tmp_path / name, fake).run()
        assert (reply.status, len(reply.text)) == ("ok", len(last))
        with pytest.raises(InvalidReply):
            read_report(reply.text, "verdict", story="4", turn=1)
