"""The tree as it is: files, digests, differences and stubs, whatever names and git settings say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.files.tree import differing, digest, find_stubs, head_of, list_files, read_path, spell_path


def git(root: Path, *words: str) -> str:
    named = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *named, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def tree(root: Path, **files: str) -> Path:
    root.mkdir(exist_ok=True)
    git(root, "init", "-q")
    for name, text in files.items():
        (root / name).write_text(text)
    git(root, "add", "-A")
    return root


def test_what_differs_from_a_commit(tmp_path: Path) -> None:
    """Changed, deleted, new, and committed since: all differ; what is as it was, caches and ignored files do not."""
    root = tree(tmp_path / "r", a="1", b="1", c="1", d="1")
    (root / ".gitignore").write_text("ignored\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    base = head_of(root)
    assert base == git(root, "rev-parse", "HEAD")
    assert differing(root, base, tmp_path / "s") == set()
    (root / "a").write_text("2")
    (root / "b").unlink()
    (root / "new").write_text("1")
    (root / "later").write_text("1")
    git(root, "add", "later")
    git(root, "commit", "-qm", "two")
    (root / "ignored").write_text("1")
    (root / "__pycache__").mkdir()
    (root / "__pycache__/x.pyc").write_text("1")
    (root / "c").write_text("1")  # saved again as it was
    assert differing(root, base, tmp_path / "s") == {"a", "b", "new", "later"}
    assert differing(root, "0" * 40, tmp_path / "s") is None
    assert git(root, "status", "--porcelain", "--", "d") == ""


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    """Before the first commit everything differs; where there is no git nothing can be told."""
    root = tree(tmp_path / "r", a="1")
    assert head_of(root) == ""
    assert differing(root, "", tmp_path / "s") == {"a"}
    bare = tmp_path / "bare"
    (bare / "tests/__pycache__").mkdir(parents=True)
    (bare / "tests/a.py").write_text("1")
    (bare / "tests/__pycache__/a.pyc").write_text("1")
    assert head_of(bare) is None
    assert list_files(bare) == ["tests/a.py"]


def test_a_private_list_of_ignored_files_hides_no_file(tmp_path: Path) -> None:
    """Only a .gitignore of the tree, which everybody sees, takes files out of the list."""
    root = tree(tmp_path / "r", a="1")
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/exclude").write_text("conftest.py\n")
    (root / "conftest.py").write_text("1")
    assert list_files(root) == ["a", "conftest.py"]


def test_digests_tell_files_links_and_nothing_apart(tmp_path: Path) -> None:
    """A link is its target's bytes and its own way there; what is gone has no digest."""
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    (tmp_path / "l").symlink_to("a")
    linked = digest(tmp_path, "l")
    assert digest(tmp_path, "a") == digest(tmp_path, "b") != linked
    (tmp_path / "a").write_text("2")
    assert digest(tmp_path, "l") != linked
    assert digest(tmp_path, "gone") == ""


STUBS = {
    "a.py": ["raise NotImplementedError", 'raise NotImplementedError("x")', "x = NotImplementedError( )"],
    "b.py": ["raise (NotImplementedError)", "raise \\\n    NotImplementedError", "if x: raise NotImplementedError"],
    "c.ts": ["throw new NotImplementedError()", "throw new NotImplementedError", "  f() { throw NotImplementedError }"],
    "d.rs": ["todo!()", "unimplemented!()", 'todo!("later")', "#[inline] fn f() { todo!() }"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in STUBS.items() for text in texts])
def test_a_stub_is_found_at_its_line(tmp_path: Path, name: str, text: str) -> None:
    """Each of the usual ways to say `not there yet` is found."""
    (tmp_path / name).write_text(f"\n\n{text}\n")
    assert find_stubs(tmp_path, [name]) == [f"{name}:3"]


@pytest.mark.parametrize(
    "text",
    [
        "# raise NotImplementedError",
        "except NotImplementedError:",
        "raises NotImplementedErrors",
        '"""It raises NotImplementedError."""',
        "todo = 1",
    ],
)
def test_words_about_stubs_are_none(tmp_path: Path, text: str) -> None:
    """A comment, a handler and prose are no stubs; a file that is gone has none."""
    (tmp_path / "a.py").write_text(text)
    assert find_stubs(tmp_path, ["a.py", "gone.py"]) == []


@pytest.mark.parametrize("path", ["a b.py", "ä.py", "x\nfrozen 0 y", '"q"', " lead", "\udcff.py", "tab\t"])
def test_a_path_is_spelled_on_one_line_and_read_back(path: str) -> None:
    """Whatever bytes a name holds, evidence keeps it on one line."""
    spelled = spell_path(path)
    assert spelled.isprintable()
    assert spelled.encode()
    assert read_path(spelled) == path
