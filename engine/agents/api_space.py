"""The workspace of a model behind an API: each command, and each operation on a file, runs in a cage of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic_ai.workspaces import (
    CommandResult,
    WorkspaceCommand,
    WorkspaceOutputLimitError,
    WorkspaceRef,
    WorkspaceTimeoutError,
    WorkspaceUnavailableError,
)

from engine.agents.player import Room
from engine.model.call import Workspace
from engine.process import Deadlines, run_process

LIMIT = 10 * 2**20
"""Bytes that a command may print."""
PATIENCE = 600.0
"""Seconds that a command may take where nobody says."""


@dataclass(frozen=True, slots=True)
class CagedSpace:
    """A copy of the tree, shown at its root's path, as the tools of the harness take it.

    It has no other way to a file than a command, so that no link and no `..` leads anywhere but to where it leads in
    the cage. `folder` is where the output of commands lies while they run; it is there.
    """

    space: Workspace
    room: Room
    folder: Path

    @property
    def ref(self) -> WorkspaceRef:
        """Which copy it is."""
        return WorkspaceRef(provider="story", id=self.space.tree)

    async def working_dir(self) -> str:
        """Where commands begin."""
        return self.space.root

    async def run(
        self,
        command: WorkspaceCommand,
        *,
        shell: bool = False,  # noqa: ARG002 (the type of the command says it)
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> CommandResult:
        """Run a command to its end in the cage; it and all that it started are gone afterwards."""
        words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        cage = self.room.cage(self.space, environ=env)
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            raw = Path(place) / "output"
            code, why = await run_process(
                cage.argv(words),
                cwd=Path(self.space.tree),
                raw=raw,
                deadlines=Deadlines(total=timeout or PATIENCE),
                limit=LIMIT,
            )
            out, err = _read(raw), _read(raw.with_name("output.err"))
            if code is None and raw.stat().st_size + raw.with_name("output.err").stat().st_size > LIMIT:
                raise WorkspaceOutputLimitError(why, limit=LIMIT, stdout=out, stderr=err)
        if code is None:
            raise WorkspaceTimeoutError(why, stdout=out, stderr=err)
        if code and err.startswith("bwrap: "):
            raise WorkspaceUnavailableError(f"the cage did not start: {err.strip()[:300]}")
        return CommandResult(exit_code=code, stdout=out, stderr=err)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LIMIT).decode("utf-8", "replace")
