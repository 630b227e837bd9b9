"""`story check` and `story machine check`: every finding with its file and line, nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.checks.check import check_pack
from engine.errors import FormatError
from engine.files.evidence import evidence_folder
from engine.files.journal import NAME as JOURNAL
from engine.files.journal import read_journal
from engine.files.machine_file import BadMachine, MachineFile, read_machine
from engine.files.pack import exists_in, read_pack
from engine.files.story_file import key_line, read_story
from engine.look import Repository
from engine.model.pack import Pack, StorySource
from engine.model.problem import Problem, Severity
from engine.rules.history import fold
from engine.rules.projection import drift
from engine.rules.prove import prove


def check_packs(repository: Repository, folders: Sequence[Path], story: str | None = None) -> list[Problem]:
    """Check packs, or one story of them: the documents, the story files, and journals against story files."""
    found: list[Problem] = []
    for folder in folders:
        pack, problems = read_pack(repository.root, folder)
        found += problems
        found += check_pack(pack, exists_in(repository.root))
        for source in pack.stories:
            found += _check_story(repository, pack, source)
    return [problem for problem in found if story is None or problem.story == story]


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


def _check_story(repository: Repository, pack: Pack, source: StorySource) -> list[Problem]:
    """What is wrong with one adopted story; a raw one has nothing that could be."""
    path = source.story.path
    shown, problems = read_story(source.story, source.id, None)
    if shown.state is None:
        return problems
    try:
        chart = repository.chart(shown.machine or repository.machine_for(source))
    except FormatError as err:
        at = key_line(source.story.raw, "machine")
        file, line = (err.path, err.line or 1) if err.path else (path, at)
        return [*problems, _error("S109", source.id, file, line, err.message, err.remedy)]
    shown, problems = read_story(source.story, source.id, chart.machine)
    if problems:
        return problems
    journal = evidence_folder(repository.root / path, pack.layout) / JOURNAL
    name = journal.relative_to(repository.root).as_posix()
    try:
        events = read_journal(journal, name)
    except FormatError as err:
        return [_error("S110", source.id, name, err.line or 1, err.message, err.remedy)]
    remedy = "Put it back; only the engine writes progress, and only from evidence."
    return [
        _error("S111", source.id, path, line, f"{what}.", remedy)
        for line, what in drift(chart.machine, fold(chart.machine, events), shown)
    ]


def _error(code: str, story: str | None, file: str, line: int, message: str, remedy: str) -> Problem:
    return Problem(
        code=code, severity=Severity.ERROR, story=story, file=file, line=line, message=message, remedy=remedy
    )
