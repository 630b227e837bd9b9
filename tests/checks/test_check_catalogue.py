"""The catalogue, its page, and the codes that files/pack.py reports are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.checks import CATALOGUE
from engine.checks.catalogue import Place, echo, problem
from engine.files.pack import read_pack

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


def test_the_page_lists_each_code_with_its_meaning_and_remedy() -> None:
    """docs/checks.md holds a row for each code, in order, and no other."""
    rows = re.findall(r"^\| (C\d+) \| (\w+) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.M)
    assert rows == [(r.code, r.severity.value, r.meaning, r.remedy.replace("{name}", "…")) for r in CATALOGUE.values()]


def test_each_remedy_says_what_to_do() -> None:
    """Meaning and remedy are sentences; a remedy has at most the blank {name}."""
    for rule in CATALOGUE.values():
        assert rule.meaning.endswith(".")
        assert rule.remedy.endswith((".", "`."))
        assert set(re.findall(r"{(\w+)}", rule.remedy)) <= {"name"}


def test_a_problem_takes_severity_and_remedy_from_the_catalogue() -> None:
    """Rules give place and message only."""
    place = Place(file="a.md", line=3)
    made = problem("C102", place, "No.", name="prompt-1.2-green.md", echoes=[echo(place, "again")])
    assert str(made) == "a.md:3: error C102: No. Write prompt-1.2-green.md."
    assert str(place) == "a.md:3"


def test_an_unknown_code_is_refused() -> None:
    """A rule cannot invent a code."""
    with pytest.raises(KeyError):
        problem("C999", Place(file="a", line=1), "x")


def test_files_speak_the_words_of_the_catalogue(tmp_path: Path) -> None:
    """engine/files may not import engine/checks; what it says is compared here."""
    outside = tmp_path / "outside.md"
    outside.write_text("x")
    root = tmp_path / "repository"
    for name in ("story-1-a", "story-2-b", "story-3-c"):
        (root / name).mkdir(parents=True)
    (root / "story-1-a" / "story.md").mkdir()
    (root / "story-2-b" / "story.md").write_bytes(b"\xff")
    (root / "story-3-c" / "story.md").symlink_to(outside)
    _, problems = read_pack(root, root)
    assert [p.code for p in problems] == ["C001", "C002", "C003"]
    for found in problems:
        rule = CATALOGUE[found.code]
        assert (found.severity, found.remedy) == (rule.severity, rule.remedy)
