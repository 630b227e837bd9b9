"""Commits, worktrees and merges, by git. Nothing here decides when; a refusal of git's is told, never worked around."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from engine.errors import UsageError
from engine.files import disk
from engine.files.repository import git, run_git

AGENTS = "story.invalid"
"""The mail domain of what agents and the engine commit: a name that belongs to nobody."""
ENGINE = f"Story Engine <engine@{AGENTS}>"
_PLAIN = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "core.safecrlf=false")
"""Gates are the machine's, not git's hooks; and what agents did is signed by nobody."""


def commit(root: Path, paths: Sequence[str], message: str, author: str) -> None:
    """Commit just these paths as they are, whatever else is staged; where they hold nothing new, nothing.

    `author` is `Name <mail>`, "" for the identity that git is set to.
    """
    if not paths:
        return
    named = os.fsencode("\0".join(paths))
    spec = ("--pathspec-from-file=-", "--pathspec-file-nul")
    _demand(root, "--literal-pathspecs", *_PLAIN, "add", "--all", *spec, given=named, what="git could not add")
    _commit(root, message, author, "--only", *spec, given=named, differs=("HEAD", "--", *paths))


def commit_all(root: Path, message: str, author: str) -> None:
    """Commit all that is not committed, in a tree that is the engine's alone."""
    _demand(root, *_PLAIN, "add", "--all", "--", ".", what="git could not add")
    _commit(root, message, author, differs=("--cached",))


def _commit(root: Path, message: str, author: str, *words: str, differs: Sequence[str], given: bytes = b"") -> None:
    said = ("--author", author) if author else ()
    told = ("commit", "--quiet", "--no-verify", "--message", message, *said, *words)
    if run_git(root, "--literal-pathspecs", *_PLAIN, *told, given=given) is not None:
        return
    if run_git(root, "--literal-pathspecs", "diff", "--quiet", *differs) is None:
        raise UsageError(f"git could not commit in {root}. `git status` there may say why; then run it again.")


def open_worktree(root: Path, folder: Path, branch: str) -> None:
    """Lay out a worktree on a new branch from HEAD, or on the branch where it holds more than HEAD."""
    if folder.exists():
        drop_aside(root, folder)  # a killed engine's: it was not laid out to its end, so nobody worked in it
        shutil.rmtree(folder, ignore_errors=True)
    run_git(root, "worktree", "prune")
    there = bool(git(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"))
    words = (str(folder), branch) if there and not is_merged(root, branch) else ("-B", branch, str(folder), "HEAD")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _demand(root, *_PLAIN, "worktree", "add", "--quiet", *words, what=f"git could not make a worktree for {branch}")


def worktree_of(state: Path, branch: str) -> Path:
    """The folder of a story's branch's worktree, in the state folder, whether it is there or not."""
    return state / "worktrees" / branch.removeprefix("story/").replace("/", "-")


def is_laid_out(folder: Path) -> bool:
    """Is a worktree there with all its files? git writes its index after them."""
    try:
        inner = (folder / ".git").read_text("utf-8").removeprefix("gitdir: ").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return (folder / inner / "index").exists()


def close_worktree(root: Path, folder: Path, branch: str) -> None:
    """Remove the worktree of a merged branch, and the branch; git keeps both where something is not merged."""
    if run_git(root, "worktree", "remove", str(folder)) is not None:
        run_git(root, "branch", "--quiet", "--delete", branch)


def drop_merged(root: Path, branches: Collection[str]) -> None:
    """Delete those of the branches that are merged and checked out nowhere, as a killed engine left them."""
    form = "--format=%(refname:short)%00%(worktreepath)"
    for line in git(root, "for-each-ref", "--merged", "HEAD", form, "refs/heads/story/").splitlines():
        name, _, place = line.partition("\0")
        if name in branches and not place:
            run_git(root, "branch", "--quiet", "--delete", name)


def merge_aside(
    root: Path, folder: Path, branch: str, message: str, had: Mapping[str, bytes | None]
) -> tuple[str, list[str]]:
    """Merge a branch into what is checked out in `root`, in a worktree of its own; (the commit, the conflicts).

    `root` stays as it is. The worktree is left for gates to run in. `had` are files of which the branch took a version
    over after it began, with that version: what each side made of it is merged, where git knows only the older one.
    """
    drop_aside(root, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    what = f"git could not merge {branch}"
    _demand(root, *_PLAIN, "worktree", "add", "--quiet", "--detach", str(folder), "HEAD", what=what)
    words = ("merge", "--no-ff", "--no-verify", "--quiet", "--message", message, branch)
    if run_git(folder, *_PLAIN, *words) is None:
        told = run_git(folder, "diff", "--name-only", "-z", "--diff-filter=U") or b""
        both = [os.fsdecode(path) for path in told.split(b"\0") if path]
        left = [path for path in both if not _settle(folder, path, had.get(path))]
        if left or not both:
            return "", left or [branch]
        _demand(folder, *_PLAIN, "commit", "--no-verify", "--quiet", "--message", message, what=what)
    return git(folder, "rev-parse", "HEAD"), []


class Elsewhere(NamedTuple):
    """A file that another branch went on with; None for bytes where it is not there.

    `here` is the file as it lies in the tree, `there` as that branch has it, `had` the newest version of that branch
    that was here. `own` says that it was changed here; `kept` that this branch does not hold yet what lies in the tree.
    """

    path: str
    here: bytes | None
    there: bytes | None
    had: bytes | None
    own: bool
    kept: bool


def elsewhere(root: Path, branch: str, paths: Collection[str]) -> Iterator[Elsewhere]:
    """Those of some files that another branch changed since it and the one that is checked out parted."""
    base = git(root, "merge-base", "HEAD", branch)
    theirs = _versions(root, f"{base}..{branch}", paths) if base and paths else {}
    ours = _versions(root, f"{base}..HEAD", theirs) if theirs else {}
    for path, versions in theirs.items():
        parted = versions[-1]
        known = {parted, *ours.get(path, ())}
        file = root / path
        here = file.read_bytes() if file.is_file() else None
        there = _laid_out(root, path, versions[0])
        own = "" if here is None else _blob(root, path, here)
        yield Elsewhere(
            path=path,
            here=here,
            there=there,
            had=_laid_out(root, path, next(blob for blob in versions if blob in known)),
            own=own not in versions and here != there,
            kept=own == ours.get(path, [parted])[0],
        )


def bring(root: Path, one: Elsewhere) -> None:
    """Bring a file to what the other branch has, unless somebody saves it in this moment."""
    if one.there is not None:
        disk.replace(root / one.path, one.there, expected=one.here)
    elif one.here is not None:
        (root / one.path).unlink(missing_ok=True)


def _versions(root: Path, commits: str, paths: Collection[str]) -> dict[str, list[str]]:
    """Path → what it was on this way, newest first, and last what it was before; "" where it was not there."""
    form = ("--raw", "-z", "--no-abbrev", "--no-renames", "--format=")
    words = ("--literal-pathspecs", "log", "--first-parent", "-m", *form, commits, "--", *paths)
    parts = iter((run_git(root, *words) or b"").split(b"\0"))
    found: dict[str, list[str]] = {}
    for part in parts:
        if part.lstrip(b"\n").startswith(b":"):
            old, new = (blob.decode().strip("0") and blob.decode() for blob in part.split()[2:4])
            known = found.setdefault(os.fsdecode(next(parts)), [])
            known[-1:] = [new, old]
    return found


def _blob(root: Path, path: str, content: bytes) -> str:
    return (run_git(root, "hash-object", f"--path={path}", "--stdin", given=content) or b"").decode().strip()


def _laid_out(root: Path, path: str, blob: str) -> bytes | None:
    """A version of a file as it lies in a tree."""
    return run_git(root, "cat-file", "--filters", f"--path={path}", blob) if blob else None


def _settle(folder: Path, path: str, base: bytes | None) -> bool:
    """Merge a file in conflict once more, on another base; False where that is a conflict, too."""
    sides = [run_git(folder, "cat-file", "--filters", f":{stage}:{path}") for stage in (2, 3)]
    if base is None or None in sides:
        return False
    with TemporaryDirectory() as scratch:
        files = [Path(scratch) / name for name in ("main", "base", "branch")]
        for file, content in zip(files, (sides[0], base, sides[1]), strict=True):
            file.write_bytes(content or b"")
        merged = run_git(folder, "merge-file", "-p", *map(str, files))
    if merged is None:
        return False
    disk.replace(folder / path, merged)
    return run_git(folder, "--literal-pathspecs", *_PLAIN, "add", "--", path) is not None


def drop_aside(root: Path, folder: Path) -> None:
    """Remove a worktree that nothing is kept of."""
    run_git(root, "worktree", "remove", "--force", "--force", str(folder))
    run_git(root, "worktree", "prune")


def fast_forward(root: Path, commit: str) -> bool:
    """Bring what is checked out to a commit that follows from it; False where files in the way are not committed."""
    return run_git(root, *_PLAIN, "merge", "--ff-only", "--quiet", commit) is not None


def is_merged(root: Path, branch: str) -> bool:
    """Does what is checked out hold all of a branch?"""
    return run_git(root, "merge-base", "--is-ancestor", branch, "HEAD") is not None


def _demand(root: Path, *words: str, what: str, given: bytes = b"") -> None:
    if run_git(root, *words, given=given) is None:
        raise UsageError(f"{what} in {root}. `git status` there may say why; then run it again.")
