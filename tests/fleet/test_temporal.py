"""The same stories on a real Temporal server: workers as processes, people with clones, `story` as they type it."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from tests.fleet.hosts import Hosts
from tests.fleet.server import Server
from tests.fleet.world import APART, World, plain

pytestmark = pytest.mark.long


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


def test_the_hook_of_the_page_lets_a_push_be_heard_of(
    tmp_path: Path, temporal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the post-receive hook of docs/distributed.md on the server, Ana's push is looked at at once."""
    page = (Path(__file__).parents[2] / "docs/distributed.md").read_text()
    hook = textwrap.dedent(page[page.index("post-receive") :].split("```sh\n")[1].split("```")[0])
    assert "story signal" in hook
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    world = World(tmp_path, {"1": []})
    with Hosts(world, temporal, "a") as hosts:
        assert hosts.story("run", "--on", "temporal").code == 0
        assert world.states() == {"1": "approving"}
        file = world.remote / "hooks/post-receive"
        file.write_text(hook.replace("temporal.example.org:7233", temporal.address))
        file.chmod(0o755)
        assert world.person() == ["1: Human approved"]
        hosts.until(lambda: world.states() != {"1": "approving"}, "the push is heard of", patience=60)
