"""The memory of calls: disposable when it is broken, but never thrown away because the disk is."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from engine.calls.local import LocalCalls
from engine.errors import CallFailed
from engine.model.call import Reply

REPLY = Reply(status="ok", text="here", started="2026-01-01T00:00:00Z", ended="2026-01-01T00:00:00Z")


async def perform() -> Reply:
    return REPLY


def test_a_memory_that_cannot_be_opened_is_told_by_its_path_and_left_alone(tmp_path: Path) -> None:
    """Trouble of the system around the memory is an error with its path; nothing is thrown away because of it."""
    path = tmp_path / "calls.sqlite"
    path.mkdir()
    with pytest.raises(CallFailed, match=str(path)):
        asyncio.run(LocalCalls(path).submit("a", perform))
    assert path.is_dir()


@pytest.mark.parametrize("content", [b"no database", b"", b"SQLite format 3\0 and then nothing"])
def test_a_file_that_is_no_memory_is_replaced(tmp_path: Path, content: bytes) -> None:
    """A memory that holds anything else is started anew, and remembers from then on."""
    path = tmp_path / "calls.sqlite"
    path.write_bytes(content)
    assert asyncio.run(LocalCalls(path).submit("a", perform)) == REPLY
    assert LocalCalls(path)._recall("a") == REPLY


def test_a_memory_with_another_table_is_replaced(tmp_path: Path) -> None:
    """A table of another version is no memory of this one."""
    path = tmp_path / "calls.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE calls (other TEXT)")
    database.close()
    assert asyncio.run(LocalCalls(path).submit("a", perform)) == REPLY
    assert LocalCalls(path)._recall("a") == REPLY
