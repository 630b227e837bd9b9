"""The one place where agents, calls and files are put together from the configuration."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.agents.person import PersonAgent
from engine.agents.protocol import Agent, Clock
from engine.agents.scripted import ScriptedAgent
from engine.calls.local import LocalCalls
from engine.calls.port import Calls
from engine.errors import UsageError
from engine.files.config import RoleConfig
from engine.files.repository import author
from engine.look import Repository


@dataclass(frozen=True, slots=True)
class Wires:
    """The ports of this process."""

    calls: Calls
    clock: Clock
    mint: Callable[[], str]
    author: Callable[[], str]
    agents: Callable[[str], Agent]
    tell: Callable[[str], None]


def wire(repository: Repository, *, tell: Callable[[str], None], clock: Clock | None = None) -> Wires:
    """Put the ports together for one repository."""
    ticking = clock or now

    def agents(role: str) -> Agent:
        return agent_for(role, repository, ticking)

    return Wires(
        calls=LocalCalls(repository.state / "calls.sqlite"),
        clock=ticking,
        mint=lambda: secrets.token_hex(4),
        author=lambda: author(repository.root),
        agents=agents,
        tell=tell,
    )


def agent_for(role: str, repository: Repository, clock: Clock) -> Agent:
    """The agent that plays a role, as story.toml says; a role it does not name is played by a person."""
    config = repository.config.roles.get(role, RoleConfig())
    if config.agent == "person":
        return PersonAgent(repository.state / "briefs", clock=clock)
    if config.script is None:
        raise UsageError(f"story.toml: roles.{role} is scripted but names no script. Add `script = \"path\"`.")
    return ScriptedAgent(Path(repository.root / config.script), root=repository.root, clock=clock)


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
