"""Run the command line: in this process, or as a process of its own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.__main__ import main


@dataclass(frozen=True)
class Ran:
    """What one run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, object]:
        """The JSON object on stdout, which must be all that is there."""
        read = json.loads(self.out)
        assert set(read) == {"version", "command", "outcome", "data"}
        assert read["version"] == 1
        return read

    @property
    def data(self) -> dict:
        """The envelope's data."""
        return self.envelope["data"]


def run(root: Path, *words: str, env: Mapping[str, str] | None = None) -> Ran:
    """Run `story …` in this process, in a folder; its state folder lies beside the repository `r`."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("XDG_STATE_HOME", str(state_home(root)))
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["story", *words])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return Ran(code, out.getvalue(), err.getvalue())


def spawn(root: Path, *words: str, env: Mapping[str, str] | None = None) -> Ran:
    """Run `python -m engine …` as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "engine", *words],
        cwd=root,
        env={**os.environ, "XDG_STATE_HOME": str(state_home(root)), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def heed_ctrl_c() -> None:
    """For `preexec_fn`: the process ends at Ctrl-C also where the tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def state_home(root: Path) -> Path:
    """Where the engine keeps its state while a test runs: beside the repository."""
    return root.parent / f"{root.name}.state"


def tree(root: Path) -> dict[str, str]:
    """Every file, folder and link below, with what it holds; git's own folder too."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = f"→ {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
