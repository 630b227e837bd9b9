"""The call port: a call is submitted once; asking again attaches to it or returns what it remembers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from engine.model.call import Reply

Perform = Callable[[], Awaitable[Reply]]


class Calls(Protocol):
    """Where calls run and what is remembered of them."""

    async def submit(self, call: str, perform: Perform) -> Reply:
        """Return the reply to a call id, performing it only if nothing is known of it."""
        ...
