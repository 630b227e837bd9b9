"""Items that show how far a neighbour story is: read from its story.md, written into the story that shows them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.files.pack import list_stories, read_file
from engine.files.story_file import heading_of, read_story, write_story
from engine.homes import home_of, main_of
from engine.look import Repository, Seen, chart_of
from engine.markdown.edit import Edit, SetItem
from engine.model.machine import Derived, Machine
from engine.model.pack import Pack
from engine.model.story import Story
from engine.rules.decide import section_phase


def show_derived(seen: Seen) -> None:
    """Bring the derived items of a story's neighbours, and its own, up to where the stories stand now."""
    repository, pack = main_of(seen.repository), seen.pack
    ids = [story.id for story in list_stories(repository.root, repository.root / pack.root)]
    if seen.source.id not in ids or not any(item.derived for item in seen.machine.items.values()):
        return
    here = ids.index(seen.source.id)
    for index, id_ in enumerate(ids):
        read = _read(repository, pack, id_) if abs(index - here) <= _reach(seen.machine) else None
        if read is None:
            continue
        shown, machine = read
        if wanted := [*_edits(repository, pack, ids, index, shown, machine)]:
            path = home_of(repository, repository.root / pack.root, id_).root / shown.path
            write_story(path, wanted, lock=repository.write_lock(path))


def _reach(machine: Machine) -> int:
    return max(abs(item.derived.story) for item in machine.items.values() if item.derived)


def _edits(
    repository: Repository, pack: Pack, ids: list[str], index: int, shown: Story, machine: Machine
) -> Iterator[Edit]:
    heading = heading_of(machine, shown.id)
    for item in shown.items:
        derived = None if item.own else machine.items[item.id].derived
        if derived is not None:
            at = index + derived.story
            other = _read(repository, pack, ids[at]) if 0 <= at < len(ids) else None
            holds = other is not None and _holds(derived, *other)
            if holds != item.ticked:
                yield SetItem((heading, item.section), item.text, holds)


def _holds(derived: Derived, shown: Story, machine: Machine) -> bool:
    phases = {section: section_phase(machine, section) for section in machine.checklist}
    own = [item for item in shown.items if not item.own and phases[item.section] == derived.phase]
    done = bool(own) and all(item.ticked for item in own)
    begun = shown.state != machine.initial and machine.phase_of(str(shown.state)) == derived.phase
    return done if derived.is_ == "done" else begun and not done


def _read(repository: Repository, pack: Pack, id_: str) -> tuple[Story, Machine] | None:
    """A story with its machine as they are now; None where it is not adopted, or cannot be read."""
    home = home_of(repository, repository.root / pack.root, id_)
    stories = list_stories(home.root, home.root / pack.root)
    found = next((story for story in stories if story.id == id_), None)
    source = read_file(home.root, found.file, id_)[0] if found else None
    if source is None:
        return None
    shown, _ = read_story(source, id_, None)
    if shown.state is None or shown.machine is None:
        return None
    machine = chart_of(home, source, shown.machine).machine
    shown, problems = read_story(source, id_, machine)
    broken = any(problem.file == shown.path and problem.code in ("S102", "S104") for problem in problems)
    return None if broken else (shown, machine)
