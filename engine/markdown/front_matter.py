"""YAML front matter: python-frontmatter reads it, we splice it.

An edit replaces exactly the bytes of one value (PyYAML's marks say which); then the result is read again and
must be the old metadata with that key changed. `frontmatter.dumps` is never used: it loses order, comments,
quotes. python-frontmatter gets the text between the fences only, so that the traps of `frontmatter.parse`
cannot matter: a BOM, a leading `{`, keys named `content` or `handler`, the stripping of the body.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml
from frontmatter.default_handlers import SafeLoader

from engine.errors import EditRefused, FormatError
from engine.markdown.lines import line_at, line_ending, top
from engine.markdown.yaml_text import BadYaml, KeyValue, bare, load, same, spell

_OPEN = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*(\r\n|\r|\n)")
_CLOSE = re.compile(rb"(?:(?<=\n)|(?<=\r))---[ \t]*(?:\r\n|\r|\n|\Z)")
_LINE_START = re.compile(r"(?:\A|(?<=[\r\n]))[ \t]*\Z")
_REST_OF_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


class Span(NamedTuple):
    """Byte offsets: the YAML is raw[start:end], the markdown raw[body:]."""

    start: int
    end: int
    body: int


def split(raw: bytes) -> Span | None:
    """Find the front matter, or None."""
    head = _OPEN.match(raw)
    tail = _CLOSE.search(raw, head.end()) if head else None
    return Span(head.end(), tail.start(), tail.end()) if head and tail else None


def read(raw: bytes) -> dict[str, object]:
    """Return the metadata, {} where there is no front matter; errors carry a line, callers add the path."""
    span = split(raw)
    if span is None:
        if _OPEN.match(raw):
            raise FormatError("the front matter is not closed.", line=1, remedy="End it with a line `---`.")
        return {}
    try:
        text = raw[span.start : span.end].decode("utf-8")
        data = load(text)
    except UnicodeDecodeError as err:
        line = line_at(raw, span.start + err.start)
        raise FormatError("the front matter is not UTF-8.", line=line, remedy="Save it as UTF-8.") from err
    except BadYaml as err:
        line = line_at(raw, span.start + len(text[: err.offset].encode()))
        remedy = "Correct the YAML between the `---` lines."
        raise FormatError(f"bad front matter: {err}.", line=line, remedy=remedy) from err
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise FormatError("the front matter is no mapping.", line=2, remedy="Write `key: value` lines.")
    for key in data:
        if not isinstance(key, str):
            raise FormatError(f"front-matter key {key!r} is no text.", line=2, remedy="Quote it.")
    return data


def set_key(raw: bytes, key: str, value: KeyValue) -> bytes:
    """Set *key* to a scalar or flat list, as a new last key or as new front matter if need be."""
    new, old, span = bare(value), read(raw), split(raw)
    if key in old and same(old[key], new):
        return raw
    want = {**old, key: new}
    pairs = [f"{spell(key, quote)}: {spell(new, quote)}" for quote in ("", '"')]
    if span is None:
        start, eol = top(raw), line_ending(raw)
        return _proven(raw, start, start, [f"---{eol}{pair}{eol}---{eol}" for pair in pairs], want)
    text = raw[span.start : span.end].decode("utf-8")
    if key not in old:
        indent, eol = _indent(text), line_ending(raw[: span.start])
        return _proven(raw, span.end, span.end, [f"{indent}{pair}{eol}" for pair in pairs], want)
    _, node, a, b = _place(text, key)
    styles = [node.style] if isinstance(node, yaml.ScalarNode) and node.style in ("'", '"') else []
    lead = " " if a == b else ""  # the empty value of `key:` stands right after the colon
    at, end = (span.start + len(text[:place].encode()) for place in (a, b))
    return _proven(raw, at, end, [lead + spell(new, quote) for quote in (*styles, "", '"')], want)


def remove_key(raw: bytes, key: str) -> bytes:
    """Remove the line of *key*, and the whole front matter if nothing else is in it."""
    old, span = read(raw), split(raw)
    if span is None or key not in old:
        return raw
    want = {name: value for name, value in old.items() if name != key}
    text = raw[span.start : span.end].decode("utf-8")
    name, _, _, b = _place(text, key)
    before, rest = _LINE_START.search(text, 0, name), _REST_OF_LINE.match(text, b)
    if before is None or rest is None:
        raise EditRefused(f"front-matter key {key!r} does not start its line; write it so.")
    if not (text[: before.start()] + text[rest.end() :]).strip():
        return _proven(raw, top(raw), span.body, [""], want)
    at, end = (span.start + len(text[:place].encode()) for place in (before.start(), rest.end()))
    return _proven(raw, at, end, [""], want)


def _indent(text: str) -> str:
    root = _mapping(text)
    return " " * root.start_mark.column if root else ""


def _mapping(text: str) -> yaml.MappingNode | None:
    """Compose YAML into a block mapping, whose marks say where each key and value is."""
    root = yaml.compose(text, Loader=SafeLoader)
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        raise EditRefused("the front matter is not written as `key: value` lines; rewrite it so.")
    return root


def _place(text: str, key: str) -> tuple[int, yaml.Node, int, int]:
    """Return where a key starts, its value, and the value's span, if it can be replaced alone."""
    root = _mapping(text)
    pairs = root.value if root else []
    index = next((i for i, (name, _) in enumerate(pairs) if name.value == key), None)
    if index is None:
        raise EditRefused(f"front-matter key {key!r} comes from a merge `<<`; write it out.")
    name, node = pairs[index]
    a, b = node.start_mark.index, node.end_mark.index
    after = pairs[index + 1][0].start_mark.index if index + 1 < len(pairs) else len(text)
    if not name.end_mark.index < a <= b <= after or text[a : a + 1] in ("&", "!", "*"):
        raise EditRefused(f"front-matter key {key!r} has an anchor, an alias or a tag; write its value out.")
    flow = isinstance(node, yaml.SequenceNode) and node.flow_style
    if not flow and not isinstance(node, yaml.ScalarNode):
        raise EditRefused(f"front-matter key {key!r} is no scalar and no list in brackets; write it so.")
    end = a + len(text[a:b].rstrip(" \t\r\n"))  # a block scalar owns its last line end
    return name.start_mark.index, node, a, end


def _proven(raw: bytes, start: int, end: int, spellings: list[str], want: dict[str, object]) -> bytes:
    """Splice in the first spelling that reads back as *want* and leaves the body as it is."""
    span = split(raw)
    body = raw[span.body if span else start :]
    for spelling in spellings:
        try:
            out = raw[:start] + spelling.encode() + raw[end:]
            found = split(out)
            if out[found.body if found else start :] == body and same(read(out), want):
                return out
        except (FormatError, UnicodeEncodeError):
            continue
    raise EditRefused(f"no spelling of {spellings[-1]!r} reads back as itself; edit it by hand.")
