"""Hold what validators and verifiers claim against the files and the tests that really ran."""

from __future__ import annotations

from pathlib import Path

from engine.actions.fixed import check_fixes, cited
from engine.actions.junit import tcs_in
from engine.actions.situation import Outcome, Situation
from engine.model.events import Ended
from engine.model.machine import SpotCheckAct
from engine.model.verdict import Check, Finding

NEAR = 3
"""Lines around a cited line in which the quote may stand."""
SHOWN = 120
"""Characters of a cited line that a person is shown."""
OWN = "spot check"
"""The source of what the spot check itself found."""
Seen = tuple[str, Check, str]
"""A claim in words, what became of it, and what the program saw."""


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
            check, saw = _check(finding, situation.root)
            checked.append(finding.model_copy(update={"check": check, "sources": (role,), "saw": _line(saw)}))
            lines.append(f"- {check}: {role}, {finding.severity} `{finding.where}`: {_line(saw)}")
            refuted += check == "refuted" and finding.severity != "nit"  # a nit is never asked about
        for claim, check, saw in (*_tcs(ended, situation), *_counts(ended, situation)):
            lines.append(f"- {check}: {role}, {claim}: {_line(saw)}")
            if check == "refuted":
                refuted += 1
                text = f"{role} claims {claim}, but {_line(saw)}"
                checked.append(Finding(severity="blocker", text=text, sources=(OWN,), check=check, saw=_line(saw)))
    for answer, finding, check, saw in check_fixes(situation):
        lines.append(f"- {check}: {finding.id} claimed as fixed: {saw}")
        if check == "refuted":
            refuted += finding.severity != "nit"
            because = f", because {answer.because}" if answer.because else ""
            said = f'the fixer says "fixed"{because}, but {saw}'
            update = {"id": "", "sources": (OWN,), "check": check, "saw": _line(said), "ambiguous": ""}
            checked.append(finding.model_copy(update=update))
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
    file, number = cited(finding.where)
    if not file:
        return "uncheckable", "it cites no place"
    try:
        path = (root / file).resolve()
        if not path.is_relative_to(root.resolve()):
            return "refuted", f"{file} lies outside the repository"
        if not path.is_file():
            return "refuted", f"{file} is not there"
        lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        return "refuted", f"{file} cannot be read"
    if number > len(lines):
        return "refuted", f"{file} has only {len(lines)} lines"
    quote = _plain(finding.quote)
    if not quote:
        return "uncheckable", "it quotes nothing"
    around = lines[max(0, number - 1 - NEAR) : number + NEAR] if number else lines
    if quote in _plain("\n".join(around)):
        return "confirmed", "the quote stands there"
    there = f"; line {number} is {lines[number - 1].strip()[:SHOWN]!r}" if number else ""
    return "refuted", f"the quote does not stand there: {_line(finding.quote)[:SHOWN]!r} is claimed{there}"


def _tcs(ended: Ended, situation: Situation) -> list[Seen]:
    """What a verifier says of each TC, against the tests of the last run that name it."""
    gates = [name for name, gate in situation.machine.gates.items() if gate.kind == "tests"]
    ran = situation.tests(gates[-1]) if gates else ()
    seen: list[Seen] = []
    for tc, said in ended.tcs.items():
        named = [test for test in ran if tc in tcs_in(test.id)]
        passed = [test for test in named if test.status == "passed"]
        bad = [test for test in named if test.status in ("failed", "errored")]
        told = ", ".join(f"{test.id} {test.status}" for test in [*bad, *passed][:3])
        claim = f"{tc} as {'passing' if said == 'pass' else 'failing' if said == 'fail' else said}"
        if said not in ("pass", "fail") or not gates:
            seen.append((claim, "uncheckable", "no test can show it"))
        elif said == "pass" and not passed:
            more = f" ({told})" if told else ""
            seen.append((claim, "refuted", f"no passing test of the last run names it{more}"))
        elif (said == "pass" and bad) or (said == "fail" and passed and not bad):
            seen.append((claim, "refuted", f"in the last run {told}"))
        else:
            seen.append((claim, "confirmed", f"in the last run {told or 'no test that names it passed'}"))
    return seen


def _counts(ended: Ended, situation: Situation) -> list[Seen]:
    """How many tests a verifier says it saw pass and fail, against the last run."""
    if ended.counts is None:
        return []
    gates = [name for name, gate in situation.machine.gates.items() if gate.kind == "tests"]
    ran = situation.tests(gates[-1]) if gates else ()
    claim = f"{ended.counts.passed} tests passed and {ended.counts.failed} failed"
    if not ran:
        return [(claim, "uncheckable", "no test ran in the last run")]
    passed = sum(test.status == "passed" for test in ran)
    failed = sum(test.status in ("failed", "errored") for test in ran)
    same = (passed, failed) == (ended.counts.passed, ended.counts.failed)
    return [(claim, "confirmed" if same else "refuted", f"in the last run {passed} passed and {failed} failed")]


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "").replace("*", "").split()).lower()


def _line(text: str) -> str:
    return " ".join(text.split())
