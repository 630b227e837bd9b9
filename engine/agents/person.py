"""A role played by hand: the brief is saved, the reply is a file saved beside it."""

from __future__ import annotations

from pathlib import Path

from engine.agents.protocol import Clock
from engine.model.call import Brief, Reply


class PersonAgent:
    """Saves the brief and takes the reply when it is there."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    async def run(self, brief: Brief) -> Reply:
        """Return the saved reply, or say where the brief lies and where the reply is awaited."""
        path = brief_path(self._folder, brief.story, brief.role, brief.turn)
        answer = path.with_suffix(".reply.md")
        now = self._clock()
        if answer.exists():
            text = answer.read_text("utf-8", errors="replace")
            session = brief.session or f"person-{brief.call}"
            return Reply(status="ok", text=text, started=now, ended=now, session=session, model="person")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(brief.text, "utf-8")
        why = f"read the brief, save the reply as {answer.name} beside it"
        return Reply(status="pending", text=str(path), why=why, started=now, ended=now)


def brief_path(folder: Path, story: str, role: str, turn: int) -> Path:
    """Where the brief of a role's turn is saved."""
    return folder / f"story-{story}-{role}-{turn}.md"
