"""Which kind of agent plays a role where story.toml leaves it open: a CLI with a login, an API key, or a person."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Kind = Literal["person", "scripted", "api", "codex", "claude"]
PROGRAMS: dict[str, tuple[Literal["codex", "claude"], tuple[str, ...]]] = {
    "anthropic": ("claude", (".claude/.credentials.json", ".claude.json")),
    "openai": ("codex", (".codex/auth.json",)),
}
"""Provider → its CLI, and the files below home of which one is there when somebody has logged in."""
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
"""Provider → the variable that its key stands in, unless story.toml names another."""


def logged_in(program: str, environ: Mapping[str, str] | None = None) -> bool:
    """Has somebody logged in to a CLI?"""
    home = Path((os.environ if environ is None else environ).get("HOME", "/"))
    return any((home / login).is_file() for name, logins in PROGRAMS.values() if name == program for login in logins)


def choose(provider: str, *, key: str | None = None, environ: Mapping[str, str] | None = None) -> tuple[Kind, str]:
    """The kind of agent for a provider, and why."""
    environ = os.environ if environ is None else environ
    name = key or KEYS.get(provider, "")
    if provider in PROGRAMS:
        program, _ = PROGRAMS[provider]
        path = shutil.which(program, path=environ.get("PATH"))
        if path and logged_in(program, environ):
            return program, f"{path} is there, with a login"
    if name and environ.get(name):
        return "api", f"{name} is set"
    return "person", f"neither a CLI with a login nor {name or 'a key'} is there"
