"""The words that agents use, and the one meaning of each. A word that stands in no table here is invalid. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from engine.model.machine import Severity
from engine.model.verdict import Outcome, Stand

Said = Literal["PASS", "FAIL"]

VERDICTS: Mapping[str, Said] = {
    "pass": "PASS",
    "passed": "PASS",
    "ship": "PASS",
    "ready": "PASS",
    "fail": "FAIL",
    "failed": "FAIL",
    "revise": "FAIL",
    "block": "FAIL",
    "ready with issues": "FAIL",
    "pass with issues": "FAIL",
    "not ready": "FAIL",
}
SEVERITIES: Mapping[str, Severity] = {
    "blocker": "blocker",
    "critical": "blocker",
    "issue": "issue",
    "major": "issue",
    "nit": "nit",
    "minor": "nit",
}
STATUSES: Mapping[str, Outcome] = {
    "pass": "pass",
    "passed": "pass",
    "fail": "fail",
    "failed": "fail",
    "manual": "manual",
    "deferred": "deferred",
}
DISPUTES: Mapping[str, Stand] = {
    "concede": "concede",
    "conceded": "concede",
    "partly": "partly",
    "partially": "partly",
    "hold": "hold",
    "held": "hold",
}
CONFIDENCES: Mapping[str, str] = {"high": "high", "medium": "medium", "low": "low"}
TABLES: Mapping[str, Mapping[str, str]] = {
    "verdict": VERDICTS,
    "severity": SEVERITIES,
    "TC status": STATUSES,
    "dispute": DISPUTES,
    "confidence": CONFIDENCES,
}
"""What a word is said of → word → what it means; docs/verdicts.md shows the same table."""


def meant(spoken: object, table: Mapping[str, str]) -> object:
    """Say what a word means; case and spacing do not matter, and what is unknown comes back as it was."""
    return table.get(" ".join(spoken.lower().split()), spoken) if isinstance(spoken, str) else spoken
