"""Is a story being executed: from its first step into execution until it is over, whatever happens between."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.events import Event, Rewound, Stepped
from engine.model.machine import Machine, Phase

WORK: tuple[Phase, ...] = ("execution", "verification")


def at_work(machine: Machine, events: Iterable[Event]) -> str | None:
    """The state of a story whose half-done work is in the tree, None where there is none.

    A story that was sent back to validation, or is stuck, has left its work there; one that a person rewound to before
    its execution has not.
    """
    state, working = "", False
    for event in events:
        if isinstance(event, Stepped | Rewound) and event.dest in machine.states:
            state = event.dest
            here = machine.phase_of(state) in WORK
            working = here or (working and isinstance(event, Stepped) and state not in machine.terminal)
    return state if working else None
