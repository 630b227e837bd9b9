"""The questions a state asks a person, and the ones that need no asking. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.events import Asked, Decided, Event
from engine.model.machine import ANSWERED, AskAct, Machine
from engine.model.verdict import Finding
from engine.rules.findings import to_fix
from engine.rules.history import Progress

NOBODY = ""
STANDING = "the standing answer in story.toml"


def ask_about(
    machine: Machine,
    progress: Progress,
    act: AskAct,
    *,
    standing: Mapping[str, str],
    at: str,
    shows: tuple[str, ...] = (),
) -> list[Event]:
    """The events that put a state's question to a person, or answer it where there is nothing to ask.

    `shows` are lines that a question about the story shows with it.
    """
    decision = machine.decisions[act.ask]
    number = progress.questions
    if decision.per == "finding":
        findings = _doubtful(progress)
        if not findings:
            return [Decided(at=at, id=NOBODY, decision=act.ask, option=ANSWERED, by=NOBODY)]
        return [
            Asked(at=at, id=f"D{number + n}", decision=act.ask, finding=finding.id)
            for n, finding in enumerate(findings, 1)
        ]
    if decision.standing:
        answer = standing.get(act.ask)
        if answer is not None:
            who = f"{standing['by']} ({STANDING})" if standing.get("by") else STANDING
            return [Decided(at=at, id=NOBODY, decision=act.ask, option=answer, by=who)]
        if not _unsorted_issues(progress):
            option = next(iter(decision.options))
            return [Decided(at=at, id=NOBODY, decision=act.ask, option=option, by=NOBODY)]
    return [Asked(at=at, id=f"D{number + 1}", decision=act.ask, shows=shows)]


def _doubtful(progress: Progress) -> list[Finding]:
    """What a person must look at: the ambiguous findings, or the whole fix list where the rounds are used up."""
    undecided = [f for f in progress.findings if f.id not in progress.dispositions and not f.end]
    ambiguous = [finding for finding in undecided if finding.ambiguous]
    if ambiguous or progress.facts.get(("findings", "ambiguous")) == "some":
        return ambiguous
    return to_fix(progress.findings, {}, progress.facts.get(("decision", "effort")))


def _unsorted_issues(progress: Progress) -> list[Finding]:
    """Issues that no question of their own was asked about."""
    asked = {event.finding for event in progress.asked.values()} | set(progress.dispositions)
    open_ = (f for f in progress.findings if f.severity == "issue" and not f.late and not f.end)
    return [finding for finding in open_ if finding.id not in asked]
