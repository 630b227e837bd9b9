"""What check reports on a real pack is what a person judged, line by line."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from engine.checks import check_pack
from engine.checks.text import read_lines
from engine.files.pack import exists_in, find_packs, read_pack
from engine.markdown.document import read_document
from engine.model.problem import Problem, Severity

JUDGED = Path(__file__).parents[1] / "corpus" / "builder-epic-01.md"
ROW = re.compile(r"\| (C\d+) \| `([^`]+):(\d+)` \| (true|false) \| (.+) \|")

pytestmark = pytest.mark.corpus


def reported(corpus: Path) -> list[Problem]:
    root = corpus / "builder-epic-01"
    (folder,) = find_packs(root)
    pack, problems = read_pack(root, folder)
    return [*problems, *check_pack(pack, exists_in(root))]


def test_each_reported_problem_was_judged(corpus: Path) -> None:
    """The judged list and the reported list are the same: code, file, line."""
    rows = ROW.findall(JUDGED.read_text())
    judged = [(code, file, int(line)) for code, file, line, _, _ in rows]
    assert len(set(judged)) == len(judged)
    assert sorted(judged) == sorted((p.code, p.file, p.line) for p in reported(corpus))


def test_at_most_one_in_twenty_is_false(corpus: Path) -> None:
    """Of the errors and warnings, at least 19 in 20 are true."""
    verdicts = {(code, file, int(line)): verdict for code, file, line, verdict, _ in ROW.findall(JUDGED.read_text())}
    serious = [p for p in reported(corpus) if p.severity is not Severity.NOTE]
    false = [p for p in serious if verdicts.get((p.code, p.file, p.line)) != "true"]
    assert len(serious) > 10
    assert len(false) * 20 <= len(serious), "\n".join(map(str, false))


def test_it_takes_less_than_two_seconds(corpus: Path) -> None:
    """Reading and checking a pack of 33 files and 600 KB is quick; whatever else the machine does does not count."""
    for kept in (read_document, read_lines):  # what the tests before this one read
        kept.cache_clear()
    began = time.process_time()
    reported(corpus)
    assert time.process_time() - began < 2
