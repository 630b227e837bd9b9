"""Hold what validators and verifiers claim against the files and the tests that really ran."""

from __future__ import annotations

import re
from pathlib import Path

from engine.actions.junit import tcs_in
from engine.actions.situation import Outcome, Situation
from engine.model.events import Ended
from engine.model.machine import SpotCheckAct
from engine.model.verdict import Check, Finding

NEAR = 3
"""Lines around a cited line in which the quote may stand."""
_PLACE = re.compile(r"([^\0]+?)(?::(\d{1,9})(?:-\d+)?)?")


def spot_check(act: SpotCheckAct, situation: Situation) -> Outcome:
    """Check the latest claims of a role or group: confirmed, refuted or uncheckable, each with why."""
    checked: list[Finding] = []
    lines: list[str] = []
    refuted = 0
    for role in situation.machine.members(act.spot_check):
        ended = latest_verdict(situation, role)
        if ended is None:
            continue
        for finding in ended.findings:
            check, why = _check(finding, situation.root)
            checked.append(finding.model_copy(update={"check": check, "sources": (role,)}))
            lines.append(f"- {check}: {role}, {finding.severity} `{finding.where}`: {why}")
            refuted += check == "refuted" and finding.severity != "nit"  # a nit is never asked about
        for tc, why in _false_tcs(ended, situation):
            lines.append(f"- refuted: {role}, {tc}: {why}")
            refuted += 1
            text = f"{role} claims {tc} as passing, but {why}"
            checked.append(Finding(severity="blocker", text=text, sources=("spot check",), check="refuted"))
    claims = "refuted" if refuted else "confirmed"
    told = f"spot check: {len(lines)} claims, {refuted} refuted"
    return Outcome(
        status="ok",
        at=situation.clock(),
        why=told,
        facts={"claims": claims},
        findings=tuple(checked),
        body="\n".join(lines) or "Nothing was claimed that a program can check.",
    )


def latest_verdict(situation: Situation, role: str) -> Ended | None:
    """The last accepted verdict of a role."""
    ended = [
        event
        for (_, who), event in situation.progress.latest.items()
        if who == role and f"verdict:{role}" in event.facts
    ]
    return max(ended, key=lambda event: int(event.evidence.split("-")[0]), default=None)


def _check(finding: Finding, root: Path) -> tuple[Check, str]:
    match = _PLACE.fullmatch(finding.where.strip("` "))
    if not finding.where or match is None:
        return "uncheckable", "it cites no place"
    try:
        path = (root / match[1]).resolve()
        if not path.is_relative_to(root.resolve()):
            return "refuted", f"{match[1]} lies outside the repository"
        if not path.is_file():
            return "refuted", f"{match[1]} is not there"
        lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        return "refuted", f"{match[1]} cannot be read"
    number = int(match[2]) if match[2] else 0
    if number > len(lines):
        return "refuted", f"{match[1]} has only {len(lines)} lines"
    quote = _plain(finding.quote)
    if not quote:
        return "uncheckable", "it quotes nothing"
    around = lines[max(0, number - 1 - NEAR) : number + NEAR] if number else lines
    if quote in _plain("\n".join(around)):
        return "confirmed", "the quote stands there"
    return "refuted", "the quote does not stand there"


def _false_tcs(ended: Ended, situation: Situation) -> list[tuple[str, str]]:
    """TCs claimed as passing that no test of the last run names and passes."""
    gates = [name for name, gate in situation.machine.gates.items() if gate.kind == "tests"]
    ran = situation.tests(gates[-1]) if gates else ()
    passed = {tc for test in ran if test.status == "passed" for tc in tcs_in(test.id)}
    claimed = [tc for tc, status in ended.tcs.items() if status == "pass"]
    return [(tc, "no passing test of the last run names it") for tc in claimed if tc not in passed and gates]


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "").replace("*", "").split()).lower()
