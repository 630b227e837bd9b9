"""A fleet as people see it: start packs on Temporal, follow them, say "look again", ask what runs where."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from engine.errors import UsageError
from engine.model.fleet import CallNow, FleetNow, Pace, PackNow, PackOrder, PackRow
from engine.temporal.workflows import PackWorkflow, pack_id, packs_queue

_SOON = timedelta(seconds=5)
"""How long a worker may take to say how a pack stands."""
_PACE = 0.5
_TRIES = 2
"""So often a workflow's task may be begun: more than once where a worker was killed in it."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The packs of one repository on Temporal."""

    client: Client
    name: str
    branch: str
    pace: Pace = field(default_factory=Pace)

    async def start(self, pack: str) -> None:
        """Have a pack looked at from now on; where it is already, look again."""
        order = PackOrder(fleet=self.name, pack=pack, branch=self.branch, pace=self.pace)
        await self.client.start_workflow(
            PackWorkflow.run,
            order,
            id=pack_id(self.name, pack),
            task_queue=packs_queue(self.name),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="look",
        )

    async def signal(self, packs: Sequence[str]) -> list[str]:
        """Say "look again" to those of the packs that are run on Temporal, and to all where none is named."""
        ids = [pack_id(self.name, pack) for pack in packs] or [one.id async for one in self._running("story-pack")]
        return [id_ for id_ in ids if await self._signal(id_)]

    async def _signal(self, id_: str) -> bool:
        try:
            await self.client.get_workflow_handle(id_).signal("look")
        except RPCError as err:
            if err.status == RPCStatusCode.NOT_FOUND:
                return False
            raise UsageError(f"{id_}: {err.message}.") from err
        return True

    async def follow(self, pack: str, tell: Callable[[PackRow], None]) -> PackNow:
        """Tell what each look comes to and why one fails, until nothing goes on without a person."""
        handle = self.client.get_workflow_handle(pack_id(self.name, pack))
        seen: object = None
        while True:
            now = await self._ask(pack)
            told = await handle.describe()
            status, wrong = told.status, _wrong(told)
            if (now and now.looks, wrong) != seen:
                seen = (now and now.looks, wrong)
                tell(PackRow(pack=pack, status=str(status and status.name).lower(), now=now, wrong=wrong))
            if status not in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
                raise UsageError(f"{pack} was {str(status and status.name).lower()} on Temporal. Start it again.")
            if now is not None and (now.rests or status == WorkflowExecutionStatus.COMPLETED):
                return now
            await asyncio.sleep(_PACE)

    async def now(self, only: Sequence[str] | None = None) -> FleetNow:
        """What runs where, and what waits for whom, in some packs or in all."""
        packs, calls = [], []
        async for one in self._running("story-pack"):
            name = one.id.removeprefix(f"{self.name}/")
            if only is not None and name not in only:
                continue
            now = await self._ask(name)
            told = await self.client.get_workflow_handle(one.id).describe()
            packs.append(PackRow(pack=name, status="running", now=now, wrong=_wrong(told)))
        async for one in self._running("story-call"):
            calls.append(await self._call(one))
        return FleetNow(packs=tuple(packs), calls=tuple(one for one in calls if only is None or one.pack in only))

    async def _ask(self, pack: str) -> PackNow | None:
        handle = self.client.get_workflow_handle(pack_id(self.name, pack))
        try:
            return await handle.query(PackWorkflow.now, rpc_timeout=_SOON)
        except RPCError as err:
            if err.status == RPCStatusCode.NOT_FOUND:
                raise UsageError(f"{pack} is not run on Temporal: `story run --on temporal {pack}`.") from err
            return None  # no worker is there to answer
        except WorkflowQueryFailedError:
            return None

    async def _running(self, kind: str) -> AsyncIterator[WorkflowExecution]:
        query = f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '{self.name}/'"
        async for one in self.client.list_workflows(query):
            yield one

    async def _call(self, one: WorkflowExecution) -> CallNow:
        described = await self.client.get_workflow_handle(one.id).describe()
        told = described.raw_description
        said = {key.name: value for key, value, *_ in one.typed_search_attributes}
        pending = next(iter(told.pending_activities), None)
        running = pending is not None and pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        queue = str(next(iter(said.get("StoryWaitingFor", [])), ""))
        return CallNow(
            pack=str(said.get("StoryPack", "")).removeprefix(f"{self.name}/"),
            story=str(next(iter(said.get("Story", [])), "")),
            state=str(said.get("StoryState", "")),
            role=str(said.get("StoryRole", "")),
            call=one.id.removeprefix(f"{self.name}/"),
            worker=pending.last_worker_identity if pending is not None and running else "",
            waits_for="" if running else queue,
            attempt=pending.attempt if pending is not None else 1,
            since=one.start_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            wrong=_wrong(described),
        )


def _wrong(told: WorkflowExecutionDescription) -> str:
    """Why the last attempt of whatever a workflow waits for failed, "" where none did."""
    raw = told.raw_description
    if raw.pending_workflow_task.attempt > _TRIES:
        return "no worker can go on with it: most likely another version started it (see docs/distributed.md)"
    return next((one.last_failure.message for one in raw.pending_activities if one.last_failure.message), "")
