"""A later round: what became of the findings of the round before, and which of the new ones come too late."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from engine.actions.fixed import cited, is_untouched
from engine.actions.situation import Situation
from engine.actions.spot_check import NEAR, latest_verdict
from engine.model.events import Ended
from engine.model.machine import AgentAct, ConsolidateAct, Severity
from engine.model.verdict import Dispute, Finding

RANK: dict[Severity, int] = {"blocker": 0, "issue": 1, "nit": 2}


@dataclass(frozen=True, slots=True)
class Again:
    """What a consolidation knows of the rounds before it, with the same roles.

    `spoke` are the roles that gave a verdict since the last one; `checks` says that `story check` is heard.
    """

    situation: Situation
    roles: tuple[str, ...]
    rounds: tuple[Ended, ...]
    spoke: frozenset[str]
    disputes: tuple[Dispute, ...]
    checks: bool
    revalidates: bool

    @classmethod
    def of(cls, act: ConsolidateAct, situation: Situation) -> Again:
        """Gather it from the journal."""
        progress, machine = situation.progress, situation.machine
        roles = machine.members(act.consolidate)
        rounds = tuple(ended for who, ended in progress.rounds if who == act.consolidate)
        since = rounds[-1].number if rounds else 0
        latest = {role: ended for role in roles if (ended := latest_verdict(situation, role)) is not None}
        spoke = frozenset(role for role, ended in latest.items() if ended.number > since)
        acts = machine.states[progress.state].acts()
        return cls(
            situation=situation,
            roles=roles,
            rounds=rounds,
            spoke=spoke,
            disputes=tuple(
                d.model_copy(update={"by": role}) for role in roles if role in spoke for d in latest[role].disputes
            ),
            checks=machine.phase_of(progress.state) == "validation",
            revalidates=any(isinstance(one, AgentAct) and one.purpose == "revalidate" for one in acts),
        )

    def carry(self, named: Sequence[Finding]) -> list[Finding]:
        """The findings of this round with those of the last one: closed, or still open though nobody listed them."""
        before = {finding.id: finding for finding in (self.rounds[-1].findings if self.rounds else ())}
        now = [self._revised(finding, before.get(finding.id), listed=True) for finding in named]
        there = {finding.id for finding in now}
        gone = [finding for finding in before.values() if finding.id not in there and not finding.end]
        return [self._mark(finding) for finding in now] + [self._close(finding) for finding in gone]

    def sides(self, finding: Finding) -> Iterator[str]:
        """What is held against each other about a finding: by its validators, the fixer, a person."""
        own = self._said(finding.id)
        held = [dispute for dispute in own if dispute.answer == "hold"]
        for answer in self.situation.progress.answers:
            settled = own and not held and answer.answer == "rejected"
            if answer.finding == finding.id and answer.answer != "fixed" and not settled:
                yield f"the fixer says {answer.answer}" + (f": {answer.because}" if answer.because else "")
        note = self.situation.progress.challenges.get(finding.id)
        if held and note is not None:
            yield f"a person challenges it: {' '.join(note.split())}"
        yield from (f"{dispute.by} holds it: {dispute.because}" for dispute in held)

    def _said(self, name: str) -> list[Dispute]:
        return [dispute for dispute in self.disputes if dispute.finding == name]

    def _close(self, finding: Finding) -> Finding:
        """A finding that nobody lists any more: confirmed as fixed, conceded, or open all the same."""
        judges = [role for role in finding.sources if role in self.roles]
        if not all(role in self.spoke for role in judges) or not (judges or self.checks or self._own(finding)):
            return finding
        own = self._said(finding.id)
        if own:
            if any(dispute.answer != "concede" for dispute in own):
                return self._revised(finding, finding, listed=False)
            by = " and ".join(dispute.by for dispute in own)
            closed = self._revised(finding, finding, listed=False)
            return closed.model_copy(update={"end": f"conceded by {by}", "ambiguous": ""})
        said = [answer for answer in self.situation.progress.answers if answer.finding == finding.id]
        if any(answer.answer == "needs a person" for answer in said):
            return finding.model_copy(update={"ambiguous": ""})
        return finding.model_copy(update={"end": f"fixed (confirmed in round {len(self.rounds) + 1})", "ambiguous": ""})

    def _revised(self, finding: Finding, before: Finding | None, *, listed: bool) -> Finding:
        """A finding with what its validators answered, and the severity that follows; who holds keeps the old one."""
        if before is None:
            return finding
        own = [d.model_copy(update={"was": before.severity}) for d in self._said(finding.id)]
        kept = [d.severity or before.severity for d in own if d.answer != "concede"]
        weights = kept + ([finding.severity] if listed or not kept else [])
        severity = min(weights, key=lambda weight: RANK[weight])
        update = {"severity": severity, "disputes": (*before.disputes, *own)}
        return finding.model_copy(update=update | ({} if listed else {"ambiguous": ""}))

    def _mark(self, finding: Finding) -> Finding:
        """Say of a finding whether it comes too late to hold the story up."""
        late = self.revalidates and bool(self.rounds) and finding.severity == "issue" and self._late(finding)
        return finding.model_copy(update={"late": late})

    def _late(self, finding: Finding) -> bool:
        """Is it new, of validators only, and surely not caused by what was changed since the round before?"""
        known = self.situation.progress.named.get(finding.id)
        if finding.broken_by or (known is not None and not known.late) or not {*finding.sources} <= {*self.roles}:
            return False
        older = (other for ended in self.rounds for other in ended.findings if not other.late)
        if any(_near(finding.where, other.where) and _share(finding.sources, other.sources) for other in older):
            return False
        return is_untouched(finding.where, self.rounds[-1].sections, self.situation)

    def _own(self, finding: Finding) -> bool:
        """Is it the spot check's, which looked again?"""
        return "story check" not in finding.sources


def _near(one: str, other: str) -> bool:
    (file, line), (same, there) = cited(one), cited(other)
    return bool(file) and file == same and abs(line - there) <= NEAR


def _share(one: Collection[str], other: Collection[str]) -> bool:
    return bool({*one} & {*other})
