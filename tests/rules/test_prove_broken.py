"""Every flaw is found: machines broken in one place are refused with code, file, line and remedy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from broken_machines import BROKEN, Broken

from engine.check import check_machine_at
from engine.rules.prove import CODES


def _name(broken: Broken) -> str:
    return f"{broken.code}-{broken.name}" if broken.name else broken.code


@pytest.mark.parametrize("broken", BROKEN, ids=_name)
def test_a_broken_machine_is_refused_at_the_line_to_correct(broken: Broken, tmp_path: Path) -> None:
    """A machine with one flaw is refused with its code, at its file and line, with what to do."""
    path = tmp_path / "story.yaml"
    path.write_text(broken.text, encoding="utf-8")
    found = check_machine_at(path, root=tmp_path)
    mine = [problem for problem in found if problem.code == f"M{broken.code}"]
    assert ("story.yaml", broken.line) in [(problem.file, problem.line) for problem in mine], found
    assert all(problem.remedy == CODES[broken.code][1] and problem.message for problem in mine)


def test_every_code_has_a_broken_machine() -> None:
    """Each code of the proofs is shown by at least one machine that is refused for it."""
    shown = Counter(broken.code for broken in BROKEN)
    assert set(shown) == set(CODES)
    assert len(BROKEN) >= 70
