"""`story doctor`: can each role be played here, by whom, and what to do where it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from engine.actions.workspace import run_in_copy
from engine.agents.ready import unready, version_of
from engine.errors import EngineError, FormatError
from engine.files.machine_file import machine_names
from engine.look import Repository
from engine.model.base import Value
from engine.model.call import Brief
from engine.model.machine import AgentAct, Machine, Role
from engine.ports import Ports
from engine.wiring import player_for, who_plays

_HELLO = "Answer with the one word: ready."


class Examined(Value):
    """One role: who plays it and why, whether it can, and what to do otherwise. `says` holds versions and answers."""

    role: str
    title: str
    by: str
    because: str
    says: str = ""
    wrong: str = ""
    remedy: str = ""


def examine(repository: Repository, *, online: bool, ports: Ports, tell: Callable[[str], None]) -> list[Examined]:
    """Examine the roles of every machine that the repository can use; `online` asks each model for one word."""
    found: dict[str, Examined] = {}
    for machine in _machines(repository):
        for name in _used(machine):
            if name not in found:
                tell(f"{name} …")
                found[name] = _examine(name, machine.roles[name], repository, online, ports)
    return list(found.values())


def doctor_rows(found: Sequence[Examined]) -> list[tuple[str, ...]]:
    """The table: who plays each role, whether it works, and what to do."""
    rows: list[tuple[str, ...]] = [("ROLE", "PLAYED BY", "WORKS", "BECAUSE")]
    for one in found:
        told = " ".join(filter(None, [one.wrong + "." if one.wrong else "", one.remedy])) or one.says
        rows.append((one.role, one.by, "no" if one.wrong else "yes", "; ".join(filter(None, [one.because, told]))))
    return rows


def _examine(name: str, role: Role, repository: Repository, online: bool, ports: Ports) -> Examined:
    kind, because = who_plays(name, role, repository)
    player = player_for(name, role, repository)
    config = repository.config.roles.get(name)
    script = repository.root / config.script if config and config.script else None
    wrong, remedy = unready(kind, player, script=script)
    says = [] if wrong else [version_of(kind)]
    if online and not wrong and kind in ("api", "codex", "claude"):
        wrong = _ask(name, role, repository, ports)
        says += [] if wrong else [f"{player.model} answers"]
    by = kind if kind in ("person", "scripted") else f"{kind} ({player.model})"
    said = ", ".join(filter(None, says))
    return Examined(role=name, title=role.title, by=by, because=because, says=said, wrong=wrong, remedy=remedy)


def _ask(name: str, role: Role, repository: Repository, ports: Ports) -> str:
    """Ask a model for one word, as it is asked for everything; what went wrong and what to do, "" where nothing did."""
    call = f"doctor/{name}-{ports.mint()}"
    brief = Brief(call=call, story="-", act="doctor", role=name, turn=1, text=_HELLO, returns="words")
    try:
        agent = ports.agents(name, role)
        reply = asyncio.run(run_in_copy(agent, brief, repository.root, repository.state, writable=False))
    except EngineError as err:
        return str(err).rstrip(".")
    return "" if reply.status == "ok" and reply.text.strip() else (reply.why or "the answer is empty").rstrip(".")


def _machines(repository: Repository) -> list[Machine]:
    machines = []
    for name in sorted(machine_names(own=repository.root / "machines")):
        try:
            machines.append(repository.chart(name).machine)
        except FormatError:
            continue  # `story machine check` tells what is wrong with it
    return machines


def _used(machine: Machine) -> list[str]:
    acts = (act for state in machine.states.values() for act in state.acts() if isinstance(act, AgentAct))
    return list(dict.fromkeys(role for act in acts for role in machine.members(act.agent)))
