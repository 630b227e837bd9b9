"""Snapshots of the working tree as commits under refs/story: the user's index, HEAD and branches are never touched."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from engine.errors import UsageError
from engine.files.repository import git, run_git

_WHO = {
    f"GIT_{who}_{what}": said for who in ("AUTHOR", "COMMITTER") for what, said in (("NAME", "story"), ("EMAIL", ""))
}
_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.safecrlf=false")


def pack_refs(pack: str) -> str:
    """Where the snapshots of a pack's stories lie: refs of a name of its own."""
    return f"refs/story/{hashlib.sha256(pack.encode()).hexdigest()[:12]}"


def take_snapshot(root: Path, index: Path, ref: str, link: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Commit all files that git does not ignore to a ref, said to be as of a link of the journal.

    What the ref held before is the commit's parent. `index` is a file of our own that makes the next one faster;
    `environ` may name another work tree.
    None where there is no git, or it refuses.
    """
    if not (root / ".git").exists():
        return None
    index.parent.mkdir(parents=True, exist_ok=True)
    _seed(index)
    index.with_name(index.name + ".lock").unlink(missing_ok=True)  # a killed engine's; ours is the only one now
    add = (*_QUIET, "add", "--all", "--", ".")
    where = Path(environ["GIT_WORK_TREE"]) if environ else root
    if run_git(where, *add, index=index, environ=environ) is None:
        index.unlink(missing_ok=True)
        if run_git(where, *add, index=index, environ=environ) is None:
            return None
    tree = (run_git(root, "write-tree", index=index) or b"").decode().strip()
    old = git(root, "rev-parse", "--verify", "--quiet", ref)
    if not tree:
        return None
    parent = ("-p", old) if old else ()
    said = run_git(root, "commit-tree", tree, *parent, "-m", f"story: snapshot at {link}", index=index, environ=_WHO)
    commit = (said or b"").decode().strip()
    if not commit or run_git(root, *_QUIET, "update-ref", ref, commit) is None:
        return None
    return commit


def _seed(index: Path) -> None:
    """Begin an index as a copy of its newest neighbour, so that git reads only the files that differ from that."""
    others = [] if index.exists() else sorted(index.parent.glob("*.index"), key=lambda other: other.stat().st_mtime_ns)
    if others:
        fresh = index.with_name(f"{index.name}.{os.getpid()}.new")
        shutil.copyfile(others[-1], fresh)
        fresh.replace(index)


def find_snapshot(root: Path, ref: str, links: Collection[str]) -> str | None:
    """The newest snapshot at a ref that was taken at one of these links of the journal."""
    for line in git(root, "log", "--format=%H %s", ref, "--").splitlines():
        commit, _, said = line.partition(" ")
        if said.rpartition(" ")[2] in links:
            return commit
    return None


def compare_snapshots(root: Path, then: str, now: str, *, but: Sequence[str]) -> list[tuple[str, str]]:
    """Each file in which two snapshots differ, with the lines added and removed; the paths in `but` are left out."""
    spare = [f":(exclude,literal){path}" for path in but]
    words = ("-r", "-z", "--no-renames", "--numstat", "--relative", then, now, "--", ".", *spare)
    told = os.fsdecode(run_git(root, "diff-tree", *words) or b"").split("\0")
    rows = [row.split("\t", 2) for row in told if row]
    return [(path, "changed" if added == "-" else f"+{added} -{gone}") for added, gone, path in rows]


def restore_snapshot(root: Path, index: Path, then: str, now: str, *, but: Sequence[str]) -> list[str]:
    """Bring the files of one snapshot back where another was just taken; the paths in `but` stay as they are.

    Refused where a file would be overwritten that the snapshot just taken does not hold, since git ignores it.
    """
    spare = [f":(exclude,literal){path}" for path in but]
    words = ("-r", "-z", "--no-renames", "--name-status", "--relative", now, then, "--", ".", *spare)
    told = os.fsdecode(run_git(root, "diff-tree", *words) or b"").split("\0")
    changes = list(zip(told[::2], told[1::2], strict=False))
    gone = [path for kind, path in changes if kind == "D"]
    back = [path for kind, path in changes if kind != "D"]
    lost = [path for kind, path in changes if kind == "A" and os.path.lexists(root / path)]
    if lost:
        raise UsageError(f"{lost[0]} would be overwritten, and git ignores it. Move it away, then rewind again.")
    index.unlink(missing_ok=True)
    for path in gone:  # first, since a file may come back where a folder was
        (root / path).unlink(missing_ok=True)
        _prune(root, (root / path).parent)
    said = os.fsencode("".join(f"{path}\0" for path in back))
    done = run_git(root, "read-tree", then, index=index) is not None
    done = done and run_git(root, "checkout-index", "-f", "-z", "--stdin", index=index, given=said) is not None
    index.unlink(missing_ok=True)
    if not done:
        raise UsageError(f"git could not bring the files back. Try `git restore --source {then} -- .` by hand.")
    return sorted([*gone, *back])


def _prune(root: Path, folder: Path) -> None:
    """Remove folders that became empty."""
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
