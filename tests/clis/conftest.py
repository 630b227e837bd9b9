"""Where the real CLIs are: what `make clis` installed. Each test gets a home of its own, and no key of anybody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.clis.world import World

TOOLS = Path(__file__).parents[2] / ".tools"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A repository, a home and a state folder; the CLIs stand first on PATH."""
    programs = TOOLS / "node_modules" / ".bin"
    if not programs.is_dir():
        if os.environ.get("STORY_CLIS"):
            pytest.fail(f"{programs} is not there, though `make clis` was to install it")
        pytest.skip("the real CLIs are not installed: `make clis` does that")
    if TOOLS.is_relative_to("/dev"):
        pytest.fail(f"{TOOLS} lies below /dev, which Codex' sandbox hides: clone the repository elsewhere")
    with own_home(monkeypatch, programs) as home:
        assert shutil.which("codex")
        assert shutil.which("claude")
        yield World(tmp_path, home)


@contextmanager
def own_home(monkeypatch: pytest.MonkeyPatch, programs: Path) -> Iterator[Path]:
    """A home that is nobody's, no key or setting of anybody, and programs that stand first on PATH."""
    (TOOLS / "homes").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=TOOLS / "homes") as home:
        for name in list(os.environ):
            if name.startswith(("ANTHROPIC_", "OPENAI_", "CODEX_", "CLAUDE_", "XDG_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        yield Path(home)
