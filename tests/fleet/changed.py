"""Workflows as nobody may change them while packs run: for the test that replays find it."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from engine.model.fleet import CallOrder, PackOrder
    from engine.temporal.workflows import CallWorkflow, PackWorkflow


@workflow.defn(name="story-pack")
class GreetsFirst(PackWorkflow):
    """Does something before it looks."""

    @workflow.run
    async def run(self, order: PackOrder) -> None:
        await workflow.execute_activity("greet", start_to_close_timeout=timedelta(minutes=1))
        await PackWorkflow.run(self, order)


@workflow.defn(name="story-call")
class SleepsFirst(CallWorkflow):
    """Waits before it performs its call."""

    @workflow.run
    async def run(self, order: CallOrder) -> str:
        await workflow.sleep(1)
        return await CallWorkflow.run(self, order)
