"""The verbs of stories on Temporal: workers, and what is said to them. Needs the extra `temporal`."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from engine import report
from engine.errors import UsageError
from engine.verbs.common import AnyPack, Json, app, packs_of, repository_here, root_here, say, tell

if TYPE_CHECKING:
    from pathlib import Path

    from engine.model.fleet import PackNow, PackRow
    from engine.temporal.fleet import Fleet

_T = TypeVar("_T")
_LETS_GO = 0.1
"""Seconds in which the threads of Temporal's library let go of Python, which crashes if it ends before."""
Server = Annotated[
    str | None,
    typer.Option("--temporal", metavar="HOST:PORT", help="The Temporal server; else as Temporal's own settings say."),
]
Branch = Annotated[
    str, typer.Option(help="On Temporal: the main branch, the same everywhere; else what the remote checks out.")
]


@app.command()
def worker(
    temporal: Server = None,
    name: Annotated[str, typer.Option(help="What it is called, as no other worker; else by machine and folder.")] = "",
    offer: Annotated[
        list[str] | None,
        typer.Option(help="Only these queues (may be repeated): packs, 'role/*', gate/tests; all if left out."),
    ] = None,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Calls of each queue at once.")] = 4,
    prepare: Annotated[str, typer.Option(help="Run in the clone once, such as 'npm ci': what gates stand on.")] = "",
    branch: Branch = "",
) -> None:
    """Work for this repository on Temporal until stopped: look at its packs, run its agents and gates.

    Works in a clone of its own, by the remote `origin`; this folder is left alone. Start as many as you like, on any
    number of machines.

    Examples: story worker --temporal localhost:7233 ·  story worker --offer 'role/*' --at-once 2
    """
    _demand_extra()
    from engine.files import disk
    from engine.files.clone import Clone
    from engine.files.repository import state_folder
    from engine.temporal.client import connect
    from engine.temporal.here import fleet_of, remote_of, worker_name
    from engine.temporal.worker import prepared, work

    root = root_here()
    url, called = remote_of(root), name or worker_name(root)
    home = state_folder(root) / "workers" / called

    async def body() -> None:
        task = asyncio.current_task()
        for number in (signals.SIGTERM, signals.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())
        try:
            client = await connect(temporal)
            clone = await asyncio.to_thread(Clone, home, url, branch)
            await prepared(clone, prepare, tell)
            with suppress(asyncio.CancelledError):
                await work(client, clone, fleet_of(url), called, offer=offer or ["*"], at_once=at_once, tell=tell)
            tell(f"worker {called} stopped; others go on with what it did")
        finally:
            await asyncio.sleep(_LETS_GO)

    try:
        with disk.hold(home / "lock", 0, what=f"a worker named {called!r} runs on this machine already"):
            asyncio.run(body())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None  # before it began to work


@app.command()
def signal(pack: AnyPack = None, temporal: Server = None, as_json: Json = False) -> None:
    """Say "look again" to packs that are run on Temporal: after a push, from a git hook, from a webhook.

    Examples: story signal ·  story signal docs/stories --temporal localhost:7233
    """
    _demand_extra()
    root = root_here()
    packs = _names(root, pack) if pack else []
    done = _with_fleet(root, temporal, "", lambda fleet: fleet.signal(packs))
    lines = [f"{name}: looked at again" for name in done] or ["no pack of this repository is run on Temporal"]
    say("signal", "ok", {"signalled": list(done)}, lines, as_json)


def run_there(pack: str | None, temporal: str | None, branch: str, as_json: bool) -> None:
    """`story run --on temporal`: start packs there, and tell what happens until nothing moves without a person."""
    _demand_extra()
    from engine.files.clone import default_branch
    from engine.temporal.here import demand_pushed, remote_of

    root = root_here()
    remote_of(root)
    packs, branch = _names(root, pack), branch or default_branch(root)
    demand_pushed(root, branch, packs)

    async def body(fleet: Fleet) -> list[PackNow]:
        for one in packs:
            await fleet.start(one)
        return await asyncio.gather(*(fleet.follow(one, _tell) for one in packs))

    try:
        done = _with_fleet(root, temporal, branch, body)
    except KeyboardInterrupt:
        tell("what was started goes on on Temporal: `story status --on temporal`")
        raise
    refused = any(due.waiting_for == "refused" for now in done for due in now.looked.due)
    data: dict[str, object] = {
        "packs": [{"pack": one, **now.model_dump(mode="json")} for one, now in zip(packs, done, strict=True)]
    }
    lines = [line for one, now in zip(packs, done, strict=True) for line in report.pack_lines(one, now)]
    say("run", "refused" if refused else "waiting", data, lines, as_json)
    raise typer.Exit(1 if refused else 0)


def status_there(pack: str | None, temporal: str | None, as_json: bool) -> None:
    """`story status --on temporal`: what runs where, and what waits for whom."""
    _demand_extra()
    root = root_here()
    packs = _names(root, pack) if pack else None
    now = _with_fleet(root, temporal, "", lambda fleet: fleet.now(packs))
    say("status", "ok", now.model_dump(mode="json"), report.fleet_lines(now), as_json)


def _with_fleet(root: Path, temporal: str | None, branch: str, body: Callable[[Fleet], Awaitable[_T]]) -> _T:
    from temporalio.service import RPCError, RPCStatusCode

    from engine.temporal.client import connect
    from engine.temporal.fleet import Fleet
    from engine.temporal.here import fleet_of, remote_of

    async def main() -> _T:
        name = fleet_of(remote_of(root))
        try:
            return await body(Fleet(await connect(temporal), name, branch))
        except RPCError as err:
            if err.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
                raise UsageError("the Temporal server does not answer any more. Packs go on when it is back.") from err
            raise UsageError(f"the Temporal server refuses: {err.message}.") from err
        finally:
            await asyncio.sleep(_LETS_GO)

    return asyncio.run(main())


def _names(root: Path, pack: str | None) -> Sequence[str]:
    repository = repository_here()
    return [folder.relative_to(root).as_posix() for folder in packs_of(repository, pack)]


def _tell(row: PackRow) -> None:
    if row.wrong:
        tell(f"{row.pack}: it is tried again: {row.wrong}")
    elif row.now is None:
        tell(f"{row.pack}: no worker is there yet: start `story worker`")
    else:
        looked = row.now.looked
        tell(f"{row.pack}: {looked.complete} of {looked.total} complete, {len(looked.calls)} calls run")


def _demand_extra() -> None:
    try:
        import temporalio  # noqa: F401
    except ImportError as err:
        raise UsageError("stories on Temporal need an extra: `pip install 'story-engine[temporal]'`.") from err
