"""Which exit a person may take although it is not open, and what she passes over by it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.model.facts import Fact, Facts
from engine.model.machine import ORIGIN, Exit
from engine.model.step import Run
from engine.rules.decide import decide, own_items
from engine.rules.guards import evaluate, explain, facts_of, leaves
from engine.rules.history import Progress
from engine.rules.statechart import Statechart, Way


@dataclass(frozen=True, slots=True)
class Passed:
    """The exit that is taken, the items that it ticks, and each question that did not answer yes."""

    exit: Exit
    ticks: tuple[str, ...]
    unmet: tuple[str, ...]


def overrule(chart: Statechart, progress: Progress, facts: Facts, inputs: dict[str, str], dest: str) -> Passed | str:
    """The exit to a state that a person takes though it is not open; or why she cannot.

    What agents, gates, the engine and other stories say can be passed over; what only a person says cannot, nor
    files that are missing. In the state for failures the exits of the state that failed can be taken as well.
    """
    machine = chart.machine
    if progress.running:
        return "a call is running, or was cut off: advance first"
    if isinstance(decide(chart, progress, facts, inputs), Run):
        return f"{progress.state} has work that is not done, so nobody has said no: advance first"
    every = list(_ways(chart, progress))
    ways = [(way, source) for way, source, target in every if target == dest]
    if not ways:
        known = ", ".join(dict.fromkeys(target for *_, target in every)) or "none"
        return f"no exit of {progress.state} leads to {dest!r}; they lead to: {known}"
    blocked = own_items(machine, progress.state, dest, facts)
    if any(way.holds(facts) and source == progress.state for way, source in ways) and not blocked:
        return f"the exit to {dest} is open: advance takes it"
    lacking = [*blocked, *_success(chart, facts, dest)]
    for way, source in ways:
        mine = _persons(chart, way, facts)
        if not mine and not lacking:
            ticks = tuple(item for item in way.exit.ticks if machine.items[item].by != "human")
            told = [*_failure(progress, source), *explain(way.term, facts, machine)] or ["another exit is open"]
            return Passed(way.exit, ticks, tuple(dict.fromkeys(told)))
        lacking += mine
    return f"only a person says this, and it is not said: {'; '.join(dict.fromkeys(lacking))}"


def _ways(chart: Statechart, progress: Progress) -> Iterator[tuple[Way, str, str]]:
    """(exit, its state, its target); where something failed, also those of the state where it did."""
    origin = progress.origin if progress.state == chart.machine.defaults.failed else None
    for name in (progress.state, origin):
        for way in chart.ways[name] if name else ():
            target = progress.origin if way.exit.to == ORIGIN else way.exit.to
            if name and target and target != progress.state:
                yield way, name, target


def _failure(progress: Progress, source: str) -> list[str]:
    """Why the story left the state whose exit is taken, where that is not the one it stands in."""
    return [] if source == progress.state else [f"{source} was left for {progress.state}: {progress.log[-1].why}"]


def _persons(chart: Statechart, way: Way, facts: Facts) -> list[str]:
    """What the exit asks of a person, or of the disk, and is not so; all else is left open here."""
    asked = {fact: facts.get(fact, "") for fact in facts_of(way.term) if _is_persons(chart, fact)}
    if evaluate(way.term, asked) is not False:
        return []
    wrong = [leaf for leaf in leaves(way.term) if leaf.fact in asked and asked[leaf.fact] not in leaf.wanted]
    return [why for leaf in wrong for why in explain(leaf, facts, chart.machine)]


def _is_persons(chart: Statechart, fact: Fact) -> bool:
    if fact[0] == "item":
        return chart.machine.items[fact[1]].by == "human"
    return fact[0] in ("decision", "files")


def _success(chart: Statechart, facts: Facts, dest: str) -> list[str]:
    """The human items that a success needs, all of them ticked."""
    if chart.machine.terminal.get(dest) != "success":
        return []
    human = {key: item for key, item in chart.machine.items.items() if item.by == "human"}
    return [f"item not ticked: {item.text!r}" for key, item in human.items() if facts.get(("item", key)) != "ticked"]
