"""Front matter: read strictly, edited without touching another byte."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EditRefused, FormatError
from engine.markdown.front_matter import Span, read, remove_key, set_key, split
from engine.markdown.yaml_text import KeyValue, same
from tests.rounds import rounds


class State(StrEnum):
    FIXING = "fixing"


@pytest.mark.parametrize(
    ("raw", "span"),
    [
        (b"---\na: 1\n---\nbody", Span(4, 9, 13)),
        (b"\xef\xbb\xbf--- \r\na: 1\r\n---\t\r\nbody", Span(9, 15, 21)),
        (b"---\ra: 1\r---\rbody", Span(4, 9, 13)),
        (b"---\n---", Span(4, 4, 7)),
        (b"----\na: 1\n----\n", None),
        (b"\n---\na: 1\n---\n", None),
        (b" ---\na: 1\n---\n", None),
        (b"---\na: 1\n ---\n", None),
        (b"a: 1\n---\n", None),
        (b"", None),
    ],
)
def test_split(raw: bytes, span: Span | None) -> None:
    """Front matter stands between two lines of exactly three dashes, from the first line on."""
    assert split(raw) == span


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"# no front matter\n", {}),
        (b"---\n---\n", {}),
        (b"---\n# a comment\n---\n", {}),
        (b"---\nstate: drafted\ndepends_on: [0, 2a]\n---\n", {"state": "drafted", "depends_on": [0, "2a"]}),
        (b"\xef\xbb\xbf---\na: 1\n---\n", {"a": 1}),
        (b"---\n{a: 1}\n---\n", {"a": 1}),
        (b'{\n"a": 1\n}\n', {}),
        (b"---\ncontent: 1\nhandler: 2\n---\n", {"content": 1, "handler": 2}),
        (b"---\na: |\n  x\n\n---\n\n\n  body\n\n", {"a": "x\n"}),
        ("---\na: b\u2028c\n---\n".encode(), None),
    ],
)
def test_read(raw: bytes, data: dict[str, object] | None) -> None:
    """A BOM, a brace, the keys `content` and `handler`: no trap of python-frontmatter's matters."""
    if data is None:
        with pytest.raises(FormatError):
            read(raw)
    else:
        assert read(raw) == data


@pytest.mark.parametrize(
    ("raw", "line", "why"),
    [
        (b"---\nstate: drafted\n", 1, "not closed"),
        (b"---\n", 1, "not closed"),
        (b"---\na: 1\nb: [1\n---\n", 4, "bad front matter"),
        (b"---\na: 1\nb: x: y\n---\n", 3, "mapping values are not allowed"),
        (b"---\r\na: 1\r\nb: 2\r\na: 3\r\n---\r\n", 4, "'a' is given twice"),
        ("---\n# \u2028 \u2028\na: 1\na: 2\n---\n".encode(), 4, "'a' is given twice"),
        (b"---\na: 1\nb: 2026-02-31\n---\n", 2, "day is out of range"),
        (b"---\na: 1\nb: caf\xe9\n---\n", 3, "not UTF-8"),
        (b"---\na: 1\nb: \x07\n---\n", 3, "bad front matter"),
        (b"---\n- a\n- b\n---\n", 2, "no mapping"),
        (b"---\njust text\n---\n", 2, "no mapping"),
        (b"---\non: x\n---\n", 2, "key True is no text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(raw: bytes, line: int, why: str) -> None:
    """A bad front matter is a FormatError with line and remedy; the path is the caller's to add."""
    with pytest.raises(FormatError, match=why) as caught:
        read(raw)
    assert (caught.value.line, caught.value.path) == (line, "")
    assert caught.value.remedy
    with pytest.raises(FormatError, match=why):
        set_key(raw, "state", "drafted")


def test_bytes_that_are_no_utf_8_in_the_body_are_no_concern() -> None:
    """Only the front matter must be UTF-8."""
    raw = b"---\na: 1\n---\ncaf\xe9\n"
    assert set_key(raw, "a", 2) == b"---\na: 2\n---\ncaf\xe9\n"


def test_a_key_already_equal_changes_nothing() -> None:
    """Setting what is there already returns the very bytes, whatever their spelling; 1 is not true."""
    raw = b"---\na:    'x'   # c\nb: [ 1,2 ]\nc: 1\n---\n"
    assert set_key(raw, "a", "x") is raw
    assert set_key(raw, "b", (1, 2)) is raw
    assert set_key(raw, "c", True) == raw.replace(b"c: 1", b"c: true")


def test_a_str_enum_is_written_as_its_text() -> None:
    """A state of the model needs no conversion."""
    assert set_key(b"---\nstate: a\n---\n", "state", State.FIXING) == b"---\nstate: fixing\n---\n"


@pytest.mark.parametrize(
    ("raw", "key", "why"),
    [
        (b"---\na: &x 1\nb: *x\n---\n", "a", "anchor"),
        (b"---\na: &x 1\nb: *x\n---\n", "b", "anchor"),
        (b"---\na: !!str 1\n---\n", "a", "tag"),
        (b"---\na:\n  - 1\n---\n", "a", "no scalar"),
        (b"---\na:\n  b: 1\n---\n", "a", "no scalar"),
        (b"---\na: {b: 1}\n---\n", "a", "no scalar"),
        (b"---\n{a: 1}\n---\n", "a", "not written as"),
        (b"---\n{a: 1}\n---\n", "b", "not written as"),
        (b"---\nx: &x {a: 1}\n<<: *x\n---\n", "a", "merge"),
        (b"---\na: 1\n...\n---\n", "b", "by hand"),
    ],
)
def test_what_cannot_be_replaced_alone_is_refused(raw: bytes, key: str, why: str) -> None:
    """Anchors, aliases, tags, block collections, merges and an ended document are not edited."""
    with pytest.raises(EditRefused, match=why):
        set_key(raw, key, "new")


def test_a_value_without_a_spelling_is_refused() -> None:
    """A lone surrogate cannot be written in UTF-8 nor read back: nothing is changed."""
    with pytest.raises(EditRefused, match="by hand"):
        set_key(b"---\na: 1\n---\n", "a", "\ud800")


def test_a_body_that_would_become_front_matter_is_not_let_in() -> None:
    """Where removing the last key would turn a rule of the body into a fence, the edit is refused."""
    with pytest.raises(EditRefused, match="by hand"):
        remove_key(b"---\na: 1\n---\n---\nb: 2\n---\n", "a")
    with pytest.raises(EditRefused, match="by hand"):
        remove_key(b"---\na: 1\n---\n---\nb: 2\n", "a")


@pytest.mark.parametrize(
    ("raw", "key", "out"),
    [
        (b"---\na: 1\nb: 2  # c\nc: 3\n---\nx", "b", b"---\na: 1\nc: 3\n---\nx"),
        (b"---\r\na: 'x\r\n\r\n  y'\r\nb: 2\r\n---\r\n", "a", b"---\r\nb: 2\r\n---\r\n"),
        (b"---\na: |\n  x\n  # y\n\n# z\nb: 2\n---\n", "a", b"---\n\n# z\nb: 2\n---\n"),
        (b"---\na:\nb: 2\n---\n", "a", b"---\nb: 2\n---\n"),
        (b"---\n  a: [1,\n  2]\n  b: 2\n---\n", "a", b"---\n  b: 2\n---\n"),
        (b"\xef\xbb\xbf---\na: 1\n---\nbody", "a", b"\xef\xbb\xbfbody"),
        (b"---\n# kept\na: 1\n---\n", "a", b"---\n# kept\n---\n"),
        (b"---\na: 1\n---\n", "b", b"---\na: 1\n---\n"),
        (b"no front matter", "a", b"no front matter"),
    ],
)
def test_remove_key(raw: bytes, key: str, out: bytes) -> None:
    """A key goes with its line and the comment on it; front matter that is empty then goes too."""
    assert remove_key(raw, key) == out


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b"---\n? a\n: 1\n---\n", "a"),
        (b"---\na:\n- 1\n---\n", "a"),
        ("---\nb: 1 #\u2028a: 2\n---\n".encode(), "a"),
    ],
)
def test_a_key_that_does_not_own_its_line_is_not_removed(raw: bytes, key: str) -> None:
    """`? a`, a block collection, and a key behind a U+2028, a line end for YAML alone, are refused."""
    with pytest.raises(EditRefused, match="write"):
        remove_key(raw, key)


WORDS = ["state", "round", "a", "content", "handler", "on call", "é", "y", "no", "1", "#", "a: b"]
NASTY = " \t\n\r'\"#:-[]{},&*!|>%@`~\u2028\x85\ufeff"
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=12), st.text(NASTY, max_size=6))
NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats())
SCALARS = st.one_of(TEXTS, NUMBERS, st.dates(), st.datetimes())
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=4))
SPELLINGS = ["|\n  a\n  # b\n\n", ">-\n  a\n  b", "'it''s'  # c", '"a\\tb"', "[ a, 'b' ] # c", "", "# c"]
SPELLINGS += ["&x a", "*x", "!!str 1", "\n  - a\n  - b", "\n  b: 1", "{b: 1}", "1.10", "12:30", "yes", "~"]
SPELLINGS += ["'a\n\n  b'", "[a,\n  b]"]
BODIES = [b"", b"# T\r\n\n- [ ] a\n", b"---\nb: 1\n---\n", b"\n\n  x  \n\n", b"caf\xe9", b"...\n"]


@st.composite
def front_matters(draw: st.DrawFn) -> bytes:
    """Draw a file whose front matter mixes PyYAML's own spelling, hand-written values and comments."""
    lines = ["# first\n"] if draw(st.booleans()) else []
    for key in draw(st.lists(TEXTS, max_size=4, unique=True)):
        name = yaml.safe_dump(key, allow_unicode=True, width=1000).split("\n")[0]
        if draw(st.booleans()):
            lines.append(f"{name}: {draw(st.sampled_from(SPELLINGS))}\n")
        else:
            lines.append(yaml.safe_dump({key: draw(VALUES)}, allow_unicode=True, default_flow_style=None))
        lines += draw(st.sampled_from([[], [], ["\n"], ["  # between\n"]]))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    indent = draw(st.sampled_from(["", "", "  "]))
    text = "".join(indent + line for line in "".join(lines).splitlines(keepends=True)).replace("\n", end)
    start = draw(st.sampled_from(["", "\ufeff"]))
    return f"{start}---{end}{text}---{end}".encode("utf-8", "replace") + draw(st.sampled_from(BODIES))


@settings(max_examples=rounds(400), deadline=None)
@given(front_matters() | st.sampled_from(BODIES), TEXTS, VALUES, st.booleans(), st.data())
def test_any_edit_is_refused_or_changes_that_key_alone(
    raw: bytes, key: str, value: KeyValue, existing: bool, data: st.DataObject
) -> None:
    """An accepted edit reads back as exactly that change, keeps the body, and is one splice of bytes."""
    try:
        old: dict[str, Any] = read(raw)
        if existing and old:
            key = data.draw(st.sampled_from(sorted(old)))
        out = set_key(raw, key, value)
    except (FormatError, EditRefused):
        return
    assert same(read(out), {**old, key: value})
    assert set_key(out, key, value) is out
    assert _body(out) == _body(raw)
    if key not in old:
        try:
            assert remove_key(out, key) == raw or (split(raw) and not old)
        except EditRefused:
            assert "---" in raw.decode("utf-8", "replace")


def _body(raw: bytes) -> bytes:
    span = split(raw)
    return raw[span.body :] if span else raw.removeprefix(b"\xef\xbb\xbf")
