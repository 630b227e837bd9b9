"""What becomes of findings: which are disputed, and how each of them ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.events import Asked, Decided
from engine.model.machine import AgentAct, Machine
from engine.model.verdict import Finding
from engine.rules.findings import BLOCKERS_ONLY, FIXES
from engine.rules.guards import compile_guard, facts_of
from engine.rules.history import Progress

_ENDS = {"defer": "deferred"}


def disputed(progress: Progress, role: str) -> dict[str, Finding]:
    """The findings of a role that it has to answer: rejected by the fixer, or challenged by a person."""
    named = {answer.finding for answer in progress.answers if answer.answer == "rejected"} | set(progress.challenges)
    mine = (f for f in progress.findings if role in f.sources and f.severity != "nit" and not f.end)
    return {finding.id: finding for finding in mine if finding.id in named}


def nameable(progress: Progress, role: str) -> list[str]:
    """The ids that the findings of a role may name: what it found, and is neither closed nor put aside by a person."""
    aside = {name for name, said in progress.dispositions.items() if said.option not in FIXES}
    return [f.id for f in progress.findings if role in f.sources and not f.end and f.id not in aside]


def withheld(machine: Machine, progress: Progress, asked: Asked) -> tuple[str, ...]:
    """The options that a question does not have: a finding is challenged once, and only where somebody answers.

    That is where an exit of the state asks for it, and a validator found it, whose session is resumed.
    """
    finding = next((f for f in progress.findings if f.id == asked.finding and f.id not in progress.challenged), None)
    exits = machine.states[progress.state].exits
    read = {fact for exit_ in exits for fact in facts_of(compile_guard(machine, exit_.when))}
    if finding is not None and ("findings", "challenged") in read and _validators(machine) & {*finding.sources}:
        return ()
    return machine.decisions[asked.decision].challenges


def disposition(finding: Finding, decided: Mapping[str, Decided], accepted: Mapping[str, str]) -> str:
    """How a finding ended; "" while it is open. A nit holds nothing up, and leaving it is no risk.

    `accepted` are the issues that the effort left, and who answers for that.
    """
    said = decided.get(finding.id)
    if said is not None and said.option != "fix":
        return f"{_ENDS.get(said.option, said.option)} by {said.by}"
    if finding.end or said is not None:
        return finding.end
    if finding.severity == "nit":
        return "a nit"
    if finding.late and finding.severity == "issue":
        return "late"
    by = accepted.get(finding.id)
    return f"accepted ({BLOCKERS_ONLY}) by {by}" if by else ""


def dispositions(progress: Progress) -> list[tuple[Finding, str]]:
    """Every finding of the story, as the last consolidation that knew of it left it, with how it ended."""
    found = {finding.id: finding for _, ended in progress.rounds for finding in ended.findings}
    listed = sorted(found.values(), key=lambda finding: int(finding.id[1:]))
    return [(finding, disposition(finding, progress.dispositions, progress.accepted)) for finding in listed]


def unsettled(progress: Progress) -> list[Finding]:
    """The blockers and issues of the story that have not ended."""
    return [finding for finding, end in dispositions(progress) if not end]


def _validators(machine: Machine) -> set[str]:
    acts = (act for state in machine.states.values() for act in state.acts() if isinstance(act, AgentAct))
    return {role for act in acts if act.purpose == "validate" for role in machine.members(act.agent)}
