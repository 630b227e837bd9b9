"""Facts: what guards read. A fact is a name with its place; what is absent is not known yet."""

from __future__ import annotations

from collections.abc import Mapping

Fact = tuple[str, ...]
"""("item", id) → "ticked" | "open"; ("verdict", role) → "PASS" | "FAIL"; ("gate", name) → outcome;
("decision", name) → option or "answered"; ("findings", "to_fix" | "ambiguous") → "some" | "none";
("claims",) → "confirmed" | "refuted"; ("deviations",) → "some" | "none"; ("rounds", loop) → "left" | "used_up";
("dependencies",) → "complete" | "open"; ("files",) → "exist" | "missing".
"""

Facts = Mapping[Fact, str]


def spell(fact: Fact) -> str:
    """Name a fact in words of one piece, as the journal spells it."""
    return ":".join(fact)
