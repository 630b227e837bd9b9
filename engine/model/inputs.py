"""Inputs: what evidence rests on, as named parts, each with the hash of what it holds.

A part is "story" (the author's regions), "prompts:<file>", "spec:<AC>" or "code:<path or pattern of the Files table>".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from engine.model.machine import AgentAct, Input, SimpleAct

DOCUMENTS: tuple[Input, ...] = ("story", "prompts", "spec")
"""What validators read."""
_INPUT_OF: Mapping[str, Input] = {"story.md": "story", "spec": "spec", "design": "spec"}


def kind_of(part: str) -> Input:
    """The input that a part belongs to."""
    return cast("Input", part.partition(":")[0])


def parts_of(inputs: Mapping[str, str], kinds: Collection[Input]) -> dict[str, str]:
    """The parts of some inputs only."""
    return {part: sha for part, sha in inputs.items() if kind_of(part) in kinds}


def moved_parts(then: Mapping[str, str], now: Mapping[str, str], kinds: Collection[Input]) -> tuple[str, ...]:
    """The parts of some inputs that are not what they were: changed, new or gone."""
    old, new = parts_of(then, kinds), parts_of(now, kinds)
    return tuple(part for part in sorted({*old, *new}) if old.get(part) != new.get(part))


def inputs_of(token: str) -> Input:
    """What a glob of `reads` or `writes` is a part of."""
    if token.startswith("prompt-"):
        return "prompts"
    return _INPUT_OF.get(token, "code")


def written(act: SimpleAct) -> set[Input]:
    """What an action may change."""
    return {inputs_of(token) for token in act.writes} if isinstance(act, AgentAct) else set()
