"""What a clone says of its remote: where it is, what the fleet is called, and whether all is pushed that matters."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path

from engine.errors import UsageError
from engine.files.repository import GitFailed, demand_git, git


def remote_of(root: Path) -> str:
    """The address of the remote that all workers share; a bare repository is its own."""
    if git(root, "rev-parse", "--is-bare-repository") == "true":
        return str(Path(git(root, "rev-parse", "--absolute-git-dir")).resolve())
    url = git(root, "remote", "get-url", "origin")
    if url:
        return url if re.match(r"[\w.+-]+(://|@|:)", url) else str((root / url).resolve())
    raise UsageError(
        f"{root} has no remote `origin`. Workers share a remote repository: `git remote add origin URL`, then push."
    )


def fleet_of(url: str) -> str:
    """What a repository is called on Temporal: the last two words of its address, such as acme/shop."""
    words = [word for word in re.split(r"[/:\\]", url.rstrip("/").removesuffix(".git")) if word]
    return "/".join(words[-2:])


def worker_name(root: Path) -> str:
    """What a worker is called that nobody named: this machine, and the clone that it was started in."""
    return f"{socket.gethostname().split('.')[0]}-{root.resolve().name}"


def demand_pushed(root: Path, branch: str, packs: Sequence[str]) -> None:
    """Refuse to start what workers could not see: changes that are not committed, not pushed, or not merged."""
    if dirty := git(root, "status", "--porcelain", "--", "story.toml", "machines", *packs).splitlines():
        raise UsageError(
            f"{dirty[0][2:].strip()} is not committed, and workers see what is pushed. Commit and push it."
        )
    try:
        demand_git(root, "fetch", "--quiet", "origin")
    except GitFailed as err:
        raise UsageError(f"the remote does not answer: {err}") from err
    if ours := int(git(root, "rev-list", "--count", "HEAD", "--not", "--remotes=origin") or 0):
        here = git(root, "rev-parse", "--abbrev-ref", "HEAD")
        if int(git(root, "rev-list", "--count", f"HEAD..origin/{here}") or 0):
            raise UsageError(f"{here} and origin/{here} went apart. `git pull --rebase`, then push, then start.")
        raise UsageError(f"{ours} commits of {here} are not pushed, and workers see what is pushed. Push them.")
    here = git(root, "rev-parse", "--abbrev-ref", "HEAD")
    words = ("rev-list", "--count", f"origin/{branch}..HEAD", "--", "story.toml", "machines", *packs)
    if not here.startswith("story/") and int(git(root, *words) or 0):
        raise UsageError(
            f"{here} has changes of {', '.join(packs)} or its settings that origin/{branch} does not have, and workers "
            "see what it has. Merge them, or name another main branch with --branch, here and to the workers."
        )
