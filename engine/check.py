"""`story machine check`: a machine file read and proven, every finding with its file and line."""

from __future__ import annotations

from pathlib import Path

from engine.files.machine_file import BadMachine, MachineFile, read_machine
from engine.model.problem import Problem, Severity
from engine.rules.prove import prove


def check_machine(machine_file: MachineFile) -> list[Problem]:
    """Prove a machine; each flaw is told at the line that has to be corrected."""
    problems = []
    for flaw in prove(machine_file.machine):
        file, line = machine_file.where(flaw.place)
        problems.append(
            Problem(
                code=f"M{flaw.code}",
                severity=Severity.ERROR,
                file=file,
                line=line,
                message=flaw.message,
                remedy=flaw.remedy,
            )
        )
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.code))


def check_machine_at(path: Path, *, own: Path | None = None, root: Path | None = None) -> list[Problem]:
    """Read and prove a machine file; what cannot be read is told like what cannot be proven."""
    try:
        return check_machine(read_machine(path, own=own, root=root))
    except BadMachine as err:
        return list(err.problems)
