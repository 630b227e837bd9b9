"""Workers as processes, and the shell of Ana, who has a clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fleet.server import Server
from tests.fleet.world import World


@dataclass(frozen=True)
class Done:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.out)["data"]  # type: ignore[no-any-return]


class Hosts(AbstractContextManager["Hosts"]):
    """Workers by their names, each on a machine of its own: a clone and a state folder that nobody else has."""

    def __init__(
        self, world: World, server: Server, *names: str, env: dict[str, str] | None = None, module: str = "engine"
    ) -> None:
        self.world, self._server, self._names, self._env = world, server, names, env or {}
        self._module = module
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Hosts:
        for name in self._names:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.kill(name)

    def start(self, name: str, *words: str) -> None:
        place = self.world.folder / f"host-{name}"
        if not place.exists():
            self.world.clone(place.name)
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", self._module, "worker", "--name", name, *words],
                cwd=place,
                env=self.environ(name),
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """As when the machine loses its power."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        """As an operator stops it; the exit code."""
        process = self._running.pop(name)
        process.terminate()
        return process.wait(60)

    def story(self, *words: str) -> Done:
        """A command in Ana's clone."""
        return self.story_at("ana", *words)

    def story_at(self, clone: str, *words: str) -> Done:
        """A command in somebody's clone."""
        line = [sys.executable, "-m", "engine", *words]
        place, environ = self.world.folder / clone, self.environ(clone)
        done = subprocess.run(line, cwd=place, env=environ, capture_output=True, text=True, timeout=240)
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *words: str) -> tuple[subprocess.Popen[bytes], Path]:
        """A command in Ana's clone that goes on, and the file with what it says on stderr."""
        line, said = [sys.executable, "-m", "engine", *words], self.world.folder / "begun.log"
        with said.open("wb") as log:
            return subprocess.Popen(
                line, cwd=self.world.ana, env=self.environ("ana"), stdout=subprocess.DEVNULL, stderr=log
            ), said

    def environ(self, name: str) -> dict[str, str]:
        state = self.world.folder / "states" / name
        return {**os.environ, "XDG_STATE_HOME": str(state), "TEMPORAL_ADDRESS": self._server.address, **self._env}

    def log(self, name: str) -> str:
        """All that a worker said."""
        return self._log(name).read_text()

    def performed(self, name: str) -> int:
        """How many calls a worker performed to their end."""
        return sum(line.endswith((": ok", ": failed")) for line in self.log(name).splitlines())

    def until(self, holds: Callable[[], bool], what: str, patience: float = 120) -> None:
        """Wait until something holds."""
        end = time.monotonic() + patience
        while not holds():
            logs = "\n".join(f"--- {name}\n{self.log(name)[-1500:]}" for name in self._names)
            assert time.monotonic() < end, f"not within {patience} seconds: {what}\n{logs}"
            time.sleep(0.1)

    def _log(self, name: str) -> Path:
        return self.world.folder / f"{name}.log"
