"""S: a machine whose own edges stale what they rely on is refused; this finds out which edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.model.facts import Fact
from engine.model.inputs import written
from engine.rules.prove.bits import UNKNOWN
from engine.rules.prove.flaw import Place
from engine.rules.prove.flow import Flow, Node
from engine.rules.prove.study import Study, acts_of


@dataclass(frozen=True, slots=True)
class Writer:
    """An agent's action that changes what something rests on."""

    state: str
    place: Place
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.state!r} changes the {' and '.join(self.inputs)}"


def trace(study: Study, flow: Flow, ends: Iterable[Node], fact: Fact) -> Writer | None:
    """Go back to the nearest action that may have staled a fact."""
    lost = flow.bits.bit[fact]["open" if fact[0] == "item" else UNKNOWN]
    todo = list(ends)
    seen = set(todo)
    while todo:
        node = todo.pop(0)
        writer = _writer(study, flow, node[0], fact)
        if writer is not None:
            return writer
        for passage in flow.passages:
            if passage.target == node and passage.arriving & lost and passage.source not in seen:
                seen.add(passage.source)
                todo.append(passage.source)
    return None


def _writer(study: Study, flow: Flow, name: str, fact: Fact) -> Writer | None:
    for act, place in acts_of(name, study.machine.states[name]):
        if flow.stales(act, fact):
            return Writer(name, (*place, "writes"), tuple(sorted(written(act))))
    return None
