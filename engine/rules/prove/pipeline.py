"""P: what many stories at once may do."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch

from engine.model.inputs import inputs_of
from engine.model.machine import AgentAct, Phase
from engine.rules.prove.flaw import Flaw, flaw
from engine.rules.prove.flow import Flow
from engine.rules.prove.study import Study


def pipeline(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find stories that would get into each other's way, or wait without need."""
    yield from _limits(study)
    if study.executes():
        yield from _dependencies(study, flow)
    yield from _overlaps(study)


def _limits(study: Study) -> Iterator[Flaw]:
    machine = study.machine
    limits, isolation = machine.pipeline.concurrency, machine.pipeline.isolation
    for phase in dict.fromkeys(state.phase for state in machine.states.values() if state.works):
        if phase not in limits:
            yield flaw("P02", ("pipeline", "concurrency"), f"phase {phase!r} has no limit.")
        elif limits[phase] > 1 and _code(study, phase) and isolation.get(phase) != "worktree":
            place = ("pipeline", "concurrency", phase)
            yield flaw("P01", place, f"{limits[phase]} stories in {phase!r} would change code in one tree.")


def _dependencies(study: Study, flow: Flow) -> Iterator[Flaw]:
    machine = study.machine
    for passage in flow.passages:
        into = machine.phase_of(passage.target[0]) == "execution"
        if into and not flow.bits.sure(passage.arriving, ("dependencies",), "complete"):
            why = f"{passage.source[0]!r} leads into execution with earlier stories open."
            yield flaw("P03", passage.edge.place, why)
    for name, state in machine.states.items():
        if state.phase == "validation" and ("dependencies",) in study.reads(name):
            yield flaw("P04", ("states", name, "exits"), f"{name!r} waits for earlier stories.")


def _overlaps(study: Study) -> Iterator[Flaw]:
    isolation = study.machine.pipeline.isolation
    for other in ("execution", "verification"):
        if isolation.get("validation") == "worktree" or isolation.get(other) == "worktree":
            continue
        for mine, place in _code(study, "validation"):
            for theirs, _ in _code(study, other):
                if mine == theirs or fnmatch(mine, theirs) or fnmatch(theirs, mine):
                    why = f"validation and {other} of two stories both write {mine!r} in one tree."
                    yield flaw("P05", place, why)


def _code(study: Study, phase: Phase) -> list[tuple[str, tuple[str | int, ...]]]:
    """The code that agents of a phase may write."""
    return [
        (token, (*place, "writes"))
        for name, act, place in study.acts
        if isinstance(act, AgentAct) and study.machine.phase_of(name) == phase
        for token in act.writes
        if inputs_of(token) == "code"
    ]
