"""Engines that are broken on purpose, one thing each: the harness has to notice. Only forked children are changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import engine.files.disk as disk
from engine.files.disk import TEMP
from engine.files.journal import Journal
from engine.model.events import Began, Event, Stepped


def _without_fsync(skip: Callable[[str], bool]) -> Callable[[], None]:
    def apply() -> None:
        fsync = os.fsync

        def some(descriptor: int) -> None:
            if not skip(os.readlink(f"/proc/self/fd/{descriptor}")):  # noqa: PTH115 - no path of a file that is there
                fsync(descriptor)

        os.fsync = some

    return apply


def _without_event(kind: type[Event]) -> Callable[[], None]:
    """The event is not written when it happens, only together with the next one."""

    def apply() -> None:
        append = Journal.append
        late: list[Event] = []

        def some(journal: Journal, event: Event) -> None:
            if isinstance(event, kind):
                late.append(event)
                return
            while late:
                append(journal, late.pop(0))
            append(journal, event)

        Journal.append = some

    return apply


def _write_plainly() -> None:
    def plain(target: Path, after: bytes, **fields: object) -> None:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(descriptor, after)
        os.fsync(descriptor)
        os.close(descriptor)

    disk.replace = plain


def _swap_blindly() -> None:
    def blind(swap: Path, target: Path, expected: bytes, after: bytes) -> None:
        if disk.exchange(swap, target):
            swap.unlink()

    disk._swap = blind


def _leave_torn_lines() -> None:
    disk._whole = lambda _, size: size


def _forget_replies() -> None:
    from engine.calls.local import LocalCalls

    LocalCalls._recall = lambda *_: None


BREAKS: dict[str, Callable[[], None]] = {
    "no fsync of the new file": _without_fsync(lambda path: TEMP in path),
    "no fsync of the journal": _without_fsync(lambda path: path.endswith("journal.jsonl")),
    "no fsync of the folder": _without_fsync(lambda path: Path(path).is_dir()),
    "began is written late": _without_event(Began),
    "stepped is written late": _without_event(Stepped),
    "a plain write for the rename": _write_plainly,
    "no compare after the swap": _swap_blindly,
    "a torn line stays": _leave_torn_lines,
    "remembered replies are not asked for": _forget_replies,
}
"""Each name says what is missing."""
