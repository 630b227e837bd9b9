"""The example project through two workers on a real Temporal server: what `make demo` does, by git alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.fleet.hosts import Hosts
from tests.fleet.server import Server
from tests.fleet.world import plain
from tests.repo import git

DEMO = Path(__file__).parents[2] / "examples/demo.py"


def load() -> ModuleType:
    """examples/demo.py as a module: it holds the person of the example."""
    spec = importlib.util.spec_from_file_location("example_demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_example_completes_through_two_workers(tmp_path: Path, temporal: Server) -> None:
    """All three stories are complete, their tests pass; each story.md is that of a local run, but for times and ids."""
    demo = load()
    local = demo.Demo(tmp_path / "local", quiet=True)
    local.begin()
    git(tmp_path, "clone", "-q", "--bare", str(local.root), "shelf.git")
    local.live()

    def clone(name: str) -> None:
        git(tmp_path, "clone", "-q", str(tmp_path / "shelf.git"), str(tmp_path / name))

    clone("ana")
    ana = demo.Demo(tmp_path / "unused", quiet=True)
    ana.root = tmp_path / "ana"
    git(ana.root, "config", "user.name", demo.PERSON)
    git(ana.root, "config", "user.email", "ana@example.org")
    world = SimpleNamespace(folder=tmp_path, ana=ana.root, clone=clone)
    with Hosts(world, temporal, "a", "b", env=ana.environ) as hosts:  # type: ignore[arg-type]
        for _ in range(demo.MOST_RUNS):
            done = hosts.story("run", "--on", "temporal")
            assert done.code == 0, done.err
            git(ana.root, "pull", "-q", "--rebase")
            states = {story: ana.state(story) for story in demo.STORIES}
            waiting = {story: state for story, state in states.items() if state in demo.BOXES}
            if not waiting:
                break
            for story, state in waiting.items():
                ana.decide(story, state)
            git(ana.root, "add", "-A")
            git(ana.root, "commit", "-qm", "Ana answers")
            git(ana.root, "push", "-q")
        assert min(hosts.performed(name) for name in "ab") > 0
    assert states == dict.fromkeys(demo.STORIES, "complete")
    ana.end()
    for story in demo.STORIES:
        assert plain(ana.file(story).read_text()) == plain(local.file(story).read_text())
