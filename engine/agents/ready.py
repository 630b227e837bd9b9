"""Can a kind of agent play a role here? Asked before anything is spent; nothing is asked of a model."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from engine import cage
from engine.agents.choice import KEYS, PROGRAMS, Kind, logged_in
from engine.agents.player import Player

_INSTALL = {"claude": "npm install -g @anthropic-ai/claude-code", "codex": "npm install -g @openai/codex"}
_LOGIN = {"claude": "Run `claude` and log in", "codex": "Run `codex login`"}


def unready(kind: Kind, player: Player, *, script: Path | None) -> tuple[str, str]:
    """(why it cannot, what to do); two empty texts where it can."""
    match kind:
        case "person":
            return "", ""
        case "scripted":
            if script is None:
                return "it names no script", f'Add `script = "path"` to [roles.{player.role}] in story.toml.'
            return ("", "") if script.is_file() else (f"{script} is not there", "Correct `script` in story.toml.")
        case "api":
            return _key(player) or _caged()
        case "codex" | "claude":
            return _program(kind, player) or _caged()


def version_of(kind: Kind) -> str:
    """What the program behind a kind says of its version, "" for kinds without one."""
    if kind not in _INSTALL:
        return ""
    try:
        done = subprocess.run([kind, "--version"], capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as err:
        return f"{kind} --version: {err}"
    return " ".join(done.stdout.decode("utf-8", "replace").split())[:80]


def _key(player: Player) -> tuple[str, str] | None:
    name = player.key or KEYS.get(player.provider)
    if name is None:
        known = ", ".join(KEYS)
        return f"no protocol is known for provider {player.provider!r}", f"Set `provider` to one of {known}."
    if os.environ.get(name) or (player.base_url and player.key is None):
        return None
    return f"{name} is not set", f"Export {name}, or name another variable as `key` in [roles.{player.role}]."


def _program(kind: str, player: Player) -> tuple[str, str] | None:
    if shutil.which(kind) is None:
        return f"{kind} is not on PATH", f"Install it: `{_INSTALL[kind]}`."
    key = player.key or KEYS[next(provider for provider, (program, _) in PROGRAMS.items() if program == kind)]
    if logged_in(kind) or os.environ.get(key):
        return None
    return f"{kind} has no login", f"{_LOGIN[kind]}, or export {key}."


def _caged() -> tuple[str, str]:
    why = cage.broken()
    return (f"what agents run has to be caged, and cannot be: {why}", "") if why else ("", "")
