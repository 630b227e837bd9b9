"""One call, performed in a tree at the commit that holds its beginning; the reply goes to git, before anybody hears."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.actions.act import act
from engine.calls.port import Perform
from engine.errors import UsageError
from engine.files import disk
from engine.files.clone import Clone, ref_of
from engine.files.config import read_config
from engine.files.pack import list_stories
from engine.look import Repository, look
from engine.model.call import Reply
from engine.model.fleet import CallOrder
from engine.model.step import Run
from engine.perform import situation_of
from engine.ports import Ports
from engine.rules.decide import decide

Performed = str
"""What became of an order: `ok` or `failed` as its reply says, `kept` where one was there, `lost` without session."""


class _One:
    """Performs the call that is asked for, keeps what came, and lets nobody go on from it here."""

    reply: Reply | None = None

    async def submit(self, call: str, perform: Perform) -> Reply:
        self.reply = await perform()
        return Reply(status="running", text="", started="", ended="", why=call)


async def carry_out(clone: Clone, order: CallOrder, worker: str, ports_of: Callable[[Repository], Ports]) -> Performed:
    """Perform a call, unless it has its reply; of several attempts the first that pushes counts."""
    if clone.is_kept(order.call):
        return "kept"
    with clone.slot(order.on, order.commit) as tree:
        reply = await _perform(clone, order, tree, ports_of)
        if reply.session:
            reply = reply.model_copy(update={"worker": worker})
        return reply.status if clone.keep(order.call, reply, tree) else "kept"


def lose(clone: Clone, order: CallOrder, at: str) -> Performed:
    """Say of a call that the worker is gone which keeps its session: the machine says how to go on without it."""
    why = f"worker {order.worker!r}, which keeps its session, is gone."
    reply = Reply(status="failed", text="", why=why, started=at, ended=at, lost=True)
    return "lost" if clone.keep(order.call, reply, clone.tree) else "kept"


async def _perform(clone: Clone, order: CallOrder, tree: Path, ports_of: Callable[[Repository], Ports]) -> Reply:
    repository = Repository(root=tree, state=clone.state, config=read_config(tree))
    folder = tree / order.pack
    if order.story not in {story.id for story in list_stories(tree, folder)}:
        raise UsageError(f"there is no story {order.story!r} in {order.pack} at {order.commit[:12]}.")
    seen = look(repository, folder, order.story)
    ports, decision = ports_of(repository), decide(seen.chart, seen.progress, seen.facts, seen.inputs)
    todo = next((one for one in decision.todo if one.call == order.call), None) if isinstance(decision, Run) else None
    if todo is None:
        raise UsageError(f"{order.call} is not begun at {order.commit[:12]} of {order.on}.")
    if todo.role:
        ports.demand(todo.role, seen.machine.roles[todo.role])
    mark = clone.state / "begun" / ref_of(order.call).rpartition("/")[2]
    if not mark.exists():  # not cut off here before
        todo = todo.model_copy(update={"call": None})
        disk.replace(mark, b"")
    one = _One()
    await act(todo, order.call, situation_of(seen, ports), one)
    if one.reply is None:
        raise UsageError(f"{order.call} is no call of an agent or a gate.")
    if one.reply.status == "pending":
        raise UsageError(f"no model can play {todo.role} on this worker any more: `story doctor` there says why.")
    return one.reply
