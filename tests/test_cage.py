"""The cage: what a caged command cannot see, change, reach or survive. Each test runs real commands in it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine import cage
from engine.cage import Cage, demand_cage
from engine.errors import UsageError
from engine.process import Deadlines, run_process


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a home beside it that holds secrets."""
    home, root = tmp_path / "home", tmp_path / "tree"
    for name in ("home/.ssh", "home/.cache", "tree/.git", "tree/docs/story-1/evidence", "state"):
        (tmp_path / name).mkdir(parents=True)
    (home / ".ssh/id").write_text("PRIVATE")
    (tmp_path / "state/calls").write_text("REPLIES")
    (root / "docs/story-1/story.md").write_text("- [ ] Human approved\n")
    (root / "docs/story-1/evidence/journal.jsonl").write_text("{}\n")
    (root / "a.txt").write_text("a\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SECRET_KEY", "sk-secret")
    return root


def caged(tree: Path, **more: object) -> Cage:
    kept = (tree / ".git", tree / "docs/story-1/story.md", tree / "docs/story-1/evidence", tree / "machines")
    said = {"root": tree, "tree": tree, "writable": True, "protected": kept, "hidden": (tree.parent / "state",)}
    return Cage(**{**said, **more})


def sh(box: Cage, line: str, *, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    words = box.argv(["/bin/sh", "-c", line])
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)


def test_home_and_state_are_hidden(tree: Path) -> None:
    """Of home, the state folder and other people's files in /tmp a command sees nothing."""
    (tree.parent / "other").write_text("x")
    done = sh(caged(tree), f"ls -A $HOME {tree.parent}/state; cat $HOME/.ssh/id {tree.parent}/other; ls /root /home")
    assert "PRIVATE" not in done.stdout
    assert "calls" not in done.stdout
    assert done.stderr.count("No such file") == 2


def test_secrets_of_the_environment_are_gone(tree: Path) -> None:
    """Neither its own environment nor that of the cage's first process holds a variable that nobody named."""
    box = caged(tree, environ={"NAMED": "value"})
    done = sh(box, "env; cat /proc/*/environ | tr '\\0' '\\n'; cat /proc/*/cmdline | tr '\\0' ' '")
    assert "NAMED=value" in done.stdout
    assert "sk-secret" not in done.stdout


def test_a_variable_that_is_passed_stands_on_no_command_line(tree: Path) -> None:
    """A key comes with the process; `ps` shows command lines to everybody."""
    box = caged(tree, passing=("SECRET_KEY",))
    assert "sk-secret" not in " ".join(box.argv(["env"]))
    assert "SECRET_KEY=sk-secret" in sh(box, "env").stdout


@pytest.mark.parametrize(
    "line",
    [
        "echo '- [x] Human approved' > docs/story-1/story.md",
        "sed -i 's/. ./x/' docs/story-1/story.md",
        "rm docs/story-1/story.md",
        "mv docs/story-1/story.md gone",
        "echo x > docs/story-1/evidence/journal.jsonl",
        "echo x > docs/story-1/evidence/02-verify.md",
        "mv docs/story-1 docs/story-2",
        "mv docs old && mkdir -p docs/story-1/evidence && echo x > docs/story-1/story.md",
        "ln docs/story-1/story.md hard && echo x > hard",
        "ln -s docs/story-1/story.md soft && echo x > soft",
        "ln -s docs/story-1 folder && echo x > folder/../story-1/evidence/x",
        "echo x > .git/config",
        "mv .git old",
        "mount -o remount,rw,bind docs/story-1/story.md && echo x > docs/story-1/story.md",
        "umount docs/story-1/evidence && echo x > docs/story-1/evidence/x",
        "unshare -rm sh -c 'umount docs/story-1/evidence && echo x > docs/story-1/evidence/x'",
    ],
)
def test_what_is_protected_stays_as_it_is(tree: Path, line: str) -> None:
    """No way of writing, moving, linking or mounting changes a protected path of a writable tree."""
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    done = sh(caged(tree), line)
    assert done.returncode != 0, done
    assert {path: path.read_bytes() for path in before if path.exists()} == before
    assert sorted((tree / "docs").rglob("*")) == [
        tree / "docs/story-1",
        tree / "docs/story-1/evidence",
        tree / "docs/story-1/evidence/journal.jsonl",
        tree / "docs/story-1/story.md",
    ]


def test_the_rest_of_a_writable_tree_is_written(tree: Path) -> None:
    """What is not protected can be changed, made and removed, beside what is protected, too."""
    done = sh(caged(tree), "echo b > a.txt; echo n > docs/story-1/new; mkdir src; mv a.txt src/")
    assert done.returncode == 0, done
    assert (tree / "src/a.txt").read_text() == "b\n"
    assert (tree / "docs/story-1/new").exists()


def test_a_tree_that_is_not_writable_is_not(tree: Path) -> None:
    """A reader changes nothing, whatever is protected."""
    assert sh(caged(tree, writable=False, protected=()), "echo x > a.txt || echo x > new").returncode != 0
    assert (tree / "a.txt").read_text() == "a\n"


def test_outside_of_the_tree_nothing_is_written(tree: Path) -> None:
    """No `..`, absolute path or link leads out; the machine is read-only, and /tmp is a folder of its own."""
    (tree / "out").symlink_to(tree.parent / "home/.ssh")
    places = ["../x", "out/x", *(f"{place}/x-{os.getpid()}" for place in ("/etc", "/usr", "/var", "/tmp", "/dev"))]
    places.append(f"{tree.parent}/home/x")
    sh(caged(tree), "; ".join(f"echo x > {place}" for place in places))
    assert not (tree.parent / "x").exists()
    assert sorted((tree.parent / "home/.ssh").iterdir()) == [tree.parent / "home/.ssh/id"]
    assert not [place for place in places[2:] if Path(place).exists()]


def test_there_is_no_network_but_its_own_loopback(tree: Path) -> None:
    """A server of its own can be reached; one of the machine, or of the world, cannot."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        code = (
            "import socket\n"
            f"for at in (('127.0.0.1', {port}), ('1.1.1.1', 80)):\n"
            "    try: socket.create_connection(at, 2); print('REACHED', at)\n"
            "    except OSError: pass\n"
            "own = socket.socket(); own.bind(('127.0.0.1', 0)); own.listen()\n"
            "socket.create_connection(own.getsockname(), 2); print('OWN')\n"
        )
        words = ["python3", "-c", code]
        inside = subprocess.run(caged(tree).argv(words), capture_output=True, text=True, check=True)
        shared = subprocess.run(caged(tree, network=True).argv(words), capture_output=True, text=True, check=True)
    assert inside.stdout == "OWN\n"
    assert "REACHED ('127.0.0.1'" in shared.stdout


def test_it_cannot_signal_the_engine(tree: Path) -> None:
    """A command sees no process but its own."""
    done = sh(caged(tree), f"kill -0 {os.getpid()}; ls -d /proc/[0-9]* | wc -l")
    assert "No such process" in done.stderr
    assert int(done.stdout) < 8


def test_memory_and_processes_are_bounded(tree: Path) -> None:
    """What fills memory fails; its limit is that of the cage."""
    box = caged(tree, memory=200 * 2**20, processes=77)
    hungry = "a = []\nwhile True: a.append(bytearray(2**24))"
    done = subprocess.run(box.argv(["python3", "-c", hungry]), capture_output=True, text=True, check=False, timeout=60)
    assert "MemoryError" in done.stderr
    assert sh(box, "prlimit --nproc --output=SOFT --noheadings").stdout.strip() == "77"


def test_shown_paths_are_read_and_kept_ones_written(tree: Path) -> None:
    """What story.toml names below home is there again, to read or to write."""
    home = tree.parent / "home"
    box = caged(tree, shown=(home / ".ssh",), kept=(home / ".cache",))
    done = sh(box, "cat $HOME/.ssh/id; echo x > $HOME/.cache/x; echo x > $HOME/.ssh/x")
    assert done.stdout == "PRIVATE"
    assert (home / ".cache/x").exists()
    assert not (home / ".ssh/x").exists()


def test_a_copy_is_seen_at_the_path_of_the_tree(tree: Path) -> None:
    """A command works in the copy and believes to be in the tree."""
    copy = tree.parent / "copy"
    copy.mkdir()
    done = sh(replace(caged(tree), tree=copy, protected=()), "pwd; echo x > x")
    assert done.stdout.strip() == str(tree)
    assert (copy / "x").exists()
    assert not (tree / "x").exists()


@pytest.mark.parametrize("late", [False, True])
def test_no_child_outlives_its_command(tree: Path, late: bool) -> None:
    """A child in a session of its own dies with its command, whether that ends or is killed at its deadline."""
    beat = tree / "beat"
    line = (
        f"setsid sh -c 'while :; do date +%s%N > {beat}; sleep 0.05; done' >/dev/null 2>&1 & sleep {9 if late else 0.5}"
    )
    argv = caged(tree).argv(["/bin/sh", "-c", line])
    raw = tree.parent / "state/log"
    code, why = asyncio.run(run_process(argv, cwd=tree, raw=raw, deadlines=Deadlines(1 if late else 20)))
    assert (code, bool(why)) == ((None, True) if late else (0, False))
    time.sleep(0.3)
    before = beat.read_text()
    time.sleep(0.4)
    assert beat.read_text() == before


def test_another_sandbox_starts_only_in_a_cage_that_nests(tree: Path) -> None:
    """A program may confine its commands further; what it shows them is no more than it sees itself."""
    outer = caged(tree, nests=True, network=True, kept=(tree.parent / "home/.ssh",))
    inner = replace(outer, network=False, kept=(), inside=True)
    words = inner.argv(["/bin/sh", "-c", "echo in; ls -A $HOME; echo x > docs/story-1/story.md; cat /proc/1/environ"])
    done = subprocess.run(outer.argv(words), capture_output=True, text=True, check=False)
    assert done.stdout == "in\n", done
    assert "Read-only" in done.stderr


def test_without_bubblewrap_nothing_is_caged_nor_run_bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no cage can be had, that is said with what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    cage.broken.cache_clear()
    with pytest.raises(UsageError, match=r"cannot be: bwrap is not on PATH\. Install bubblewrap"):
        demand_cage()
    cage.broken.cache_clear()
