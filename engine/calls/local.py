"""Calls in this process, with their replies remembered in SQLite. Deleting the file costs at most a repeated call."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from engine.calls.port import Perform
from engine.errors import CallFailed
from engine.model.call import Reply

_TABLE = "CREATE TABLE IF NOT EXISTS calls (id TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID"

_BROKEN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""What a file answers that is no database, a damaged one, or one of another form; a locked one is none of these."""


class LocalCalls:
    """Run calls as tasks of this process; remember each reply before anybody sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._running: dict[str, asyncio.Task[Reply]] = {}
        self._waiting: Counter[str] = Counter()

    async def submit(self, call: str, perform: Perform) -> Reply:
        """Return the remembered reply, attach to the running call, or perform it.

        A call goes on while anybody waits for it; with the last one who goes away it is stopped.
        """
        task = self._running.get(call)
        if task is None:
            task = asyncio.create_task(self._perform(call, perform))
            self._running[call] = task
        self._waiting[call] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[call] -= 1
            if not self._waiting[call]:
                del self._running[call]
                task.cancel()
                await asyncio.wait([task])

    async def _perform(self, call: str, perform: Perform) -> Reply:
        known = self._recall(call)
        if known is not None:
            return known
        reply = await perform()
        if reply.status != "pending":
            self._remember(call, reply)
        return reply

    def _recall(self, call: str) -> Reply | None:
        try:
            with closing(self._open()) as database:
                row = database.execute("SELECT CAST(reply AS BLOB) FROM calls WHERE id = ?", (call,)).fetchone()
        except sqlite3.DatabaseError as err:
            if not _is_broken(err):
                raise CallFailed(f"{self._path}: {err}. Make room for it, or wait for who holds it.") from err
            self._forget()
            return None
        try:
            return Reply.model_validate_json(row[0]) if row else None
        except ValidationError:
            return None

    def _remember(self, call: str, reply: Reply) -> None:
        """Keep a reply; where there is no room for it, it still goes into the story's evidence at once."""
        row = (call, reply.model_dump_json())
        for _ in range(2):
            try:
                with closing(self._open()) as database, database:
                    database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?)", row)
                return
            except sqlite3.DatabaseError as err:
                if not _is_broken(err):
                    return
                self._forget()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=30)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute(_TABLE)
        except BaseException:
            database.close()
            raise
        return database

    def _forget(self) -> None:
        """A file that is no database is disposable: start a new one."""
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _is_broken(err: sqlite3.DatabaseError) -> bool:
    return getattr(err, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _BROKEN
