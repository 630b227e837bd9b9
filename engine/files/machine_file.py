"""Machine files: found, read strictly, merged with what they extend; every value knows its line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from engine.errors import FormatError
from engine.files.machine_faults import Place, closest, faults, find
from engine.files.strict_yaml import Node, broken, read_yaml
from engine.model.machine import Machine
from engine.model.problem import Problem

Schema = dict[str, object]
MAX_CHAIN = 8


class BadMachine(FormatError):
    """A machine file cannot be read; `problems` lists everything that was found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        first = problems[0]
        rest = len(problems) - 1
        more = f" ({rest} more: run `story machine check {first.file}`)" if rest else ""
        super().__init__(first.message, path=first.file, line=first.line, remedy=first.remedy + more)


@dataclass(frozen=True, slots=True)
class MachineFile:
    """A machine as a file holds it. `text` and `sha` cover the file and all that it extends."""

    machine: Machine
    path: Path
    text: str
    sha: str
    sources: tuple[Path, ...]
    root: Node = field(repr=False, compare=False)

    def where(self, place: Place) -> tuple[str, int]:
        """The file and line of a place such as ("states", "red", "exits", 2), or of the nearest around it."""
        node = find(self.root, place)
        return node.file, node.line


def read_machine(path: Path, *, own: Path | None = None, root: Path | None = None) -> MachineFile:
    """Read a machine file, or raise BadMachine with every problem of its form.

    `own` is the repository's folder of machines, which `extends` looks into first (default: the file's own
    folder); paths in messages are relative to `root`.
    """
    shelf = _Shelf(own if own is not None else path.parent, root)
    node = shelf.read(path, ())
    problems = shelf.problems or [*_nulls(node, ())]
    if problems:
        raise BadMachine(problems)
    return MachineFile(
        machine=_machine(node),
        path=path,
        text="".join(shelf.texts),
        sha=hashlib.sha256("\0".join(shelf.texts).encode()).hexdigest(),
        sources=tuple(shelf.sources),
        root=node,
    )


def find_machine(name: str, *, own: Path | None = None) -> Path:
    """Find a machine by its name: in the repository's own folder first, then among the shipped ones."""
    for folder in _folders(own):
        if (path := folder / f"{name}.yaml").is_file():
            return path
    names = machine_names(own=own)
    raise FormatError(f"there is no machine {name!r}; there are {', '.join(names)}.", remedy=closest(name, names))


def machine_names(*, own: Path | None = None) -> list[str]:
    """The names of all machines that can be found."""
    return sorted({path.stem for folder in _folders(own) for path in folder.glob("*.yaml") if path.is_file()})


def shipped_folder() -> Path:
    """The folder of the machines that come with the engine."""
    package = Path(__file__).parent.parent
    inside = package / "shipped" / "machines"
    return inside if inside.is_dir() else package.parent / "machines"


def machine_schema() -> Schema:
    """The JSON Schema of a machine file; one that `extends` another may leave out and delete things."""
    whole: Schema = Machine.model_json_schema()
    defs = whole.pop("$defs")
    assert isinstance(defs, dict)
    defs["Machine"] = whole
    parts = {f"{name}Part": _part(schema) for name, schema in defs.items()}
    defs |= parts
    for name in ("Machine", "MachinePart"):
        defs[name]["properties"]["extends"] = {
            "description": "Name or relative file of the machine this one changes.",
            "type": "string",
        }
    defs["MachinePart"]["required"] = ["extends", "machine"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "story-machine/v1",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/MachinePart"},
        "else": {"$ref": "#/$defs/Machine"},
        "$defs": dict(sorted(defs.items())),
    }


class _Shelf:
    """Reads a file and those it extends; remembers what was read and what was wrong."""

    def __init__(self, own: Path, root: Path | None) -> None:
        self.own, self.root = own, root
        self.problems: list[Problem] = []
        self.texts: list[str] = []
        self.sources: list[Path] = []

    def read(self, path: Path, chain: tuple[Path, ...]) -> Node:
        shown = self.shown(path)
        nothing = Node({}, shown, 1)
        try:
            raw = path.read_bytes()
        except (OSError, ValueError) as err:
            why = getattr(err, "strerror", None) or str(err)
            self.problems.append(broken(shown, 1, f"cannot be read: {why}."))
            return nothing
        node, problems = read_yaml(raw, shown)
        self.problems += problems
        self.texts.append(raw.decode(errors="replace"))
        self.sources.append(path)
        if node is None:
            return nothing
        assert isinstance(node.value, dict)
        return self.extended(node, path, (*chain, path.resolve()))

    def extended(self, node: Node, path: Path, chain: tuple[Path, ...]) -> Node:
        assert isinstance(node.value, dict)
        extends = node.value.get("extends")
        if extends is None:
            return node
        child = replace(node, value={key: part for key, part in node.value.items() if key != "extends"})
        if "machine" not in node.value:
            self.refuse(extends, "the machine has no name of its own.", "Add `machine:`.")
        parent = self.parent(extends, path, chain)
        if parent is None:
            return child
        return self.merge(self.read(parent, chain), child, ())

    def parent(self, extends: Node, path: Path, chain: tuple[Path, ...]) -> Path | None:
        name = extends.value
        if not isinstance(name, str):
            self.refuse(extends, "extends names no machine.", "Write a name or a file: `extends: story`.")
            return None
        if "/" in name or name.endswith(".yaml"):
            ways = [path.parent / name]
        else:
            ways = [folder / f"{name}.yaml" for folder in _folders(self.own)]
        there = [way for way in ways if way.is_file()]
        fresh = [way for way in there if way.resolve() not in chain]
        if not fresh or len(chain) > MAX_CHAIN:
            why = "goes round in a circle" if there else "is not there"
            names = machine_names(own=self.own)
            remedy = closest(name, names) or f"Machines: {', '.join(names)}."
            self.refuse(extends, f"extends {name!r}, which {why}.", remedy)
            return None
        return fresh[0]

    def merge(self, parent: Node, child: Node, place: Place) -> Node:
        """Lay a child over its parent: mappings merge, null deletes, anything else replaces."""
        if not isinstance(parent.value, dict) or not isinstance(child.value, dict):
            return child
        merged = {key: parent.value.get(key) for key in _order(list(parent.value), list(child.value))}
        for key, part in child.value.items():
            before = parent.value.get(key)
            if part.value is None:
                merged.pop(key)
                if before is None:
                    hint = closest(key, parent.value) or f"There: {', '.join(parent.value)}."
                    self.refuse(part, f"{key!r} deletes what is not there.", hint)
            else:
                merged[key] = part if before is None else self.merge(before, part, (*place, key))
        value = {key: part for key, part in merged.items() if part is not None}
        return Node(value, child.file, child.line, 1 + sum(part.size for part in value.values()))

    def refuse(self, node: Node, why: str, remedy: str) -> None:
        self.problems.append(broken(node.file, node.line, why, remedy, "Y06"))

    def shown(self, path: Path) -> str:
        if self.root is not None and path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return path.as_posix()


def _machine(node: Node) -> Machine:
    try:
        # through JSON: there `strict` takes lists for tuples and still refuses `true` for a number
        return Machine.model_validate_json(json.dumps(node.plain()), strict=True)
    except ValidationError as err:
        raise BadMachine(faults(err, node)) from err


def _nulls(node: Node, place: Place) -> list[Problem]:
    if isinstance(node.value, dict):
        return [p for key, part in node.value.items() for p in _nulls(part, (*place, key))]
    if isinstance(node.value, list):
        return [p for index, part in enumerate(node.value) for p in _nulls(part, (*place, index))]
    if node.value is not None:
        return []
    key = next((str(part) for part in reversed(place) if isinstance(part, str)), "machine")
    why = f"{key!r} has no value."
    return [broken(node.file, node.line, why, "Give it one, or leave the key out.", "Y05")]


def _order(parent: list[str], child: list[str]) -> list[str]:
    """The parent's keys, each new key before the parent's key that follows it in the child, or last."""
    order = list(parent)
    for index, key in enumerate(child):
        if key not in order:
            after = next((later for later in child[index:] if later in order), None)
            order.insert(order.index(after) if after is not None else len(order), key)
    return order


def _folders(own: Path | None) -> list[Path]:
    return [folder for folder in (own, shipped_folder()) if folder is not None]


def _part(schema: object) -> Schema:
    """A copy of a schema for a file that only says what differs: nothing required, null deletes."""
    assert isinstance(schema, dict)
    part = {key: value for key, value in schema.items() if key not in ("required", "minProperties")}
    for key in ("properties", "patternProperties", "additionalProperties"):
        inner = part.get(key)
        if key != "additionalProperties" and isinstance(inner, dict):
            part[key] = {name: _deletable(value) for name, value in inner.items()}
        elif isinstance(inner, dict):
            part[key] = _deletable(inner)
    return part


def _deletable(schema: Schema) -> Schema:
    """A value that may also be null; inside a list the whole value counts, since lists replace."""
    if "$ref" in schema:
        return {"anyOf": [{"$ref": f"{schema['$ref']}Part"}, {"type": "null"}]}
    if schema.get("type") == "object":
        return {"anyOf": [_part(schema), {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}
