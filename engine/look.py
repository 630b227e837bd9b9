"""Read one story with all that its guards ask about. No side effects."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.charts import proven_chart
from engine.errors import FormatError, UsageError
from engine.files.config import Config, demand_known_names, read_config
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME as JOURNAL
from engine.files.journal import Journal, journal_of, read_journal
from engine.files.machine_file import find_machine, machine_names
from engine.files.pack import find_packs, list_stories, read_pack
from engine.files.story_file import heading_of, key_line, read_story
from engine.inputs import missing_prompts, read_inputs
from engine.model.events import Adopted, Event
from engine.model.facts import Fact, Facts
from engine.model.machine import Machine, Pipeline
from engine.model.pack import Pack, Source, StorySource
from engine.model.problem import Problem, Severity
from engine.model.step import Place
from engine.model.story import Story
from engine.rules.forgery import impossible, other_machine
from engine.rules.history import Progress, fold
from engine.rules.statechart import Statechart
from engine.rules.workplace import WORK


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at its root, with its configuration and its own machines.

    `main` is the root of the main tree where this one is the worktree of a story.
    """

    root: Path
    state: Path
    config: Config
    main: Path | None = None

    def packs(self) -> list[Path]:
        """The folders of all packs."""
        if self.config.packs.paths:
            return [self.root / path for path in self.config.packs.paths]
        return find_packs(self.root)

    def chart(self, name: str) -> Statechart:
        """The chart of a machine, by its name."""
        return proven_chart(find_machine(name, own=self.root / "machines"), self.root)

    def pipeline(self, machine: Machine) -> Pipeline:
        """What many stories of a machine may do at once: as story.toml says, else as the machine does."""
        own, given = machine.pipeline, self.config.pipeline
        isolation = dict.fromkeys(WORK, given.isolation) if given.isolation else own.isolation
        return Pipeline(
            concurrency={**own.concurrency, **given.concurrency},
            isolation=isolation,
            roles={**own.roles, **given.roles},
            providers={**own.providers, **given.providers},
        )

    def isolated(self, machine: Machine) -> bool:
        """Is a story of this machine executed in a worktree of its own?"""
        return self.pipeline(machine).isolation.get("execution") == "worktree"

    def advance_lock(self, folder: Path, story_id: str) -> Path:
        """The lock of the one engine that may advance a story, also before the story can be read."""
        return self.state / "locks" / f"{lock_name(folder)}%2F{story_id}.advance"

    def write_lock(self, path: Path) -> Path:
        """The lock under which story.md is written; a file of its own, outside the repository."""
        return self.state / "locks" / f"{lock_name(path)}.write"

    def machine_for(self, story: StorySource) -> str:
        """The machine that a story is adopted under: as story.toml says, else by its prompts."""
        chosen = self.config.packs.machines.get(story.id)
        if chosen is None and any(prompt.path.endswith("-setup.md") for prompt in story.prompts):
            return "infrastructure"
        return chosen or self.config.packs.machine


@dataclass(frozen=True, slots=True)
class Seen:
    """One story as it stood at one moment."""

    repository: Repository
    pack: Pack
    source: StorySource
    shown: Story
    chart: Statechart
    journal: Journal
    events: tuple[Event, ...]
    progress: Progress
    world: Facts
    inputs: dict[str, str]
    waiting_for: tuple[Place, ...]

    @property
    def machine(self) -> Machine:
        return self.chart.machine

    @property
    def facts(self) -> dict[Fact, str]:
        """The journal's facts and those of the world around the story."""
        return {**self.progress.facts, **self.world}

    @property
    def path(self) -> Path:
        return self.repository.root / self.source.story.path

    @property
    def write_lock(self) -> Path:
        return self.repository.write_lock(self.path)

    @property
    def evidence(self) -> Path:
        return evidence_folder(self.path, self.pack.layout)


def lock_name(path: Path) -> str:
    """A file name for a path."""
    return path.resolve().as_posix().replace("%", "%25").replace("/", "%2F")[-200:]


def open_repository(root: Path, state: Path) -> Repository:
    """Read what holds for the whole repository."""
    return Repository(root=root, state=state, config=read_config(root))


def look(repository: Repository, folder: Path, story_id: str, *, machine: str | None = None) -> Seen:
    """Read one adopted story; what makes it unreadable is a FormatError with its place.

    With `machine`, the story is read as one of that machine, whatever its state and machine keys say.
    """
    pack, problems = read_pack(repository.root, folder)
    source = next((story for story in pack.stories if story.id == story_id), None)
    own = [problem for problem in problems if problem.story == story_id]
    broken = [problem for problem in own if source is None or problem.file == source.story.path]
    if broken:
        raise _refused(broken[0])
    if source is None:
        known = ", ".join(story.id for story in pack.stories) or "none"
        raise UsageError(f"there is no story {story_id!r} in {pack.root}; there are {known}.")
    shown, _ = read_story(source.story, source.id, None)
    if shown.state is None or (machine is None and shown.machine is None):
        _, faults = read_story(source.story, source.id, None)
        if faults:
            raise _refused(faults[0])
        raise FormatError(
            "the story is not adopted yet.",
            path=source.story.path,
            line=1,
            remedy=f"Run `story adopt {pack.root}` (or `make adopt STORY={story_id}`) first.",
        )
    chart = chart_of(repository, source.story, machine or str(shown.machine))
    demand_known(repository)
    path = evidence_folder(repository.root / source.story.path, pack.layout) / JOURNAL
    journal = Journal(path)
    name = path.relative_to(repository.root).as_posix()
    events = tuple(read_journal(path, name))
    journal.demand_same()
    if machine is None and (wrong := other_machine(events, shown)):  # its checklist would be told as what is wrong
        remedy = f"Put it back, or bring story.md back: `story rewind {story_id} --to STATE`."
        raise FormatError(f"{wrong}.", path=source.story.path, line=shown.line("machine"), remedy=remedy)
    shown, faults = read_story(source.story, source.id, chart.machine)
    mended = ("S102", "S112") if machine else ()
    errors = [fault for fault in faults if fault.severity is Severity.ERROR and fault.code not in mended]
    if errors:
        raise _refused(errors[0])
    for line, what in impossible(chart.machine, events):
        raise FormatError(f"journal: {what}.", path=name, line=line, remedy="Bring the file back from git.")
    progress = fold(chart.machine, events)
    inputs = read_inputs(pack, source, heading_of(chart.machine, source.id), repository.root)
    waiting_for = tuple(_unfinished(repository, pack, shown))
    world = _world(chart.machine, source, shown, bool(waiting_for))
    return Seen(
        repository=repository,
        pack=pack,
        source=source,
        shown=shown,
        chart=chart,
        journal=journal,
        events=events,
        progress=progress,
        world=world,
        inputs=inputs,
        waiting_for=waiting_for,
    )


def inputs_now(seen: Seen) -> dict[str, str]:
    """The inputs of a story that was looked at, as they are by now."""
    root = seen.repository.root
    pack, _ = read_pack(root, root / seen.pack.root)
    source = next((story for story in pack.stories if story.id == seen.source.id), None)
    return read_inputs(pack, source, heading_of(seen.machine, source.id), root) if source else {}


def demand_known(repository: Repository) -> None:
    """Refuse a story.toml that sets a role or gate which no machine has; of a branch, a gate: its roles are main's."""
    own = repository.root / "machines"
    roles: set[str] = set()
    gates: set[str] = set()
    for name in machine_names(own=own):
        with suppress(FormatError):  # a broken machine is told where a story lives by it
            machine = repository.chart(name).machine
            roles |= set(machine.roles)
            gates |= {gate.command or key for key, gate in machine.gates.items()}
    config = repository.config if repository.main is None else repository.config.model_copy(update={"roles": {}})
    demand_known_names(repository.root, config, roles, gates)


def adopted_machine(repository: Repository, folder: Path, story_id: str) -> str | None:
    """The machine that a story was adopted under by its journal, None where that cannot be read."""
    for found in list_stories(repository.root, folder):
        if found.id == story_id:
            events = read_journal(journal_of(found.file))
            return events[0].machine if events and isinstance(events[0], Adopted) else None
    return None


def chart_of(repository: Repository, story: Source, machine: str) -> Statechart:
    """The chart of the machine that a story names; one that cannot be found is told at that line of the story."""
    try:
        return repository.chart(machine)
    except FormatError as err:
        if err.path:
            raise
        line = key_line(story.raw, "machine")
        raise FormatError(err.message, path=story.path, line=line, remedy=err.remedy or 'Correct "machine:".') from err


def _world(machine: Machine, source: StorySource, shown: Story, blocked: bool) -> dict[Fact, str]:
    world: dict[Fact, str] = {
        ("dependencies",): "open" if blocked else "complete",
        ("files",): "missing" if missing_prompts(machine, source) else "exist",
    }
    for item in shown.items:
        if item.own:
            world["own", item.section, item.text] = "ticked" if item.ticked else "open"
    return world


def _unfinished(repository: Repository, pack: Pack, shown: Story) -> list[Place]:
    """The stories that are not complete yet of those it depends on: `depends_on`, else the one before it."""
    places = []
    ids = [story.id for story in list_stories(repository.root, repository.root / pack.root)]
    before = ids[: ids.index(shown.id)][-1:]
    for name in before if shown.depends_on is None else shown.depends_on:
        source = next((story for story in pack.stories if story.id == name), None)
        if source is None:
            places.append(Place(file=shown.path, line=1, text=f"story {name} is not there, or cannot be read"))
            continue
        other, _ = read_story(source.story, name, None)
        if not is_complete(repository, other):
            text = f"story {name} is {other.state or 'not adopted'}, not complete"
            places.append(Place(file=source.story.path, line=1, text=text))
    return places


def is_complete(repository: Repository, shown: Story) -> bool:
    """Is a story in a terminal state that means success?"""
    if shown.state is None or shown.machine is None:
        return False
    try:
        return repository.chart(shown.machine).machine.terminal.get(shown.state) == "success"
    except FormatError:
        return False


def _refused(problem: Problem) -> FormatError:
    return FormatError(problem.message, path=problem.file, line=problem.line, remedy=problem.remedy)
