"""`story check` and `story machine check`: every finding with its file and line, nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.checks.check import check_pack
from engine.errors import FormatError
from engine.files.config import Config
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME as JOURNAL
from engine.files.journal import read_journal
from engine.files.machine_file import BadMachine, MachineFile, read_machine
from engine.files.pack import exists_in, read_pack
from engine.files.story_file import read_story
from engine.look import Repository, chart_of, demand_known, open_repository
from engine.model.pack import Pack, StorySource
from engine.model.problem import Problem, Severity
from engine.rules.forgery import other_machine, refusal
from engine.rules.prove import prove
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
    return problems or distrust(repository.root, shown, chart.machine, evidence, events)[1]


def _error(code: str, story: str | None, file: str, line: int, message: str, remedy: str) -> Problem:
    return Problem(
        code=code, severity=Severity.ERROR, story=story, file=file, line=line, message=message, remedy=remedy
    )
