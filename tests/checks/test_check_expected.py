"""What a story says of itself, for gates and summaries."""

from __future__ import annotations

from tiny import Tiny

from engine.checks.expected import expected_tests, owned_acs


def test_a_story_says_how_many_tests_it_adds_and_which_tcs() -> None:
    """The stated number, not one that we count; TCs in order."""
    assert expected_tests(Tiny().pack(), "1") == (2, ("TC-1.1a", "TC-1.1b"))
    assert expected_tests(Tiny().pack(), "0") == (None, ())


def test_a_story_owns_the_acs_that_it_names_and_those_of_its_tcs() -> None:
    """Each once."""
    assert owned_acs(Tiny().pack(), "1") == ("AC-1.1",)
    assert owned_acs(Tiny().replace("1/story.md", "- AC-1.1\n", "").pack(), "1") == ("AC-1.1",)
