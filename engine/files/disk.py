"""Durable writes: a file is replaced whole or not at all, and a line is appended whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from engine.errors import Locked, StoryChanged

TEMP, SWAP = ".story-tmp", ".story-swap"
_SWAP_NAME = re.compile(rf"\.(.+)\.([0-9a-f]{{16}})\.([0-9a-f]{{16}}){re.escape(SWAP)}", re.S)


def update(
    path: Path,
    edit: Callable[[bytes], bytes],
    *,
    lock: Path,
    patience: float = 10.0,
    still: Callable[[], None] = lambda: None,
) -> bool:
    """Replace a file's bytes by `edit(bytes)` under a lock; False when the edit changes nothing.

    `still` raises when the tree is not the one any more that the edit is for: then the file is as it was.

    The lock is a file of its own: the rename gives the story a new inode, and who waits for the lock of the old
    inode would then hold a lock on nothing. If somebody saves the file between our read and our rename, the edit
    is made again on what they saved.
    """
    target = path.resolve()
    with hold(lock, patience):
        while True:
            still()
            before = target.read_bytes()
            after = edit(before)
            if after == before:
                return False
            try:
                replace(target, after, expected=before, still=still)
            except StoryChanged:
                continue
            return True


@contextmanager
def hold(lock: Path, patience: float, what: str = "the story is being written by another engine") -> Iterator[None]:
    """Hold a lock file, waiting up to `patience` seconds for it; a killed process loses it by itself."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    try:
        held.acquire(timeout=patience)
    except Timeout as err:
        raise Locked(f"{what} (it holds {lock}). Wait for it or stop it; nothing was changed.") from err
    try:
        yield
    finally:
        held.release()


def replace(
    target: Path, after: bytes, *, expected: bytes | None = None, still: Callable[[], None] = lambda: None
) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    `still` is asked last before the rename, and with `expected` once more after it; it raises when the tree is not the
    one any more that the file is for, which may hold the very same bytes.

    With `expected`, refuse with StoryChanged when the file holds other bytes, and lose nothing that somebody saves
    in the very moment of the write: old and new change places in one system call, and what comes out is compared.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=TEMP, dir=target.parent)
    temp = Path(name)
    swap = target if expected is None else _swap_name(target, expected, after)
    try:
        with _named(target):
            _fill(descriptor, after, like=target)
        still()
        if expected is None:
            os.replace(temp, target)  # noqa: PTH105 - one system call, seen as such by the fault tests
        else:
            os.replace(temp, swap)  # noqa: PTH105
            _swap(swap, target, expected, after, still)
    except FileNotFoundError as err:
        if expected is not None and not target.exists():
            swap.unlink(missing_ok=True)
        raise StoryChanged(f"{target} or its folder went away meanwhile: was another branch checked out?") from err
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _swap_name(target: Path, expected: bytes, after: bytes) -> Path:
    return target.with_name(f".{target.name}.{_digest(expected)}.{_digest(after)}{SWAP}")


def _swap(swap: Path, target: Path, expected: bytes, after: bytes, still: Callable[[], None]) -> None:
    if target.read_bytes() != expected:
        swap.unlink()
        raise StoryChanged(f"{target} was saved by somebody else meanwhile.")
    if not exchange(swap, target):
        os.replace(swap, target)  # noqa: PTH105
        return
    put, came_out = after, swap.read_bytes()
    if came_out != expected:
        _give_back(swap, target, put, came_out)
        raise StoryChanged(f"{target} was saved by somebody else meanwhile.")
    try:
        still()
    except BaseException:
        _give_back(swap, target, put, came_out)
        raise
    swap.unlink()


def _give_back(swap: Path, target: Path, put: bytes, saved: bytes) -> None:
    """Put somebody's save back; where it was saved again while it was out, the later save comes out and is put back."""
    while exchange(swap, target):
        came_out = swap.read_bytes()
        if came_out == put:
            swap.unlink()
            return
        put, saved = saved, came_out


def append(path: Path, line: bytes, *, still: Callable[[bytes], None] | None = None) -> None:
    """Append one line (without its end) durably; a torn last line of a killed process is cut off first.

    `still` is handed what the opened file holds and raises when that is not the file any more that the line is for;
    so a checkout of another branch, which puts another file in its place, can come at no moment between the two.
    """
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if still is not None:
            _ask(still, os.pread(descriptor, size, 0), path, new=new)
        whole = _whole(descriptor, size)
        if whole < size:
            os.ftruncate(descriptor, whole)
        with _named(path):
            if os.write(descriptor, line + b"\n") != len(line) + 1:
                os.ftruncate(descriptor, whole)
                raise OSError(errno.ENOSPC, "no space left")
            os.fsync(descriptor)
        if not path.exists() or path.stat().st_ino != os.fstat(descriptor).st_ino:
            raise StoryChanged(f"{path} was replaced meanwhile: was another branch checked out?")
    finally:
        os.close(descriptor)
    if new:
        sync_folder(path.parent)


def _ask(still: Callable[[bytes], None], content: bytes, path: Path, *, new: bool) -> None:
    try:
        still(content)
    except StoryChanged:
        if (new or not content) and path.stat().st_size == 0:
            path.unlink()  # it was not there; opening it made it
        raise


def sweep(folder: Path) -> list[Path]:
    """Clear up after a killed engine; the files in which somebody's save was rescued are returned.

    A swap holds the old text, our new one (both are known and can go), or what somebody saved in the moment of the
    write: that goes back to its place, or beside it where the place has been saved again since.
    """
    for left in folder.glob(f".*{TEMP}"):
        left.unlink(missing_ok=True)
    rescued = []
    for swap in folder.glob(f".*{SWAP}"):
        match = _SWAP_NAME.fullmatch(swap.name)
        if match is None:
            continue
        name, old, new = match.groups()
        target = swap.with_name(name)
        if _digest(swap.read_bytes()) in (old, new) or (
            target.exists() and _digest(target.read_bytes()) == new and exchange(swap, target)
        ):
            swap.unlink()
        else:
            aside = swap.with_name(f"{name}.rescued-{new[:8]}")
            swap.rename(aside)
            rescued.append(aside)
    return rescued


def exchange(one: Path, other: Path) -> bool:
    """Let two files change places in one system call; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, swap_flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), swap_flag) == 0)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _named(folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, content: bytes, *, like: Path) -> None:
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        try:
            stat = like.stat()
            os.fchmod(descriptor, stat.st_mode & 0o7777)
            if (stat.st_uid, stat.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, stat.st_uid, stat.st_gid)
        except FileNotFoundError:
            os.fchmod(descriptor, 0o644)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Calls on a descriptor know no path; who reads the error has to."""
    try:
        yield
    except OSError as err:
        raise type(err)(err.errno, err.strerror, str(path)) from err


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _whole(descriptor: int, size: int) -> int:
    """The length up to and including the last line end."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        cut = os.pread(descriptor, end - start, start).rfind(b"\n")
        if cut >= 0:
            return start + cut + 1
        end = start
    return 0
