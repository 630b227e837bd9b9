"""Throwaway copies of the tree for agents to work in, and what comes back of their work.

copy_tree ── a snapshot of the tree as a commit, laid out in a folder of the state folder
changes   ── the copy as a commit, and the paths that differ
bring     ── one path of it into the real tree: as it is, or merged with what a person did there meanwhile

Both commits are kept under refs/story/calls, so that a killed engine finds what was done by its reply alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.errors import CallFailed, UsageError
from engine.files import disk
from engine.files.repository import git, run_git
from engine.files.snapshot import take_snapshot

DEPENDENCIES = ("node_modules", ".venv", "venv")
"""Folders that git ignores and that programs stand on: shown in a copy, never copied."""
_MARK = "before"
_KEPT = 30 * 24 * 3600
_LINK, _FOLDER, _PROGRAM = b"120000", b"160000", b"100755"


Missing = list[str] | None
"""The paths that could not be carried into a copy; None where the commits are gone, and all of it with them."""


def copy_tree(root: Path, folder: Path, call: str, half: tuple[str, str] | None = None) -> tuple[str, Missing]:
    """Lay out a copy of all that git does not ignore in `folder/tree`; the commit that it is a copy of.

    What lies between the commits of `half` is carried into it; the answer says what of that is missing. A copy that is
    there already, with what a killed engine's agent did in it, is gone on with.
    """
    if not (root / ".git").exists():
        raise UsageError(f"agents work in a copy that git makes, and {root} is no git repository. Run `git init`.")
    tree, mark = folder / "tree", folder / _MARK
    if is_copied(folder):
        before, missing = json.loads(mark.read_bytes())
        return before, missing
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    _prune(root)
    before = take_snapshot(root, folder / "index", f"{_ref(call)}/before", call)
    if before is None or run_git(root, "checkout-index", "--all", f"--prefix={tree}/", index=folder / "index") is None:
        raise CallFailed(f"git could not copy {root}. `git status` there may say why.")
    inner = tree / ".git"  # where the cage shows the real one, read-only
    inner.touch() if (root / ".git").is_file() else inner.mkdir()
    for path in dependencies(root):
        (tree / path).mkdir(parents=True, exist_ok=True)
    missing = _carry(root, tree, *half) if half else []
    disk.replace(mark, json.dumps([before, missing]).encode())
    return before, missing


def is_copied(folder: Path) -> bool:
    """Is a copy there, laid out to its end?"""
    return (folder / _MARK).is_file()


def put_aside(folder: Path) -> None:
    """Rename a folder, if it is there, so that nobody finds it under its name."""
    if folder.is_dir():
        aside = folder.with_name(f"{folder.name}.gone")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)


def dependencies(root: Path) -> list[Path]:
    """The folders of dependencies that lie in the tree and are ignored by git, relative to the root."""
    told = run_git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory") or b""
    paths = [Path(os.fsdecode(one)) for one in told.split(b"\0") if one.endswith(b"/")]
    return [path for path in paths if path.name in DEPENDENCIES]


def link_dependencies(root: Path, tree: Path) -> None:
    """Let a worktree stand on the dependencies of the main tree: links, which git is told not to see."""
    exclude = Path(git(root, "rev-parse", "--path-format=absolute", "--git-path", "info/exclude"))
    for path in dependencies(root):
        link = tree / path
        if not os.path.lexists(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(root / path)
            line = f"/{path.as_posix()}"
            text = exclude.read_text("utf-8") if exclude.is_file() else ""
            if line not in text.splitlines():
                exclude.parent.mkdir(parents=True, exist_ok=True)
                exclude.write_text(f"{text}{line}\n", "utf-8")


def changes(root: Path, folder: Path, call: str, before: str) -> tuple[str, list[str]]:
    """(the copy as it is now, as a commit; the paths in which it differs from what it was)."""
    index = folder / "index"
    environ = {"GIT_DIR": str(_git_dir(root)), "GIT_WORK_TREE": str(folder / "tree")}
    after = take_snapshot(root, index, f"{_ref(call)}/after", call, environ=environ)
    if after is None:
        raise CallFailed(f"git could not read {folder / 'tree'} back, so nothing of it was taken over.")
    return after, changed(root, before, after)


def changed(root: Path, before: str, after: str) -> list[str]:
    """The paths in which two commits differ."""
    told = run_git(root, "diff-tree", "-r", "-z", "--no-renames", "--name-only", before, after)
    if told is None:
        raise CallFailed(f"git lost what an agent did: {after[:12]} is gone. Run the call again: `story rewind`.")
    return [os.fsdecode(path) for path in told.split(b"\0") if path]


def bring(
    root: Path,
    path: str,
    before: str,
    after: str,
    keep: Callable[[bytes | None, bytes], bytes] | None,
    into: Path | None = None,
) -> None:
    """Bring one changed file into the real tree, merged with what a person did there; hers stays where both changed it.

    With `into` it is brought into another tree.

    `keep` is given what the file was (None: it was not there) and what the agent made of it; it answers what counts,
    without it all of it.
    """
    mode, new = _file(root, after, path)
    was, old = _file(root, before, path)
    if mode in (_LINK, _FOLDER):
        raise CallFailed("it became a link, which nobody follows. It was not taken over.")
    tree = into or root
    target = tree / path
    if not target.parent.resolve().is_relative_to(tree.resolve()) or target.is_symlink():
        raise CallFailed("it leads out of the repository. It was not taken over.")
    now = target.read_bytes() if target.is_file() else None
    wanted = keep(old, new) if keep and new is not None else new
    if wanted is None and now is None:
        return
    if wanted is None:
        if now != old:
            raise CallFailed(f"it was changed by somebody else meanwhile, and removed by the agent ({after[:12]}).")
        target.unlink()
        return
    if now is not None and now not in (old, wanted):
        wanted = _merged(root, now, old or b"", wanted, f"`git show {after[:12]}:{path}`")
    if now != wanted:
        disk.replace(target, wanted, expected=now)
    if mode != was:
        target.chmod(target.stat().st_mode | 0o111 if mode == _PROGRAM else target.stat().st_mode & ~0o111)


def _carry(root: Path, tree: Path, before: str, after: str) -> Missing:
    """Bring what lies between two commits into a copy."""
    missing = []
    try:
        paths = changed(root, before, after)
    except CallFailed:
        return None
    for path in paths:
        try:
            bring(root, path, before, after, None, tree)
        except CallFailed:
            missing.append(path)
    return missing


def drop_copy(folder: Path) -> None:
    """Remove a copy."""
    shutil.rmtree(folder, ignore_errors=True)


def _prune(root: Path) -> None:
    """Let git forget the calls of long ago: their results are in evidence, or nobody wants them any more."""
    told = git(root, "for-each-ref", "--format=%(committerdate:unix) %(refname)", "refs/story/calls")
    dated = [line.split(" ", 1) for line in told.splitlines()]
    newest = max((int(date) for date, _ in dated), default=0)
    for date, name in dated:
        if int(date) < newest - _KEPT:
            git(root, "update-ref", "-d", name)


def _merged(root: Path, now: bytes, old: bytes, new: bytes, theirs: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("now", "before", "agent")]
        for file, content in zip(files, (now, old, new), strict=True):
            file.write_bytes(content)
        merged = run_git(root, "merge-file", "-p", "--quiet", *map(str, files))
    if merged is None:
        raise CallFailed(f"it was changed by somebody else where the agent changed it, too; the agent's is {theirs}.")
    return merged


def _file(root: Path, commit: str, path: str) -> tuple[bytes, bytes | None]:
    """(mode, content) of a file in a commit, as git would check it out; (b"", None) where it is not there."""
    told = run_git(root, "ls-tree", "-z", commit, "--", f":(literal){path}") or b""
    if not told:
        return b"", None
    mode = told.partition(b" ")[0]
    if mode == _FOLDER:
        return mode, b""
    content = run_git(root, "cat-file", "--filters", f"{commit}:{path}")
    if content is None:
        raise CallFailed(f"git cannot show it as it was in {commit[:12]}.")
    return mode, content


def _git_dir(root: Path) -> Path:
    return Path(git(root, "rev-parse", "--absolute-git-dir"))


def _ref(call: str) -> str:
    return f"refs/story/calls/{hashlib.sha256(call.encode()).hexdigest()[:20]}"
