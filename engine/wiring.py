"""The one place where agents, calls and files are put together from the configuration."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import assert_never

from engine.agents.choice import Kind, choose
from engine.agents.claude import Claude
from engine.agents.codex import Codex
from engine.agents.person import PersonAgent, brief_path
from engine.agents.player import Player, Room
from engine.agents.program import ProgramAgent
from engine.agents.protocol import Agent, Clock
from engine.agents.ready import unready
from engine.agents.scripted import ScriptedAgent
from engine.budget import Purse
from engine.cage import Cage, demand_cage, passed
from engine.calls.local import LocalCalls
from engine.errors import UsageError
from engine.files import disk
from engine.files.config import NAME as CONFIG
from engine.files.config import RoleConfig, seconds
from engine.files.evidence import evidence_folder
from engine.files.pack import list_stories
from engine.files.repository import author
from engine.live import Watch
from engine.look import Repository, look
from engine.model.machine import Machine, Role
from engine.ports import Ports
from engine.process import Deadlines


def wire(
    repository: Repository,
    *,
    tell: Callable[[str], None],
    clock: Clock | None = None,
    watch: Watch | None = None,
    commit: bool = False,
    purse: Purse | None = None,
    alone: bool = True,
) -> Ports:
    """Put the ports together for one repository; `purse` is what all of one run of the engine pay from.

    Without `alone` other machines play roles, too.
    """
    ticking, looking = clock or now, watch or Watch()

    def agents(name: str, role: Role) -> Agent:
        return agent_for(name, role, repository, ticking, looking)

    return Ports(
        calls=LocalCalls(repository.state / "calls.sqlite"),
        clock=ticking,
        mint=lambda: secrets.token_hex(4),
        author=cache(lambda: author(repository.root)),
        agents=agents,
        demand=lambda name, role: demand_ready(name, role, repository),
        tell=tell,
        watch=looking,
        purse=purse or Purse(),
        commit=commit or repository.config.pipeline.commit or repository.main is not None,
        cage=lambda machine, reports: gate_cage(machine, reports, repository, alone=alone),
    )


def take_reply(repository: Repository, folder: Path, story_id: str, role: str, file: Path) -> None:
    """Save the reply of a role that a person plays where the engine awaits it."""
    seen = look(repository, folder, story_id)
    began = next((event for (_, who), event in seen.progress.running.items() if who == role), None)
    if began is None:
        waiting = ", ".join(sorted(who for _, who in seen.progress.running if who)) or "no role"
        raise UsageError(f"story {story_id} awaits no reply of {role!r}; it awaits {waiting}.")
    brief = brief_path(repository.state / "briefs", began.call)
    disk.replace(brief.with_suffix(".reply.md"), file.read_bytes())


def agent_for(name: str, role: Role, repository: Repository, clock: Clock, watch: Watch) -> Agent:
    """The agent that plays a role, as story.toml says; where it says nothing, what is found, and else a person."""
    config = repository.config.roles.get(name, RoleConfig())
    player = replace(player_for(name, role, repository), doing=watch.doing)
    match who_plays(name, role, repository)[0]:
        case "person":
            return PersonAgent(repository.state / "briefs", clock=clock)
        case "scripted":
            if config.script is None:
                raise UsageError(f'story.toml: roles.{name} is scripted but names no script. Add `script = "path"`.')
            home = repository.main or repository.root
            return ScriptedAgent(home / config.script, root=repository.root, clock=clock)
        case "codex":
            return ProgramAgent(Codex, player, clock=clock)
        case "claude":
            return ProgramAgent(Claude, player, clock=clock)
        case "api":
            from engine.agents.api import ApiAgent  # its libraries take seconds to import

            return ApiAgent(player, clock=clock)
        case never:
            assert_never(never)


def demand_ready(name: str, role: Role, repository: Repository) -> None:
    """Refuse a role that no model can play here although one should, with what to do."""
    kind, _ = who_plays(name, role, repository)
    if kind in ("person", "scripted"):
        return
    wrong, remedy = unready(kind, player_for(name, role, repository), script=None)
    if wrong:
        told = " ".join(filter(None, [f"{role.title} ({name}) cannot work: {wrong}.", remedy]))
        raise UsageError(f"{told} `story doctor` says more.")


def who_plays(name: str, role: Role, repository: Repository) -> tuple[Kind, str]:
    """The kind of agent that plays a role, and why; a person where no model can and the machine allows her."""
    config = repository.config.roles.get(name, RoleConfig())
    if config.agent == "auto":
        return choose(config.provider or role.provider, key=config.key)
    kind, because = config.agent, f"story.toml says so under [roles.{name}]"
    if role.instead and kind not in ("person", "scripted"):
        wrong, _ = unready(kind, player_for(name, role, repository), script=None)
        if wrong:
            return role.instead, f"{kind} cannot, since {wrong}; the machine allows a person instead"
    return kind, because


def providers_of(machine: Machine, repository: Repository) -> dict[str, str]:
    """The provider of each role that a model plays."""
    found = {}
    for name, role in machine.roles.items():
        if who_plays(name, role, repository)[0] not in ("person", "scripted"):
            found[name] = repository.config.roles.get(name, RoleConfig()).provider or role.provider
    return found


def gate_cage(
    machine: Machine, reports: Path, repository: Repository, *, alone: bool = True, platform: str = sys.platform
) -> Cage | None:
    """The cage for gates where a model plays any role; of all outside the tree they may write the folder of `reports`.

    None where only people and scripts work, and where there is no bubblewrap to be had: docs/security.md. Who plays
    here says little where this machine is not `alone`: there every role counts that story.toml leaves to a model.
    """
    kinds: set[str] = {who_plays(name, role, repository)[0] for name, role in machine.roles.items()}
    if not alone:
        kinds |= {repository.config.roles.get(name, RoleConfig()).agent for name in machine.roles}
    if platform != "linux" or kinds <= {"person", "scripted"}:
        return None
    demand_cage()
    root, room = repository.root, room_for(repository)
    return Cage(
        root=root,
        tree=root,
        writable=True,
        protected=protected(repository),
        shown=room.shown,
        kept=(*room.kept, reports),
        hidden=room.hidden,
        environ=passed(room.env),
        memory=room.memory,
        processes=room.processes,
    )


def protected(repository: Repository) -> tuple[Path, ...]:
    """What nothing that agents wrote may change: git's own, machines, story.toml, stories with their evidence."""
    root = repository.root
    files = [found.file for pack in repository.packs() for found in list_stories(root, pack)]
    layouts = [(file, "folders" if file.name == "story.md" else "files") for file in files]
    kept = [evidence_folder(file, layout) for file, layout in layouts]
    return (root / ".git", root / "machines", root / CONFIG, *files, *kept)


def room_for(repository: Repository) -> Room:
    """What caged commands get, as story.toml says; the state folder is nothing of theirs."""
    box = repository.config.sandbox
    return Room(
        shown=tuple(Path(path).expanduser() for path in box.show),
        kept=tuple(Path(path).expanduser() for path in box.keep),
        hidden=(repository.state,),
        env=box.env,
        memory=box.memory * 2**20,
        processes=box.processes,
    )


def player_for(name: str, role: Role, repository: Repository) -> Player:
    """All that running a role with a model needs: the machine's word, with what story.toml sets anew."""
    config = repository.config.roles.get(name, RoleConfig())
    return Player(
        role=name,
        provider=config.provider or role.provider,
        model=config.model or role.model,
        effort=config.effort or role.effort,
        folder=repository.state / "sessions",
        deadlines=Deadlines(
            total=seconds(config.total or role.timeout), start=seconds(config.start), silence=seconds(config.silence)
        ),
        room=room_for(repository),
        base_url=config.base_url,
        key=config.key,
        max_tokens=config.max_tokens,
        requests=config.requests,
        price=config.price,
    )


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
