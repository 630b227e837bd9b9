"""`story timeline`: the journals of stories read for the picture of what happened; what cannot be read is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from engine.drawing import text
from engine.drawing.svg import html, svg
from engine.errors import EngineError
from engine.files import disk
from engine.files.journal import journal_of, read_journal
from engine.files.pack import Found, list_stories, read_file
from engine.files.story_file import read_story
from engine.homes import home_at, inside
from engine.look import Repository
from engine.model.events import Adopted, Event
from engine.model.timeline import Span, Timeline
from engine.rules.timeline import Kept, timeline


def read_timeline(
    repository: Repository,
    folders: Sequence[Path],
    story: str | None = None,
    *,
    now: float | None = None,
    planned: Iterable[Span] = (),
) -> Timeline:
    """The timeline of all stories in some packs, or of the named one, and what is planned for them."""
    found = [one for folder in folders for one in _read_pack(repository, folder, story)]
    return timeline(found, now=now, planned=[span for span in planned if story in (None, span.story)])


def picture_lines(drawn: Timeline, width: int) -> list[text.Line]:
    """The picture as lines, with what is odd in the journals below it."""
    if not drawn.lanes:
        return [[("no stories", "")]]
    told = [(lane.problem, "red") for lane in drawn.lanes if lane.problem]
    told += [(note, "yellow") for note in drawn.notes]
    return [*text.draw(drawn, width), *([[]] if told else []), *([(f"! {said}", style)] for said, style in told)]


def save_pictures(drawn: Timeline, svg_file: Path | None, html_file: Path | None) -> list[str]:
    """Write the pictures that are asked for; the files that were written."""
    for file, made in ((svg_file, svg), (html_file, html)):
        if file is not None:
            disk.replace(file.absolute(), made(drawn).encode())
    return [str(file) for file in (svg_file, html_file) if file is not None]


def _read_pack(repository: Repository, folder: Path, story: str | None) -> Iterator[Kept]:
    pack = folder.relative_to(repository.root).as_posix()
    listed = [one for one in list_stories(repository.root, folder) if story in (None, one.id)]
    if not listed:
        yield Kept(pack, story or "-", pack, problem=f"{pack}: there is no story")
    for one in listed:  # a story's journal is where it lives
        home = home_at(repository, folder, one)
        yield _read(home, pack, one._replace(file=inside(home, one.file)))


def _read(repository: Repository, pack: str, found: Found) -> Kept:
    """One journal with the machine that it names."""
    path = journal_of(found.file)
    name = path.relative_to(repository.root).as_posix()
    events: tuple[Event, ...] = ()
    try:
        events = tuple(read_journal(path, name))
        if not events:
            return Kept(pack, found.id, name, problem=_unadopted(repository, found, name))
        first = events[0]
        machine = repository.chart(first.machine).machine if isinstance(first, Adopted) else None
    except EngineError as err:
        return Kept(pack, found.id, name, events=events, problem=str(err))
    return Kept(pack, found.id, name, machine, events)


def _unadopted(repository: Repository, found: Found, journal: str) -> str:
    """What is wrong where there is no journal: nothing, if the story is not adopted."""
    source, problems = read_file(repository.root, found.file, found.id)
    if source is None or problems:
        return str(problems[0])
    state = read_story(source, found.id, None)[0].state
    return "" if state is None else f"{journal}: journal: it is missing or empty, but story.md is {state!r}"
