"""`story` as a process that is struck at an instant: SIGKILL, or SIGSTOP as when a machine sleeps.

The test lays a file into the folder that STORY_STRIKES names, called as the instant is; `kill` or `stop` stands in it,
then a part of the call's id that is meant ("" for any). Who comes to that instant first takes the file and is struck.
What was performed and which replies were kept is noted in the file `noted` there, line by line.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import engine.carry_out
import engine.files.clone
import engine.reconcile
import engine.temporal.worker
from engine.agents.scripted import ScriptedAgent
from engine.cli import main
from engine.files.clone import Clone

INSTANTS = ("look before push", "look after push", "agent at work", "reply before push", "reply after push", "lose")
_FOLDER = Path(os.environ["STORY_STRIKES"])


def strike(instant: str, call: str = "") -> None:
    """Take the blow that waits for this instant, if one does."""
    with suppress(FileNotFoundError):
        kind, _, meant = (_FOLDER / instant).read_text().partition(" ")
        if meant in call:
            (_FOLDER / instant).rename(_FOLDER / f"{instant} {os.getpid()}")
            os.kill(os.getpid(), signal.SIGSTOP if kind == "stop" else signal.SIGKILL)


def note(line: str) -> None:
    """Note what happened, in one write."""
    with (_FOLDER / "noted").open("ab", buffering=0) as noted:
        noted.write(f"{line}\n".encode())


def watch() -> None:
    """Wrap the engine's functions between which the instants lie."""
    demand_git, keep, lose = engine.files.clone.demand_git, Clone.keep, engine.temporal.worker.lose
    perform, edit = engine.carry_out._perform, ScriptedAgent._edit

    def pushing(root: Path, *words: str, **more: Any) -> str:
        if "--atomic" not in words:
            return demand_git(root, *words, **more)
        strike("look before push")
        said = demand_git(root, *words, **more)
        strike("look after push")
        return said

    def keeping(clone: Clone, call: str, *more: Any) -> bool:
        strike("reply before push", call)
        kept = keep(clone, call, *more)
        if kept:
            note(f"kept {call}")
        strike("reply after push", call)
        return kept

    def losing(clone: Clone, order: Any, at: str) -> str:
        strike("lose", order.call)
        return lose(clone, order, at)

    async def performing(clone: Clone, order: Any, *more: Any) -> Any:
        note(f"performed {order.call}")
        return await perform(clone, order, *more)

    def editing(agent: ScriptedAgent, line: Any) -> None:
        edit(agent, line)
        strike("agent at work", line.act or "")

    engine.files.clone.demand_git = pushing
    engine.temporal.worker.lose = losing
    engine.carry_out._perform = performing
    Clone.keep, ScriptedAgent._edit = keeping, editing  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    watch()
    sys.argv[0] = "story"
    main()
