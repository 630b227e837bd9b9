"""One real Temporal server for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fleet.server import Server


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with its database on disk."""
    server = Server(tmp_path_factory.mktemp("temporal")).start()
    yield server
    server.kill()
