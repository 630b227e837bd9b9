"""Throwaway copies: what is in them, and how a file comes back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.errors import CallFailed, UsageError
from engine.files.throwaway import bring, changes, copy_tree, dependencies, drop_copy


class Copied:
    """A repository and a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.folder = folder / "r", folder / "work"
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ana")
        self.git("config", "user.email", "ana@example.org")
        self.put("a.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
        self.put(".gitignore", ".env\nnode_modules/\n.venv/\nbuild/\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "first")
        self.before = ""

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def copy(self) -> Copied:
        self.before, _ = copy_tree(self.root, self.folder, "c1")
        return self

    def back(self) -> list[str]:
        """Bring everything back; the paths that had changed."""
        after, paths = changes(self.root, self.folder, "c1", self.before)
        for path in paths:
            bring(self.root, path, self.before, after, None)
        return paths


@pytest.fixture
def copied(tmp_path: Path) -> Copied:
    return Copied(tmp_path)


def test_a_copy_holds_what_git_does_not_ignore(copied: Copied) -> None:
    """Tracked, changed and new files are in it; ignored ones, secrets among them, and git's own are not."""
    copied.put("a.txt", "changed\n")
    copied.put("new/b.txt", "b\n")
    copied.put(".env", "KEY=sk\n")
    copied.put("build/out", "x")
    copied.put("node_modules/x/index.js", "x")
    copied.copy()
    files = sorted(path.relative_to(copied.tree).as_posix() for path in copied.tree.rglob("*") if path.is_file())
    assert files == [".gitignore", "a.txt", "new/b.txt"]
    assert (copied.tree / "a.txt").read_text() == "changed\n"


def test_dependencies_have_a_place_where_they_are_shown(copied: Copied) -> None:
    """Of ignored folders only those of dependencies are shown, wherever they are; their places are in the copy."""
    for name in ("node_modules/x/i.js", "web/node_modules/y/i.js", ".venv/pyvenv.cfg", "build/out"):
        copied.put(name, "x")
    assert sorted(map(str, dependencies(copied.root))) == [".venv", "node_modules", "web/node_modules"]
    copied.copy()
    assert not any((copied.tree / "web/node_modules").iterdir())
    assert copied.back() == []


def test_neither_index_nor_branch_of_the_user_is_touched(copied: Copied) -> None:
    """A copy and its way back leave HEAD, index and status as they are."""
    copied.put("staged", "s\n")
    copied.git("add", "staged")
    copied.put("a.txt", "dirty\n")
    before = copied.git("status", "--porcelain"), copied.git("rev-parse", "HEAD"), copied.git("diff", "--cached")
    copied.copy()
    assert copied.back() == []
    assert (
        copied.git("status", "--porcelain"),
        copied.git("rev-parse", "HEAD"),
        copied.git("diff", "--cached"),
    ) == before


def test_what_was_changed_comes_back(copied: Copied) -> None:
    """Changed, new and removed files, also such whose names git would quote."""
    copied.put("gone", "g\n")
    copied.copy()
    (copied.tree / "a.txt").write_text("agent\n")
    (copied.tree / 'neu ä"*.txt').write_text("n\n")
    (copied.tree / "gone").unlink()
    assert sorted(copied.back()) == sorted(["a.txt", "gone", 'neu ä"*.txt'])
    assert (copied.root / "a.txt").read_text() == "agent\n"
    assert (copied.root / 'neu ä"*.txt').read_text() == "n\n"
    assert not (copied.root / "gone").exists()


@pytest.mark.parametrize("mode", [0o755, 0o644])
@pytest.mark.parametrize("text", ["run\n", "other\n"])
def test_the_executable_bit_comes_back(copied: Copied, mode: int, text: str) -> None:
    """A file that became a program, or is none any more, also where not a byte of it changed."""
    copied.put("tool", "run\n").chmod(0o755 if mode == 0o644 else 0o644)
    copied.copy()
    (copied.tree / "tool").write_text(text)
    (copied.tree / "tool").chmod(mode)
    assert copied.back() == ["tool"]
    assert (copied.root / "tool").stat().st_mode & 0o777 == mode
    assert (copied.root / "tool").read_text() == text


def test_a_link_is_not_taken_over(copied: Copied, tmp_path: Path) -> None:
    """Neither a file that became a link nor one behind a link in the tree leads out of it."""
    copied.put("dir/x", "x\n")
    copied.copy()
    (copied.tree / "a.txt").unlink()
    (copied.tree / "a.txt").symlink_to("/etc/passwd")
    with pytest.raises(CallFailed, match="became a link"):
        copied.back()
    (copied.tree / "a.txt").unlink()
    (copied.tree / "a.txt").write_bytes((copied.root / "a.txt").read_bytes())
    (copied.tree / "dir/x").write_text("agent\n")
    (tmp_path / "outside").mkdir()
    (copied.root / "dir/x").unlink()
    (copied.root / "dir").rmdir()
    (copied.root / "dir").symlink_to(tmp_path / "outside")
    with pytest.raises(CallFailed, match="leads out of the repository"):
        copied.back()
    assert not any((tmp_path / "outside").iterdir())


def test_a_repository_inside_of_the_copy_is_not_taken_over(copied: Copied) -> None:
    """A folder that became a repository of its own is no file."""
    copied.copy()
    inner = copied.tree / "inner"
    inner.mkdir()
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", *words], cwd=inner, check=True)
    with pytest.raises(CallFailed, match="became a link"):
        copied.back()


def test_both_edits_are_merged(copied: Copied) -> None:
    """An agent's line and a person's, far enough apart, are both there afterwards; twice is as once."""
    copied.copy()
    (copied.tree / "a.txt").write_text("agent\n2\n3\n4\n5\n6\n7\n8\n9\n")
    copied.put("a.txt", "1\n2\n3\n4\n5\n6\n7\n8\nhers\n")
    for _ in range(2):
        copied.back()
        assert (copied.root / "a.txt").read_text() == "agent\n2\n3\n4\n5\n6\n7\n8\nhers\n"


def test_a_file_that_a_person_changed_is_not_removed(copied: Copied) -> None:
    """Removed by the agent, changed by her: it stays as she has it."""
    copied.copy()
    (copied.tree / "a.txt").unlink()
    copied.put("a.txt", "hers\n")
    with pytest.raises(CallFailed, match="removed by the agent"):
        copied.back()
    assert (copied.root / "a.txt").read_text() == "hers\n"


def test_line_ends_stay_as_they_are(copied: Copied) -> None:
    """CRLF in the tree is CRLF in the copy and after it came back, whatever git would make of it in a commit."""
    copied.git("config", "core.autocrlf", "false")
    copied.put("dos.txt", "1\r\n2\r\n")
    copied.copy()
    assert (copied.tree / "dos.txt").read_bytes() == b"1\r\n2\r\n"
    (copied.tree / "dos.txt").write_bytes(b"1\r\n2\r\n3\r\n")
    copied.back()
    assert (copied.root / "dos.txt").read_bytes() == b"1\r\n2\r\n3\r\n"


def test_filters_give_the_copy_what_git_would_give(copied: Copied) -> None:
    """What a filter such as that of LFS stores otherwise stands in the copy as in the tree, and comes back so."""
    copied.git("config", "filter.rot.clean", "tr a-z b-za")
    copied.git("config", "filter.rot.smudge", "tr b-za a-z")
    copied.put(".gitattributes", "*.bin filter=rot\n*.crlf text eol=crlf\n")
    copied.put("x.bin", "hello\n")
    copied.put("y.crlf", "1\r\n2\r\n")
    copied.copy()
    assert (copied.tree / "x.bin").read_text() == "hello\n"
    assert (copied.tree / "y.crlf").read_bytes() == b"1\r\n2\r\n"
    (copied.tree / "x.bin").write_text("world\n")
    (copied.tree / "y.crlf").write_bytes(b"1\r\n2\r\n3\r\n")
    copied.back()
    assert (copied.root / "x.bin").read_text() == "world\n"
    assert (copied.root / "y.crlf").read_bytes() == b"1\r\n2\r\n3\r\n"


def test_without_git_there_is_no_copy(tmp_path: Path) -> None:
    """What cannot be copied is refused, with what to do."""
    with pytest.raises(UsageError, match="git init"):
        copy_tree(tmp_path, tmp_path / "work", "c1")


def test_a_dropped_copy_is_gone_and_its_commits_are_not(copied: Copied) -> None:
    """What an agent did can be taken over by the reply alone, without the copy."""
    copied.copy()
    (copied.tree / "a.txt").write_text("agent\n")
    after, paths = changes(copied.root, copied.folder, "c1", copied.before)
    drop_copy(copied.folder)
    assert not copied.folder.exists()
    for path in paths:
        bring(copied.root, path, copied.before, after, None)
    assert (copied.root / "a.txt").read_text() == "agent\n"
