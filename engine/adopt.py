"""Bring raw stories under a machine: front matter and checklist, nothing else."""

from __future__ import annotations

from pathlib import Path

from engine.agents.protocol import Clock
from engine.errors import FormatError, UsageError
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME, Journal, read_journal
from engine.files.pack import read_pack
from engine.files.repository import show_new
from engine.files.story_file import heading_of, read_story, write_story
from engine.look import Repository
from engine.markdown.document import read_document, section
from engine.model.events import Adopted, Wrote
from engine.rules.projection import adoption


def adopt(
    repository: Repository,
    folder: Path,
    ids: tuple[str, ...],
    *,
    author: str,
    clock: Clock,
    machine: str = "",
) -> list[str]:
    """Adopt the named stories of a pack (all where none is named); returns the paths that were written."""
    pack, _ = read_pack(repository.root, folder)
    known = [story.id for story in pack.stories]
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise UsageError(f"there is no story {unknown[0]!r} in {pack.root}; there are {', '.join(known)}.")
    written = []
    for source in pack.stories:
        if ids and source.id not in ids:
            continue
        shown, problems = read_story(source.story, source.id, None)
        if problems:
            first = problems[0]
            raise FormatError(first.message, path=first.file, line=first.line, remedy=first.remedy)
        if shown.state is not None:
            continue
        chart = repository.chart(machine or repository.machine_for(source))
        heading = heading_of(chart.machine, source.id)
        span = section(read_document(source.story.raw), heading)
        if span is not None:
            raise FormatError(
                f"there is a section {heading!r} already, but no state in the front matter.",
                path=source.story.path,
                line=span[0],
                remedy="Remove the section, or bring the front matter back from git.",
            )
        path = repository.root / source.story.path
        journal = Journal(evidence_folder(path, pack.layout) / NAME)
        if not read_journal(journal.path):
            initial = chart.machine.initial
            journal.append(Adopted(at=clock(), by=author, machine=chart.machine.machine, state=initial))
        first_event = next(event for event in read_journal(journal.path) if isinstance(event, Adopted))
        edits = adoption(chart.machine, shown, first_event.state, first_event.at)
        lock = repository.state / "locks" / f"{path.parent.name}.adopt"
        write_story(path, edits, lock=lock)
        journal.append(Wrote())
        show_new(repository.root, [journal.path])
        written.append(source.story.path)
    return written
