"""The repository: its root, its state folder outside of it, and what git says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.files.repository import author, find_root, show_new, state_folder


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("mark", ["story.toml", ".git"])
def test_the_root_is_the_nearest_folder_above_with_a_mark(tmp_path: Path, mark: str) -> None:
    """story.toml or .git marks the root; the nearest one counts."""
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / mark).mkdir()
    assert find_root(inner) == tmp_path / "a"
    assert find_root(tmp_path / "a") == tmp_path / "a"


def test_without_a_mark_the_folder_itself_is_the_root(tmp_path: Path) -> None:
    """Where nothing marks a root, none is made up."""
    if find_root(tmp_path) == tmp_path:
        assert find_root(tmp_path / "x") == tmp_path / "x"
    else:
        assert any((find_root(tmp_path) / mark).exists() for mark in ("story.toml", ".git"))


def test_the_state_folder_lies_outside_and_is_the_repository_s_own(tmp_path: Path) -> None:
    """Two repositories of one name have two state folders; a link to a repository has the repository's."""
    one, two = tmp_path / "a/shop", tmp_path / "b/shop"
    one.mkdir(parents=True)
    two.mkdir(parents=True)
    (tmp_path / "link").symlink_to(one)
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    folder = state_folder(one, environ)
    assert folder.parent == tmp_path / "state/story"
    assert folder.name.startswith("shop-")
    assert folder != state_folder(two, environ)
    assert folder == state_folder(tmp_path / "link", environ)
    assert state_folder(one, {"HOME": "/home/ana"}).is_relative_to("/home/ana/.local/state/story")
    assert state_folder(one, {"HOME": "/home/ana", "XDG_STATE_HOME": ""}).is_relative_to("/home/ana")


def test_the_state_folder_reads_the_real_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an environment given, the process's own one counts."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder(tmp_path / "r").parent == tmp_path / "story"


def test_the_author_is_git_s_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person is whom git knows; without mail the name, without git the login name."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("USER", "ana")
    git(tmp_path, "init", "-q")
    assert author(tmp_path) == "ana"
    git(tmp_path, "config", "user.name", "Ana")
    assert author(tmp_path) == "Ana"
    git(tmp_path, "config", "user.email", "ana@example.org")
    assert author(tmp_path) == "Ana <ana@example.org>"
    monkeypatch.setenv("PATH", "")
    assert author(tmp_path) == "ana"
    monkeypatch.delenv("USER")
    assert author(tmp_path) == "somebody"


def test_new_files_show_up_in_git_diff(tmp_path: Path) -> None:
    """New evidence is shown by `git diff` without being added; what is not there is passed over."""
    git(tmp_path, "init", "-q")
    new = tmp_path / "evidence/01-x.md"
    new.parent.mkdir()
    new.write_text("new\n")
    show_new(tmp_path, [new.parent, tmp_path / "none"])
    assert "+new" in git(tmp_path, "diff")
    assert git(tmp_path, "diff", "--cached") == ""
    show_new(tmp_path, [])


def test_without_git_nothing_happens(tmp_path: Path) -> None:
    """A folder that is no repository is worked on all the same."""
    (tmp_path / "x").write_text("x")
    show_new(tmp_path, [tmp_path / "x"])
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
