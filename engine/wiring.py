"""The one place where agents, calls and files are put together from the configuration."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

from engine.advance import Ports
from engine.agents.choice import Kind, choose
from engine.agents.person import PersonAgent, brief_path
from engine.agents.player import Player, Room
from engine.agents.protocol import Agent, Clock
from engine.agents.scripted import ScriptedAgent
from engine.calls.local import LocalCalls
from engine.errors import UsageError
from engine.files import disk
from engine.files.config import RoleConfig, seconds
from engine.files.repository import author
from engine.look import Repository, look
from engine.model.machine import Role
from engine.process import Deadlines


def wire(repository: Repository, *, tell: Callable[[str], None], clock: Clock | None = None) -> Ports:
    """Put the ports together for one repository."""
    ticking = clock or now

    def agents(name: str, role: Role) -> Agent:
        return agent_for(name, role, repository, ticking)

    return Ports(
        calls=LocalCalls(repository.state / "calls.sqlite"),
        clock=ticking,
        mint=lambda: secrets.token_hex(4),
        author=lambda: author(repository.root),
        agents=agents,
        tell=tell,
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


def agent_for(name: str, role: Role, repository: Repository, clock: Clock) -> Agent:
    """The agent that plays a role, as story.toml says; where it says nothing, what is found, and else a person."""
    config = repository.config.roles.get(name, RoleConfig())
    match who_plays(name, role, repository)[0]:
        case "person":
            return PersonAgent(repository.state / "briefs", clock=clock)
        case "scripted":
            if config.script is None:
                raise UsageError(f'story.toml: roles.{name} is scripted but names no script. Add `script = "path"`.')
            return ScriptedAgent(Path(repository.root / config.script), root=repository.root, clock=clock)
        case "api":
            from engine.agents.api import ApiAgent  # its libraries take seconds to import

            return ApiAgent(player_for(name, role, repository), clock=clock)
        case "codex" | "claude" as kind:
            raise UsageError(f"roles.{name}: {kind} is not wired")
        case never:
            assert_never(never)


def who_plays(name: str, role: Role, repository: Repository) -> tuple[Kind, str]:
    """The kind of agent that plays a role, and why."""
    config = repository.config.roles.get(name, RoleConfig())
    if config.agent != "auto":
        return config.agent, f"story.toml says so under [roles.{name}]"
    player = player_for(name, role, repository)
    return choose(player.provider, key=player.key)


def player_for(name: str, role: Role, repository: Repository) -> Player:
    """All that running a role with a model needs: the machine's word, with what story.toml sets anew."""
    config, box = repository.config.roles.get(name, RoleConfig()), repository.config.sandbox
    room = Room(
        shown=tuple(Path(path).expanduser() for path in box.show),
        kept=tuple(Path(path).expanduser() for path in box.keep),
        hidden=(repository.state,),
        env=box.env,
        memory=box.memory * 2**20,
        processes=box.processes,
    )
    total = config.total or "45m"
    return Player(
        role=name,
        provider=config.provider or role.provider,
        model=config.model or role.model,
        effort=config.effort or role.effort,
        folder=repository.state / "sessions",
        deadlines=Deadlines(total=seconds(total), start=seconds(config.start), silence=seconds(config.silence)),
        room=room,
        base_url=config.base_url,
        key=config.key,
        max_tokens=config.max_tokens,
        requests=config.requests,
        price=config.price,
    )


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
