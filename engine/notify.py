"""Run the command of story.toml when a person is needed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable

from engine.advance import Advanced
from engine.errors import UsageError
from engine.look import Repository

_SECONDS = 30


def notifier(repository: Repository, tell: Callable[[str], None]) -> Callable[[str, Advanced], None]:
    """`notify` for the stories of a run: that the command fails is told once, and nothing stops for it."""
    told = set[str]()

    def waits(story: str, result: Advanced) -> None:
        try:
            notify(repository, story, result)
        except UsageError as err:
            if str(err) not in told:
                told.add(str(err))
                tell(f"warning: {err}")

    return waits


def notify(repository: Repository, story: str, result: Advanced) -> None:
    """Tell the person who is waited for; what the command says is nobody's business, that it fails is told."""
    command, waiting = repository.config.notify.command, result.waiting
    if command is None or waiting is None or waiting.for_ != "person":
        return
    places = "; ".join(f"{place.file}:{place.line}: {place.text}" for place in waiting.items)
    words = {"{story}": shlex.quote(story), "{text}": shlex.quote(places)}
    for name, value in words.items():
        command = command.replace(name, value)
    try:
        done = subprocess.run(command, shell=True, cwd=repository.root, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise UsageError(f"story.toml: notify.command could not be run: {err}. Everything else is done.") from err
    if done.returncode:
        raise UsageError(f"story.toml: notify.command ended with exit {done.returncode}. Everything else is done.")
