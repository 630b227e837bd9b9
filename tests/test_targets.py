"""The targets of the Makefile: no test falls between them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest.mark.expression import Expression

from tests.conftest import COLLECTED

ROOT = Path(__file__).parent.parent
VERY_LONG = ("faults", "fuzz", "smoke")
"""What CI does not run, for its length: CONTRIBUTING tells when it is run."""


class Suite(NamedTuple):
    """What one call of pytest runs: tests below some paths, with some markers."""

    paths: tuple[str, ...]
    wanted: Expression

    def has(self, test: str, markers: frozenset[str]) -> bool:
        below = not self.paths or any(re.match(rf"{re.escape(path)}(/|::|$)", test) for path in self.paths)
        return below and self.wanted.evaluate(lambda name, **_: name in markers)


def suites(*targets: str) -> Iterator[Suite]:
    """What pytest runs for some targets, as `make` itself says in CI."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key != "MFLAGS"}
    environ["STORY_CI"] = "1"
    words = ["make", "--dry-run", "--no-print-directory", *targets]
    said = subprocess.run(
        words, cwd=ROOT, env={**environ, "STORY_CI": "1"}, capture_output=True, text=True, check=True
    ).stdout
    for line in said.splitlines():
        if " -m pytest " in line:
            asked = shlex.split(line.partition(" -m pytest ")[2])
            paths = tuple(word for word in asked if word.startswith("tests/"))
            markers = asked[asked.index("-m") + 1] if "-m" in asked else "not nothing"
            yield Suite(paths, Expression.compile(markers))


def run_by_ci() -> list[str]:
    """The targets that .ci/run makes."""
    [named] = re.findall(r"^for target in (.+); do$", (ROOT / ".ci/run").read_text(), re.M)
    return named.split()


def test_each_test_belongs_to_a_target(request: pytest.FixtureRequest) -> None:
    """CI runs each test but those marked slow or smoke, and each of these belongs to one of the very long suites."""
    always, others = [*suites(*run_by_ci())], [*suites(*VERY_LONG)]
    assert len(always) >= 4
    assert len(others) == len(VERY_LONG)
    for test, markers in request.config.stash[COLLECTED]:
        by_ci = any(suite.has(test, markers) for suite in always)
        rare = bool(markers & {"slow", "smoke"}) and any(suite.has(test, markers) for suite in others)
        assert by_ci or rare, f"no target runs {test}, marked {', '.join(sorted(markers))}"


@pytest.mark.parametrize(
    ("test", "markers", "found"),
    [
        ("tests/test_x.py::test_y", frozenset(), True),
        ("tests/test_x.py::test_y", frozenset({"long"}), True),
        ("tests/clis/test_x.py::test_y", frozenset({"clis", "slow"}), True),
        ("tests/test_x.py::test_y", frozenset({"slow"}), False),
        ("tests/test_x.py::test_y", frozenset({"smoke"}), False),
        ("tests/test_x.py::test_y", frozenset({"clis"}), False),
    ],
)
def test_what_falls_between_is_noticed(test: str, markers: frozenset[str], found: bool) -> None:
    """A marker of one suite on a test that lies in the folder of another is run by nobody in CI."""
    assert any(suite.has(test, markers) for suite in suites(*run_by_ci())) is found
