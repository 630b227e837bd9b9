"""Read back what earlier calls left as evidence, if it still is what the journal knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.actions.junit import read_tests
from engine.files.evidence import read_checked
from engine.model.call import TestResult
from engine.model.events import Ended
from engine.model.machine import Machine
from engine.rules.history import Progress


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The evidence folder of a story, and the journal that says what must stand in it."""

    root: Path
    folder: Path
    machine: Machine
    progress: Progress

    def evidence(self, ended: Ended) -> str:
        """The evidence of a call; Tampered where it was edited."""
        path = self.folder / ended.evidence
        return read_checked(path, ended.sha, path.relative_to(self.root).as_posix())

    def tests(self, gate: str) -> tuple[TestResult, ...]:
        """The tests that a gate ran last; for a baseline, those of its first run since execution began."""
        ended = self.progress.latest.get((gate, ""))
        if gate in {other.baseline for other in self.machine.gates.values()}:
            ended = self.progress.first.get(gate, ended)
        return read_tests(self.evidence(ended)) if ended else ()
