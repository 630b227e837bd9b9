"""`story check` and `story machine check`: every finding with its file and line, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.checks.check import check_pack
from engine.checks.expected import owned_files
from engine.errors import FormatError
from engine.files.config import Config
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME as JOURNAL
from engine.files.journal import read_journal
from engine.files.machine_file import BadMachine, MachineFile, read_machine
from engine.files.pack import exists_in, read_pack
from engine.files.story_file import heading_of, read_story
from engine.inputs import read_inputs
from engine.look import Repository, chart_of, demand_known, open_repository
from engine.markdown.trace import spec_sections
from engine.model.events import Event
from engine.model.machine import Machine
from engine.model.pack import Pack, StorySource
from engine.model.problem import Problem, Severity
from engine.rules.forgery import CATALOGUE, other_machine, refusal
from engine.rules.history import fold
from engine.rules.prove import prove
from engine.rules.stale import name_parts, stale_items
from engine.trust import distrust

_METHOD = ("C102", "C103", "C104")
"""Prompts and sections that only stories of a machine with prompt files have."""
_SAME = ("C002", "C110")
"""What the checks of raw documents say about a story's front matter, too."""


def check_packs(repository: Repository, folders: Sequence[Path], story: str | None = None) -> list[Problem]:
    """Check packs, or one story of them: the documents, the story files, and journals against story files."""
    found: list[Problem] = []
    for folder in folders:
        pack, problems = read_pack(repository.root, folder)
        unread = {problem.file for problem in problems}
        checked = check_pack(pack, exists_in(repository.root))
        problems += [problem for problem in checked if problem.code != "C110" or problem.file not in unread]
        other = {source.id for source in pack.stories if not _has_prompts(repository, source)}
        problems = [problem for problem in problems if problem.code not in _METHOD or problem.story not in other]
        found += [problem for problem in problems if story is None or problem.concerns(story)]
        told = {(problem.file, problem.line) for problem in problems if problem.code in _SAME}
        for source in pack.stories:
            if story in (None, source.id):
                faults = _check_story(repository, pack, source)
                found += [fault for fault in faults if fault.code != "S101" or (fault.file, fault.line) not in told]
    return list(dict.fromkeys(found))  # a broken machine is one problem, however many stories live by it


def open_leniently(root: Path, state: Path) -> tuple[Repository, list[Problem]]:
    """Open a repository; where its story.toml cannot be read, that is one problem, and the defaults hold."""
    repository = Repository(root=root, state=state, config=Config())
    try:
        repository = open_repository(root, state)
        demand_known(repository)
    except FormatError as err:
        return repository, [_error("S100", None, err.path, err.line or 1, err.message, err.remedy)]
    return repository, []


def check_machine(machine_file: MachineFile) -> list[Problem]:
    """Prove a machine; each flaw is told at the line that has to be corrected."""
    problems = []
    for flaw in prove(machine_file.machine):
        file, line = machine_file.where(flaw.place)
        problems.append(_error(f"M{flaw.code}", None, file, line, flaw.message, flaw.remedy))
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.code))


def check_machine_at(path: Path, *, own: Path | None = None, root: Path | None = None) -> list[Problem]:
    """Read and prove a machine file; what cannot be read is told like what cannot be proven."""
    try:
        return check_machine(read_machine(path, own=own, root=root))
    except BadMachine as err:
        return list(err.problems)


def _has_prompts(repository: Repository, source: StorySource) -> bool:
    """Does the story's machine name prompt files? A machine that cannot be read is told for itself."""
    shown, _ = read_story(source.story, source.id, None)
    try:
        machine = chart_of(repository, source.story, shown.machine or repository.machine_for(source)).machine
    except FormatError:
        return False
    return any(prompt.file for prompt in machine.prompts.values())


def _check_story(repository: Repository, pack: Pack, source: StorySource) -> list[Problem]:
    """What is wrong with one adopted story; a raw one has nothing that could be."""
    path = source.story.path
    shown, problems = read_story(source.story, source.id, None)
    if shown.state is None:
        return problems
    if shown.machine is None:
        return problems
    try:
        chart = chart_of(repository, source.story, shown.machine)
    except FormatError as err:
        whose = source.id if err.path == path else None
        return [*problems, _error("S109", whose, err.path, err.line or 1, err.message, err.remedy)]
    named = shown
    shown, problems = read_story(source.story, source.id, chart.machine)
    evidence = evidence_folder(repository.root / path, pack.layout)
    name = (evidence / JOURNAL).relative_to(repository.root).as_posix()
    try:
        events = tuple(read_journal(evidence / JOURNAL, name))
    except FormatError as err:
        return [*problems, _error("S110", source.id, name, err.line or 1, err.message, err.remedy)]
    if wrong := other_machine(events, named):  # its checklist would be told as what is wrong
        return [refusal(named, "S116", named.line("machine"), wrong)]
    problems = problems or distrust(repository.root, shown, chart.machine, evidence, events)[1]
    if problems or chart.machine.terminal.get(str(shown.state)) != "success":
        return problems
    return list(_drift(repository, pack, source, chart.machine, events))


def _drift(
    repository: Repository, pack: Pack, source: StorySource, machine: Machine, events: tuple[Event, ...]
) -> Iterator[Problem]:
    """What a complete story rested on and is not any more what it was; its files that a later story owns may change."""
    inputs = read_inputs(pack, source, heading_of(machine, source.id), repository.root)
    stale = stale_items(machine, fold(machine, events), inputs)
    ids = [story.id for story in pack.stories]
    later = [owned_files(pack, name) for name in ids[ids.index(source.id) + 1 :] if stale]
    for part in sorted({part for parts in stale.values() for part in parts}):
        name = part.partition(":")[2]
        if any(owned.names(name) or name in (*owned.new, *owned.modified, *owned.tests) for owned in later):
            continue
        rested = [machine.items[key].text for key, parts in stale.items() if part in parts]
        file, line = _place(repository, pack, source, part)
        yield Problem(
            code="S129",
            severity=Severity.WARNING,
            story=source.id,
            file=file,
            line=line,
            message=f"{name_parts([part])} changed since story {source.id} was complete; {rested[0]!r} rested on it.",
            remedy=CATALOGUE["S129"][1],
        )


def _place(repository: Repository, pack: Pack, source: StorySource, part: str) -> tuple[str, int]:
    """Where a part of the inputs stands; what is gone, and a pattern, where the story names it."""
    kind, _, name = part.partition(":")
    if kind == "spec":
        found = [(spec.path, s.line) for spec in pack.specs for s in spec_sections(spec.raw).values() if s.id == name]
        return (*found, (source.story.path, 1))[0]
    path = next((prompt.path for prompt in source.prompts if prompt.path.endswith(f"/{name}")), name)
    return (path if name and (repository.root / path).is_file() else source.story.path), 1


def _error(code: str, story: str | None, file: str, line: int, message: str, remedy: str) -> Problem:
    return Problem(
        code=code, severity=Severity.ERROR, story=story, file=file, line=line, message=message, remedy=remedy
    )
