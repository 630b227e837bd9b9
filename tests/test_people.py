"""Whose tick counts: the box alone, a line that a person committed, or one in a signed commit. Real repositories."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.run import run
from tests.faults.slice_repo import commit, git, make_repository

S = "docs/stories/story-1-file/story.md"
JOURNAL = "docs/stories/story-1-file/evidence/journal.jsonl"
BOT = ("-c", "user.name=Bot", "-c", "user.email=bot@example.org")


def at_person(folder: Path, people: str) -> Path:
    """A story that waits for a person, under a machine with this policy; all is committed."""
    root = folder / "r"
    root.mkdir()
    make_repository(root)
    machine = root / "machines/slice.yaml"
    machine.write_text(machine.read_text() + people)
    assert run(root, "adopt").code == 0
    assert run(root, "advance", "1").code == 0
    commit(root, "it waits")
    return root


def tick(root: Path, box: str = "Shipped (human)") -> int:
    """Tick a box; its line."""
    text = (root / S).read_text()
    assert text.count(f"- [ ] {box}") == 1
    (root / S).write_text(text.replace(f"- [ ] {box}", f"- [x] {box}"))
    return text.splitlines().index(f"- [ ] {box}") + 1


def state(root: Path) -> str:
    """Advance, and say where the story stands."""
    assert run(root, "advance", "1").code == 0
    return next(line for line in (root / S).read_text().splitlines() if line.startswith("state: "))[7:]


def waits(root: Path) -> list[tuple[int, str]]:
    """The places that a dry run waits for."""
    items = run(root, "advance", "1", "--dry-run", "--json").data["waiting"]["items"]
    return [(item["line"], item["text"]) for item in items]


def by(root: Path) -> set[str]:
    """Who ticked and decided, by the journal."""
    events = map(json.loads, (root / JOURNAL).read_text().splitlines())
    return {event["by"] for event in events if event["event"] in ("ticked", "decided")}


def test_the_box_alone_counts_where_nothing_else_is_asked(tmp_path: Path) -> None:
    """Without a policy a tick counts as it stands."""
    root = at_person(tmp_path, "")
    tick(root)
    assert state(root) == "complete"


def test_a_tick_counts_when_a_person_has_committed_it(tmp_path: Path) -> None:
    """Not committed, it is told with its line; committed, it counts, with the commit's author."""
    root = at_person(tmp_path, "people: {proof: committed, agents: [bot@example.org]}\n")
    line = tick(root)
    assert state(root) == "shipping"
    assert waits(root) == [(line, "Shipped (human): counts when a person has committed this line. Commit it.")]
    assert by(root) == set()
    git(root, "-c", "user.name=Eve", "-c", "user.email=eve@example.org", "commit", "-qam", "ship it")
    assert state(root) == "complete"
    assert by(root) == {"Eve <eve@example.org>"}


def test_a_tick_that_an_agent_committed_does_not_count(tmp_path: Path) -> None:
    """Committed by an agent's address, in whatever case, a tick does not count until a person ticks it anew."""
    root = at_person(tmp_path, "people: {proof: committed, agents: [BOT@example.org]}\n")
    line = tick(root)
    git(root, *BOT, "commit", "-qam", "ship it")
    assert state(root) == "shipping"
    [(where, told)] = waits(root)
    assert where == line
    assert "was committed by the agent bot@example.org" in told
    (root / S).write_text((root / S).read_text().replace("- [x] Shipped", "- [ ] Shipped"))
    commit(root, "no")
    tick(root)
    commit(root, "yes")
    assert state(root) == "complete"


def test_an_option_counts_when_a_person_has_committed_it(tmp_path: Path) -> None:
    """The option of a question is asked for the same proof as an item."""
    root = at_person(tmp_path, "people: {proof: committed}\n")
    line = tick(root, "drop: it does not")
    assert state(root) == "shipping"
    assert [where for where, _ in waits(root)] == [line]
    commit(root, "drop it")
    assert state(root) == "abandoned"
    assert by(root) == {"Ana Person <ana@example.org>"}


def test_without_git_nothing_is_proven(tmp_path: Path) -> None:
    """Where there is no git a policy that asks for it is never met."""
    root = at_person(tmp_path, "people: {proof: committed}\n")
    shutil.rmtree(root / ".git")
    tick(root)
    assert state(root) == "shipping"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_a_tick_counts_in_a_signed_commit(tmp_path: Path) -> None:
    """An unsigned commit, or one by a key that git does not trust, does not count; a good signature does."""
    root = at_person(tmp_path, "people: {proof: signed}\n")
    for name in ("key", "other"):
        key = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, capture_output=True)
    public = (tmp_path / "key.pub").read_text()
    (tmp_path / "trusted").write_text(f"ana@example.org {public}")
    git(root, "config", "gpg.format", "ssh")
    git(root, "config", "gpg.ssh.allowedSignersFile", str(tmp_path / "trusted"))
    tick(root)
    commit(root, "not signed")
    assert state(root) == "shipping"
    assert "Sign the commit" in waits(root)[0][1]
    git(root, "-c", f"user.signingKey={tmp_path / 'other'}", "commit", "-q", "--amend", "-S", "--no-edit")
    assert state(root) == "shipping"
    git(root, "-c", f"user.signingKey={tmp_path / 'key'}", "commit", "-q", "--amend", "-S", "--no-edit")
    assert state(root) == "complete"
    assert by(root) == {"Ana Person <ana@example.org>"}
