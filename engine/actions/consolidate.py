"""Merge what validators, spot checks and `story check` found into one list, and say which of it a person must see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.actions.again import RANK, Again
from engine.actions.fixed import read_sections
from engine.actions.situation import Outcome, Situation
from engine.actions.spot_check import OWN, latest_verdict
from engine.model.machine import ConsolidateAct, Severity
from engine.model.problem import Problem
from engine.model.problem import Severity as Weight
from engine.model.verdict import Finding
from engine.rules.disputes import disposition, dispositions
from engine.rules.findings import BLOCKERS_ONLY, accept, to_fix
from engine.rules.questions import STANDING

_WEIGHTS: dict[Weight, Severity] = {Weight.ERROR: "blocker", Weight.WARNING: "issue", Weight.NOTE: "nit"}
CHECK = "story check"


def consolidate(act: ConsolidateAct, situation: Situation) -> Outcome:
    """Make one list of blockers, issues and nits; the fix list is the blockers and issues that are open."""
    progress, standing = situation.progress, situation.config.standing
    roles = situation.machine.members(act.consolidate)
    again = Again.of(act, situation)
    raw = [finding for role in roles for finding in _of(role, situation)]
    raw += [finding for finding in _spot_checked(situation) if finding.sources == (OWN,)]
    if again.checks:
        raw += [_as_finding(problem) for problem in situation.problems()]
    named = _name(sorted(_merge(raw), key=_order), [*progress.named.values()])
    findings = tuple(sorted((_ask_about(f, again) for f in again.carry(named)), key=_order))
    effort = standing.effort or progress.facts.get(("decision", "effort"))
    decided = progress.dispositions
    asked = [finding for finding in findings if finding.ambiguous and finding.id not in decided]
    unsure = effort is None and any(
        f.severity == "issue" and f.id not in decided and not f.late for f in findings if not f.end
    )
    fix_list = to_fix(findings, decided, effort)
    counted = _passing(roles, situation, [*fix_list, *asked])
    accepts = f"{standing.by} ({STANDING})" if standing.effort == BLOCKERS_ONLY else ""
    facts = {
        "findings:to_fix": "some" if fix_list else "none",
        "findings:ambiguous": "some" if asked or (unsure and "effort" in situation.machine.decisions) else "none",
        **{f"verdict:{role}": "PASS" for role in counted},
    }
    if effort is not None and "effort" in situation.machine.decisions:
        facts["decision:effort"] = effort
    accepted = dict(progress.accepted)
    if effort is not None:
        accept(accepted, findings, decided, (accepts or progress.accepts) if effort == BLOCKERS_ONLY else "")
    listed = {finding.id: finding for finding, _ in dispositions(progress)} | {f.id: f for f in findings}
    ends = {name: disposition(finding, decided, accepted) for name, finding in listed.items()}
    counts = [f"{n} {name}{'s' if n > 1 else ''}" for name in RANK if (n := _count(findings, name))]
    told = ", ".join(counts) or "nothing found"
    passed = "".join(f"; FAIL of {role} counts as PASS" for role in counted)
    return Outcome(
        status="ok",
        at=situation.clock(),
        why=f"consolidated: {told}; to fix: {len(fix_list)}{passed}",
        facts=facts,
        findings=findings,
        sections=read_sections(situation),
        accepts=accepts,
        body=body([*listed.values()], fix_list, ends),
    )


def body(findings: Sequence[Finding], fix_list: Sequence[Finding], ends: Mapping[str, str]) -> str:
    """The story's findings as a task list: what is on the fix list, what is not, and what is closed.

    `ends` says of each how it ended.
    """
    chosen = {finding.id for finding in fix_list}
    rest = [f for f in findings if f.id not in chosen and not f.end]
    closed = [f for f in findings if f.id not in chosen and f.end]
    parts = []
    for title, group in (("Fix list", fix_list), ("Not on the fix list", rest), ("Closed", closed)):
        rows = [_row(finding, "" if finding.id in chosen else ends[finding.id]) for finding in group]
        if rows or title != "Closed":
            parts.append(f"## {title}\n\n" + ("\n".join(rows) or "Nothing.") + "\n")
    return "\n".join(parts)


def _passing(roles: Sequence[str], situation: Situation, open_: Sequence[Finding]) -> list[str]:
    """The roles whose FAIL holds nothing up: none of what they found is to be fixed or asked about, and no TC fails."""
    passing = []
    for role in roles:
        ended = latest_verdict(situation, role)
        if ended is None or not (ended.findings or ended.disputes) or ended.facts[f"verdict:{role}"] != "FAIL":
            continue
        failed = "fail" in ended.tcs.values() or (ended.counts is not None and ended.counts.failed)
        if not failed and not any(role in finding.sources for finding in open_):
            passing.append(role)
    return passing


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
    if one.words == other.words or (one.again and one.again == other.again):
        return True
    return bool(one.where) and ":" in one.where and one.where == other.where and one.sources != other.sources


def _join(group: Sequence[Finding]) -> Finding:
    first = min(group, key=lambda finding: RANK[finding.severity])
    sources = tuple(dict.fromkeys(source for finding in group for source in finding.sources))
    said = {finding.sources[0]: finding.severity for finding in group if finding.sources != (OWN,)}
    differ = len(set(said.values())) > 1
    told = " and ".join(f"{source} calls it {severity}" for source, severity in said.items())
    why = f"the severities differ ({told})" if differ else ""
    worst = next((finding for finding in group if finding.check == "refuted"), first)
    update = {"sources": sources, "ambiguous": why, "check": worst.check, "saw": worst.saw}
    update |= {key: next(filter(None, (getattr(f, key) for f in group)), "") for key in ("again", "broken_by")}
    return first.model_copy(update=update)


def _name(merged: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """Give each finding its id: the one it had before, else a number that none ever had.

    A person's answer is about an id, so an id that came back for something else would take the answer with it.
    """
    known = {finding.words: finding.id for finding in before}
    last = max((int(finding.id[1:]) for finding in before), default=0)
    named, taken = [], set()
    for finding in merged:
        id_ = finding.again or known.get(finding.words, "")
        if not id_ or id_ in taken:
            last += 1
            id_ = f"F{last}"
        taken.add(id_)
        named.append(finding.model_copy(update={"id": id_}))
    return named


def _ask_about(finding: Finding, again: Again) -> Finding:
    """Say why a person must look at a finding, if she must; nits are never asked about."""
    if finding.severity == "nit" or finding.end or finding.late:
        return finding.model_copy(update={"ambiguous": ""})
    why = [finding.ambiguous] if finding.ambiguous else []
    if finding.check in ("refuted", "uncheckable"):
        why.append(f"its claim is {finding.check}" + (f": {finding.saw}" if finding.saw else ""))
    why += again.sides(finding)
    return finding.model_copy(update={"ambiguous": "; ".join(dict.fromkeys(why))})


def _row(finding: Finding, end: str) -> str:
    where = f" `{finding.where}`" if finding.where else ""
    asked = f" (a person decides: {finding.ambiguous})" if finding.ambiguous and not end else ""
    told = [f"{d.was} → {d.severity} by {d.by}: {d.because}" for d in finding.disputes if d.answer == "partly"]
    told += [f"{d.by} concedes: {d.because}" for d in finding.disputes if d.answer == "concede"]
    more = "".join(f" ({words})" for words in [*told, *([end] if end else [])])
    sources = ", ".join(finding.sources)
    mark = "x" if finding.end else " "
    text = " ".join(finding.text.split())
    return f"- [{mark}] {finding.id} {finding.severity}{where} [{sources}]: {text}{asked}{more}"


def _order(finding: Finding) -> tuple[bool, int, str, str]:
    return bool(finding.end), RANK[finding.severity], finding.where, finding.text


def _count(findings: Sequence[Finding], severity: str) -> int:
    return sum(finding.severity == severity and not finding.end for finding in findings)
