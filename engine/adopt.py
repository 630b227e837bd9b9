"""Bring raw stories under a machine: front matter and checklist, nothing else; or attest that they were done before."""

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
    because: str = "",
) -> list[str]:
    """Adopt the named stories of a pack (all where none is named); returns the paths that were written.

    With `because` they are attested: done before, in the success state of their machine, without evidence.
    """
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
    if because and len(raw) < len(chosen):
        raise UsageError(_refused(chosen))
    charts = [_chart_for(repository, source, machine) for source in raw]  # before the first byte is written
    for source, chart in zip(raw, charts, strict=True):
        what = f"story {source.id} is being adopted or advanced by another engine"
        with disk.hold(repository.advance_lock(folder, source.id), 0, what=what):
            first = _first(chart.machine, source, author, clock(), " ".join(because.split()))
            _adopt(repository, source, chart.machine, pack.layout, first)
    show_new(repository.root, [evidence_folder(repository.root / source.story.path, pack.layout) for source in raw])
    return [source.story.path for source in raw]


def attest(
    repository: Repository, folders: Sequence[Path], complete: str, because: str, story: tuple[str, ...]
) -> tuple[str, ...]:
    """The stories that are meant: those that a person attests, of one pack and with a reason, else those of --story."""
    if not complete and not because:
        return story
    if not complete or not because.strip():
        raise UsageError('--complete and --because go together, such as --complete 0-3 --because "shipped in 7565210".')
    if story:
        raise UsageError("--complete names the stories by itself. Leave --story out.")
    if len(folders) != 1:
        names = ", ".join(folder.relative_to(repository.root).as_posix() for folder in folders) or "none"
        raise UsageError(f"--complete needs one pack; there are {names}. Name it.")
    return named(repository, folders[0], complete)


def named(repository: Repository, folder: Path, spoken: str) -> tuple[str, ...]:
    """The ids that are meant by `0-3` or `0,2a`; a range goes from one story of the pack to another."""
    known = list(dict.fromkeys(story.id for story in list_stories(repository.root, folder)))
    ids: list[str] = []
    for part in (part.strip() for part in spoken.split(",")):
        first, dash, last = (word.strip() for word in part.partition("-"))
        ends = (first, last) if dash else (first,)
        unknown = [name for name in ends if name not in known]
        if unknown:
            there = ", ".join(known) or "none"
            raise UsageError(f"--complete {spoken!r}: there is no story {unknown[0]!r}; there are {there}.")
        chosen = known[known.index(first) : known.index(ends[-1]) + 1]
        if not chosen:
            raise UsageError(f"--complete {spoken!r}: {part!r} goes backwards. Write it as {last}-{first}.")
        ids += [id_ for id_ in chosen if id_ not in ids]
    return tuple(ids)


def _refused(chosen: Sequence[StorySource]) -> str:
    """Why stories that live already are not attested."""
    shown = [read_story(source.story, source.id, None)[0] for source in chosen]
    taken = [f"story {story.id} is {story.state!r} already" for story in shown if story.state is not None]
    return f"{', '.join(taken)}; only stories that are not adopted yet can be attested. Leave it out of --complete."


def _first(machine: Machine, source: StorySource, author: str, at: str, because: str) -> Adopted:
    """The first event of a story; attested, it begins where its machine ends well."""
    done = [state for state, kind in machine.terminal.items() if kind == "success"]
    state = done[0] if because else machine.initial
    return Adopted(at=at, by=author, machine=machine.machine, state=state, story=source.id, because=because)


def _adopt(repository: Repository, source: StorySource, machine: Machine, layout: str, new: Adopted) -> None:
    """Write one story's journal and story.md; where a killed engine left the journal, the story follows it."""
    shown, _ = read_story(source.story, source.id, None)
    path = repository.root / source.story.path
    journal = Journal(evidence_folder(path, layout) / NAME)
    if not read_journal(journal.path):
        journal.append(new)
    first = read_journal(journal.path)[0]
    if not isinstance(first, Adopted):
        name = journal.path.relative_to(repository.root).as_posix()
        raise FormatError("the journal does not begin with an adoption.", path=name, line=1, remedy=_JOURNAL)
    write_story(path, adoption(machine, shown, first), lock=repository.write_lock(path))
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
