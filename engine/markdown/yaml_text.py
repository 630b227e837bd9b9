"""YAML as text: read it strictly, compare what was read, spell one value."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import yaml
from frontmatter.default_handlers import SafeLoader, YAMLHandler  # the C loader where libyaml is there

Scalar = str | int | float | bool | date | None
KeyValue = Scalar | Sequence[Scalar]

# written without quotes: what YAML 1.1, YAML 1.2, libyaml and PyYAML all take as one string
_PLAIN = re.compile(r"(?!(?i:y|n)$)[^\W\d_]\w*(?:[ ./+-]\w+)*")
_DEEPEST = 100  # libyaml's composer overflows the C stack, and the process dies, above some 5,000
_INDENTED = re.compile(r"^[ \t?-]{50}", re.M)  # each level of a block takes a column, or is a list in a key
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]|[^\x00-\uffff]")
# PyYAML lets the built-in errors of its constructors through: `2026-13-45`, `!!bool maybe`, `[` × 10,000
_FAULTS = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)


class BadYaml(ValueError):
    """The text is no YAML, or says one key twice; `offset` is the character where it was noticed."""

    def __init__(self, why: str, offset: int) -> None:
        super().__init__(why)
        self.offset = offset


def load(text: str) -> object:
    """Read one document as python-frontmatter does, but refuse a key given twice."""
    try:
        _refuse_depth(text)
        return YAMLHandler().load(text, Loader=_Loader)
    except _FAULTS as err:
        # never the mark's own line: YAML counts U+2028 as a line end
        mark = getattr(err, "problem_mark", None) or getattr(err, "context_mark", None)
        offset: int = mark.index if mark else 0
        if isinstance(err, yaml.reader.ReaderError):
            offset = len(text.encode()[: err.position].decode(errors="replace"))
        why = getattr(err, "problem", None) or getattr(err, "reason", None) or str(err)
        raise BadYaml(why, offset) from err


def bare(value: KeyValue) -> Scalar | list[Scalar]:
    """Return the value as YAML reads it back: a plain str for a StrEnum, a list for a tuple."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Sequence):
        return [str.__str__(part) if isinstance(part, str) else part for part in value]
    return value


def spell(value: Scalar | list[Scalar], quote: str) -> str:
    """Write a value: strings in *quote*, or without where every YAML takes them as text."""
    if isinstance(value, list):
        return "[" + ", ".join(spell(part, quote) for part in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, str):
        return str(yaml.safe_dump(value)).split("\n")[0]
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not quote and _PLAIN.fullmatch(value):
        return value
    text = json.dumps(value, ensure_ascii=False)  # JSON strings are YAML double-quoted scalars
    return _ESCAPED.sub(lambda char: f"\\U{ord(char[0]):08x}", text)


def same(a: object, b: object, seen: set[tuple[int, int]] | None = None) -> bool:
    """Compare in type too (1 is not True is not 1.0), and in key order; aliases may form a ring."""
    seen = set() if seen is None else seen
    if type(a) is not type(b):
        return False
    if (id(a), id(b)) in seen:  # compared, or being compared: a difference would show there
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        seen.add((id(a), id(b)))
        return list(a) == list(b) and all(same(a[key], b[key], seen) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        seen.add((id(a), id(b)))
        return len(a) == len(b) and all(same(x, y, seen) for x, y in zip(a, b, strict=True))
    return a == b or (a != a and b != b)  # NaN


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") < _DEEPEST and not _INDENTED.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            problem = f"it is nested more than {_DEEPEST} deep"
            mark: Any = event.start_mark  # libyaml's, or PyYAML's own
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


class _Loader(SafeLoader):  # type: ignore[valid-type, misc]  # chosen at import: with or without libyaml
    """python-frontmatter's loader, which refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[tuple[str, str]] = set()
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode):
                if (name.tag, name.value) in seen:
                    problem = f"key {name.value!r} is given twice"
                    raise yaml.constructor.ConstructorError(problem=problem, problem_mark=name.start_mark)
                seen.add((name.tag, name.value))
        made: dict[object, object] = super().construct_mapping(node, deep)
        return made
