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


def choose(provider: str, *, key: str | None = None, environ: Mapping[str, str] | None = None) -> tuple[Kind, str]:
    """The kind of agent for a provider, and why."""
    environ = os.environ if environ is None else environ
    name = key or KEYS.get(provider, "")
    if provider in PROGRAMS:
        program, logins = PROGRAMS[provider]
        path = shutil.which(program, path=environ.get("PATH"))
        if path and any((Path(environ.get("HOME", "/")) / login).is_file() for login in logins):
            return program, f"{path} is there, with a login"
    if name and environ.get(name):
        return "api", f"{name} is set"
    return "person", f"neither a CLI with a login nor {name or 'a key'} is there"
