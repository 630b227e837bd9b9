"""Record what Temporal remembers of real runs, for tests/fleet/test_replay.py: `python -m tests.fleet.record`.

A recording stands for packs that run somewhere now. Where a change of engine/temporal/workflows.py fails its replay,
that change would break them: guard it with `workflow.patched`, and record only then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import WorkflowHistory

from engine.temporal.fleet import Fleet
from tests.fleet.drive import QUICK, Drive
from tests.fleet.server import Server
from tests.fleet.world import APART, World

HISTORIES = Path(__file__).parent / "histories"


def main() -> None:
    """Record all of it anew."""
    HISTORIES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        server = Server(Path(folder) / "server").start()
        try:
            for name, fetched in _runs(Path(folder), server):
                text = re.sub(r'"identity": ?"[^"]*@[^"]*"', '"identity":"ana"', fetched.to_json())
                events = json.loads(text)["events"]
                said = json.dumps({"id": fetched.workflow_id, "events": events}, separators=(",", ":"), sort_keys=True)
                (HISTORIES / f"{name}.json").write_text(said + "\n")
        finally:
            server.kill()


def _runs(folder: Path, server: Server) -> Iterator[tuple[str, WorkflowHistory]]:
    with Drive(_world(folder / "through"), server, "a") as drive:
        drive.until(drive.over, "complete")
        packs, calls = drive.fleet(lambda fleet: _fetch(fleet, "story-pack")), drive.fleet(_calls)
        yield "a-pack-to-its-end", packs[0]
        yield "a-call-of-an-agent", next(one for one in calls if "/impl-engineer/" in one.workflow_id)
    with Drive(_world(folder / "anew"), server, "a", pace=QUICK.model_copy(update={"looks": 2})) as drive:
        drive.until(lambda: "gorilla" in drive.been, "far enough")
        for number, run in enumerate(sorted(drive.fleet(lambda fleet: _fetch(fleet, "story-pack")), key=_begin)[:2], 1):
            yield f"a-pack-that-continued-as-new-{number}", run
    with Drive(_world(folder / "lost"), server, "a", "b") as drive:
        drive.blow("reply after push", call="/impl-engineer")
        drive.until(lambda: "gorilla" in drive.been, "far enough")
        calls = [one for one in drive.fleet(_calls) if "/impl_green-engineer/" in one.workflow_id]
        yield "a-call-whose-session-was-lost", min(calls, key=_begin)


def _world(folder: Path) -> World:
    folder.mkdir(parents=True)
    return World(folder, {"1": []}, config=APART)


async def _calls(fleet: Fleet) -> list[WorkflowHistory]:
    return await _fetch(fleet, "story-call")


async def _fetch(fleet: Fleet, kind: str) -> list[WorkflowHistory]:
    query = f"WorkflowType = '{kind}' AND WorkflowId STARTS_WITH '{fleet.name}/'"
    handles = [
        fleet.client.get_workflow_handle(one.id, run_id=one.run_id) async for one in fleet.client.list_workflows(query)
    ]
    return [await handle.fetch_history() for handle in handles]


def _begin(history: WorkflowHistory) -> int:
    return history.events[0].event_time.ToNanoseconds()


if __name__ == "__main__":
    main()
