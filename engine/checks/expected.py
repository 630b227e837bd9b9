"""What a story says of itself: the ACs and TCs it owns, and how many tests it adds."""

from __future__ import annotations

from engine.checks.claims import read_claims
from engine.checks.coverage import Coverage, read_coverage
from engine.checks.reading import Reading, Story, read_pack_pages
from engine.checks.values import own
from engine.model.pack import Pack


def expected_tests(pack: Pack, story_id: str) -> tuple[int | None, tuple[str, ...]]:
    """Return the story's stated number of tests (None where it names none) and the TCs it owns by test."""
    reading = read_pack_pages(pack, lambda _: True)
    story = reading.by_id[story_id]
    stated = [
        claim.value
        for claim in read_claims(reading)
        if claim.role == "story" and claim.story == story_id and claim.quantities[0] == own(story_id)
        if not claim.hedged and not claim.part and not claim.source
    ]
    return (stated[0] if stated else None), tuple(_coverage(reading, story).tests)


def other_tcs(pack: Pack, story_id: str) -> dict[str, str]:
    """Return the TCs that a story names and does not test itself: "manual" or "deferred"."""
    reading = read_pack_pages(pack, lambda _: True)
    coverage = _coverage(reading, reading.by_id[story_id])
    return {**dict.fromkeys(coverage.deferred, "deferred"), **dict.fromkeys(coverage.manual, "manual")}


def owned_acs(pack: Pack, story_id: str) -> tuple[str, ...]:
    """Return the ids of the ACs that a story names, and of those that its TCs belong to."""
    reading = read_pack_pages(pack, lambda _: True)
    coverage = _coverage(reading, reading.by_id[story_id])
    parents = [f"AC-{tc[3:].rstrip('abcdefghijklmnopqrstuvwxyz')}" for tc in coverage.taken]
    return tuple(dict.fromkeys([*coverage.acs, *parents]))


def _coverage(reading: Reading, story: Story) -> Coverage:
    return read_coverage(story, [*reading.defined])
