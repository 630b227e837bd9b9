"""Bring raw stories under a machine: front matter and checklist, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.agents.protocol import Clock
from engine.errors import FormatError, UsageError
from engine.files import disk
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME, Journal, read_journal
from engine.files.pack import list_stories, read_pack
from engine.files.repository import show_new
from engine.files.story_file import heading_of, read_story, write_story
from engine.look import Repository
from engine.markdown.document import read_document, section
from engine.model.events import Adopted, Wrote
from engine.model.machine import Machine
from engine.model.pack import StorySource
from engine.model.problem import Problem
from engine.rules.projection import adoption
from engine.rules.statechart import Statechart

_JOURNAL = "Bring the story back from git, or put its evidence aside."


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
    pack, problems = read_pack(repository.root, folder)
    found = list_stories(repository.root, folder)
    known = list(dict.fromkeys(story.id for story in found))
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise UsageError(f"there is no story {unknown[0]!r} in {pack.root}; there are {', '.join(known)}.")
    chosen = [source for source in pack.stories if source.id in (ids or known)]
    files = {story.file.relative_to(repository.root).as_posix() for story in found if story.id in (ids or known)}
    _demand_none([problem for problem in problems if problem.file in files])
    raw = [source for source in chosen if _is_raw(source)]
    charts = [_chart_for(repository, source, machine) for source in raw]  # before the first byte is written
    for source, chart in zip(raw, charts, strict=True):
        what = f"story {source.id} is being adopted or advanced by another engine"
        with disk.hold(repository.advance_lock(folder, source.id), 0, what=what):
            _adopt(repository, source, chart.machine, pack.layout, author=author, clock=clock)
    show_new(repository.root, [evidence_folder(repository.root / source.story.path, pack.layout) for source in raw])
    return [source.story.path for source in raw]


def _adopt(
    repository: Repository, source: StorySource, machine: Machine, layout: str, *, author: str, clock: Clock
) -> None:
    """Write one story's journal and story.md; where a killed engine left the journal, the story follows it."""
    shown, _ = read_story(source.story, source.id, None)
    path = repository.root / source.story.path
    journal = Journal(evidence_folder(path, layout) / NAME)
    if not read_journal(journal.path):
        journal.append(Adopted(at=clock(), by=author, machine=machine.machine, state=machine.initial, story=source.id))
    first = read_journal(journal.path)[0]
    if not isinstance(first, Adopted):
        name = journal.path.relative_to(repository.root).as_posix()
        raise FormatError("the journal does not begin with an adoption.", path=name, line=1, remedy=_JOURNAL)
    write_story(path, adoption(machine, shown, first.state, first.at), lock=repository.write_lock(path))
    journal.append(Wrote())


def _is_raw(source: StorySource) -> bool:
    """Is the story not adopted yet? One that cannot be read is refused."""
    shown, problems = read_story(source.story, source.id, None)
    _demand_none(problems)
    return shown.state is None


def _chart_for(repository: Repository, source: StorySource, machine: str) -> Statechart:
    """The chart of the machine that a raw story is adopted under."""
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
    return chart


def _demand_none(problems: Sequence[Problem]) -> None:
    if problems:
        first = problems[0]
        raise FormatError(first.message, path=first.file, line=first.line, remedy=first.remedy)
