"""The one place where agents, calls and files are put together from the configuration."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from engine.advance import Ports
from engine.agents.person import PersonAgent, brief_path
from engine.agents.protocol import Agent, Clock
from engine.agents.scripted import ScriptedAgent
from engine.calls.local import LocalCalls
from engine.errors import UsageError
from engine.files import disk
from engine.files.config import RoleConfig
from engine.files.repository import author
from engine.look import Repository, look


def wire(repository: Repository, *, tell: Callable[[str], None], clock: Clock | None = None) -> Ports:
    """Put the ports together for one repository."""
    ticking = clock or now

    def agents(role: str) -> Agent:
        return agent_for(role, repository, ticking)

    return Ports(
        calls=LocalCalls(repository.state / "calls.sqlite"),
        clock=ticking,
        mint=lambda: secrets.token_hex(4),
        author=cache(lambda: author(repository.root)),
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


def agent_for(role: str, repository: Repository, clock: Clock) -> Agent:
    """The agent that plays a role, as story.toml says; a role it does not name is played by a person."""
    config = repository.config.roles.get(role, RoleConfig())
    if config.agent == "person":
        return PersonAgent(repository.state / "briefs", clock=clock)
    if config.script is None:
        raise UsageError(f'story.toml: roles.{role} is scripted but names no script. Add `script = "path"`.')
    return ScriptedAgent(Path(repository.root / config.script), root=repository.root, clock=clock)


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
