"""What every kind of agent is to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.model.call import Brief, Reply

Clock = Callable[[], str]
"""The time now, ISO 8601 in UTC to the second, such as 2026-11-22T08:00:00Z."""


class Agent(Protocol):
    """Answers a brief; a technical failure is a reply with status "failed", never an exception.

    `in_copy` says that it works in a throwaway copy of the tree, from which the engine takes over what its role may
    change; others work in the tree itself, as a person does.
    """

    in_copy: bool

    async def run(self, brief: Brief) -> Reply:
        """Do what the brief says."""
        ...
