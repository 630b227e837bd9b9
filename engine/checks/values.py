"""Quantities of tests and claims about them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from engine.checks.catalogue import Place

Kind = Literal["own", "total", "prior"]


class Quantity(NamedTuple):
    """How many tests a story adds (own), or there are with it (total) or before it (prior).

    `of` limits that to a file (`login.test.ts`) or a folder (`server/`).
    """

    kind: Kind
    story: str
    of: str = ""

    def __str__(self) -> str:
        what = f"tests in {self.of}" if self.of else "tests"
        return what + {"own": " of story ", "total": " up to story ", "prior": " before story "}[self.kind] + self.story


class Claim(NamedTuple):
    """Somebody states a number; it holds if any of `quantities` has it. The first is the likeliest."""

    value: int
    quantities: tuple[Quantity, ...]
    place: Place
    role: str
    story: str | None = None  # whose page says so
    hedged: bool = False  # "commonly 17": any sum of earlier stories will do
    part: bool = False  # "4 relay tests": some of them, so only more would be wrong
    source: str = ""  # "sum" and "rows" are counted by us, the rest is stated
    stories: tuple[str, ...] = ()  # which of them a total covers, where it says so
    path: str = ""  # of the file


def own(story: str, of: str = "") -> Quantity:
    """The tests that a story adds."""
    return Quantity("own", story, of)


def total(story: str, of: str = "") -> Quantity:
    """All tests when a story is complete."""
    return Quantity("total", story, of)


def prior(story: str, of: str = "") -> Quantity:
    """All tests before a story."""
    return Quantity("prior", story, of)
