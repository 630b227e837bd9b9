"""The slow way of `story status`: packs listed, stories read against their machines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import EngineError
from engine.files.config import NAME as CONFIG
from engine.files.config import RoleConfig
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME as JOURNAL
from engine.files.journal import read_usages
from engine.files.machine_file import shipped_folder
from engine.files.pack import Found, list_stories, read_file, walk
from engine.files.story_file import read_story
from engine.homes import any_home, home_at, inside
from engine.look import Repository, chart_of
from engine.model.machine import AgentAct, Machine
from engine.model.problem import Severity
from engine.model.row import Row, Took
from engine.model.story import ShownItem, Story
from engine.rules.guards import compile_guard, facts_of


@dataclass(frozen=True, slots=True)
class Listed:
    """One story's file, its pack, the story before it, where it lives, and its journal: "" where there is no folder."""

    pack: str
    story: Found
    before: tuple[str, ...]
    home: Repository
    journal: str

    @property
    def file(self) -> Path:
        return inside(self.home, self.story.file)

    @property
    def path(self) -> str:
        """As people open it: relative to the main tree, or whole."""
        return self.file.as_posix() if self.home.main else self.file.relative_to(self.home.root).as_posix()


@dataclass(frozen=True, slots=True)
class Listing:
    """All stories, the folders whose change means to list again, and the files that all rows depend on."""

    stories: tuple[Listed, ...]
    folders: tuple[Path, ...]
    settings: tuple[Path, ...]


def at_home(listed: Listed, home: Repository) -> Listed:
    """A story where it lives now; a folder for its journal that comes is noticed."""
    file = inside(home, listed.story.file)
    evidence = evidence_folder(file, "folders" if file.name == "story.md" else "files")
    return replace(listed, home=home, journal=str(evidence / JOURNAL) if evidence.is_dir() else "")


def list_all(repository: Repository, only: Collection[Path] | None = None) -> Listing:
    """List every story of every pack, or of the packs in some folders."""
    stories: list[Listed] = []
    folders: list[Path] = []
    packs, apart = [one for one in repository.packs() if only is None or one in only], any_home(repository)
    if not repository.config.packs.paths:
        folders += walk(repository.root)
    for folder in packs:
        found = list_stories(repository.root, folder)
        name = folder.relative_to(repository.root).as_posix()
        ids = [story.id for story in found]
        for index, story in enumerate(found):
            home = home_at(repository, folder, story) if apart else repository
            stories.append(at_home(Listed(name, story, tuple(ids[max(0, index - 1) : index]), repository, ""), home))
        folders += [folder, *(one.file.parent for one in stories if one.pack == name)]
    homes = (repository.root / "machines", shipped_folder())
    folders += [
        repository.root,
        *homes,
        repository.state / "worktrees",
    ]  # a machine, story.toml, worktree comes or goes
    settings = [repository.root / CONFIG, *(path for home in homes for path in sorted(home.glob("*.yaml")))]
    return Listing(tuple(stories), tuple(dict.fromkeys(folders)), tuple(settings))


def read_row(listed: Listed) -> Row:
    """Read one story; what makes it unreadable is its row's problem."""
    repository = listed.home
    shown = Story(id=listed.story.id, path=listed.path, title=listed.story.slug)
    source, problems = read_file(repository.root, listed.file, listed.story.id)
    machine = None
    if source is not None:
        try:
            shown, found = read_story(source, listed.story.id, None)
            if shown.state is not None and shown.machine is not None:
                machine = chart_of(repository, source, shown.machine).machine
                shown, found = read_story(source, listed.story.id, machine)
            problems += found
        except EngineError as err:
            return _row(listed, shown, None, str(err))
    errors = [str(problem) for problem in problems if problem.severity is Severity.ERROR]
    person = _played_by_hand(repository, machine, shown.state)
    return _row(listed, shown, machine, errors[0] if errors else "", person=person)


def _row(listed: Listed, shown: Story, machine: Machine | None, problem: str, *, person: bool = False) -> Row:
    state = shown.state if machine and shown.state in machine.states else None
    kept = [item for item in shown.items if item.own or (machine and not machine.items[item.id].derived)]
    total = len(kept)
    away = listed.home.main is not None  # over, but not merged yet
    success = bool(machine and state and machine.terminal.get(state) == "success") and not away
    return Row(
        id=shown.id,
        pack=listed.pack,
        title=shown.title,
        machine=shown.machine,
        state=shown.state,
        phase=machine.phase_of(state) if machine and state else None,
        done=sum(item.ticked for item in kept),
        total=total,
        waiting_for="person" if problem else _waiting_for(machine, state, person, away=away),
        path=listed.path,
        complete=success,
        queued=bool(machine and state and _asks_for_dependencies(machine, state)),
        took=_took(listed.journal) if listed.journal else None,
        parts=tuple(_parts(kept)),
        needs=shown.depends_on if shown.depends_on is not None else listed.before,
        problem=problem,
    )


def _parts(items: list[ShownItem]) -> Iterator[tuple[str, int, int]]:
    for title in dict.fromkeys(item.section for item in items):
        ticked = [item.ticked for item in items if item.section == title]
        yield title, sum(ticked), len(ticked)


def _took(journal: str) -> Took | None:
    each = [(u.input, u.cached, u.output, u.cost or 0, u.cost is None) for u in read_usages(Path(journal))]
    taken, cached, given, cost, unpriced = map(sum, zip(*each, strict=True)) if each else (0,) * 5
    return Took(taken, cached, given, round(cost, 6), unpriced) if taken or given or cost else None


def _waiting_for(machine: Machine | None, state: str | None, person: bool, *, away: bool) -> str:
    if machine is None or state is None:
        return "adoption"
    if state in machine.terminal:
        return "engine" if away else "nobody"
    return "person" if machine.states[state].asks or person else "engine"


def _played_by_hand(repository: Repository, machine: Machine | None, state: str | None) -> bool:
    """Does a person play a role that the state needs?"""
    acts = machine.states[state].acts() if machine and state in machine.states else ()
    roles = {role for act in acts if machine and isinstance(act, AgentAct) for role in machine.members(act.agent)}
    played = repository.config.roles
    return any(played.get(role, RoleConfig()).agent == "person" for role in roles)


def _asks_for_dependencies(machine: Machine, state: str) -> bool:
    terms = [compile_guard(machine, exit_.when) for exit_ in machine.states[state].exits]
    return any(("dependencies",) in facts_of(term) for term in terms)
