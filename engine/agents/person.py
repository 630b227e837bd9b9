"""A role played by hand: the brief is saved, the reply is a file saved beside it."""

from __future__ import annotations

import re
from pathlib import Path

from engine.agents.protocol import Clock
from engine.model.call import Brief, Reply


class PersonAgent:
    """Saves the brief and takes the reply when it is there."""

    in_copy = False

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    async def run(self, brief: Brief) -> Reply:
        """Return the saved reply, or say where the brief lies and where the reply is awaited."""
        path = brief_path(self._folder, brief.call)
        answer = path.with_suffix(".reply.md")
        now = self._clock()
        text = answer.read_text("utf-8", errors="replace") if answer.exists() else ""
        if text.strip():
            session = brief.session or f"person-{brief.call}"
            return Reply(status="ok", text=text, started=now, ended=now, session=session, model="person")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(brief.text, "utf-8")
        why = f"read the brief, save the reply as {answer.name} beside it"
        return Reply(status="pending", text=str(path), why=why, started=now, ended=now)


def brief_path(folder: Path, call: str) -> Path:
    """Where the brief of a call is saved; no other call, of whatever pack, branch or action, has the same."""
    return folder / f"story-{re.sub(r'[^A-Za-z0-9.-]+', '-', call)}.md"
