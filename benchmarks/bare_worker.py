"""A worker whose activities do git work and nothing else: what the fleet's benchmark is held against.

The workflows are the engine's own; `look` and `carry_out` are not. Each stage of a story takes the git work that the
engine does for it, by the same functions: replies read, files brought, one commit and one snapshot a step, one push a
look; call for call and step for step it asks git for as much as the engine does. What is written are bytes; nothing is
read but how far each story is.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from temporalio import activity
from temporalio.worker import Worker

from engine.files.branches import ENGINE, commit_all
from engine.files.clone import Clone
from engine.files.kept import shortened
from engine.files.repository import show_new, state_folder
from engine.files.snapshot import find_snapshot, take_snapshot
from engine.files.throwaway import bring, changed
from engine.files.tree import differing, head_of
from engine.model.call import Reply
from engine.model.fleet import CallOrder, Looked, PackOrder
from engine.temporal.client import connect
from engine.temporal.here import fleet_of, remote_of
from engine.temporal.workflows import CallWorkflow, PackWorkflow, packs_queue
from tests.fleet.many import CALLS

QUEUE = "gate/bare"
STEPS = [1, 2, 2]
"""The steps that the engine takes when a stage is reached."""
LINE = b"x" * 700 + b"\n"
"""About what the engine writes into journal and story.md for one event."""


class Bare:
    """The activities of one bare worker."""

    def __init__(self, clone: Clone) -> None:
        self._clone, self._looking = clone, threading.Lock()

    @activity.defn(name="look")
    async def look(self, order: PackOrder) -> Looked:
        return await asyncio.to_thread(self._look, order)

    @activity.defn(name="carry_out")
    async def carry_out(self, order: CallOrder) -> str:
        return await asyncio.to_thread(self._carry_out, order)

    def _look(self, order: PackOrder) -> Looked:
        clone = self._clone
        with self._looking:
            while True:
                clone.sync(order.pack)
                differing(clone.tree, head_of(clone.tree) or "", clone.state)
                stories = sorted((clone.tree / order.pack).glob("story-*"))
                ended, wanted, steps = list[str](), list[tuple[str, str]](), 0
                for folder in stories:
                    steps += self._story(folder, ended, wanted)
                clone.commit(f"chore({order.pack}): looked at")
                others = [path.as_posix() for path in (clone.tree / "docs").glob("p*") if path.name not in order.pack]
                apart = [path.removeprefix(f"{clone.tree.as_posix()}/") for path in others]
                while not (pushed := clone.push(ended)) and clone.replay(apart):
                    pass
                if pushed:
                    break
        head = clone.head(clone.tree)
        calls = tuple(self._order(order, story, call, head) for story, call in wanted)
        done = sum(len(self._read(folder)) > len(CALLS) for folder in stories)
        print(f"{order.pack}: {steps} steps, {done} complete", file=sys.stderr, flush=True)
        return Looked(calls=calls, steps=steps, complete=done, total=len(stories))

    def _read(self, folder: Path) -> list[list[str]]:
        """The calls of each stage that was begun."""
        file = folder / "bare.json"
        return json.loads(file.read_text()) if file.exists() else []  # type: ignore[no-any-return]

    def _story(self, folder: Path, ended: list[str], wanted: list[tuple[str, str]]) -> int:
        root, stages, steps = self._clone.tree, self._read(folder), 0
        path = folder.relative_to(root).as_posix()
        while len(stages) <= len(CALLS):
            shortened(root, [f"{path}/journal"])
            calls = stages[-1] if stages else []
            replies = [self._clone.reply(call) for call in calls]
            if any(reply is None for reply in replies):
                wanted += [(folder.name, call) for call, reply in zip(calls, replies, strict=True) if reply is None]
                break
            for reply in replies:
                shortened(root, [f"{path}/journal"])
                if reply and reply.after:
                    for name in changed(root, reply.before, reply.after):
                        bring(root, name, reply.before, reply.after, None)
            if replies:
                show_new(root, [folder])
            ended += calls
            fresh = CALLS[len(stages)] if len(stages) < len(CALLS) else 0
            stages.append([f"{folder.name}/{len(stages)}.{n}-{secrets.token_hex(4)}" for n in range(fresh)])
            for number in range(STEPS[len(stages) - 1]):
                self._step(folder, stages, number)
                steps += 1
        return steps

    def _step(self, folder: Path, stages: list[list[str]], number: int) -> None:
        """What the engine asks of git for one step."""
        root, name = self._clone.tree, f"refs/story/{self._clone.home.name}/{folder.name}/{len(stages)}.{number}"
        find_snapshot(root, name, ["none"])
        for file in ("journal", "story.md"):
            with (folder / file).open("ab") as out:
                out.write(LINE)
                os.fsync(out.fileno())
        (folder / "bare.json").write_text(json.dumps(stages))
        take_snapshot(root, self._clone.state / f"{folder.name}.index", name, "none")
        commit_all(root, f"feat({folder.name}): step {len(stages)}", ENGINE)

    def _carry_out(self, order: CallOrder) -> str:
        clone = self._clone
        if clone.is_kept(order.call):
            return "kept"
        with clone.slot(order.on, order.commit) as tree:
            shortened(tree, [f"{order.pack}/{order.story}/journal"])
            if order.pack.endswith("p000") and "/0.0-" in order.call:  # as the engine's scripted writer does
                (tree / order.pack / order.story / "written.txt").write_text(order.call)
            clone.by_now(order.on, f"{order.pack}/{order.story}/journal")
            reply = Reply(status="ok", text="x" * 400, started="", ended="", session=order.call, worker="bare")
            return "ok" if clone.keep(order.call, reply, tree) else "kept"

    def _order(self, order: PackOrder, story: str, call: str, head: str) -> CallOrder:
        return CallOrder(
            fleet=order.fleet,
            pack=order.pack,
            branch=order.branch,
            story=story,
            state="bare",
            role="writer",
            act="write",
            call=call,
            commit=head,
            on=order.branch,
            queue=QUEUE,
            seconds=600,
        )


def workers(bare: Bare, fleet: str, client: object) -> Iterator[Worker]:
    """As many pollers as the engine's worker has."""
    yield Worker(
        client,  # type: ignore[arg-type]
        task_queue=packs_queue(fleet),
        workflows=[PackWorkflow, CallWorkflow],
        activities=[bare.look],
        max_concurrent_activities=1,
    )
    yield Worker(client, task_queue=f"{fleet}/{QUEUE}", activities=[bare.carry_out], max_concurrent_activities=8)  # type: ignore[arg-type]


async def main() -> None:
    """Work until killed."""
    root = Path.cwd()
    url, name = remote_of(root), sys.argv[1]
    clone = await asyncio.to_thread(Clone, state_folder(root) / "workers" / name, url)
    client = await connect(None)
    print("ready", file=sys.stderr, flush=True)
    await asyncio.gather(*(worker.run() for worker in workers(Bare(clone), fleet_of(url), client)))


if __name__ == "__main__":
    asyncio.run(main())
