"""Replay what was recorded, with workflows as they are now: `python -m tests.fleet.replay`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from engine.temporal.workflows import CallWorkflow, PackWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def replay(file: Path, workflows: Sequence[type] = (PackWorkflow, CallWorkflow)) -> None:
    """Run a workflow again from a recording; raises where it would do anything else."""
    recorded = json.loads(file.read_text())
    history = WorkflowHistory.from_json(recorded["id"], {"events": recorded["events"]})
    replayer = Replayer(workflows=list(workflows), data_converter=pydantic_data_converter)
    asyncio.run(replayer.replay_workflow(history))


def main() -> None:
    """Replay all of it, and say which."""
    for file in HISTORIES:
        replay(file)
        print(file.stem, flush=True)
    os._exit(0)  # threads of Temporal's library may crash a Python that ends in its own way


if __name__ == "__main__":
    main()
