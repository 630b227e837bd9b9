"""Hold what lies on the disk for one story against its journal: for `check`, `advance` and `rewind`."""

from __future__ import annotations

from pathlib import Path

from engine.errors import Tampered
from engine.files.kept import read_copied, read_kept, shortened
from engine.model.events import Event
from engine.model.machine import Machine
from engine.model.problem import Problem
from engine.model.story import Story
from engine.rules.forgery import Record, forgeries


def distrust(
    root: Path, story: Story, machine: Machine, evidence: Path, events: tuple[Event, ...]
) -> tuple[Record, list[Problem]]:
    """What was read of a story, and everything in it that the engine did not write."""
    folder = evidence.relative_to(root).as_posix()
    journal = f"{folder}/journal.jsonl"
    record = Record(
        story=story,
        machine=machine,
        events=events,
        folder=folder,
        files=read_kept(evidence),
        copied=read_copied(evidence),
        longer=bool(shortened(root, [journal])),
        back=f"git checkout HEAD -- {journal}",
    )
    return record, forgeries(record)


def refuse(problems: list[Problem]) -> None:
    """Refuse a story that somebody else wrote in: one line with the place, what, and the way back."""
    if problems:
        first = problems[0]
        more = f" ({len(problems) - 1} more: run `story check {first.story}`)" if len(problems) > 1 else ""
        raise Tampered(f"{first.file}:{first.line}: {first.message} {first.remedy}{more}")
