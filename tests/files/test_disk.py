"""Durable writes: whole or not at all, nothing of anybody's lost, nothing left lying about."""

from __future__ import annotations

import ctypes
import hashlib
import multiprocessing
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import Locked, StoryChanged
from engine.files import disk


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def upper(raw: bytes) -> bytes:
    return raw.upper()


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder, and for a while no rights to go past its permissions, also where the tests run as root."""
    folder = Path(tempfile.mkdtemp())
    user, group = os.geteuid(), os.getegid()
    try:
        if user == 0:
            os.chown(folder, 65534, 65534)
            os.setegid(65534)
            os.seteuid(65534)
        yield folder
    finally:
        os.seteuid(user)
        os.setegid(group)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_an_edit_replaces_the_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """An edit is written whole; no temporary file stays, and the lock lies elsewhere."""
    story = tmp_path / "s/story.md"
    story.parent.mkdir()
    story.write_bytes(b"abc")
    assert disk.update(story, upper, lock=tmp_path / "lock")
    assert story.read_bytes() == b"ABC"
    assert left_over(story.parent) == []


def test_an_edit_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    """Where the edit changes nothing, inode and time of the file stay."""
    story = tmp_path / "story.md"
    story.write_bytes(b"ABC")
    before = story.stat()
    assert not disk.update(story, upper, lock=tmp_path / "lock")
    assert (story.stat().st_ino, story.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def _count(story: Path, lock: Path, times: int, mark: bytes) -> None:
    for _ in range(times):
        disk.update(story, lambda raw: raw + mark, lock=lock, patience=60)


def test_eight_processes_lose_no_update(tmp_path: Path) -> None:
    """Eight processes that make fifty updates each: all four hundred are there."""
    story = tmp_path / "story.md"
    story.write_bytes(b"")
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=_count, args=(story, tmp_path / "lock", 50, b"%d" % number)) for number in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * 8
    raw = story.read_bytes()
    assert {raw.count(b"%d" % number) for number in range(8)} == {50}
    assert left_over(tmp_path) == []


def test_a_save_while_the_edit_is_made_is_kept(tmp_path: Path) -> None:
    """What a person saves while the edit is worked out is what the edit is then made on."""
    story = tmp_path / "story.md"
    story.write_bytes(b"old")
    seen = []

    def edit(raw: bytes) -> bytes:
        seen.append(raw)
        if len(seen) == 1:
            story.write_bytes(b"saved")
        return raw + b"!"

    assert disk.update(story, edit, lock=tmp_path / "lock")
    assert seen == [b"old", b"saved"]
    assert story.read_bytes() == b"saved!"


class SavingLibrary:
    """The C library, with somebody who saves the file in the very moment of the exchange."""

    def __init__(self, real: ctypes.CDLL, story: Path, *saves: bytes) -> None:
        self.real, self.story, self.saves = real, story, [*saves]

    def renameat2(self, *arguments: object) -> int:
        if self.saves:
            editor = self.story.with_name("editor~")
            editor.write_bytes(self.saves.pop(0))
            editor.rename(self.story)
        return int(self.real.renameat2(*arguments))


def test_a_save_in_the_very_moment_of_the_write_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save between our last look and the exchange comes back out of it, and the edit is made again on it."""
    story = tmp_path / "story.md"
    story.write_bytes(b"old")
    library = SavingLibrary(ctypes.CDLL(None, use_errno=True), story, b"saved")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    with pytest.raises(StoryChanged, match="saved by somebody else"):
        disk.replace(story, b"ours", expected=b"old")
    assert story.read_bytes() == b"saved"
    library.saves = [b"again"]
    assert disk.update(story, lambda raw: raw + b"!", lock=tmp_path / "lock")
    assert story.read_bytes() == b"again!"
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("saves", [(b"one", b"two"), (b"one", b"two", b"three")])
def test_a_second_save_while_the_first_is_given_back_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: tuple[bytes, ...]
) -> None:
    """However often she saves while the engine gives her saves back, the last one stands in the end."""
    story = tmp_path / "story.md"
    story.write_bytes(b"old")
    library = SavingLibrary(ctypes.CDLL(None, use_errno=True), story, *saves)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    with pytest.raises(StoryChanged, match="saved by somebody else"):
        disk.replace(story, b"ours", expected=b"old")
    assert story.read_bytes() == saves[-1]
    assert left_over(tmp_path) == []


def test_a_busy_editor_and_a_busy_engine_lose_nothing(tmp_path: Path) -> None:
    """A person who saves again and again while the engine writes finds each of her saves in the file, and it stays."""
    story = tmp_path / "story.md"
    story.write_bytes(b"0\n")
    over = threading.Event()

    def engine() -> None:
        while not over.is_set():
            disk.update(story, lambda raw: raw.replace(b"\n", b".\n", 1), lock=tmp_path / "lock")

    writer = threading.Thread(target=engine)
    writer.start()
    lost = []
    for number in range(1, 200):
        mine = tmp_path / "editor~"
        mine.write_bytes(b"%d\n" % number)
        mine.rename(story)
        until = time.monotonic() + 5
        while not [story.read_bytes() for _ in range(200)][-1].startswith(b"%d" % number):
            if time.monotonic() > until:  # while two texts change places, another may be seen; what is lost stays so
                lost.append(number)
                break
    over.set()
    writer.join(20)
    assert story.read_bytes().rstrip(b".\n") == b"199"
    assert lost == []
    assert left_over(tmp_path) == []


def test_without_the_system_call_files_are_still_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot exchange two files, the compared file is replaced by a rename."""

    def none(*_: object, **__: object) -> ctypes.CDLL:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", none)
    story = tmp_path / "story.md"
    story.write_bytes(b"abc")
    assert disk.update(story, upper, lock=tmp_path / "lock")
    assert story.read_bytes() == b"ABC"
    assert left_over(tmp_path) == []
    assert not disk.exchange(story, story)


def test_a_replacement_on_other_bytes_is_refused(tmp_path: Path) -> None:
    """With an expectation, a file that holds something else is left as it is."""
    story = tmp_path / "story.md"
    story.write_bytes(b"other")
    with pytest.raises(StoryChanged, match="saved by somebody else"):
        disk.replace(story, b"new", expected=b"old")
    assert story.read_bytes() == b"other"
    assert left_over(tmp_path) == []


def test_a_file_that_went_away_is_told(tmp_path: Path) -> None:
    """A story that another branch does not have is no crash, and nothing is left in its place."""
    with pytest.raises(StoryChanged, match="another branch"):
        disk.replace(tmp_path / "story.md", b"new", expected=b"old")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError, match=r"story\.md"):
        disk.update(tmp_path / "gone/story.md", upper, lock=tmp_path / "lock")
    assert not (tmp_path / "gone").exists()


def test_a_new_file_is_written_with_its_folder(tmp_path: Path) -> None:
    """Evidence may be the first file of its folder; it is readable for all as usual."""
    path = tmp_path / "a/b/01-x.md"
    disk.replace(path, b"text")
    assert path.read_bytes() == b"text"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_permissions_are_kept(tmp_path: Path, mode: int) -> None:
    """The new file has the permissions of the old one."""
    story = tmp_path / "story.md"
    story.write_bytes(b"abc")
    story.chmod(mode)
    disk.update(story, upper, lock=tmp_path / "lock")
    assert story.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    """An engine that runs as root leaves the file to its owner."""
    story = tmp_path / "story.md"
    story.write_bytes(b"abc")
    os.chown(story, 1234, 2345)
    disk.update(story, upper, lock=tmp_path / "lock")
    assert (story.stat().st_uid, story.stat().st_gid) == (1234, 2345)


def test_a_linked_story_stays_a_link(tmp_path: Path) -> None:
    """Where story.md is a link, the file behind it is replaced and the link stays."""
    real = tmp_path / "real/story.md"
    real.parent.mkdir()
    real.write_bytes(b"abc")
    link = tmp_path / "story.md"
    link.symlink_to(real)
    assert disk.update(link, upper, lock=tmp_path / "lock")
    assert link.is_symlink()
    assert real.read_bytes() == b"ABC"
    assert left_over(tmp_path) == left_over(real.parent) == []


def test_a_read_only_folder_is_told_and_nothing_changes() -> None:
    """Without the right to write, the error names the place, and the story is as it was."""
    with unprivileged() as folder:
        story = folder / "s/story.md"
        story.parent.mkdir()
        story.write_bytes(b"abc")
        story.parent.chmod(0o500)
        with pytest.raises(PermissionError) as refused:
            disk.update(story, upper, lock=folder / "lock")
        assert refused.value.filename.startswith(str(story.parent))
        assert story.read_bytes() == b"abc"
        assert left_over(story.parent) == []
        with pytest.raises(PermissionError):
            disk.append(story.parent / "journal.jsonl", b"x")
        story.parent.chmod(0o700)


def test_a_lock_that_is_held_is_told(tmp_path: Path) -> None:
    """Who cannot get the lock in time is told who holds it, and changes nothing."""
    story = tmp_path / "story.md"
    story.write_bytes(b"abc")
    lock = tmp_path / "deep/lock"
    with (
        disk.hold(lock, 0),
        pytest.raises(Locked, match="another engine"),
    ):
        disk.update(story, upper, lock=lock, patience=0.05)
    assert story.read_bytes() == b"abc"
    assert disk.update(story, upper, lock=lock)


def test_an_edit_that_raises_changes_nothing(tmp_path: Path) -> None:
    """An edit that is refused leaves the file, and gives the lock back."""
    story = tmp_path / "story.md"
    story.write_bytes(b"abc")

    def refuse(_: bytes) -> bytes:
        raise StoryChanged("no")

    with pytest.raises(StoryChanged, match="no"):
        disk.update(story, refuse, lock=tmp_path / "lock")
    assert story.read_bytes() == b"abc"
    assert disk.update(story, upper, lock=tmp_path / "lock", patience=0)


def test_lines_are_appended_whole(tmp_path: Path) -> None:
    """Each line ends with a line end; the folder is made for the first."""
    path = tmp_path / "evidence/journal.jsonl"
    for line in (b"one", b"two"):
        disk.append(path, line)
    assert path.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("torn", [b"half", b"x" * 70_000, b"x" * 65_536, b"x" * 65_535])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    """What a killed process wrote of a line goes before the next line is added, however long it is."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"one\n" + torn)
    disk.append(path, b"two")
    assert path.read_bytes() == b"one\ntwo\n"
    path.write_bytes(torn)
    disk.append(path, b"two")
    assert path.read_bytes() == b"two\n"


def test_a_line_that_does_not_fit_is_not_there(tmp_path: Path) -> None:
    """On a full disk half a line is taken back and the error is told."""
    path = tmp_path / "journal.jsonl"
    disk.append(path, b"one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="no space left"):
            disk.append(path, b"much too long a line")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"one\n"


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    """On a full disk the old file stays, and no half of a new one."""
    story = tmp_path / "story.md"
    story.write_bytes(b"abc")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="large"):
            disk.update(story, lambda raw: raw * 100, lock=tmp_path / "lock")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert story.read_bytes() == b"abc"
    assert left_over(tmp_path) == []


def swap_file(folder: Path, held: bytes, *, old: bytes = b"old", new: bytes = b"new") -> Path:
    path = folder / f".story.md.{digest(old)}.{digest(new)}{disk.SWAP}"
    path.write_bytes(held)
    return path


def test_a_sweep_clears_what_a_killed_engine_left(tmp_path: Path) -> None:
    """Temporary files go, and swaps that hold what is known: the old text or our new one."""
    story = tmp_path / "story.md"
    story.write_bytes(b"new")
    (tmp_path / f".story.md.abc{disk.TEMP}").write_bytes(b"half")
    for held in (b"old", b"new"):
        swap_file(tmp_path, held)
        assert disk.sweep(tmp_path) == []
        assert (left_over(tmp_path), story.read_bytes()) == ([], b"new")


def test_a_sweep_puts_a_save_back_in_its_place(tmp_path: Path) -> None:
    """A save that was caught in the exchange returns, where the story still holds our text."""
    story = tmp_path / "story.md"
    story.write_bytes(b"new")
    swap_file(tmp_path, b"saved")
    assert disk.sweep(tmp_path) == []
    assert (left_over(tmp_path), story.read_bytes()) == ([], b"saved")


@pytest.mark.parametrize("now", [b"saved later", None])
def test_a_sweep_rescues_a_save_beside_a_later_one(tmp_path: Path, now: bytes | None) -> None:
    """Where the story was saved again since, or is gone, the caught save is kept beside it and told."""
    story = tmp_path / "story.md"
    if now is not None:
        story.write_bytes(now)
    swap_file(tmp_path, b"saved")
    (rescued,) = disk.sweep(tmp_path)
    assert rescued.name == f"story.md.rescued-{digest(b'new')[:8]}"
    assert rescued.read_bytes() == b"saved"
    assert now is None or story.read_bytes() == now


def test_a_sweep_leaves_foreign_files_alone(tmp_path: Path) -> None:
    """Other hidden files, also one with an ending like ours, stay; a folder that is not there is no error."""
    foreign = tmp_path / f".notes{disk.SWAP}"
    foreign.write_bytes(b"mine")
    (tmp_path / ".gitkeep").write_bytes(b"")
    assert disk.sweep(tmp_path) == []
    assert foreign.read_bytes() == b"mine"
    assert disk.sweep(tmp_path / "none") == []


def test_a_full_disk_is_told_by_the_path_of_the_file() -> None:
    """The system's error about a descriptor names no file; ours does."""
    with pytest.raises(OSError, match="No space left") as told:
        disk.append(Path("/dev/full"), b"a line")
    assert told.value.filename == "/dev/full"


def test_a_tree_that_became_another_in_the_moment_of_the_write_stays_as_it_is(tmp_path: Path) -> None:
    """A checkout just before the exchange may bring the very bytes that were expected: they are put back."""
    target = tmp_path / "story.md"
    target.write_bytes(b"old")
    asked = []

    def still() -> None:
        asked.append(target.read_bytes())
        if len(asked) > 2:
            raise StoryChanged("another branch")

    with pytest.raises(StoryChanged, match="another branch"):
        disk.update(target, lambda _: b"new", lock=tmp_path / "lock", still=still)
    assert asked == [b"old", b"old", b"new", b"old"]
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "story.md"]
