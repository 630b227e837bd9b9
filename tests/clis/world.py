"""A small repository in which a real CLI works, against a fake of its provider."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from engine.agents.player import Player, Room
from engine.agents.program import Program, ProgramAgent
from engine.files.throwaway import copy_tree
from engine.model.call import Brief, Reply, Workspace
from engine.process import Deadlines
from engine.wiring import now

KEY = "sk-test"


class World:
    """One repository with one call's copy of it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.root, self.state, self.home = folder / "repo", folder / "state", home
        self.root.mkdir()
        (self.root / "a.txt").write_text("hi\n")
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
            who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
            subprocess.run(["git", *who, *words], cwd=self.root, check=True)

    @property
    def copy(self) -> Path:
        return self.state / "work/tree"

    def run(
        self,
        kind: type[Program],
        url: str,
        *,
        writable: bool = False,
        call: str = "c1",
        session: str | None = None,
        text: str = "# Verifier: verify, story 1\n\nDo it.",
        **more: Any,
    ) -> Reply:
        """One run of a CLI on a brief."""
        copy_tree(self.root, self.state / "work", call)
        player = Player(
            role="verifier",
            provider=kind.provider,
            model="gpt-5.2-codex" if kind.provider == "openai" else "claude-opus-5-5",
            effort="high",
            folder=self.state / "sessions",
            deadlines=more.pop("deadlines", Deadlines(total=60, start=30, silence=30)),
            room=more.pop("room", Room(hidden=(self.state,))),
            base_url=url,
            key="STORY_TEST_KEY",
            requests=8,
        )
        space = Workspace(root=str(self.root), tree=str(self.copy), writable=writable, shown=(".git",))
        brief = Brief(
            call=call, story="1", act="verify", role="verifier", turn=1, text=text, session=session, workspace=space
        )
        return asyncio.run(ProgramAgent(kind, player, clock=now).run(brief))

    def raw(self, call: str = "c1") -> list[dict[str, Any]]:
        """What the CLI printed."""
        return [json.loads(line) for line in (self.state / "sessions" / call / "raw").read_text().splitlines()]


PROBE = """
echo x > in.txt && echo WROTE tree
for path in /tmp/out /var/tmp/out /etc/out $HOME/out $HOME/.codex/out $HOME/.claude/out .git/out STATE/out; do
  echo x 2>/dev/null > $path && test -e $path && echo WROTE $path
done
cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c sk-test
env | grep sk-test
python3 - <<'P'
import socket
for host, port in (("127.0.0.1", PORT), ("1.1.1.1", 80)):
    try:
        socket.create_connection((host, port), 2)
        print("REACHED", host)
    except OSError:
        pass
P
echo done
"""
"""What a command tries that it must not be able to do."""
