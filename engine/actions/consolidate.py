"""Merge what validators, spot checks and `story check` found into one list, and say which of it a person must see."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.actions.situation import Outcome, Situation
from engine.actions.spot_check import OWN, latest_verdict
from engine.model.machine import ConsolidateAct, Severity
from engine.model.problem import Problem
from engine.model.problem import Severity as Weight
from engine.model.verdict import Finding
from engine.rules.history import to_fix

_RANK: dict[Severity, int] = {"blocker": 0, "issue": 1, "nit": 2}
_WEIGHTS: dict[Weight, Severity] = {Weight.ERROR: "blocker", Weight.WARNING: "issue", Weight.NOTE: "nit"}
CHECK = "story check"


def consolidate(act: ConsolidateAct, situation: Situation) -> Outcome:
    """Make one list of blockers, issues and nits; the fix list is the blockers and issues."""
    raw = [finding for role in situation.machine.members(act.consolidate) for finding in _of(role, situation)]
    raw += [finding for finding in _spot_checked(situation) if finding.sources == (OWN,)]
    if situation.machine.phase_of(situation.progress.state) == "validation":
        raw += [_as_finding(problem) for problem in situation.problems()]
    merged = sorted(_merge(raw), key=lambda finding: (_RANK[finding.severity], finding.where, finding.text))
    named = _name(merged, [*situation.progress.named.values()])
    effort = situation.config.standing.effort or situation.progress.facts.get(("decision", "effort"))
    findings = tuple(_ask_about(finding, situation) for finding in named)
    decided = situation.progress.dispositions
    open_ = [finding for finding in findings if finding.ambiguous and finding.id not in decided]
    unsure = effort is None and any(f.severity == "issue" and f.id not in decided for f in findings)
    fix_list = to_fix(findings, decided, effort)
    facts = {
        "findings:to_fix": "some" if fix_list else "none",
        "findings:ambiguous": "some" if open_ or (unsure and "effort" in situation.machine.decisions) else "none",
    }
    if effort is not None and "effort" in situation.machine.decisions:
        facts["decision:effort"] = effort
    counts = [f"{n} {name}{'s' if n > 1 else ''}" for name in _RANK if (n := _count(findings, name))]
    told = ", ".join(counts) or "nothing found"
    return Outcome(
        status="ok",
        at=situation.clock(),
        why=f"consolidated: {told}; to fix: {len(fix_list)}",
        facts=facts,
        findings=findings,
        body=body(findings, fix_list),
    )


def body(findings: Sequence[Finding], fix_list: Sequence[Finding]) -> str:
    """The consolidated list as a task list: what is on the fix list, and what is not."""
    chosen = {finding.id for finding in fix_list}
    parts = []
    for title, group in (
        ("Fix list", [f for f in findings if f.id in chosen]),
        ("Not on the fix list", [f for f in findings if f.id not in chosen]),
    ):
        rows = [_row(finding) for finding in group]
        parts.append(f"## {title}\n\n" + ("\n".join(rows) or "Nothing.") + "\n")
    return "\n".join(parts)


def _of(role: str, situation: Situation) -> list[Finding]:
    ended = latest_verdict(situation, role)
    if ended is None:
        return []
    seen = {(f.where, f.text): (f.check, f.saw) for f in _spot_checked(situation) if f.sources == (role,)}
    found = [(f, *seen.get((f.where, f.text), (None, ""))) for f in ended.findings]
    return [f.model_copy(update={"check": check, "saw": saw}) for f, check, saw in found]


def _spot_checked(situation: Situation) -> tuple[Finding, ...]:
    ended = situation.progress.done.get(("spot_check", ""))
    return ended.findings if ended else ()


def _as_finding(problem: Problem) -> Finding:
    return Finding(
        severity=_WEIGHTS[problem.severity],
        where=f"{problem.file}:{problem.line}",
        text=f"{problem.code}: {problem.message} {problem.remedy}",
        sources=(CHECK,),
        check="confirmed",
    )


def _merge(raw: Sequence[Finding]) -> list[Finding]:
    """One finding per place or wording; where two sources disagree on the weight, the heavier one and a question."""
    groups: dict[str, list[Finding]] = {}
    for finding in raw:
        key = next((k for k, group in groups.items() if any(_same(finding, other) for other in group)), None)
        groups.setdefault(key or f"{len(groups)}", []).append(finding)
    return [_join(group) for group in groups.values()]


def _same(one: Finding, other: Finding) -> bool:
    if _plain(one.text) == _plain(other.text):
        return True
    return bool(one.where) and ":" in one.where and one.where == other.where and one.sources != other.sources


def _join(group: Sequence[Finding]) -> Finding:
    first = min(group, key=lambda finding: _RANK[finding.severity])
    sources = tuple(dict.fromkeys(source for finding in group for source in finding.sources))
    said = {finding.sources[0]: finding.severity for finding in group if finding.sources != (OWN,)}
    differ = len(set(said.values())) > 1
    told = " and ".join(f"{source} calls it {severity}" for source, severity in said.items())
    why = f"the severities differ ({told})" if differ else ""
    worst = next((finding for finding in group if finding.check == "refuted"), first)
    update = {"sources": sources, "ambiguous": why, "check": worst.check, "saw": worst.saw}
    return first.model_copy(update=update)


def _name(merged: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """Give each finding its id: the one it had before, else a number that none ever had.

    A person's answer is about an id, so an id that came back for something else would take the answer with it.
    """
    known = {_plain(finding.text): finding.id for finding in before}
    last = max((int(finding.id[1:]) for finding in before), default=0)
    named, taken = [], set()
    for finding in merged:
        id_ = known.get(_plain(finding.text), "")
        if not id_ or id_ in taken:
            last += 1
            id_ = f"F{last}"
        taken.add(id_)
        named.append(finding.model_copy(update={"id": id_}))
    return named


def _ask_about(finding: Finding, situation: Situation) -> Finding:
    """Say why a person must look at a finding, if she must; nits are never asked about."""
    if finding.severity == "nit":
        return finding.model_copy(update={"ambiguous": ""})
    why = [finding.ambiguous] if finding.ambiguous else []
    if finding.check in ("refuted", "uncheckable"):
        why.append(f"its claim is {finding.check}" + (f": {finding.saw}" if finding.saw else ""))
    for answer in situation.progress.answers:
        if answer.finding == finding.id and answer.answer != "fixed":
            why.append(f"the fixer says {answer.answer}" + (f": {answer.because}" if answer.because else ""))
    return finding.model_copy(update={"ambiguous": "; ".join(why)})


def _row(finding: Finding) -> str:
    where = f" `{finding.where}`" if finding.where else ""
    asked = f" (a person decides: {finding.ambiguous})" if finding.ambiguous else ""
    sources = ", ".join(finding.sources)
    return f"- [ ] {finding.id} {finding.severity}{where} [{sources}]: {' '.join(finding.text.split())}{asked}"


def _count(findings: Sequence[Finding], severity: str) -> int:
    return sum(finding.severity == severity for finding in findings)


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
