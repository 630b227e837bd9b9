"""Ids of acceptance criteria and test conditions in running text."""

from __future__ import annotations

import pytest

from engine.markdown.ids import Range, find_ids, find_ranges, leading_id


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("see AC-1.2, TC-1.2a and TC-2.1a.1.", "AC-1.2 TC-1.2a TC-2.1a.1"),
        ("AC-1.2b (addendum), AC-12.34", "AC-1.2b AC-12.34"),
        ("TC-1.1a TC-1.1b TC-1.1a", "TC-1.1a TC-1.1b"),
        ("test_TC-1.1a_opens `TC-1.1b`", "TC-1.1a TC-1.1b"),
        ("XTC-1.1a TC-1.2ab TC-1.x tc-1.1a AC-1", ""),
        ("TC-2.1a-c", "TC-2.1a TC-2.1b TC-2.1c"),
        ("TC-5.1a–b, TC-5.2a", "TC-5.1a TC-5.1b TC-5.2a"),
        ("TC-1.1a through TC-1.1c", "TC-1.1a TC-1.1b TC-1.1c"),
        ("**TC-1.1a** – **TC-1.1c**", "TC-1.1a TC-1.1b TC-1.1c"),
        ("AC-1.1–1.4", "AC-1.1 AC-1.2 AC-1.3 AC-1.4"),
        ("AC-1.9 to AC-1.11", "AC-1.9 AC-1.10 AC-1.11"),
        ("TC-2.1a..c", "TC-2.1a TC-2.1b TC-2.1c"),
        ("TC-1.1a/b/c", "TC-1.1a TC-1.1b TC-1.1c"),
        ("AC-1.1/1.3/1.2", "AC-1.1 AC-1.3 AC-1.2"),
        ("`TC-1.1a`/`TC-1.2b`", "TC-1.1a TC-1.2b"),
        ("TC-1.1a/c-e", "TC-1.1a TC-1.1c TC-1.1d TC-1.1e"),
        ("TC-2.1a.1-3 TC-2.1a.1–.2", "TC-2.1a.1 TC-2.1a.2 TC-2.1a.3"),
        ("TC-1.1a thru\nTC-1.1b", "TC-1.1a TC-1.1b"),
    ],
)
def test_find_ids(text: str, ids: str) -> None:
    """Ids come in order, each once, with the members of their ranges."""
    assert find_ids(text) == ids.split()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("- AC-1.1\n- AC-1.4", "AC-1.1 AC-1.4"),
        ("TC-2.1a - a title", "TC-2.1a"),
        ("TC-2.1a-based", "TC-2.1a"),
        ("TC-1.1c to TC-1.1a", "TC-1.1c TC-1.1a"),
        ("AC-1.1 to TC-1.1c", "AC-1.1 TC-1.1c"),
        ("AC-1.1-c", "AC-1.1"),
        ("AC-1.1-2026", "AC-1.1"),
        ("TC-1.1a through TC-1.4", "TC-1.1a TC-1.4"),
        ("AC-1.1/TC-1.1a", "AC-1.1 TC-1.1a"),
        ("AC-1.1-1.9999", "AC-1.1 AC-1.9999"),
    ],
)
def test_what_is_no_range(text: str, ids: str) -> None:
    """Two ids with something between them are a range only if they are alike and rise."""
    assert find_ids(text) == ids.split()


def test_a_range_across_groups_needs_the_order_of_the_spec() -> None:
    """From TC-1.1a to TC-1.2b lie whichever TCs the spec has between them; unknown, the ends stand for it."""
    known = ["AC-1.1", "TC-1.1a", "TC-1.1b", "AC-1.2", "TC-1.2a", "TC-1.2b", "TC-1.2c"]
    text = "TC-1.1a through TC-1.2b"
    assert find_ids(text, known) == ["TC-1.1a", "TC-1.1b", "TC-1.2a", "TC-1.2b"]
    assert find_ids(text) == ["TC-1.1a", "TC-1.2b"]
    assert find_ids(text, known[:3]) == ["TC-1.1a", "TC-1.2b"]
    assert find_ranges(text) == [Range("TC-1.1a", "TC-1.2b", None)]


def test_find_ranges_returns_ranges_only() -> None:
    """Single ids and lists are no ranges; a range keeps its two ends and members."""
    found = find_ranges("AC-1.1, TC-1.1a/b, AC-2.1–2.2")
    assert found == [Range("AC-2.1", "AC-2.2", ("AC-2.1", "AC-2.2"))]


def test_leading_id() -> None:
    """A text starts with one id, or with none, or with a range, which is none."""
    assert [leading_id(text) for text in ("AC-1.1: a", "a AC-1.1", "AC-1.1–1.2: a", "AC-1.1/1.2")] == [
        "AC-1.1",
        None,
        None,
        None,
    ]
