"""A machine as a picture: Mermaid text, or SVG by Graphviz, with the state a story is in marked."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.machine import ORIGIN, Machine

HUMAN, HERE = ("#fff3bf", "#e67700"), ("#d0ebff", "#1971c2")


def mermaid(machine: Machine, here: str | None = None) -> str:
    """The machine as a Mermaid state diagram, one box a phase."""
    lines = ["stateDiagram-v2"]
    for phase, states in _phases(machine).items():
        lines += [f"  state {phase} {{", *(f"    {state}" for state in states), "  }"]
    lines.append(f"  [*] --> {machine.initial}")
    lines += [f"  {source} --> {dest}" for source, dest in edges(machine)]
    lines += [f"  {state} --> [*]" for state in machine.terminal]
    lines += [f"  classDef human fill:{HUMAN[0]},stroke:{HUMAN[1]}"]
    lines += [f"  classDef here fill:{HERE[0]},stroke:{HERE[1]},stroke-width:3px"]
    lines += [f"  class {state} human" for state, definition in machine.states.items() if definition.asks]
    if here is not None:
        lines.append(f"  class {here} here")
    return "\n".join(lines) + "\n"


def svg(machine: Machine, here: str | None = None) -> bytes:
    """The machine as an SVG picture."""
    from pygraphviz import AGraph

    graph = AGraph(directed=True, rankdir="TB", fontname="sans-serif")
    graph.node_attr.update(shape="box", style="rounded,filled", fillcolor="white", fontname="sans-serif")
    for phase, states in _phases(machine).items():
        cluster = graph.add_subgraph(name=f"cluster_{phase}", label=phase, color="gray", style="rounded")
        for state in states:
            fill, line = HERE if state == here else HUMAN if machine.states[state].asks else ("white", "black")
            width = 3 if state == here else 1
            cluster.add_node(state, fillcolor=fill, color=line, penwidth=width)
    for source, dest in edges(machine):
        graph.add_edge(source, dest)
    drawn: bytes = graph.draw(format="svg", prog="dot")
    return drawn


def edges(machine: Machine) -> Iterator[tuple[str, str]]:
    """All pairs of states with a way between them, each once; an exit back to the origin is left out."""
    seen = set()
    for source, state in machine.states.items():
        back = [entry.to for entry in machine.stale if source in entry.in_]
        for target in [*(exit_.to for exit_ in state.exits), *back]:
            if target != ORIGIN and (source, target) not in seen:
                seen.add((source, target))
                yield source, target


def _phases(machine: Machine) -> dict[str, list[str]]:
    phases: dict[str, list[str]] = {}
    for name, state in machine.states.items():
        phases.setdefault(state.phase, []).append(name)
    return phases
