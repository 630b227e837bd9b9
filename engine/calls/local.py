"""Calls in this process, with their replies remembered in SQLite. Deleting the file costs at most a repeated call."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from engine.calls.port import Perform
from engine.errors import CallFailed
from engine.model.call import Reply

_TABLE = "CREATE TABLE IF NOT EXISTS calls (id TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID"


class LocalCalls:
    """Run calls as tasks of this process; remember each reply before anybody sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._running: dict[str, asyncio.Task[Reply]] = {}

    async def submit(self, call: str, perform: Perform) -> Reply:
        """Return the remembered reply, attach to the running call, or perform it."""
        task = self._running.get(call)
        if task is None:
            task = asyncio.create_task(self._perform(call, perform))
            self._running[call] = task
        try:
            return await task
        finally:
            self._running.pop(call, None)

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
                row = database.execute("SELECT reply FROM calls WHERE id = ?", (call,)).fetchone()
            return Reply.model_validate_json(row[0]) if row else None
        except sqlite3.OperationalError as err:
            if _lasts(err):
                self._forget()
                return None
            raise self._unusable(err) from err
        except (sqlite3.DatabaseError, ValidationError):
            self._forget()
            return None

    def _remember(self, call: str, reply: Reply) -> None:
        row = (call, reply.model_dump_json())
        for last in (False, True):
            try:
                with closing(self._open()) as database, database:
                    database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?)", row)
                return
            except sqlite3.DatabaseError as err:
                passing = isinstance(err, sqlite3.OperationalError) and not _lasts(err)
                if last or passing:
                    raise self._unusable(err) from err
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

    def _unusable(self, err: sqlite3.Error) -> CallFailed:
        return CallFailed(
            f"{self._path}: replies cannot be remembered: {err}. Make room and make it writable, then run it again."
        )

    def _forget(self) -> None:
        """A file that is no database is disposable: start a new one."""
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _lasts(err: sqlite3.Error) -> bool:
    """Is it the file that is wrong (another table, say), and not the disk under it or another process?"""
    code = getattr(err, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return bool(code & 0xFF == sqlite3.SQLITE_ERROR)
