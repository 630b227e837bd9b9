"""A worker's hands: how many calls at once, and what it offers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from engine import wiring
from engine.agents.person import PersonAgent
from engine.carry_out import carry_out
from engine.errors import UsageError
from engine.files.config import read_config
from engine.look import Repository
from engine.ports import Ports
from engine.temporal import worker
from engine.temporal.worker import Hands, offers
from engine.wiring import wire
from tests.fleet.world import World, ports
from tests.life import AT


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


def test_gates_are_caged_where_a_model_may_play_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that can play no role itself cages what others' agents wrote; with scripts alone nothing is caged."""
    world = World(tmp_path, {"1": []})
    clone = world.worker("a")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(wiring, "demand_cage", lambda: None)

    def caged() -> bool:
        home = Repository(root=clone.tree, state=clone.state, config=read_config(clone.tree))
        machine = home.chart("story").machine
        cages = [
            ports.cage(machine, tmp_path)
            for ports in (Hands(clone, "a", print, {})._ports(home), wire(home, tell=print))
        ]
        assert cages[1] is None
        return cages[0] is not None

    assert not caged()
    settings = clone.tree / "story.toml"
    settings.write_text(
        settings.read_text().replace('[roles.engineer]\nagent = "scripted"\nscript = "script.yaml"\n', "")
    )
    assert caged()


def test_a_role_that_nobody_can_play_any_more_has_no_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the login is gone since the worker began, the call fails and is tried elsewhere; nothing is kept of it."""
    world = World(tmp_path, {"1": []})
    clone = world.worker("a")
    order = world.look(clone).calls[0]

    def by_hand(home: Repository) -> Ports:
        agent = PersonAgent(home.state / "briefs", clock=lambda: AT)
        return replace(ports(home), agents=lambda *_: agent)

    with pytest.raises(UsageError, match=f"no model can play {order.role} on this worker any more"):
        asyncio.run(carry_out(clone, order, "a", by_hand))
    assert not clone.is_kept(order.call)


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
