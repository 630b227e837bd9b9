"""Calls that others perform: asking for one never waits, it says what is known by now."""

from __future__ import annotations

from collections.abc import Callable

from engine.calls.port import Perform
from engine.model.call import Reply


class CallsElsewhere:
    """Answers with the reply that has come, and notes which were `given` and for which none has come."""

    def __init__(self, reply: Callable[[str], Reply | None]) -> None:
        self._reply = reply
        self.running: list[str] = []
        self.given: list[str] = []

    async def submit(self, call: str, perform: Perform) -> Reply:  # noqa: ARG002 — others perform it
        """Return the reply that has come, or one that says that the call runs."""
        reply = self._reply(call)
        if reply is not None:
            self.given.append(call)
            return reply
        self.running.append(call)
        return Reply(status="running", text="", started="", ended="", why="it is performed elsewhere")
