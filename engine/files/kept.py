"""What is kept of a story, as it lies on the disk and as git knows it: to be held against the journal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from engine.files.evidence import FINDINGS
from engine.files.journal import link
from engine.files.repository import git

_HEADS = ("HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD")
_FROM = re.compile(r"^from: (\S+)$", re.M)


def read_kept(folder: Path) -> dict[str, str]:
    """The files of an evidence folder: name → SHA-256 of the bytes, "" for one that cannot be read."""
    if not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            try:
                found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:
                found[path.name] = "?"
    return found


def read_copied(folder: Path) -> tuple[str, bool] | None:
    """The evidence that findings.md says it was copied from, and whether it has the same body; None without it."""
    try:
        head, body = _halves(folder / FINDINGS)
    except OSError:
        return None
    named = _FROM.search(head)
    if named is None or "/" in named[1]:
        return "", False
    try:
        return named[1], _halves(folder / named[1])[1] == body
    except OSError:
        return named[1], False


def shortened(root: Path, journals: Sequence[str]) -> set[str]:
    """Of the journals (relative to the root), those of which git's HEAD has lines that they do not begin with."""
    if not journals or not (root / ".git").exists():
        return set()
    words = ("--no-ext-diff", "--no-renames", "--numstat", "-z", "--relative", "HEAD", "--", *journals)
    told = git(root, "-c", "diff.autoRefreshIndex=false", "diff", *words)  # who looks writes nothing
    changed = [line.split("\t") for line in told.split("\0") if line.count("\t") == 2]
    return {path for _, lost, path in changed if lost != "0" and not _extends(root, path)}


def line_links(path: Path) -> list[str]:
    """The chain's links over the lines of a journal, in order."""
    return [link(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def _extends(root: Path, path: str) -> bool:
    """Does a journal begin with what is committed of it, here or on the side that is being merged?"""
    now = (root / path).read_text("utf-8", errors="replace").splitlines() if (root / path).exists() else []
    for head in _HEADS:
        known = git(root, "show", f"{head}:./{path}").splitlines()
        if known and not known[-1].endswith("}"):  # a torn line was never acknowledged
            known.pop()
        if known and now[: len(known)] == known:
            return True
    return False


def _halves(path: Path) -> tuple[str, str]:
    """The front matter and the body of an evidence file."""
    head, _, body = path.read_text("utf-8", errors="replace").removeprefix("---\n").partition("\n---\n")
    return head, body
