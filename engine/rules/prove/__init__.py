"""Static proofs over a machine: what may go wrong on some path is found before a story runs on it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.machine import Machine
from engine.rules.prove.agents import agents
from engine.rules.prove.boxes import boxes
from engine.rules.prove.exits import exits
from engine.rules.prove.flaw import CODES, Flaw
from engine.rules.prove.flow import Flow
from engine.rules.prove.graph import graph
from engine.rules.prove.names import names
from engine.rules.prove.outside import outside
from engine.rules.prove.paths import paths
from engine.rules.prove.people import people
from engine.rules.prove.pipeline import pipeline
from engine.rules.prove.study import Study

__all__ = ["CODES", "Flaw", "flaws", "prove"]


def prove(machine: Machine) -> list[Flaw]:
    """Find every flaw; an empty list is the proof."""
    return list(dict.fromkeys(flaws(machine)))


def flaws(machine: Machine) -> Iterator[Flaw]:
    """Find flaws one by one, the quick proofs first. Names come alone: the rest needs them sound."""
    unsound = list(names(machine))
    yield from unsound
    if unsound:
        return
    study = Study(machine)
    yield from graph(study)
    flow = Flow(study)
    for part in (paths, outside, pipeline, boxes, agents, exits, people):
        yield from part(study, flow)
