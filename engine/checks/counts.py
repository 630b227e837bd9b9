"""Test counts that do not add up, each root cause once, with its echoes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.catalogue import echo, problem
from engine.checks.claims import read_claims
from engine.checks.ledger import Ledger, keep_ledger
from engine.checks.reading import Reading
from engine.checks.text import plain
from engine.checks.values import Claim, Quantity, own
from engine.model.problem import Problem

_STORIES = re.compile(r"(?<![\w.–-])(\d{1,3})\s+stories\b", re.I)

_SAID = {"sum": "The rows add up to", "rows": "There are rows for"}


def check_counts(reading: Reading) -> Iterator[Problem]:
    """Compare all claims with what they add up to."""
    order = tuple(story.id for story in reading.stories)
    setup = [story.id for story in reading.stories if story.setup]
    ledger = keep_ledger(read_claims(reading), order, setup)
    for quantity, claims in ledger.broken():
        yield _problem(ledger, quantity, claims)
    yield from _number_of_stories(reading)


def _problem(ledger: Ledger, quantity: Quantity, claims: list[Claim]) -> Problem:
    first, *rest = claims
    said = {(c.place, c.value): None for c in rest if (c.place, c.value) != (first.place, first.value)}
    echoes = [echo(place, f"{n} here, too" if n == first.value else f"hence {n}") for place, n in said]
    message = f"{_SAID.get(first.source, 'This says')} {first.value} {quantity}, but "
    message += f"{_other_side(ledger, quantity, first)}."
    return problem(_code(quantity, first), first.place, message, story=quantity.story, echoes=echoes)


def _code(quantity: Quantity, first: Claim) -> str:
    if quantity.kind != "own":
        return "C305" if quantity.kind == "prior" else "C306" if quantity.of else "C304"
    if first.story != quantity.story:
        return "C303"
    return "C302" if first.role == "prompt" else "C301"


def _other_side(ledger: Ledger, quantity: Quantity, first: Claim) -> str:
    """What speaks against a claim, with its place."""
    value = ledger.value(quantity, first.stories)
    if quantity.kind == "own":
        why = ledger.why(quantity)
        how = {"sum": "is the sum at", "rows": "is the number of rows at"}.get(why.source if why else "", "is said at")
        return f"{value} {how} {why.place}" if why else f"its files add up to {value}"
    parts = [own(story, quantity.of) for story in first.stories or ledger.upto(quantity)]
    known = [part for part in parts if ledger.value(part)]
    sums = " + ".join(str(ledger.value(part)) for part in known) or "0"
    why = next((w for part in reversed(known) if (w := ledger.why(part))), None)
    total_ = f"{sums} = {value}" if len(known) > 1 else f"{value}"
    return f"the stories so far add up to {total_}" + (f" (the last at {why.place})" if why else "")


def _number_of_stories(reading: Reading) -> Iterator[Problem]:
    """`8 stories` in the overview or a design must be how many there are."""
    count = len(reading.stories)
    for page in (reading.overview, *reading.designs):
        wrong = []
        for line in page.prose if page else ():
            text = plain(line.text)
            wrong += [(line.number, int(m[1])) for m in _STORIES.finditer(text) if int(m[1]) != count]
        if page and wrong:
            line_number, said = wrong[0]
            echoes = [echo(page.at(n), f"{other} stories") for n, other in wrong[1:]]
            message = f"This says {said} stories, but {reading.pack.root or 'the pack'} holds {count}."
            yield problem("C307", page.at(line_number), message, name=str(count), echoes=echoes)
