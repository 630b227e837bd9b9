"""The files around a story: which there are, what they hold, and how they differ from a commit."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.files.repository import run_git

_CACHES = {
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".venv",
    "node_modules",
    ".gradle",
    ".next",
    ".turbo",
    ".parcel-cache",
    ".nyc_output",
}
_JUNK = re.compile(
    r"(?:.*\.(?:pyc|pyo|swp|tsbuildinfo)|.*~|\.#.*|\.DS_Store|Thumbs\.db|\.coverage(?:\..*)?|\.eslintcache)"
)
LOCK_FILES = {
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "Cargo.lock",
    "go.sum",
    "Gemfile.lock",
    "composer.lock",
    "mix.lock",
    "pubspec.lock",
    "Podfile.lock",
    "packages.lock.json",
    "gradle.lockfile",
}
"""What package managers write by themselves."""
_STUB = re.compile(
    r"\braise[\s\\(]+NotImplementedError\b|\bNotImplementedError\s*\(|\bthrow\s+(?:new\s+)?NotImplementedError\b"
    r"|\b(?:todo|unimplemented)!\s*[(\[{]"
)
MOST_BYTES = 4_000_000
"""Bytes of a file in which stubs are looked for."""


def head_of(root: Path) -> str | None:
    """The commit that is checked out, "" before the first one, None where there is no git."""
    head = run_git(root, "rev-parse", "--verify", "-q", "HEAD^{commit}")
    if head is None and run_git(root, "rev-parse", "--git-dir") is None:
        return None
    return (head or b"").decode().strip()


def list_files(root: Path) -> list[str]:
    """Every file that git tracks, or that no .gitignore of the tree names; without git, all but caches."""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-per-directory=.gitignore")
    raw = run_git(root, *words)
    if raw is None:
        return sorted(_walk(root))
    paths = set(_split(raw))
    junk = {path for path in paths if _is_junk(path)}
    tracked = set(_split(run_git(root, "ls-files", "-z") or b"")) if junk else set()
    return sorted(paths - (junk - tracked))


def not_ignored(root: Path, paths: Iterable[Path]) -> set[Path]:
    """Those of some paths below a root that git does not ignore there, and that are no caches."""
    kept = {path for path in paths if path.name not in _CACHES and not _is_junk(path.relative_to(root).as_posix())}
    given = b"".join(os.fsencode(path) + b"\0" for path in kept)
    told = run_git(root, "check-ignore", "-z", "--stdin", given=given) or b"" if kept else b""
    return kept - {Path(path) for path in _split(told)}


def differing(root: Path, commit: str, scratch: Path) -> set[str] | None:
    """The paths that differ from a commit or are new since; None where git does not know the commit.

    The commit is laid out in an index of its own: what git was told to overlook in the real one is seen here.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    index = scratch / f"index-{os.getpid()}"  # another engine may look at the same time
    index.unlink(missing_ok=True)
    plain = ("-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "core.ignoreStat=false")
    if run_git(root, "read-tree", commit or "--empty", index=index) is None:
        return None
    run_git(root, *plain, "update-index", "-q", "--refresh", index=index)  # fails where anything differs
    changed = run_git(root, *plain, "diff-files", "-z", "--name-only", "--relative", index=index)
    new = run_git(root, *plain, "ls-files", "-z", "--others", "--exclude-standard", index=index)
    index.unlink(missing_ok=True)
    if changed is None or new is None:
        return None
    return {*_split(changed), *(path for path in _split(new) if not _is_junk(path))}


def digest(root: Path, path: str) -> str:
    """The SHA-256 of a file's bytes, "" where it is gone; a link counts with where it leads."""
    file = root / path
    try:
        if not file.is_symlink() and not file.exists():
            return ""
        link = os.fsencode(file.readlink()) + b"\0" if file.is_symlink() else b""
        return hashlib.sha256(link + (file.read_bytes() if file.is_file() else b"")).hexdigest()
    except OSError:
        return ""


def digests(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """The digest of each file, by the path as evidence spells it."""
    return {spell_path(path): digest(root, path) for path in sorted(paths)}


def find_stubs(root: Path, paths: Iterable[str]) -> list[str]:
    """The places, `path:line`, where code says that it is not there yet."""
    found = []
    for path in sorted(paths):
        try:
            text = (root / path).read_bytes()[:MOST_BYTES].decode("utf-8", "replace")
        except OSError:
            continue
        comment = "#" if path.endswith((".py", ".pyi", ".rb", ".sh")) else "//"
        lines = text.split("\n")
        for match in _STUB.finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            if not lines[number - 1].lstrip().startswith(comment):
                found.append(f"{spell_path(path)}:{number}")
    return list(dict.fromkeys(found))


def spell_path(path: str) -> str:
    """A path on one line, in any encoding: as it is, or as JSON where it holds more than printable characters."""
    plain = path.isprintable() and path == path.strip() and not path.startswith('"')
    return path if plain else json.dumps(path)


def read_path(spelled: str) -> str:
    """The path that was spelled."""
    return str(json.loads(spelled)) if spelled.startswith('"') else spelled


def _split(raw: bytes) -> list[str]:
    return [os.fsdecode(part) for part in raw.split(b"\0") if part]


def _is_junk(path: str) -> bool:
    *folders, name = path.split("/")
    return bool(_CACHES.intersection(folders) or _JUNK.fullmatch(name) or any(f.endswith(".egg-info") for f in folders))


def _walk(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in _CACHES and name != ".git"]
        for name in files:
            path = (Path(folder) / name).relative_to(root).as_posix()
            if not _is_junk(path):
                yield path
