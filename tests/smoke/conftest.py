"""What `make smoke` installed: a server with a small real model, and the Claude Code that a wheel bundles."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clis.conftest import TOOLS, own_home
from tests.clis.world import World

PLACE = TOOLS / "smoke"


@pytest.fixture(scope="session")
def _installed() -> Path:
    """The Python of `.tools/smoke`."""
    python = PLACE / "bin/python"
    if not (PLACE / ".ready").exists():
        if os.environ.get("STORY_SMOKE"):
            pytest.fail(f"{PLACE} is not whole, though `make smoke` was to set it up")
        pytest.skip("the small model and Claude Code are not installed: `make smoke` does that")
    return python


@pytest.fixture(scope="session")
def server(_installed: Path) -> Iterator[str]:
    """The address of an independent server, which speaks both protocols, with a small real model behind it."""
    words = [str(_installed), str(Path(__file__).with_name("serve.py"))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout
        yield running.stdout.readline().decode().strip()
        running.communicate()


@pytest.fixture
def bundled(_installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A repository for the Claude Code that the wheel of claude-agent-sdk bundles."""
    [program] = PLACE.glob("lib/python*/site-packages/claude_agent_sdk/_bundled/claude")
    with own_home(monkeypatch, program.parent) as home:
        yield World(tmp_path, home)
