"""What pydantic finds wrong in a machine file, told in the words and at the lines of that file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.files.strict_yaml import Node, broken
from engine.model.machine import ACTS, Machine
from engine.model.problem import Problem

Place = tuple[str | int, ...]
Schema = dict[str, object]

_WANTED = {
    "string": "text",
    "int": "a whole number",
    "bool": "true or false",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}
_NAMED = {"_attributes": "", "_type": "", "_parsing": "", "_from_float": ""}


def faults(error: ValidationError, root: Node) -> list[Problem]:
    """Translate every error; those about the same value are told once."""
    details = error.errors(include_url=False)
    inner = {detail["loc"][: len(detail["loc"]) - n] for detail in details for n in range(1, len(detail["loc"]) + 1)}
    # pydantic counts only the sound entries of a list: a broken one is no "too short" list
    told = [d for d in details if d["type"] != "too_short" or d["loc"] not in inner]
    problems = {str(p): p for p in (_fault(detail, root) for detail in told)}
    return sorted(problems.values(), key=lambda problem: (problem.file, problem.line, problem.code))


def find(root: Node, place: Iterable[str | int]) -> Node:
    """The node at a place, or the nearest one around it."""
    node = root
    for part in place:
        inner = _step(node, part)
        if inner is None:
            return node
        node = inner
    return node


def closest(word: str, words: Iterable[str]) -> str:
    """A hint at the word that was probably meant."""
    match = difflib.get_close_matches(word, list(words), n=1)
    return f"Did you mean {match[0]!r}?" if match else ""


def _fault(detail: ErrorDetails, root: Node) -> Problem:
    place, labels = _settle(detail["loc"], root)
    node = find(root, place)
    kind, context = detail["type"], detail.get("ctx", {})
    name = _spell(place)
    where = (node.file, node.line)
    if kind == "extra_forbidden":
        return _unknown_key(place, labels, where)
    if kind == "missing":
        return broken(*where, f"{_spell(place[:-1])} has no {place[-1]!r}.", f"Add `{place[-1]}:`.", "Y04")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        allowed = "`agent` or `run`" if "parallel" in place else ", ".join(f"`{key}`" for key in ACTS)
        return broken(*where, f"{name} is no action that may stand here.", f"Start it with {allowed}.", "Y05")
    if kind == "literal_error":
        if detail["loc"][-1] == "[key]":
            return _no_choice(f"a key of {_spell(place[:-1])}", repr(place[-1]), str(context["expected"]), where)
        return _no_choice(name, _show(node), str(context["expected"]), where)
    if kind == "string_pattern_mismatch":
        return _no_name(place, detail, where)
    if kind == "value_error":
        return broken(*where, f"{name}: {context['error']}.", "Correct it.", "Y05")
    wanted = _WANTED.get(kind.split("_")[0])
    if wanted and (kind.endswith(tuple(_NAMED)) or kind == "tuple_type"):
        found = node.value
        remedy = "Put it in quotes." if wanted == "text" and not isinstance(found, dict | list) else ""
        remedy = remedy or f"Write {wanted}."
        return broken(*where, f"{name} needs {wanted}, found {_show(node)}.", remedy, "Y05")
    why = detail["msg"].removeprefix("Input should be ").removeprefix("Tuple should ")
    return broken(*where, f"{name} must be {why}.".replace("be have", "have"), "Correct it.", "Y05")


def _unknown_key(place: Place, labels: list[str], where: tuple[str, int]) -> Problem:
    allowed = _allowed(labels)
    key = str(place[-1])
    inside = _spell(place[:-1])
    remedy = " ".join(part for part in (closest(key, allowed), "Allowed: " + ", ".join(allowed) + ".") if part)
    return broken(*where, f"{inside} has no key {key!r}.", remedy, "Y03")


def _no_choice(name: str, found: str, expected: str, where: tuple[str, int]) -> Problem:
    choices = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
    hint = closest(found.strip("'"), choices)
    remedy = " ".join(part for part in (hint, f"Allowed: {', '.join(choices)}.") if part)
    return broken(*where, f"{name} cannot be {found}.", remedy, "Y05")


def _no_name(place: Place, detail: ErrorDetails, where: tuple[str, int]) -> Problem:
    wanted = {
        "^[a-z][a-z0-9_]*$": "Use a-z, 0-9 and _, with a letter first.",
        "^[a-z][a-z0-9_-]*$": "Use a-z, 0-9, _ and -, with a letter first.",
    }
    remedy = wanted.get(str(detail.get("ctx", {}).get("pattern")), "Write it like 30s, 45m or 2h.")
    return broken(*where, f"{_spell(place)}: {detail['input']!r} will not do here.", remedy, "Y05")


def _settle(loc: tuple[int | str, ...], root: Node) -> tuple[Place, list[str]]:
    """The place in the file, without pydantic's names of union members; and all names, for the schema."""
    place: list[str | int] = []
    labels: list[str] = []
    node: Node | None = root
    for index, part in enumerate(loc):
        labels.append(str(part))
        inner = _step(node, part) if node is not None else None
        last = index == len(loc) - 1
        if inner is not None or (last and part not in _SORTS and part != "[key]"):
            place.append(part)
            node = inner if inner is not None else node
    return tuple(place), labels


_SORTS = frozenset({*ACTS.values(), "Resume", "word"})


def _step(node: Node, part: str | int) -> Node | None:
    if isinstance(node.value, dict) and isinstance(part, str):
        return node.value.get(part)
    if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None


def _allowed(labels: list[str]) -> list[str]:
    """The keys of the model that an unknown key was found in."""
    defs = _schema()["$defs"]
    assert isinstance(defs, dict)
    schema = _schema()
    for label in labels[:-1]:
        schema = _resolve(defs[label] if label in defs else _inner(schema, label), defs)
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    return sorted(properties) + (["extends"] if len(labels) == 1 else [])


def _inner(schema: Schema, label: str) -> Schema:
    properties = schema.get("properties")
    if isinstance(properties, dict) and label in properties:
        return _mapping(properties[label])
    patterns = _mapping(schema.get("patternProperties"))
    inner = next(iter(patterns.values()), None) or schema.get("additionalProperties") or schema.get("items")
    return _mapping(inner or schema)


def _mapping(value: object) -> Schema:
    return value if isinstance(value, dict) else {}


def _resolve(schema: Schema, defs: dict[str, Schema]) -> Schema:
    ways = schema.get("anyOf")
    if isinstance(ways, list):
        return _resolve(ways[0], defs)
    ref = schema.get("$ref")
    return defs[ref.removeprefix("#/$defs/")] if isinstance(ref, str) else schema


@cache
def _schema() -> Schema:
    schema: Schema = Machine.model_json_schema()
    return schema


def _spell(place: Place) -> str:
    """Name a place as a reader of the file would: states.red.exits[2].when."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.lstrip(".") or "the machine"


def _show(node: Node) -> str:
    value = node.value
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    return repr(value)
