"""What Temporal runs: one workflow a pack, which looks again and again, and one a call. They hold ids only.

These run again from their history whenever a worker takes them up, so no line here may depend on a clock, a random
number, an environment or the order of a set; tests/fleet/histories holds recorded runs that must still replay.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.common import WorkflowIDReusePolicy as Reuse
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutError,
    TimeoutType,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from engine.model.fleet import CallOrder, Looked, PackNow, PackOrder

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
OLD = "OldOrder"
"""The type of the error by which a worker of another version refuses an order."""
UNABLE = "Unable"
"""The type of the error by which a worker refuses a call of a role that it cannot play."""
PACK = SearchAttributeKey.for_keyword("StoryPack")
STORY = SearchAttributeKey.for_keyword_list("Story")
STATE = SearchAttributeKey.for_keyword("StoryState")
ROLE = SearchAttributeKey.for_keyword("StoryRole")
WAITING = SearchAttributeKey.for_keyword_list("StoryWaitingFor")
_SHOWN = 20
"""Stories that wait for a person, that a pack's search attribute names at most."""


def packs_queue(fleet: str) -> str:
    """The task queue of the workers that have a clone of a repository."""
    return f"{fleet}/packs"


def pack_id(fleet: str, pack: str) -> str:
    """The id of a pack's workflow, which is the lease on that pack."""
    return f"{fleet}/{pack}"


@workflow.defn(name="story-call")
class CallWorkflow:
    """Performs one call where it can be performed, once; then lets its pack be looked at."""

    @workflow.run
    async def run(self, order: CallOrder) -> str:
        """What became of it, as engine/carry_out.py says."""
        if order.worker:
            try:
                done = await self._perform(order, f"{order.fleet}/worker/{order.worker}", order.pace.gone)
            except ActivityError as err:
                late = isinstance(err.cause, TimeoutError) and err.cause.type == TimeoutType.SCHEDULE_TO_START
                unable = isinstance(err.cause, ApplicationError) and err.cause.type == UNABLE
                if not late and not unable:
                    raise
                done = await workflow.execute_activity(
                    "lose",
                    order,
                    result_type=str,
                    task_queue=packs_queue(order.fleet),
                    start_to_close_timeout=timedelta(minutes=10),
                    heartbeat_timeout=timedelta(seconds=order.pace.beat),
                    retry_policy=RETRY,
                )
        else:
            done = await self._perform(order, f"{order.fleet}/{order.queue}", None)
        pack = workflow.get_external_workflow_handle(pack_id(order.fleet, order.pack))
        try:
            await pack.signal("look")
        except ApplicationError:
            workflow.logger.info("the pack is not run any more")
        return done

    async def _perform(self, order: CallOrder, queue: str, gone: float | None) -> str:
        done: str = await workflow.execute_activity(
            "carry_out",
            order,
            result_type=str,
            task_queue=queue,
            schedule_to_start_timeout=None if gone is None else timedelta(seconds=gone),
            start_to_close_timeout=timedelta(seconds=order.seconds),
            heartbeat_timeout=timedelta(seconds=order.pace.beat),
            retry_policy=RETRY,
        )
        return done


@workflow.defn(name="story-pack")
class PackWorkflow:
    """Looks at one pack whenever anything may have changed, and starts the calls it needs, until all is complete."""

    def __init__(self) -> None:
        self._called = False
        self._now = PackNow()

    @workflow.run
    async def run(self, order: PackOrder) -> None:
        """Go on until every story is complete. A new run looks first, so no signal is lost between two."""
        started, due = list[str](), workflow.now()
        for _ in range(order.pace.looks):
            self._called = False
            looked = await self._look(order)
            reuse = Reuse.ALLOW_DUPLICATE_FAILED_ONLY
            if workflow.now() >= due:  # whatever was lost is started again; what has a reply performs nothing
                started, reuse = [], Reuse.ALLOW_DUPLICATE
                due = workflow.now() + timedelta(seconds=order.pace.resync)
            fresh = [call for call in looked.calls if call.call not in started]
            await asyncio.gather(*(self._start(order, call, reuse) for call in fresh))
            started = [call.call for call in looked.calls]
            self._now = PackNow(looked=looked, looks=self._now.looks + 1)
            self._show(looked)
            if looked.over and not self._called:
                return
            if looked.again or self._called:
                continue
            rest = max(due - workflow.now(), timedelta(seconds=1))
            pause = rest if looked.pause is None else min(rest, timedelta(seconds=looked.pause + 1))
            with suppress(builtins.TimeoutError):
                await workflow.wait_condition(lambda: self._called, timeout=pause)
            if workflow.info().is_continue_as_new_suggested():
                break
        workflow.continue_as_new(order)

    @workflow.signal(name="look")
    def look_again(self) -> None:
        """Something may have changed: a call ended, or somebody pushed."""
        self._called = True

    @workflow.query(name="now")
    def now(self) -> PackNow:
        """What the last look came to, for people."""
        return self._now.model_copy(update={"called": self._called})

    async def _look(self, order: PackOrder) -> Looked:
        self._now = self._now.model_copy(update={"looking": True})
        looked: Looked = await workflow.execute_activity(
            "look",
            order,
            result_type=Looked,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=order.pace.beat),
            retry_policy=RETRY,
        )
        return looked

    async def _start(self, order: PackOrder, call: CallOrder, reuse: Reuse) -> None:
        told: list[SearchAttributePair[str] | SearchAttributePair[Sequence[str]]] = [
            SearchAttributePair(PACK, pack_id(order.fleet, order.pack)),
            SearchAttributePair(STORY, [call.story]),
            SearchAttributePair(STATE, call.state),
            SearchAttributePair(ROLE, call.role or call.queue),
            SearchAttributePair(WAITING, [f"worker/{call.worker}" if call.worker else call.queue]),
        ]
        with suppress(WorkflowAlreadyStartedError):  # it is on its way, or its reply is
            await workflow.start_child_workflow(
                CallWorkflow.run,
                call,
                id=f"{order.fleet}/{call.call}",
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                id_reuse_policy=reuse,
                search_attributes=TypedSearchAttributes(told),
            )

    def _show(self, looked: Looked) -> None:
        people = [due.story for due in looked.due if due.waiting_for == "person"]
        waits = sorted({due.waiting_for for due in looked.due} | ({"calls"} if looked.calls else set()))
        workflow.upsert_search_attributes([STORY.value_set(people[:_SHOWN]), WAITING.value_set(waits)])
