"""Items that show how far a neighbour story is: read from its story.md, written into the story that shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from engine.errors import EngineError
from engine.files.pack import Found, list_stories, read_file
from engine.files.story_file import heading_of, read_story, write_story
from engine.homes import any_home, home_at, inside, main_of
from engine.look import Repository, Seen, chart_of
from engine.markdown.edit import Edit, SetItem
from engine.model.machine import Derived, Machine
from engine.model.story import Story
from engine.rules.decide import section_phase

Known = tuple[Story, Machine]
"""A story and its machine, as they were read."""


def show_derived(seen: Seen) -> None:
    """Bring the derived items of a story's neighbours, and its own, up to where the stories stand now."""
    if any(item.derived for item in seen.machine.items.values()):
        main = main_of(seen.repository)
        show_pack(main, main.root / seen.pack.root, around=seen.source.id)


def show_pack(main: Repository, folder: Path, *, around: str = "") -> None:
    """Bring the derived items of a pack up to where its stories stand now: of all, or of one and its neighbours."""
    stories, apart = list_stories(main.root, folder), any_home(main)
    homes = [home_at(main, folder, story) if apart else main for story in stories]
    read = cache(lambda at: _read(homes[at], stories[at]) if 0 <= at < len(stories) else None)
    here = next((at for at, story in enumerate(stories) if story.id == around), None)
    if around and (here is None or (seen := read(here)) is None):
        return
    reach = _reach(seen[1]) if around and seen else len(stories)
    for at, story in enumerate(stories):
        known = read(at) if here is None or abs(at - here) <= reach else None
        if known and (wanted := [*_edits(read, at, *known)]):
            path = inside(homes[at], story.file)
            write_story(path, wanted, lock=main.write_lock(path))


def _reach(machine: Machine) -> int:
    return max((abs(item.derived.story) for item in machine.items.values() if item.derived), default=0)


def _edits(read: Callable[[int], Known | None], at: int, shown: Story, machine: Machine) -> Iterator[Edit]:
    heading = heading_of(machine, shown.id)
    for item in shown.items:
        derived = None if item.own else machine.items[item.id].derived
        if derived is not None:
            other = read(at + derived.story)
            holds = other is not None and _holds(derived, *other)
            if holds != item.ticked:
                yield SetItem((heading, item.section), item.text, holds)


def _holds(derived: Derived, shown: Story, machine: Machine) -> bool:
    phases = {section: section_phase(machine, section) for section in machine.checklist}
    own = [item for item in shown.items if not item.own and phases[item.section] == derived.phase]
    done = bool(own) and all(item.ticked for item in own)
    begun = shown.state != machine.initial and machine.phase_of(str(shown.state)) == derived.phase
    return done if derived.is_ == "done" else begun and not done


def _read(home: Repository, story: Found) -> Known | None:
    """A story with its machine as they are now; None where it is not adopted, or cannot be read."""
    source = read_file(home.root, inside(home, story.file), story.id)[0]
    if source is None:
        return None
    shown, _ = read_story(source, story.id, None)
    if shown.state is None or shown.machine is None:
        return None
    try:
        machine = chart_of(home, source, shown.machine).machine
    except EngineError:
        return None  # told where the story itself is advanced
    shown, problems = read_story(source, story.id, machine)
    broken = any(problem.file == shown.path and problem.code in ("S102", "S104") for problem in problems)
    return None if broken else (shown, machine)
