"""`story run --watch`: it goes on by itself when a person saves a file, rests in between, and ends when told to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from engine.errors import UsageError
from engine.lanes import Ran, Told
from engine.saved import Ear
from tests.cli.run import heed_ctrl_c, state_home
from tests.packs import PEOPLE, PackRepo
from tests.repo import git, verdict

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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_a_saved_spec_is_heard_of(tmp_path: Path) -> None:
    """A spec outside the pack that changes while a story waits for its approval is validated again by itself."""
    repo = PackRepo(tmp_path, {"1": None})
    spec = repo.root / "docs/feature-spec.md"

    def person() -> None:
        if "in three words" not in spec.read_text():
            spec.write_text(spec.read_text().replace("in two words", "in three words"))
        else:
            repo.person()

    watched(repo, person)
    steps = [(event.source, event.dest) for event in repo.events("1") if event.event == "stepped"]
    assert ("approving", "refreshing") in steps
    assert steps[-1][1] == "complete"


def test_a_saved_source_file_is_heard_of(tmp_path: Path) -> None:
    """What a person mends in Gorilla testing goes through the gates by itself, before she ticks anything."""
    repo = PackRepo(tmp_path, {"1": None})
    source = repo.root / "src/greet-1"

    def person() -> None:
        if repo.at("1") == "gorilla" and source.read_text() == "hello\n":
            source.write_text("hello\n\n")
        else:
            repo.person()

    watched(repo, person)
    steps = [(event.source, event.dest) for event in repo.events("1") if event.event == "stepped"]
    assert ("gorilla", "gating") in steps


@pytest.mark.long
def test_a_reply_is_heard_of(tmp_path: Path) -> None:
    """The reply of a role that a person plays lies in the state folder, and lets its story go on all the same."""
    repo = PackRepo(tmp_path, {"1": None})
    toml = repo.root / "story.toml"
    toml.write_text(toml.read_text().replace('agent = "scripted"\nscript = "../script.yaml"', 'agent = "person"', 1))
    reply = yaml.safe_dump(verdict()).replace("<story>", "1").replace("<round>", "1")

    def person() -> None:
        briefs = [file for file in (repo.state / "briefs").glob("*.md") if ".reply" not in file.name]
        open_ = [file for file in briefs if not file.with_suffix(".reply.md").exists()]
        for file in open_:
            file.with_suffix(".reply.md").write_text(f"```yaml\n{reply}```\n")
        if not open_:
            repo.person()

    watched(repo, person)
    assert repo.at("1") == "complete"


IGNORED = [
    *("node_modules/a.js", "src/__pycache__/a.pyc", "src/out.log", "docs/.git/x", ".git/x"),
    *(".state/locks/a", ".state/briefs/a.md"),
]
HEARD = ["src/a.py", "README.md", "docs/spec.md", "docs/note.log", ".state/briefs/a.reply.md"]


@pytest.mark.long
def test_all_is_heard_of_but_what_git_ignores(tmp_path: Path) -> None:
    """In the root, deep below it and in a worktree; not in .git, in caches, in the rest of the state folder."""
    root, tree = tmp_path / "r", tmp_path / "r/.state/worktrees/1"
    for name in [*IGNORED, *HEARD]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / ".gitignore").write_text("node_modules/\n*.log\n")
    git(root, "init", "-q")
    (tree / "src").mkdir(parents=True)

    def save() -> None:
        (root / "src/new").mkdir()
        for name in [*IGNORED, *HEARD]:
            (root / name).write_text("x")
        (tree / "src/c.py").write_text("x")

    async def listen() -> set[Path]:
        ear, found = Ear(root, root / ".state"), set[Path]()
        assert await ear.turn_to([root / "docs"], [tree])
        assert not await ear.turn_to([root / "docs"], [tree])
        save()
        await asyncio.sleep(3)
        for task in [task for task in ear.tasks if task.done()]:
            found |= ear.heard(task)
        await ear.close()
        return found

    wanted = {root / name for name in HEARD} | {tree / "src/c.py", root / "src/new"}
    assert asyncio.run(listen()) == wanted


def test_a_system_that_tells_of_nothing_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its limit of watched folders is reached, that is said with what to do."""

    async def deaf(*_: Path, **__: object) -> AsyncIterator[set[tuple[object, str]]]:
        raise OSError(28, "OS file watch limit reached")
        yield set()

    monkeypatch.setattr("watchfiles.awatch", deaf)

    async def listen() -> None:
        await Ear(tmp_path, tmp_path / "state").turn_to([tmp_path], [])

    (tmp_path / "src").mkdir()
    with pytest.raises(UsageError, match=r"OS file watch limit reached.*WATCHFILES_FORCE_POLLING=true"):
        asyncio.run(listen())


@pytest.mark.long
def test_the_tree_goes_to_the_story_with_the_longest_way(tmp_path: Path) -> None:
    """The tree comes free in the moment in which a story is approved: another, for which more waits, takes it."""
    repo = PackRepo(tmp_path, {"1": [], "2": [], "3": [], "4": ["3"]})
    ticks = [[("1", PEOPLE[0])], [("1", PEOPLE[1])], [("3", PEOPLE[0])], [("2", PEOPLE[0]), ("1", PEOPLE[2])]]
    seen: list[dict[str, str]] = []

    def person() -> None:
        seen.append(repo.states())
        time.sleep(0 if len(seen) < 4 else 3)  # until the engine has heard of its own last writes
        for id_, text in ticks.pop(0) if ticks else []:
            repo.ticks(id_, text)
        if len(seen) > 4:
            repo.person()

    watched(repo, person)
    assert seen[3] == {"1": "accepting", "2": "approving", "3": "queued", "4": "approving"}
    assert seen[4] == {"1": "complete", "2": "queued", "3": "gorilla", "4": "approving"}
