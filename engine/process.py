"""Run one process to its end or its deadline, its whole output kept as it comes; its group never outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PIECE = 2**16
_GLANCE = 0.1
"""Seconds between two looks at how much a command has printed."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until the first output, between two outputs, and in all; None does not bound."""

    total: float
    start: float | None = None
    silence: float | None = None


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    raw: Path,
    deadlines: Deadlines,
    environ: Mapping[str, str] | None = None,
    given: bytes = b"",
    heard: Callable[[bytes], None] | None = None,
    limit: int | None = None,
) -> tuple[int | None, str]:
    """Run a command with `given` on stdin; (exit code, why it was killed), the code None where it was.

    All output goes to `raw` as it comes. Where `heard` is given, it gets each line of stdout at once. Where it or
    `limit` is given, the bytes after which a command is killed, stderr goes to `raw` with the suffix `.err`; else
    both go to `raw`.
    """
    apart = heard is not None or limit is not None
    raw.parent.mkdir(parents=True, exist_ok=True)
    typed = raw.with_name(raw.name + ".in")
    typed.write_bytes(given)
    with typed.open("rb") as keys, raw.open("wb") as output, raw.with_name(raw.name + ".err").open("wb") as errors:
        process = await _hold(
            asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=None if environ is None else dict(environ),
                stdin=keys,
                stdout=asyncio.subprocess.PIPE if heard else output,
                stderr=errors if apart else asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        )
        try:
            async with asyncio.timeout(deadlines.total):
                if heard and process.stdout:
                    why = await _listen(process.stdout, output.write, heard, deadlines)
                    if why:
                        return None, why
                while limit is not None:
                    try:
                        return await asyncio.wait_for(process.wait(), _GLANCE), ""
                    except TimeoutError:
                        if os.fstat(output.fileno()).st_size + os.fstat(errors.fileno()).st_size > limit:
                            return None, f"it printed more than {limit / 2**20:g} MB"
                return await process.wait(), ""
        except TimeoutError:
            return None, f"it took longer than {_told(deadlines.total)}"
        finally:
            _kill_group(process.pid)
            await process.wait()


async def _hold(starting: Coroutine[None, None, Process]) -> Process:
    """Start a process; who is cancelled meanwhile ends its whole group, which asyncio would leave alive."""
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        process = await task
        _kill_group(process.pid)
        await process.wait()
        raise


async def _listen(
    stream: asyncio.StreamReader, keep: Callable[[bytes], object], heard: Callable[[bytes], None], deadlines: Deadlines
) -> str:
    """Hand on every line; the answer says which deadline was missed, "" where none was."""
    left, any_yet = b"", False
    while True:
        patience = deadlines.silence if any_yet else deadlines.start
        try:
            piece = await asyncio.wait_for(stream.read(_PIECE), patience)
        except TimeoutError:
            kind = "said nothing for" if any_yet else "did not start within"
            return f"it {kind} {_told(patience or 0)}"
        keep(piece)
        any_yet = True
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            heard(line)
        if not piece:
            if left:
                heard(left)
            return ""


def _told(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
