"""Calls: a reply is remembered before anybody sees it, and the memory may be lost at the cost of a repetition."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from engine.calls.local import LocalCalls
from engine.errors import EngineError
from engine.model.call import Reply, Usage
from tests.life import AT


def reply(text: str = "said", status: str = "ok") -> Reply:
    return Reply(status=status, text=text, started=AT, ended=AT, session="s", model="m", usage=Usage(input=3))


class Performer:
    """Counts how often it was performed."""

    def __init__(self, answer: Reply | None = None, seconds: float = 0) -> None:
        self.times, self.answer, self.seconds = 0, answer or reply(), seconds

    async def __call__(self) -> Reply:
        self.times += 1
        await asyncio.sleep(self.seconds)
        return self.answer


def submit(path: Path, perform: Performer, call: str = "c") -> Reply:
    return asyncio.run(LocalCalls(path).submit(call, perform))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the replies are remembered."""
    return tmp_path / "state/calls.sqlite"


def test_a_reply_is_remembered_by_the_next_process(path: Path) -> None:
    """A call that was performed once is not performed again, in this instance or another; another call is."""
    first = Performer()
    assert submit(path, first) == reply()
    second = Performer(reply("other"))
    assert submit(path, second) == reply()
    assert (first.times, second.times) == (1, 0)
    assert submit(path, second, "d") == reply("other")


def test_a_failure_is_remembered_too(path: Path) -> None:
    """A technical failure that was seen is the call's result; the next try is another call."""
    assert submit(path, Performer(reply("", "failed"))).status == "failed"
    assert submit(path, Performer()).status == "failed"


def test_pending_is_never_remembered(path: Path) -> None:
    """While somebody still has to act, each advance asks again."""
    assert submit(path, Performer(reply("", "pending"))).status == "pending"
    assert submit(path, Performer()).status == "ok"


def test_asking_again_attaches_to_the_running_call(path: Path) -> None:
    """Of many who submit one call at the same time only the first performs; all get the reply."""

    async def all_at_once() -> list[Reply]:
        calls = LocalCalls(path)
        return await asyncio.gather(*(calls.submit("c", perform) for _ in range(5)))

    perform = Performer(seconds=0.05)
    assert asyncio.run(all_at_once()) == [reply()] * 5
    assert perform.times == 1


def test_one_who_goes_away_does_not_stop_the_others(path: Path) -> None:
    """When one of two who wait for a call is cancelled, the call goes on for the other."""

    async def one_leaves() -> Reply:
        calls = LocalCalls(path)
        first = asyncio.create_task(calls.submit("c", perform))
        second = asyncio.create_task(calls.submit("c", perform))
        await asyncio.sleep(0.02)
        first.cancel()
        return await second

    perform = Performer(seconds=0.1)
    assert asyncio.run(one_leaves()) == reply()
    assert perform.times == 1


def test_the_last_one_who_goes_away_stops_the_call(path: Path) -> None:
    """When nobody waits any more the call is stopped, so that a stopped engine leaves no agent behind."""
    stopped = []

    async def perform() -> Reply:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            stopped.append(True)
            raise
        return reply()

    async def leave() -> None:
        task = asyncio.create_task(LocalCalls(path).submit("c", perform))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    began = time.monotonic()
    asyncio.run(leave())
    assert stopped == [True]
    assert time.monotonic() - began < 3


def test_an_error_is_raised_and_not_remembered(path: Path) -> None:
    """An exception is no reply: everybody who waits gets it, and the call can be made again."""

    async def broken() -> Reply:
        raise EngineError("bad script")

    with pytest.raises(EngineError, match="bad script"):
        asyncio.run(LocalCalls(path).submit("c", broken))
    assert submit(path, Performer()) == reply()


@pytest.mark.parametrize("garbage", [b"no database at all", b"", b"SQLite format 3\0" + b"x" * 4096, b"\0" * 8192])
def test_a_broken_file_is_built_anew(path: Path, garbage: bytes) -> None:
    """A file that is no database costs a repeated call and nothing else; then it remembers again."""
    path.parent.mkdir()
    path.write_bytes(garbage)
    assert submit(path, Performer()) == reply()
    again = Performer()
    assert submit(path, again) == reply()
    assert again.times == 0


def test_a_file_that_breaks_while_the_call_runs_is_built_anew(path: Path) -> None:
    """A paid reply is remembered also where the memory was destroyed meanwhile."""

    async def breaks() -> Reply:
        for file in path.parent.iterdir():
            file.unlink()
        path.write_bytes(b"rubbish " * 1000)
        return reply()

    submit(path, Performer(), "first")
    assert asyncio.run(LocalCalls(path).submit("c", breaks)) == reply()
    again = Performer()
    assert submit(path, again) == reply()
    assert again.times == 0


@pytest.mark.parametrize("row", ["'no json'", "'{}'", "x'00ff'", "CAST(x'ff' AS TEXT)", '\'{"status": "ok"}\''])
def test_a_garbage_row_is_performed_again_and_the_others_stay(path: Path, row: str) -> None:
    """A reply that cannot be read is asked for again; what else is remembered stays."""
    submit(path, Performer(reply("kept")), "other")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"INSERT INTO calls VALUES ('c', {row})")
    perform = Performer()
    assert submit(path, perform) == reply()
    assert perform.times == 1
    assert submit(path, perform, "other") == reply("kept")
    assert submit(path, perform) == reply()
    assert perform.times == 1


def test_a_table_of_another_form_is_built_anew(path: Path) -> None:
    """A database of another version is as good as none."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE calls (name TEXT)")
    assert submit(path, Performer()) == reply()
    assert submit(path, Performer(reply("other"))) == reply()


def test_a_memory_that_cannot_be_used_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    """Where the state folder cannot hold a database, the call is refused in one line and not performed."""
    (tmp_path / "calls.sqlite").mkdir()
    perform = Performer()
    with pytest.raises(EngineError, match=r"calls\.sqlite") as refused:
        submit(tmp_path / "calls.sqlite", perform)
    assert perform.times == 0
    assert "\n" not in str(refused.value)


def test_a_locked_memory_is_never_thrown_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that holds the database is waited for; its replies are not deleted."""
    submit(path, Performer(reply("kept")), "other")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout=min(timeout, 0.1)))
    with closing(connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(EngineError, match="locked"):
            submit(path, Performer())
        holder.execute("ROLLBACK")
    unused = Performer()
    assert submit(path, unused, "other") == reply("kept")
    assert unused.times == 0


def test_a_reply_that_cannot_be_remembered_is_not_thrown_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the memory is held when a paid reply comes, the reply is returned all the same."""
    connect = sqlite3.connect
    holders = []

    async def hold() -> Reply:
        monkeypatch.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout=min(timeout, 0.1)))
        holder = connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        holders.append(holder)
        return reply()

    assert asyncio.run(LocalCalls(path).submit("c", hold)) == reply()
    holders[0].close()


def _many(path: Path, name: str, log: Path) -> None:
    async def run() -> None:
        calls = LocalCalls(path)
        for number in range(40):
            said = await calls.submit(f"{name}{number}", Performer(reply(f"{name}{number}")))
            assert said.text == f"{name}{number}"

    asyncio.run(run())
    log.with_suffix(f".{name}").write_text("done")


def test_two_processes_remember_side_by_side(path: Path, tmp_path: Path) -> None:
    """Two engines on one state folder lose none of each other's replies."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_many, args=(path, name, tmp_path / "log")) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    unused = Performer()
    for name in "ab":
        assert [submit(path, unused, f"{name}{n}").text for n in (0, 39)] == [f"{name}0", f"{name}39"]
    assert unused.times == 0
