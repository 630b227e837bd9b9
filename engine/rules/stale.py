"""Which ticked items do not rest any more on what they were earned on, and where that sends a story. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.model.inputs import kind_of, moved_parts
from engine.model.machine import Exit, Machine
from engine.model.step import Fire
from engine.rules.history import Progress, reopened

_WORDS = {"story": "the story's own text", "prompts": "prompt", "spec": "spec section", "code": "file"}


def stale_items(machine: Machine, progress: Progress, inputs: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The ticked items of which something that they rest on moved, each with the parts that did."""
    found = {}
    for key, item in machine.items.items():
        if item.rests_on and progress.ticked(key) and key in progress.grounds:
            moved = moved_parts(progress.grounds[key], inputs, item.rests_on)
            if moved:
                found[key] = moved
    return found


def send_back(machine: Machine, progress: Progress, inputs: Mapping[str, str]) -> Fire | None:
    """The step back that a change from outside asks for in this state, None where it asks for none."""
    entries = [entry for entry in machine.stale if progress.state in entry.in_]
    stale = stale_items(machine, progress, inputs) if entries else {}
    for entry in entries:
        moved = {key: [part for part in parts if kind_of(part) in entry.rests_on] for key, parts in stale.items()}
        opens = {key for key, parts in moved.items() if parts}
        if not opens:
            continue
        changed = tuple(sorted({part for parts in moved.values() for part in parts}))
        why = f"{name_parts(changed)} changed"
        if progress.facts.get(("rounds", entry.enters)) == "used_up":
            times = machine.loops[entry.enters].max_rounds
            failed = machine.defaults.failed
            why += f", and such changes sent the story back {times} times already"
            return Fire(source=progress.state, dest=failed, exit=Exit(to=failed), why=why)
        opens |= set(reopened(machine, machine.states[entry.to]))
        open_ = tuple(key for key in machine.items if key in opens and progress.ticked(key))
        return Fire(
            source=progress.state,
            dest=entry.to,
            exit=Exit(to=entry.to, enters=entry.enters),
            why=f"{why}: reopened {', '.join(repr(machine.items[key].text) for key in open_)}",
            opens=open_,
            changed=changed,
        )
    return None


def name_parts(parts: Iterable[str]) -> str:
    """Parts of inputs in words."""
    named = [(_WORDS[kind_of(part)], part.partition(":")[2]) for part in parts]
    return " and ".join(f"{word} {name}".rstrip() for word, name in named)
