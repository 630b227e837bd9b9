"""Where stories are executed: one at a time in a tree, from its first Red until it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from engine.files import disk
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME as JOURNAL
from engine.files.journal import read_journal
from engine.files.pack import list_stories
from engine.look import Repository, Seen
from engine.model.events import Adopted
from engine.model.step import Fire, Place
from engine.rules.workplace import WORK, at_work


def begins_work(seen: Seen, fire: Fire) -> bool:
    """Does this step begin the execution of a story that was not at work before?"""
    return seen.machine.phase_of(fire.dest) in WORK and at_work(seen.machine, seen.events) is None


def entrance(seen: Seen, *, begins: bool) -> AbstractContextManager[None]:
    """Only one engine at a time looks whether the tree is free and takes it."""
    lock = seen.repository.state / "locks" / "tree"
    return (
        disk.hold(lock, 60, what="another engine is about to execute a story in this tree") if begins else nullcontext()
    )


def in_the_way(seen: Seen) -> Iterator[Place]:
    """The stories of the repository that are being executed in the same tree, where they stand."""
    for folder in seen.repository.packs():
        for story in list_stories(seen.repository.root, folder):
            if story.file != seen.path and (state := _at_work(seen.repository, story.file)):
                file = story.file.relative_to(seen.repository.root).as_posix()
                yield Place(file=file, line=1, text=f"story {story.id} is in {state} and works in the same tree")


def _at_work(repository: Repository, file: Path) -> str | None:
    path = evidence_folder(file, "folders" if file.name == "story.md" else "files") / JOURNAL
    if not path.is_file() or b'"dest":' not in path.read_bytes():
        return None  # most stories: not adopted, or no step yet
    events = read_journal(path, path.relative_to(repository.root).as_posix())
    if not events or not isinstance(events[0], Adopted):
        return None
    return at_work(repository.chart(events[0].machine).machine, events)
