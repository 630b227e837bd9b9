"""YAML as machines use it: YAML 1.2 scalars, no duplicate keys, no tags; each value knows its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePath

import yaml

from engine.model.problem import Problem, Severity

Scalar = str | int | float | bool | None

MAX_CHARS = 500_000
MAX_DEPTH = 40
MAX_NODES = 50_000
"""Counted with every alias written out, so that nested aliases cannot explode."""

CODES: dict[str, tuple[str, str]] = {
    "Y01": ("the file cannot be read, or is not one plain YAML mapping", "Correct what the message names."),
    "Y02": ("a key stands twice", "Keep one of them."),
    "Y03": ("a key is unknown", "Use one of those that are allowed; the closest one is named."),
    "Y04": ("a key is missing", "Add it."),
    "Y05": ("a value does not fit", "Write what the message asks for; a word in quotes is always text."),
    "Y06": ("`extends` cannot be followed, or deletes what is not there", "Correct the name."),
}
"""Code → what it means, and what to do, for files that cannot be read as machines."""

_WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """A value with the place it was written at; for the value of a key, the place of the key."""

    value: Scalar | dict[str, Node] | list[Node]
    file: str
    line: int
    size: int = 1

    def at(self, line: int) -> Node:
        """The same value, written elsewhere in its file."""
        return self if line == self.line else replace(self, line=line)

    def plain(self) -> object:
        """The bare value, without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@lru_cache(maxsize=8)  # each worktree of a story reads the same machines
def read_yaml(raw: bytes, file: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """Read one document; None when it cannot be read at all. Duplicate keys are told, and reading goes on."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = raw[: err.start].count(b"\n") + 1
        return None, (broken(file, line, "is not UTF-8 text.", "Save it as UTF-8."),)
    if len(text) > MAX_CHARS:
        return None, (broken(file, 1, f"is longer than {MAX_CHARS} characters.", "Is this a machine?"),)
    builder = _Builder(file)
    try:
        return builder.document(_events(text)), tuple(builder.problems)
    except _Refused as err:
        return None, (*builder.problems, err.problem)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        why = " ".join(str(part) for part in (err.context, err.problem) if part)
        return None, (*builder.problems, broken(file, mark.line + 1 if mark else 1, f"is no YAML: {why}."))
    except yaml.reader.ReaderError as err:
        line = text.encode()[: err.position].count(b"\n") + 1
        return None, (*builder.problems, broken(file, line, f"is no YAML: {err.reason}."))
    except yaml.YAMLError as err:  # pragma: no cover - no other kind is known
        return None, (*builder.problems, broken(file, 1, f"is no YAML: {err}."))


def broken(file: str, line: int, message: str, remedy: str = "Correct it.", code: str = "Y01") -> Problem:
    """Tell what is wrong with a machine file."""
    message = f"{PurePath(file).name} {message}" if code == "Y01" else message
    return Problem(
        code=f"M{code}", severity=Severity.ERROR, file=file or "-", line=line, message=message, remedy=remedy
    )


class _Refused(Exception):
    """Reading cannot go on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=_LOADER)


class _Builder:
    """Builds nodes from the parser's events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}

    def document(self, events: Iterator[yaml.Event]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self.refuse(event, "holds a second document.", "Keep one machine in a file.")
                root = self.node(next(events), events, 0)
        if root is None or not isinstance(root.value, dict):
            line = root.line if root else 1
            why = "is not a mapping of keys to values."
            raise _Refused(broken(self.file, line, why, "Start with `schema: story-machine/v1`."))
        return root

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.refuse(event, f"is nested deeper than {MAX_DEPTH} levels.", "Make it flatter.")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent)
        tag = event.tag
        if tag not in (None, "!"):
            raise self.refuse(event, f"has the tag {tag!r}.", "Leave tags out; quote a value to make it text.")
        if event.anchor:
            self.anchors[event.anchor] = None  # open: an alias inside would be endless
        line = _line(event)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Node(_scalar(event.value) if event.implicit[0] else event.value, self.file, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self.sequence(events, line, depth)
        else:
            node = self.mapping(events, line, depth)
        if node.size > MAX_NODES:
            raise self.refuse(event, f"holds more than {MAX_NODES} values.", "Is this a machine?")
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            raise self.refuse(event, f"uses *{event.anchor} before any &{event.anchor}.")
        node = self.anchors[event.anchor]
        if node is None:
            raise self.refuse(event, f"uses *{event.anchor} inside &{event.anchor} itself.")
        return node

    def sequence(self, events: Iterator[yaml.Event], line: int, depth: int) -> Node:
        parts: list[Node] = []
        size = 1
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            part = self.node(event, events, depth + 1)
            parts.append(part)
            size += part.size
            self.cap(event, size)
        return Node(parts, self.file, line, size)

    def mapping(self, events: Iterator[yaml.Event], line: int, depth: int) -> Node:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        size = 1
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key, plain = self.key(event)
            at = _line(event)
            value = self.node(next(events), events, depth + 1)
            if plain and key == "<<":
                for name, node in self.merge(event, value).items():
                    merged.setdefault(name, node)
                    size += node.size
            elif key in own:
                why = f"duplicate key {key!r}, first given in line {own[key].line}."
                self.problems.append(broken(self.file, at, why, "Keep one of them.", "Y02"))
            else:
                own[key] = value.at(at)
                size += value.size
            self.cap(event, size)
        return Node(merged | own, self.file, line, size)

    def key(self, event: yaml.Event) -> tuple[str, bool]:
        """A key is taken as it is spelled, so that `on`, `no` and `12` stay what they look like."""
        if not isinstance(event, yaml.ScalarEvent) or event.tag not in (None, "!"):
            raise self.refuse(event, "has a key that is not a word.", "Write `key: value`.")
        return event.value, bool(event.implicit[0])

    def merge(self, event: yaml.Event, value: Node) -> dict[str, Node]:
        parts = value.value if isinstance(value.value, list) else [value]
        found: dict[str, Node] = {}
        for part in parts:
            if not isinstance(part.value, dict):
                raise self.refuse(event, "merges (<<) something that is not a mapping.")
            found = part.value | found
        return found

    def cap(self, event: yaml.Event, size: int) -> None:
        if size > MAX_NODES:
            raise self.refuse(event, f"holds more than {MAX_NODES} values.", "Is this a machine?")

    def refuse(self, event: yaml.Event, why: str, remedy: str = "Correct it.") -> _Refused:
        return _Refused(broken(self.file, _line(event), why, remedy))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
