"""One ledger of all claims: what each quantity really is, and which claims break, each cause once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.checks.values import Claim, Quantity, own, total

_WEIGHT = {"story": 3, "prompt": 2, "overview": 2, "design": 2, "plan": 2}
_MOST_SUMS = 5_000  # sums of any earlier stories; beyond, a hedged claim is believed
Cause = tuple[str, ...]


@dataclass
class Ledger:
    """Claims, and the stories' own numbers that all others add up from. What nobody states has no value."""

    claims: list[Claim]
    order: tuple[str, ...]
    owns: dict[Quantity, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folders: dict[str, set[str]] = {}
        for claim in self.claims:
            for part in claim.path.split("/")[:-1]:
                self.folders.setdefault(f"{part}/", set()).add(claim.path.rsplit("/", 1)[-1])

    def value(self, quantity: Quantity, stories: Sequence[str] = ()) -> int | None:
        """What a quantity is; *stories* limits a total to these."""
        if quantity.kind == "own":
            return self._own(quantity)
        if not quantity.of and not stories:
            upto = self.upto(quantity)
            return self.totals.get(upto[-1]) if upto else 0
        parts = [self._own(own(story, quantity.of)) for story in stories or self.upto(quantity)]
        known = [part for part in parts if part is not None]
        return sum(known) if known or quantity.kind == "prior" else None

    def upto(self, quantity: Quantity) -> tuple[str, ...]:
        """The stories that a total or prior number covers."""
        return self.order[: self.order.index(quantity.story) + (quantity.kind != "prior")]

    def why(self, quantity: Quantity) -> Claim | None:
        """Who states a quantity's value, to be cited as the other side: the story itself before others."""
        value = self.value(quantity)
        stated = [c for c in self.claims if c.value == value and quantity == c.quantities[0] and not c.hedged]
        ranked = sorted(stated, key=lambda c: (c.story != quantity.story, -_WEIGHT[c.role], c.source))
        return next(iter(ranked), None)

    def broken(self) -> list[tuple[Quantity, list[Claim]]]:
        """Causes, each with its claims in reading order; the first is the break, the rest are its echoes."""
        causes: dict[Cause, list[tuple[Quantity, Claim]]] = {}
        place = {claim: number for number, claim in enumerate(self.claims)}
        wrong = [c for c in self.claims if not self._holds(c)]
        for claim in sorted(wrong, key=lambda c: (_rank(c), place[c])):
            quantity, cause = self._cause(claim, causes)
            causes.setdefault(cause, []).append((quantity, claim))
        found = []
        for entries in causes.values():
            entries.sort(key=lambda e: (e[1].source == "sum", e[0].kind != "own" and not e[0].of, place[e[1]]))
            found.append((entries[0][0], [claim for _, claim in entries]))
        return found

    def _own(self, quantity: Quantity) -> int | None:
        if not quantity.of.endswith("/"):
            return self.owns.get(quantity)
        files = (self.owns.get(own(quantity.story, f)) for f in self.folders.get(quantity.of, ()))
        known = [n for n in files if n is not None]
        return sum(known) if known else None

    def _holds(self, claim: Claim) -> bool:
        values = [self.value(q, claim.stories) for q in claim.quantities]
        known = [v for v in values if v is not None]
        if claim.value in known or not known or (len(known) < len(values) and not claim.quantities[0].of):
            return True
        if claim.part and claim.value < max(known):
            return True
        return claim.hedged and claim.value in self._sums(claim)

    def _sums(self, claim: Claim) -> set[int]:
        """All sums of stories up to the claim's: what a branch may hold."""
        sums, first = {0}, claim.quantities[0]
        for story in self.upto(first if first.kind == "prior" else total(first.story)):
            mine = self._own(own(story, first.of)) or 0
            sums |= {s + mine for s in sums}
            if len(sums) > _MOST_SUMS:
                return {claim.value}
        return sums

    def _cause(self, claim: Claim, causes: Iterable[Cause]) -> tuple[Quantity, Cause]:
        """The cause that a broken claim goes back to: the same offset, in the same or an earlier story."""
        options = []
        for quantity in claim.quantities:
            value = self.value(quantity, claim.stories)
            if value is not None:
                options += [(quantity, c) for c in self._causes(quantity, claim.value - value, claim.stories)]
        return next((option for option in options if option[1] in causes), options[0])

    def _causes(self, quantity: Quantity, offset: int, stories: Sequence[str]) -> list[Cause]:
        if quantity.kind == "own":
            return [("story", quantity.story, f"{offset:+}")]
        covered = stories or self.upto(quantity)
        if quantity.of:
            covered = tuple(stories) or tuple(s for s in covered if self._own(own(s, quantity.of)) is not None)
        return [
            ("total", quantity.of, f"{offset:+}"),
            *(("story", s, f"{offset:+}") for s in reversed(covered)),
        ]


def keep_ledger(claims: Iterable[Claim], order: tuple[str, ...], setup: Iterable[str]) -> Ledger:
    """Settle the stories' own numbers by what most sources say; the story itself weighs most."""
    ledger = Ledger(list(claims), order)
    votes: dict[Quantity, dict[int, int]] = {}
    voted: set[tuple[Quantity, int, str]] = set()
    for claim in ledger.claims:
        quantity = claim.quantities[0]
        if claim.hedged or claim.part or (len(claim.quantities) > 1 and not quantity.of):
            continue
        at_home = claim.role != "story" or claim.story == quantity.story
        ballot = str(claim.place) + claim.source if claim.role == "story" else claim.place.file
        if (quantity, claim.value, ballot) not in voted:
            voted.add((quantity, claim.value, ballot))
            sofar = votes.setdefault(quantity, {})
            sofar[claim.value] = sofar.get(claim.value, 0) + (_WEIGHT[claim.role] if at_home else 1)
    settled = {q: max(counts, key=lambda n: counts[n]) for q, counts in votes.items()}
    ledger.owns |= {q: n for q, n in settled.items() if q.kind == "own"}
    for story in setup:
        ledger.owns.setdefault(own(story), 0)
    _add_up(ledger, settled)
    return ledger


def _add_up(ledger: Ledger, settled: dict[Quantity, int]) -> None:
    """Totals are sums; a story that gives no number has what its stated total leaves for it."""
    before: int | None = 0
    for story in ledger.order:
        mine, said = ledger.owns.get(own(story)), settled.get(total(story))
        after = before + mine if before is not None and mine is not None else said
        if mine is None and before is not None and after is not None and after >= before:
            ledger.owns[own(story)] = after - before
        if after is not None:
            ledger.totals[story] = after
        before = after


def _rank(claim: Claim) -> int:
    """Stories' own numbers first, then totals, then what may mean either: later ones echo causes found."""
    first = claim.quantities[0]
    if len(claim.quantities) > 1 and not first.of:
        return 3
    return 2 if first.kind != "own" else 1 if first.of else 0
