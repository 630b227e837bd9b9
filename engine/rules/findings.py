"""Which findings are to be fixed, and whose risk is taken with those that are left. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.model.events import Decided
from engine.model.verdict import Finding

FIXES = ("fix", "update spec")
"""The options with which a person puts a finding on the fix list."""
BLOCKERS_ONLY = "blockers only"


def to_fix(findings: Iterable[Finding], decided: Mapping[str, Decided], effort: str | None) -> list[Finding]:
    """The fix list: open blockers and issues, less the late ones and what a person or the effort put aside."""
    chosen = []
    for finding in findings:
        said = decided.get(finding.id)
        if finding.end:
            continue
        if said is not None:
            if said.option in FIXES:
                chosen.append(finding)
        elif finding.severity == "blocker" or (_weighs(finding) and effort != BLOCKERS_ONLY):
            chosen.append(finding)
    return chosen


def accept(accepted: dict[str, str], findings: Iterable[Finding], decided: Mapping[str, Decided], by: str) -> None:
    """Note who takes the risk of the issues that nothing but the effort left; nobody where all are fixed."""
    for finding in findings:
        if _weighs(finding) and not finding.end and finding.id not in decided:
            accepted.pop(finding.id, None)
            if by:
                accepted[finding.id] = by


def _weighs(finding: Finding) -> bool:
    return finding.severity == "issue" and not finding.late
