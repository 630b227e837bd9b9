"""Small changes of a machine, each a mutant that the proofs should refuse where it matters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

Raw = dict[str, object]
Change = Callable[[Raw], None]


def mutants(raw: Raw) -> Iterator[tuple[str, Change]]:
    """Each mutant's name, "kind | where", and the change that makes it out of the machine's plain values."""
    for name, state in raw["states"].items():
        if "reopens" in state:
            yield f"drop reopens | {name}", _without("states", name, key="reopens")
        for number, exit_ in enumerate(state.get("exits", [])):
            yield from _exits(raw, name, number, exit_)
        for number, act in enumerate(state.get("do", [])):
            yield from _acts(name, number, act)
    yield from _items(raw)
    for name, decision in raw["decisions"].items():
        for option in decision["options"]:
            if len(decision["options"]) > 2:
                where = f"drop option | {name}: {option}"
                yield where, _without("decisions", name, "options", key=option)
        if "box" in decision:
            yield f"drop box | {name}", _without("decisions", name, key="box")


def copy(raw: Raw) -> Raw:
    """A deep copy; through JSON, since that is quick."""
    return json.loads(json.dumps(raw))


def _exits(raw: Raw, name: str, number: int, exit_: Raw) -> Iterator[tuple[str, Change]]:
    place = ("states", name, "exits", number)
    where = f"{name} > {exit_['to']}"
    yield f"drop exit | {where}", _without("states", name, "exits", key=number)
    for target in raw["states"]:
        if target != exit_["to"]:
            yield f"retarget | {where} > {target}", _with(*place, key="to", value=target)
    for key in ("enters", "ticks", "resets", "otherwise"):
        if key in exit_:
            yield f"drop {key} | {where}", _without(*place, key=key)
    for key in exit_.get("when", {}):
        whole = len(exit_["when"]) == 1
        change = _without(*place, key="when") if whole else _without(*place, "when", key=key)
        yield f"drop guard {key} | {where}", change


def _acts(name: str, number: int, act: Raw) -> Iterator[tuple[str, Change]]:
    place = ("states", name, "do", number)
    label = "parallel" if "parallel" in act else act.get("id") or " ".join(next(iter(act.items())))
    yield f"drop action | {name}: {label}", _without("states", name, "do", key=number)
    parts = [(place, act)]
    if "parallel" in act:
        parts = [((*place, "parallel", index), part) for index, part in enumerate(act["parallel"])]
    for where, part in parts:
        told = f"{name}: {part.get('id') or next(iter(part.values()))}"
        for key in ("ticks", "writes"):
            if key in part:
                yield f"drop action's {key} | {told}", _without(*where, key=key)
        if isinstance(part.get("session"), dict):
            yield f"fresh session | {told}", _with(*where, key="session", value="fresh")


def _items(raw: Raw) -> Iterator[tuple[str, Change]]:
    for section, items in raw["checklist"].items():
        for key, item in items.items():
            place = ("checklist", section, key)
            if "rests_on" in item:
                yield f"drop rests_on | {key}", _without(*place, key="rests_on")
            for by in ("agent", "gate", "engine", "human"):
                if by != item["by"]:
                    yield f"by {by} | {key}", _with(*place, key="by", value=by)


def _without(*place: str | int, key: str | int) -> Change:
    def change(raw: Raw) -> None:
        _at(raw, place).pop(key)

    return change


def _with(*place: str | int, key: str, value: str) -> Change:
    def change(raw: Raw) -> None:
        _at(raw, place)[key] = value

    return change


def _at(raw: Raw, place: tuple[str | int, ...]) -> Raw:
    for part in place:
        raw = raw[part]
    return raw
