"""A worker's hands: how many calls at once, and what it offers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from engine import cage, wiring
from engine.agents.person import PersonAgent
from engine.carry_out import carry_out
from engine.errors import UsageError
from engine.files.config import read_config
from engine.look import Repository
from engine.model.call import Brief, Reply
from engine.ports import Ports
from engine.temporal import worker
from engine.temporal.worker import Hands, offers
from engine.temporal.workflows import UNABLE
from engine.wiring import wire
from tests.fleet.world import World, ports
from tests.life import AT
from tests.repo import git


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


@pytest.mark.parametrize("keeper", ["", "a"])
def test_who_keeps_a_session_and_cannot_play_gives_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeper: str
) -> None:
    """Its call fails for good there, so that it is begun anew elsewhere; any other waits for a worker that can."""
    world = World(tmp_path, {"1": []})
    clone = world.worker("a")
    order = world.look(clone).calls[0].model_copy(update={"worker": keeper})
    hands = Hands(clone, "a", lambda _: None, {})

    def unready(*_: object) -> None:
        raise UsageError("it has no key")

    monkeypatch.setattr(worker, "wire", lambda home, **_: replace(ports(home), demand=unready))
    with pytest.raises(ApplicationError, match="it has no key") as told:
        asyncio.run(ActivityEnvironment().run(hands.carry_out, order))
    assert (told.value.type, told.value.non_retryable) == (UNABLE, bool(keeper))


def test_gates_are_not_offered_where_they_cannot_be_caged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model may play and nothing can be caged, other workers run the gates."""
    world = World(tmp_path, {"1": []})
    settings = world.ana / "story.toml"
    played = settings.read_text().replace('[roles.engineer]\nagent = "scripted"\nscript = "script.yaml"\n', "")
    settings.write_text(played)
    git(world.ana, "commit", "-qam", "A model plays")
    git(world.ana, "push", "-q")
    monkeypatch.setattr(cage, "broken", lambda: "there is no bubblewrap")
    assert not [queue for queue, _ in offers(world.worker("a"), 4) if queue.startswith("gate/")]
    monkeypatch.setattr(cage, "broken", lambda: "")
    assert [queue for queue, _ in offers(world.worker("b"), 4) if queue.startswith("gate/")]


def test_what_limits_leave_bounds_a_run_elsewhere_as_well(tmp_path: Path) -> None:
    """Two validators side by side may take half of what is left each."""
    world = World(tmp_path, {"1": []}, config="[limits.story]\ncost = 3.0\n")
    clone, left = world.worker("a"), list[float | None]()

    class Notes:
        in_copy = False

        async def run(self, brief: Brief) -> Reply:
            left.append(brief.left)
            return Reply(status="failed", text="", started=AT, ended=AT, why="it only notes")

    for order in world.look(clone).calls:
        asyncio.run(carry_out(clone, order, "a", lambda home: replace(ports(home), agents=lambda *_: Notes())))
    assert left == [1.5, 1.5]


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
    clone.config = read_config(clone.tree)
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
