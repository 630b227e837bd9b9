"""One YAML value as text, and back."""

from __future__ import annotations

import math
from datetime import date, datetime
from enum import StrEnum

import pytest
import yaml

from engine.markdown.yaml_text import BadYaml, Scalar, bare, load, same, spell

CHARACTERS = "#~=é😀\t\x07\x85\u2028\ufeff\ufffe\\%@`n"
PHRASES = ["", "a b", "yes", "null", "1.10", "12:30", "2026-01-01", "a: b", "it's", 'say "x"', "a\nb", " a "]
PHRASES += ["<<", "- a", "{a}", "[a]"]
DATES = [date(2026, 11, 20), datetime(2026, 11, 20, 9, 30)]


class State(StrEnum):
    DRAFTED = "drafted"


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("value", [*CHARACTERS, *PHRASES])
def test_a_string_reads_back_as_itself(value: str, quote: str) -> None:
    """Every string is spelled so that YAML reads that string."""
    assert load(f"a: {spell(value, quote)}\n") == {"a": value}


@pytest.mark.parametrize(("value", "text"), [("validating", "validating"), ("2a", '"2a"'), ("n", '"n"')])
def test_a_plain_string_needs_no_quotes(value: str, text: str) -> None:
    """A word goes without quotes, unless some YAML reads it as something else."""
    assert spell(value, "") == text


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -7,
        1.5,
        1e100,
        math.inf,
        date(2026, 11, 20),
        datetime(2026, 11, 20, 9),
        [],
        ["a", 1],
    ],
)
def test_another_value_reads_back_in_its_type(value: Scalar | list[Scalar]) -> None:
    """Numbers, dates, booleans and flat lists keep value and type."""
    assert same(load(f"a: {spell(value, '')}\n"), {"a": value})


def test_bare() -> None:
    """A StrEnum is the string it stands for, and a tuple is a list."""
    assert type(bare(State.DRAFTED)) is str
    assert [type(part) for part in bare((State.DRAFTED, 1))] == [str, int]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, 1.0),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1], [1, 2]),
        ({"a": [1]}, {"a": [2]}),
        ("a", None),
    ],
)
def test_what_is_not_the_same(a: object, b: object) -> None:
    """Type and order count."""
    assert not same(a, b)
    assert same(a, a)


def test_nan_is_the_same_as_nan() -> None:
    """A value that is not equal to itself has not changed."""
    assert same({"a": math.nan}, {"a": float("nan")})


def test_aliases_that_form_a_ring_or_a_bomb_are_compared_in_no_time() -> None:
    """Shared parts are compared once."""
    ring = "a: &x [*x]\n"
    assert same(load(ring), load(ring))
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert same(load(bomb), load(bomb))


@pytest.mark.parametrize(
    ("text", "at", "why"),
    [
        ("a: 1\nb: [\n", 9, "did not find expected"),
        ("a: 1\nb: 2\na: 3\n", 10, "'a' is given twice"),
        ("a:\n  b: 1\n  'b': 2\n", 12, "'b' is given twice"),
        ("a: 'é\u2028'\nb: ]\n", 11, "parsing a block mapping|did not find"),
        ("é: \x00\n", 3, "control characters|not allowed"),
        ("a: 2026-13-45\n", 0, "month"),
        ("a: !!bool maybe\n", 0, "maybe"),
        ("a: !!python/none x\n", 3, "could not determine a constructor"),
        ("? [a]\n: 1\n", None, "unhashable"),
        ("<<: 1\n", None, "expected a mapping"),
        ("[" * 5000, 100, "nested more than 100 deep"),
        ("a: " + "[{b: " * 60000, None, "nested more than 100 deep"),
        ("- " * 60000, None, "nested more than 100 deep"),
    ],
)
def test_bad_yaml_says_where(text: str, at: int | None, why: str) -> None:
    """What PyYAML raises, and a key given twice, is BadYaml with the character where it was noticed."""
    with pytest.raises(BadYaml, match=why) as caught:
        load(text)
    assert at is None or abs(caught.value.offset - at) <= 1
    assert str(caught.value)


def test_many_brackets_are_not_depth() -> None:
    """A front matter with hundreds of lists is as good as one with two."""
    text = "".join(f"k{n}: [a]\n" for n in range(300)) + f"deep: {' ' * 60}x\n"
    assert len(str(load(text))) > 3000
    assert load(f"a:\n{' ' * 60}b: 1\n") == {"a": {"b": 1}}


def test_a_merge_key_may_be_overridden() -> None:
    """A key that comes from `<<` and is written as well is not given twice."""
    text = "base: &b {x: 1}\nmade:\n  <<: *b\n  x: 2\n"
    assert load(text) == yaml.safe_load(text)
