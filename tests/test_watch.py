"""`story run --watch`: it goes on by itself when a person saves a file, rests in between, and ends when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.lanes import Ran, Told
from tests.cli.run import heed_ctrl_c, state_home
from tests.packs import PackRepo

RESTS = "waiting for a file to be saved …"
PATIENCE = 90


class Engine:
    """`story run --watch` in a process of its own, with what it said until now."""

    def __init__(self, repo: PackRepo, *words: str) -> None:
        environ = {**os.environ, "XDG_STATE_HOME": str(state_home(repo.root))}
        command = [sys.executable, "-m", "engine", "run", "--watch", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=repo.root, env=environ, preexec_fn=heed_ctrl_c, **pipes)
        self.said: list[str] = []
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def _listen(self) -> None:
        assert self.process.stderr
        self.said.extend(line.rstrip() for line in iter(self.process.stderr.readline, ""))

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is so, as long as the engine lives."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.05)

    def end(self) -> tuple[int, str]:
        """Its exit code, and what stood on stdout."""
        code = self.process.wait(PATIENCE)
        self._ear.join(10)
        assert self.process.stdout
        return code, self.process.stdout.read()


@contextmanager
def engine(repo: PackRepo, *words: str) -> Iterator[Engine]:
    """The engine of a test, gone at its end."""
    one = Engine(repo, *words)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        with one.process:  # closes its pipes
            one.process.wait()


def test_each_tick_lets_it_go_on_until_all_is_complete(tmp_path: Path) -> None:
    """A real process is told of real ticks by the system: it goes on by itself, and ends when nothing is left."""
    repo = PackRepo(tmp_path, {"1": None})
    with engine(repo) as one:
        for n, state in enumerate(("approving", "gorilla", "accepting"), 1):
            one.until(lambda n=n: one.said.count(RESTS) == n)
            assert repo.at("1") == state
            assert repo.person()
        code, out = one.end()
    assert (code, repo.at("1")) == (0, "complete")
    assert out.startswith("1 of 1 stories complete, ")
    assert one.said[one.said.index(RESTS) - 1].endswith("story.md:49: Human approved (D1: Human approved)")


def test_ctrl_c_ends_it_and_says_what_is_left(tmp_path: Path) -> None:
    """Exit 130 and one line; stdout holds what is left, as one object with --json, and nothing is half done."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    with engine(repo, "--json") as one:
        one.until(lambda: RESTS in one.said)
        one.process.send_signal(signal.SIGINT)
        code, out = one.end()
    assert code == 130
    assert one.said[-1] == "story: stopped; run it again to go on"
    assert "Traceback" not in "\n".join(one.said)
    assert [left["story"] for left in json.loads(out)["data"]["left"]] == ["1", "2"]
    assert repo.run().steps == []


def test_a_story_in_its_worktree_is_heard_of(tmp_path: Path) -> None:
    """From execution until merge story.md lies in a worktree: a tick there is noticed as well."""
    repo = PackRepo(tmp_path, {"1": None}, config='\n[pipeline]\nisolation = "worktree"\n')
    watched(repo, repo.person)
    assert repo.at("1") == "complete"


def watched(repo: PackRepo, person: Callable[[], object], *, wrong: list[str] | None = None) -> Ran:
    """Run with --watch; when it rests, a person does something in a thread of her own, one thing after the other."""
    threads: list[threading.Thread] = []

    def rests(_: Ran) -> None:
        if not threads or not threads[-1].is_alive():
            threads.append(threading.Thread(target=person))
            threads[-1].start()

    wrong = [] if wrong is None else wrong
    return repo.run(commit=True, watch=True, told=Told(rests=rests, wrong=wrong.append))


@pytest.mark.long
def test_its_own_writes_do_not_keep_it_awake(tmp_path: Path) -> None:
    """At rest nothing is looked at any more, until somebody saves a file."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    rests = 0

    def person() -> None:
        nonlocal rests
        for _ in range(20):
            before = repo.wired
            time.sleep(0.7)
            if repo.wired == before:  # what it wrote itself may be heard of until then, once
                rests += 1
                repo.person()
                return

    watched(repo, person)
    assert set(repo.states().values()) == {"complete"}
    assert rests >= 4


def test_a_new_story_and_new_settings_are_taken_up(tmp_path: Path) -> None:
    """A story that comes while it runs is advanced too; a story.toml that cannot be read is told and waited for."""
    repo = PackRepo(tmp_path, {"1": None, "2": None})
    toml, wrong = repo.root / "story.toml", list[str]()
    good = toml.read_text()
    later = repo.root.parent / "story-2-greeter"
    (repo.root / "docs/stories/story-2-greeter").rename(later)

    def person() -> None:
        if not wrong:
            toml.write_text(good + "nonsense\n")
        elif later.exists():
            toml.write_text(good)
            later.rename(repo.root / "docs/stories/story-2-greeter")
        else:
            repo.person()

    ran = watched(repo, person, wrong=wrong)
    assert (ran.complete, ran.total, ran.left) == (2, 2, [])
    assert "story.toml" in wrong[0]
