"""A sweep of small changes: most mutants of the shipped machine are refused, and each that is not has a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from mutants import copy, mutants
from pydantic import ValidationError

from engine.files.machine_file import read_machine
from engine.model.machine import Machine
from engine.rules.prove import flaws

ROOT = Path(__file__).parents[2]
SURVIVORS = ROOT / "tests" / "data" / "machines" / "survivors.yaml"
SHARE = 0.877  # measured over all 2,644 mutants


def _sweep(step: int) -> tuple[int, set[str]]:
    """How many mutants there were of every step-th, and the names of those the proofs accept."""
    raw = read_machine(ROOT / "machines" / "story.yaml").root.plain()
    chosen = list(mutants(raw))[::step]
    accepted = set()
    for name, change in chosen:
        mutant = copy(raw)
        change(mutant)
        try:
            machine = Machine.model_validate(mutant)
        except ValidationError:
            continue
        if next(flaws(machine), None) is None:
            accepted.add(name)
    return len(chosen), accepted


def _known() -> set[str]:
    classes = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8"))
    assert all(one["why"] and one["mutants"] for one in classes.values())
    return {name for one in classes.values() for name in one["mutants"]}


@pytest.mark.long
def test_mutants_are_refused_or_explained() -> None:
    """Of every seventh mutant each one is refused, or listed with the reason why it may live."""
    total, accepted = _sweep(7)
    assert total > 280
    assert accepted <= _known()
    assert 1 - len(accepted) / total >= SHARE - 0.03  # it is a sample


@pytest.mark.slow
def test_all_mutants() -> None:
    """Over all 2,000 mutants, the share refused is the measured one, and the list of the others is exact."""
    total, accepted = _sweep(1)
    assert total > 2_000
    assert 1 - len(accepted) / total >= SHARE
    assert accepted == _known()
