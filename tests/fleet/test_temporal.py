"""The same stories on a real Temporal server: workers as processes, people with clones, `story` as they type it."""

from __future__ import annotations

from pathlib import Path

from tests.fleet.hosts import Hosts
from tests.fleet.server import Server
from tests.fleet.world import APART, World, plain


def test_a_pack_is_run_by_two_workers(tmp_path: Path, temporal: Server) -> None:
    """`story run --on temporal` with two workers ends with the story.md of a local run, but for times and ids."""
    world = World(tmp_path, {"1": [], "2": []}, config=APART)
    with Hosts(world, temporal, "a", "b") as hosts:
        for _ in range(5):
            done = hosts.story("run", "--on", "temporal", "--json")
            assert done.code == 0
            if not world.person():
                break
        packs = done.data["packs"]
        assert hosts.story("status", "--on", "temporal").out == "no pack of this repository is run on Temporal\n"
    assert [pack["looked"]["complete"] for pack in packs] == [2]
    local = world.local_run()
    assert {id_: plain(world.text(id_)) for id_ in local} == {id_: plain(text) for id_, text in local.items()}
    assert all(hosts.performed(name) > 0 for name in "ab")
    assert sum(hosts.performed(name) for name in "ab") == 2 * 14
