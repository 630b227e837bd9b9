"""What happens to workers, servers and remotes in the middle of a pack; in the end it is as if nothing had."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.temporal.fleet import Fleet
from tests.fleet.audit import Audit
from tests.fleet.drive import QUICK, Drive
from tests.fleet.server import Server
from tests.fleet.world import APART, World
from tests.packs import PACK
from tests.repo import git

pytestmark = pytest.mark.slow
KILLS = ("look before push", "agent at work", "look after push", "reply before push", "reply after push")


def test_a_worker_killed_at_each_instant_is_replaced(tmp_path: Path, temporal: Server) -> None:
    """SIGKILL in each activity, before and after it pushed: the other worker takes over, the killed one comes back."""
    with Drive(World(tmp_path, {"1": []}, config=APART), temporal, "a", "b") as drive:
        for instant in KILLS:
            drive.back(drive.blow(instant), instant)
        drive.ends_as_alone()


def test_a_worker_that_slept_does_nothing_twice(tmp_path: Path, temporal: Server) -> None:
    """A worker that stops for longer than it is waited for, and wakes up after another has done its work, is late."""
    with Drive(World(tmp_path, {"1": []}, config=APART), temporal, "a", "b") as drive:
        for instant in ("look before push", "reply before push"):
            drive.back(drive.blow(instant, "stop"), instant)
        drive.ends_as_alone(slept=True)


def test_a_server_killed_in_mid_run_goes_on_with_its_database(tmp_path: Path) -> None:
    """SIGKILL of the Temporal server, twice, and a start with what it had on disk: the pack ends the same."""
    server = Server(tmp_path / "server").start()
    try:
        with Drive(World(tmp_path, {"1": []}, config=APART), server, "a", "b") as drive:
            for state in ("approving", "gorilla"):
                drive.until(lambda state=state: state in drive.been, "it came this far")
                server.kill()
                server.start()
            drive.ends_as_alone()
    finally:
        server.kill()


def test_signals_in_floods_and_between_two_runs_are_no_looks_lost(tmp_path: Path, temporal: Server) -> None:
    """A new run after each look, 100 signals at once at each state: no answer is missed, nothing is done twice."""
    world = World(tmp_path, {"1": []}, config=APART)
    flooded = set[str]()

    async def flood(fleet: Fleet) -> None:
        await asyncio.gather(*(fleet.signal([PACK]) for _ in range(100)))

    with Drive(world, temporal, "a", pace=QUICK.model_copy(update={"looks": 1})) as drive:
        while not drive.over():
            for state in {*world.states().values()} - flooded:
                flooded.add(state)
                drive.fleet(flood)
            here = world.states()
            drive.until(lambda here=here: world.states() != here or drive.over(), "it goes on")
        drive.ends_as_alone()
        runs = drive.fleet(lambda fleet: _runs(fleet, f"{fleet.name}/{PACK}"))
    assert len(flooded) > 8
    assert 10 < runs < 100


async def _runs(fleet: Fleet, id_: str) -> int:
    return len([one async for one in fleet.client.list_workflows(f"WorkflowId = '{id_}'")])


def test_two_packs_and_a_remote_that_refuses(tmp_path: Path, temporal: Server) -> None:
    """Two workers look at two packs of one branch, and a hook refuses pushes at first: both packs end as alone."""
    world = World(tmp_path, {"1": [], "2": []})
    world.part("2", "docs/more")
    more = Audit(world, "docs/more")
    world.refuse(times=4)
    with Drive(world, temporal, "a", "b") as drive:
        drive.fleet(lambda fleet: fleet.start("docs/more"))
        drive.ends_as_alone()
        assert (world.remote / "refuses").read_text() == ""
        assert more.look(over=True) == []


def test_a_remote_that_refuses_is_told_and_nothing_is_written(tmp_path: Path, temporal: Server) -> None:
    """What a hook says stands in `story status --on temporal`; nothing is pushed until it lets them."""
    world = World(tmp_path, {"1": []})
    before = git(world.remote, "for-each-ref")
    world.refuse()
    with Drive(world, temporal, "a") as drive:
        drive.hosts.until(lambda: "no pushes on Sundays" in status(drive), "the hook is told of")
        assert git(world.remote, "for-each-ref") == before
        (world.remote / "hooks/pre-receive").unlink()
        drive.hosts.until(lambda: world.states() == {"1": "approving"}, "it goes on")
        assert "the last look failed" not in status(drive)


def status(drive: Drive) -> str:
    """What `story status --on temporal` says in Ana's clone."""
    done = drive.hosts.story("status", "--on", "temporal")
    assert done.code == 0, done.err
    return done.out


def test_a_session_whose_worker_is_gone_is_begun_anew(tmp_path: Path, temporal: Server) -> None:
    """Green goes on in a fresh session on another worker, as the machine says, also where that one dies saying so."""
    world = World(tmp_path, {"1": []}, config=APART)
    with Drive(world, temporal, "a", "b") as drive:
        keeper = drive.blow("reply after push", call="/impl-engineer")
        (other,) = {"a", "b"} - {keeper}
        assert drive.fell("lose") == other
        drive.back(other, "lose")
        assert drive.fell("reply after push", call="/impl_green-engineer/1") == other  # in `lose` once more
        drive.back(other, "reply after push")
        drive.until(lambda: "gating" in drive.been, "green is done")
        lost = [event for event in world.events("1") if event.get("lost")]
        assert [event["call"].split("/")[2] for event in lost] == ["impl_green-engineer"]
        begun = [event for event in world.events("1") if event["event"] == "began" and event["act"] == "impl_green"]
        assert [bool(event.get("resumes")) for event in begun] == [True, False]
        drive.hosts.start(keeper)
        ends(drive)


def test_a_session_that_must_be_the_same_is_asked_about(tmp_path: Path, temporal: Server) -> None:
    """A self-review is for who wrote the code: where that worker is gone, Ana decides whether to go on without."""
    world = World(tmp_path, {"1": []}, config=APART)
    with Drive(world, temporal, "a", "b") as drive:
        keeper = drive.fell("reply after push", call="/impl_green-engineer/1")
        drive.until(lambda: world.states() == {"1": "stuck"}, "the self-review waits for Ana")
        assert f"worker '{keeper}', which keeps its session, is gone" in world.text("1")
        drive.hosts.until(lambda: "waits for person" in status(drive), "it is told")
        world.tick("1", "try again")
        drive.fleet(lambda fleet: fleet.signal([PACK]))
        ends(drive)


def ends(drive: Drive) -> None:
    """The pack ends, with nothing lost and nothing doubled, if not as it does where no session is lost."""
    drive.until(drive.over, "complete")
    assert drive.audit.look(over=True) == []
    assert drive.doubled() == []
