"""One call, performed in a tree at the commit that holds its beginning; the reply goes to git, before anybody hears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.actions.act import act
from engine.budget import share
from engine.calls.port import Perform
from engine.errors import UsageError
from engine.files import disk
from engine.files.clone import Clone, ref_of
from engine.files.config import read_config
from engine.files.journal import parse_journal
from engine.files.pack import list_stories
from engine.homes import on_branch
from engine.look import Repository, Seen, look
from engine.model.call import Reply
from engine.model.fleet import CallOrder
from engine.model.step import Run
from engine.perform import situation_of
from engine.ports import Ports
from engine.rules.decide import decide
from engine.rules.history import fold

Performed = str
"""What became of an order: `ok` or `failed` as its reply says, `kept` where one was there, `lost` without session.

`over` says that the journal waits for no reply to it any more: one was taken in, or a person brought the story back.
"""


class Unable(UsageError):
    """This worker cannot play the role; others may."""


class _One:
    """Performs the call that is asked for, keeps what came, and lets nobody go on from it here."""

    reply: Reply | None = None

    async def submit(self, call: str, perform: Perform) -> Reply:
        self.reply = await perform()
        return Reply(status="running", text="", started="", ended="", why=call)


async def carry_out(clone: Clone, order: CallOrder, worker: str, ports_of: Callable[[Repository], Ports]) -> Performed:
    """Perform a call, unless it has its reply, or needs none; of several attempts the first that pushes counts."""
    clone.demand_branch(order.branch, order.pack)
    if clone.is_kept(order.call):
        return "kept"
    with clone.slot(order.on, order.commit) as tree:
        seen = _look(clone, order, tree)
        if not _is_awaited(clone, order, seen):
            return "over"
        reply = await _perform(clone, order, seen, ports_of(seen.repository))
        if reply.session:
            reply = reply.model_copy(update={"worker": worker})
        return reply.status if clone.keep(order.call, reply, tree) else "kept"


def lose(clone: Clone, order: CallOrder, at: str) -> Performed:
    """Say of a call that the worker is gone which keeps its session: the machine says how to go on without it."""
    why = f"worker {order.worker!r}, which keeps its session, is gone."
    reply = Reply(status="failed", text="", why=why, started=at, ended=at, lost=True)
    return "lost" if clone.keep(order.call, reply, clone.tree) else "kept"


def _look(clone: Clone, order: CallOrder, tree: Path) -> Seen:
    repository = Repository(root=tree, state=clone.state, config=read_config(tree))
    if order.on != clone.branch:
        config = on_branch(clone.config, repository.config)
        repository = replace(repository, config=config, main=clone.tree)
    folder = tree / order.pack
    if order.story not in {story.id for story in list_stories(tree, folder)}:
        raise UsageError(f"there is no story {order.story!r} in {order.pack} at {order.commit[:12]}.")
    return look(repository, folder, order.story)


def _is_awaited(clone: Clone, order: CallOrder, seen: Seen) -> bool:
    """Does the journal, as the remote has it by now, still wait for the reply?"""
    path = seen.journal.path.relative_to(seen.repository.root).as_posix()
    told = clone.by_now(order.on, path)
    running = fold(seen.machine, parse_journal(told, path)).running if told else {}
    return any(began.call == order.call for began in running.values())


async def _perform(clone: Clone, order: CallOrder, seen: Seen, ports: Ports) -> Reply:
    decision = decide(seen.chart, seen.progress, seen.facts, seen.inputs)
    todo = next((one for one in decision.todo if one.call == order.call), None) if isinstance(decision, Run) else None
    if todo is None or not isinstance(decision, Run):
        raise UsageError(f"{order.call} is not begun at {order.commit[:12]} of {order.on}.")
    if todo.role:
        try:
            ports.demand(todo.role, seen.machine.roles[todo.role])
        except UsageError as err:
            raise Unable(str(err)) from err
    mark = clone.state / "begun" / ref_of(order.call).rpartition("/")[2]
    if not mark.exists():  # not cut off here before
        todo = todo.model_copy(update={"call": None})
        disk.replace(mark, b"")
    one = _One()
    left = share(seen, sum(bool(other.role) for other in decision.todo), ports.purse)
    await act(todo, order.call, replace(situation_of(seen, ports), left=left), one)
    if one.reply is None:
        raise UsageError(f"{order.call} is no call of an agent or a gate.")
    if one.reply.status == "pending":
        raise Unable(f"no model can play {todo.role} on this worker any more: `story doctor` there says why.")
    return one.reply
