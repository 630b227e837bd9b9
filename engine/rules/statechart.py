"""The machine on `transitions`: one flat, synchronous chart for all stories of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from transitions import EventData
from transitions import Machine as Chart

from engine.model.facts import Facts
from engine.model.machine import ORIGIN, Exit, Machine
from engine.rules.guards import Term, compile_guard, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable


class Cursor:
    """One story on the chart: its state, its facts, and the exit it took last."""

    __slots__ = ("facts", "origin", "state", "taken")

    def __init__(self, state: str, facts: Facts, origin: str | None = None) -> None:
        self.state, self.facts, self.origin = state, facts, origin
        self.taken: Exit | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """An exit with its compiled guard; an `otherwise` waits until every sibling surely does not hold."""

    exit: Exit
    term: Term
    siblings: tuple[Term, ...] = ()

    def holds(self, facts: Facts) -> bool | None:
        """Is the exit open? None where it is not known yet."""
        if not self.exit.otherwise:
            return evaluate(self.term, facts)
        answers = [evaluate(term, facts) for term in self.siblings]
        if True in answers:
            return False
        return None if None in answers else True


class Statechart:
    """Compile a machine once; advance any number of stories on it.

    Callbacks only compare facts, so that nothing can run, block or fail inside a transition.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.ways = {name: _ways(machine, name) for name in machine.states}
        chart = Chart(
            model=None,
            states=list(machine.states),
            initial=machine.initial,
            transitions=[row for name in machine.states for row in self._rows(name)],
            auto_transitions=False,
            send_event=True,
        )
        self._trigger: Callable[[Cursor], bool] = chart.events["advance"].trigger

    def advance(self, cursor: Cursor) -> Exit | None:
        """Take the open exit, if there is one; `cursor` then stands in the next state."""
        if not self.ways[cursor.state]:
            return None
        return cursor.taken if self._trigger(cursor) else None

    def _rows(self, name: str) -> list[dict[str, object]]:
        others = [other for other in self.machine.states if other != name]
        rows: list[dict[str, object]] = []
        for way in self.ways[name]:
            targets = others if way.exit.to == ORIGIN else [way.exit.to]
            for target in targets:
                conditions = [partial(_open, way)]
                if way.exit.to == ORIGIN:
                    conditions.append(partial(_came_from, target))
                rows.append(
                    {
                        "trigger": "advance",
                        "source": name,
                        "dest": target,
                        "conditions": conditions,
                        "before": partial(_note, way.exit),
                    }
                )
        return rows


def _ways(machine: Machine, name: str) -> tuple[Way, ...]:
    pairs = [(exit_, compile_guard(machine, exit_.when)) for exit_ in machine.states[name].exits]
    siblings = tuple(term for exit_, term in pairs if not exit_.otherwise)
    return tuple(Way(exit_, term, siblings if exit_.otherwise else ()) for exit_, term in pairs)


def _cursor(event: EventData) -> Cursor:
    assert isinstance(event.model, Cursor)
    return event.model


def _open(way: Way, event: EventData) -> bool:
    return way.holds(_cursor(event).facts) is True


def _came_from(target: str, event: EventData) -> bool:
    return _cursor(event).origin == target


def _note(exit_: Exit, event: EventData) -> None:
    _cursor(event).taken = exit_
