"""A worker's hands: how many calls at once, and what it offers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from engine.temporal import worker
from engine.temporal.worker import Hands, offers
from tests.fleet.world import World


def test_calls_of_a_queue_wait_for_their_turn_those_that_come_back_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five calls of a queue of two are taken up at once, heartbeats and all, and two at a time are performed."""
    world = World(tmp_path, {"1": []})
    clone = world.worker("a")
    order = world.look(clone).calls[0]
    running, most = set[int](), list[int]()

    async def perform(*_: object) -> str:
        me = len(most)
        running.add(me)
        most.append(len(running))
        await asyncio.sleep(0.05)
        running.discard(me)
        return "ok"

    monkeypatch.setattr(worker, "carry_out", perform)
    hands = Hands(clone, "a", lambda _: None, {order.queue: 2})

    async def five() -> list[str]:
        return await asyncio.gather(*(ActivityEnvironment().run(hands.carry_out, order) for _ in range(5)))

    assert asyncio.run(five()) == ["ok"] * 5
    assert max(most) == 2


def test_a_worker_offers_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs, each gate, and each role: a scripted one always, a model's where a key is there, a person's never."""
    world = World(tmp_path, {"1": []}, config="[pipeline.providers]\nopenai = 3\nanthropic = 3\n")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    clone = world.worker("a")
    settings = clone.tree / "story.toml"
    text = settings.read_text().replace('[roles.engineer]\nagent = "scripted"\nscript = "script.yaml"\n', "")
    settings.write_text(text.replace('[roles.verifier]\nagent = "scripted"', '[roles.verifier]\nagent = "person"'))
    found = dict(offers(clone, 4))
    assert found["packs"] == 1
    assert found["gate/tests"] == 4
    assert found["role/builder_validator/scripted"] == 4
    assert not [queue for queue in found if queue.startswith(("role/engineer/", "role/verifier/"))]
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(key, "k")
    monkeypatch.setattr(worker, "unready", lambda *_, **__: ("", ""))
    [queue] = [queue for queue in dict(offers(clone, 4)) if queue.startswith("role/engineer/auto-")]
    assert dict(offers(clone, 4))[queue] == 3
