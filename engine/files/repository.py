"""The repository around the packs: its root, its state folder, and what git says."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.errors import CallFailed, UsageError

MARKS = ("story.toml", ".git")
_RACE = re.compile(r"(?i)failed to (update|lock)|cannot lock|incorrect old value|reference already exists|atomic")
"""How a remote says that somebody else pushed to the same ref in the same moment."""
_PATIENCE = 120
"""Seconds that git may take with a remote."""


def find_root(start: Path) -> Path:
    """The nearest folder above that holds story.toml or .git, else the folder itself; for a worktree its main tree."""
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return _main_tree(folder) or folder
    return start


def _main_tree(folder: Path) -> Path | None:
    """The main tree of a worktree that the engine made for a story; None for any other folder."""
    mark = folder / ".git"
    if folder.parent.name != "worktrees" or not mark.is_file():
        return None
    place = Path(mark.read_text("utf-8", "replace").removeprefix("gitdir:").strip())
    main = place.parent.parent.parent  # <main>/.git/worktrees/<name>
    return main if state_folder(main).resolve() == folder.parent.parent.resolve() else None


def state_folder(root: Path, environ: dict[str, str] | None = None) -> Path:
    """The folder for caches, sessions and remembered replies, outside the repository."""
    environ = dict(os.environ) if environ is None else environ
    home = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".local" / "state")
    real = root.resolve()
    digest = hashlib.sha256(str(real).encode()).hexdigest()[:12]
    return Path(home) / "story" / f"{real.name}-{digest}"


def author(root: Path) -> str:
    """The git identity of the person at the keyboard."""
    told = _git(root, "config", "--get-regexp", r"^user\.(name|email)$").splitlines()
    known = {key: said.strip() for key, _, said in (line.partition(" ") for line in told)}  # the last one counts
    name, mail = known.get("user.name", ""), known.get("user.email", "")
    return f"{name} <{mail}>" if name and mail else name or os.environ.get("USER") or "somebody"


def show_new(root: Path, paths: Sequence[Path]) -> None:
    """Make new files show up in `git diff`; where there is no git, nothing happens."""
    known = [str(path) for path in paths if path.exists()]
    if known and any((folder / ".git").exists() for folder in (root, *root.resolve().parents)):
        _git(root, "add", "--intent-to-add", "--", *known)


def git(root: Path, *words: str) -> str:
    """What git prints; "" where it fails or is not there."""
    return _git(root, *words)


def run_git(
    root: Path, *words: str, index: Path | None = None, given: bytes = b"", environ: Mapping[str, str] | None = None
) -> bytes | None:
    """What git prints when it gets `given` on stdin, byte for byte; None where it fails or is not there.

    `index` stands in for git's own; `environ` is added to the process' own.
    """
    import subprocess  # here, since `story status` needs no git and starts faster without

    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *words],  # what only looks must not write, not even git's index
            cwd=root,
            input=given,
            capture_output=True,
            check=False,
            timeout=120 if index else 30,
            env={**os.environ, **({"GIT_INDEX_FILE": str(index)} if index else {}), **(environ or {})},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


class GitFailed(CallFailed):
    """git did not do what it was told, in its own words; `rejected` where somebody else pushed first."""

    def __init__(self, text: str, *, rejected: bool = False) -> None:
        self.rejected = rejected
        super().__init__(text)


def demand_git(root: Path, *words: str, given: bytes = b"", environ: Mapping[str, str] | None = None) -> str:
    """What git prints; GitFailed in its own words where it fails. git asks nobody for a password."""
    import subprocess

    asks_nobody = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    }
    try:
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *words],
            cwd=root,
            input=given,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
            env={**asks_nobody, **os.environ, **(environ or {})},
        )
    except FileNotFoundError as err:
        raise UsageError("git is not on PATH. Install it.") from err
    except subprocess.TimeoutExpired as err:
        raise GitFailed(f"git {words[0]} took longer than {_PATIENCE} seconds.") from err
    out, said = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    if done.returncode:
        told = " ".join((said or out).split())[:300] or f"exit {done.returncode}"
        raise GitFailed(f"git {words[0]}: {told}", rejected=_raced(out))
    return out


def _raced(told: str) -> bool:
    """Did a push fail because somebody else was first, and for no reason of the remote's own, such as a hook?"""
    refused = re.findall(r"^!.*\[remote rejected\] \((.*)\)", told, re.M)
    return bool(re.search(r"^!.*\[(remote )?rejected\]", told, re.M)) and all(map(_RACE.match, refused))


def _git(root: Path, *words: str) -> str:
    # a diff holds the bytes of any file
    return (run_git(root, *words) or b"").decode("utf-8", "replace").replace("\r\n", "\n").strip()
