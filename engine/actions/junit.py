"""Test results: merged from JUnit reports, listed in evidence, read back, and the TCs that their names hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from engine.files.config import GateConfig
from engine.model.call import TestResult

UNREADABLE = (JUnitXmlError, SyntaxError, OSError, ValueError, TypeError, NotImplementedError)
"""What reading a report may raise."""
_LISTED = re.compile(r"^````text tests\n(.*?)^````$", re.M | re.S)
_TC = re.compile(r"(?i)\btc[-_ ]?(\d+)[._-](\d+)([a-z](?:[._-]\d+)?)?(?![a-z0-9])")

_BUG = re.compile(r"(?<![a-zA-Z0-9])[gG](\d{1,4})(?![a-zA-Z0-9])")


def merge_reports(config: GateConfig, root: Path, report: Path, since: int) -> tuple[TestResult, ...]:
    """Merge the reports that this run wrote; an older file is somebody else's run and does not count."""
    paths = [report, *(path for pattern in config.junit for path in sorted(root.glob(pattern)))]
    found: dict[str, TestResult] = {}
    for path in paths:
        if path.exists() and path.stat().st_mtime_ns >= since:
            for case in _cases(JUnitXml.fromfile(str(path))):
                result = TestResult(id=_name(case), status=_status(case))
                worse = found.get(result.id)
                if worse is None or worse.status in ("passed", "skipped"):
                    found[result.id] = result
    return tuple(found.values())


def _cases(xml: JUnitXml | TestSuite) -> Iterable[TestCase]:
    for part in xml:
        if isinstance(part, TestCase):
            yield part
        else:
            yield from _cases(part)


def _name(case: TestCase) -> str:
    parts = (" ".join(str(part or "").split()) for part in (case.classname, case.name))
    return "::".join(part for part in parts if part)


def _status(case: TestCase) -> str:
    kinds = {type(result) for result in case.result or ()}
    if Error in kinds:
        return "errored"
    if Failure in kinds:
        return "failed"
    return "skipped" if Skipped in kinds else "passed"


def tcs_in(name: str) -> set[str]:
    """The ids of TCs and bugs in a test's name: `TC-2.1a: lists`, `test_tc_2_1a_lists`, `test_g1_returns`."""
    return {f"G{int(match[1])}" for match in _BUG.finditer(name)} | {
        f"TC-{match[1]}.{match[2]}{(match[3] or '').lower().replace('_', '.').replace('-', '.')}"
        for match in _TC.finditer(name.replace("test_", " "))
    }


def read_tests(body: str) -> tuple[TestResult, ...]:
    """The tests that a gate's evidence lists: its first list, since what follows is the command's own output."""
    listed = _LISTED.search(body)
    rows = re.findall(r"^(passed|failed|errored|skipped) (.+)$", listed[1], re.M) if listed else []
    return tuple(TestResult.model_validate({"id": name, "status": status}) for status, name in rows)


def list_tests(tests: Sequence[TestResult]) -> str:
    """The tests as evidence lists them."""
    rows = "\n".join(f"{test.status} {test.id}" for test in sorted(tests, key=lambda test: test.id))
    return f"Tests: {count_tests(tests)}\n\n````text tests\n{rows}\n````\n"


def count_tests(tests: Sequence[TestResult]) -> str:
    """How many passed, failed, erred and were skipped, in words."""
    counts = dict.fromkeys(("passed", "failed", "errored", "skipped"), 0)
    for test in tests:
        counts[test.status] += 1
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return told or "no test ran"
