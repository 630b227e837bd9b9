"""The one machine-readable block of a reply: found as markdown finds it, and parsed so that nothing can hide. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from engine.errors import EngineError

_FENCE = re.compile(r" {0,3}(?:(`{3,})[ \t]*([^`]*?)|(~{3,})[ \t]*(.*?))[ \t]*\r?")
_KINDS = {"": "json", "json": "json", "jsonc": "json", "yaml": "yaml", "yml": "yaml"}
_YAML_LIMIT, _YAML_DEPTH = 50_000, 200
"""Characters of a YAML block, and brackets in it; its reader takes quadratic time over nested ones."""
_MANY = 20
HOLE = "\0"
"""Stands in a reply's prose where a fenced block stood."""


class InvalidReply(EngineError):
    """A reply that cannot be accepted; `str()` says why in words the agent can act on."""


@dataclass(frozen=True, slots=True)
class Block:
    """A closed fenced block: the language that it names, "" for none, and what stands in it."""

    language: str
    body: str


def split(text: str) -> tuple[list[Block], list[str]]:
    """Part a reply into its fenced blocks and the lines around them, as markdown does."""
    blocks, prose, body, fence, language = list[Block](), list[str](), list[str](), "", ""
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        mark, info = (match[1] or match[3], match[2] or match[4] or "") if match else ("", "")
        if not fence and mark:
            fence, language, body = mark, (info.lower().split() or [""])[0], []
        elif fence and not info and mark.startswith(fence):
            blocks.append(Block(language, "\n".join(body)))
            prose.append(HOLE)
            fence = ""
        else:
            (body if fence else prose).append(line)
    if fence:
        raise InvalidReply("it ends inside a fenced block, as if it were cut off.")
    return blocks, prose


def only_block(blocks: list[Block], key: str, *, guarded: bool) -> tuple[dict[str, object], str]:
    """The fields of the one block that has a key, and its text.

    Where it is `guarded`, a block of any language that seems to say the key and cannot be read counts as well.
    """
    found, other = list[tuple[dict[str, object], str]](), 0
    for block in blocks:
        fields = parse(block)
        if fields is not None and key in fields:
            found.append((fields, block.body))
        elif guarded and names(block.body, key):
            other += 1
        if len(found) + other > _MANY:
            break
    if other:
        raise InvalidReply(f"a block that says {key!r} cannot be read as JSON or YAML, or is something else.")
    if len(found) != 1:
        raise InvalidReply(f"it holds {len(found)} JSON blocks with {key!r}, needs exactly one.")
    return found[0]


def parse(block: Block) -> dict[str, object] | None:
    """The mapping that a block holds; None where it holds none, or is in another language."""
    kind = _KINDS.get(block.language)
    try:
        value = _json(block.body) if kind == "json" else _yaml(block.body) if kind == "yaml" else None
    except (ValueError, RecursionError, yaml.YAMLError):
        return None
    return value if isinstance(value, dict) else None


def names(text: str, key: str) -> bool:
    """Does a text say a key, in whatever notation?"""
    return bool(re.search(rf"(?i)(?:^|[^\w-]){re.escape(key)}[\"'`*]*\s*[:=]", visible(text)))


def visible(text: str) -> str:
    """A text without the characters that nobody sees, and with one form for each that can be written in several."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def _json(body: str) -> object:
    return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A mapping that says the same thing twice contradicts itself; JSON would let the last one win."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        told = [name for name, _ in pairs]
        twice = next(name for name in told if told.count(name) > 1)
        raise InvalidReply(f"{twice!r} stands twice in one mapping.")
    return fields


def _yaml(body: str) -> object:
    """YAML without its surprises: no anchors, tags or comments, and a scalar is a text unless it is a plain number."""
    if len(body) > _YAML_LIMIT or body.count("[") + body.count("{") > _YAML_DEPTH:
        raise ValueError("too long")
    for event in yaml.parse(body, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise ValueError("anchors and tags are not read")
    node = yaml.compose(body, Loader=yaml.SafeLoader)
    if node is None:
        return None
    rest, end = [], 0
    for start, stop in _spans(node):
        rest.append(body[end:start])
        end = stop
    if "#" in "".join([*rest, body[end:]]):
        raise ValueError("comments are not read")
    return _value(node)


def _spans(node: yaml.Node) -> Iterator[tuple[int, int]]:
    """Where the scalars of a document stand, in their order."""
    if isinstance(node, yaml.ScalarNode):
        yield node.start_mark.index, node.end_mark.index
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _spans(part)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _spans(key)
            yield from _spans(value)


def _value(node: yaml.Node, key: str = "") -> object:
    if isinstance(node, yaml.SequenceNode):
        return [_value(part) for part in node.value]
    if isinstance(node, yaml.MappingNode):
        return _once([(str(name.value), _value(part, str(name.value))) for name, part in node.value])
    text = str(node.value)
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    if plain and key != "story" and re.fullmatch(r"\d{1,9}", text):
        return int(text)
    return None if plain and text in ("", "~", "null") else text
