"""A run that was cut off: the next one in its session finds what was done by then, or is told that it is gone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from engine.advance import advance
from engine.agents.scripted import ScriptedAgent
from engine.model.call import Brief, Reply
from engine.model.events import Began, Ended
from engine.wiring import wire
from tests.life import AT
from tests.repo import Repo, approved

HALF = "tests/tc_1_1a.sh"
"""What the engineer has written when she is cut off; the script writes both tests."""
Act = Callable[[Path], Reply | None]


@dataclass
class Engineer:
    """Works in a copy; `acts` are what happens in its runs of `impl`, then and in all others the script is played."""

    repo: Repo
    acts: list[Act] = field(default_factory=list)
    briefs: list[Brief] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    in_copy: bool = True

    async def run(self, brief: Brief) -> Reply:
        assert brief.workspace is not None
        tree = Path(brief.workspace.tree)
        if brief.act == "impl":
            self.briefs.append(brief)
            self.found.append((tree / HALF).exists())
            if self.acts and (reply := self.acts.pop(0)(tree)):
                return reply
        return await ScriptedAgent(self.repo.root / "../script.yaml", root=tree, clock=lambda: AT).run(brief)

    def go(self) -> None:
        ports = replace(wire(self.repo.repository, tell=lambda _: None, clock=lambda: AT), agents=lambda *_: self)
        advance(self.repo.repository, self.repo.pack, "1", ports=ports)


def fails(session: str | None = "s1") -> Act:
    """Write half of it, and fail technically."""

    def act(tree: Path) -> Reply:
        (tree / "src").mkdir(exist_ok=True)
        (tree / HALF).write_text("half\n")
        return Reply(status="failed", text="", why="cut off", started=AT, ended=AT, session=session)

    return act


def dies(tree: Path) -> None:
    """Write half of it, and take the engine along."""
    (tree / HALF).write_text("half\n")
    os.kill(os.getpid(), signal.SIGKILL)


def killed(repo: Repo, *acts: str) -> None:
    """An engine of its own that is killed while the engineer works."""
    code = (
        "import sys; from pathlib import Path; from tests.actions.test_half_done import *\n"
        f"repo = Repo.__new__(Repo).at_folder(Path(sys.argv[1])); Engineer(repo, [{', '.join(acts)}]).go()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(repo.root.parent)], cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL


def impl(repo: Repo) -> list[Ended]:
    calls = {event.call for event in repo.events if isinstance(event, Began) and event.act == "impl"}
    return [event for event in repo.events if isinstance(event, Ended) and event.call in calls]


def test_a_failed_run_is_gone_on_with_where_it_broke_off(tmp_path: Path) -> None:
    """The same session finds its half-done files and is told so; nothing of them was in the tree until it ended."""
    repo = approved(tmp_path)
    seen: list[bool] = []

    def looks(tree: Path) -> Reply:
        seen.append((repo.root / HALF).exists())
        return fails()(tree)

    engineer = Engineer(repo, [fails(), looks])
    engineer.go()
    assert repo.at == "gorilla"
    assert (engineer.found, seen) == ([False, True, True], [False])
    assert [brief.session for brief in engineer.briefs] == [None, "s1", "s1"]
    assert engineer.briefs[2].text.startswith("You were cut off. Your copy of the files is as you left it then.\n\n# ")
    assert "You were cut off" not in engineer.briefs[0].text
    assert [bool(event.half) for event in impl(repo)] == [True, True, False]
    assert repo.look().progress.half == {}


def test_a_run_without_a_session_is_begun_from_the_tree(tmp_path: Path) -> None:
    """Nobody remembers what it did, so nothing of it is there."""
    engineer = Engineer(approved(tmp_path), [fails(None)])
    engineer.go()
    assert engineer.found == [False, False]
    assert "cut off" not in engineer.briefs[1].text


def test_it_survives_the_state_folder(tmp_path: Path) -> None:
    """The journal names the commits and git has them: the folder that was deleted held nothing of it."""
    repo = approved(tmp_path)
    killed(repo, "fails()", "dies")
    shutil.rmtree(repo.state)
    engineer = Engineer(repo)
    engineer.go()
    assert (engineer.found, repo.at) == ([True], "gorilla")
    assert engineer.briefs[0].text.startswith(
        "You were cut off. Your copy of the files is as you left it then. What you changed since is not there any more."
    )


@pytest.mark.long
def test_where_git_lost_it_the_session_is_told_so(tmp_path: Path) -> None:
    """In another clone the commits are not there: the brief says that the edits are gone."""
    repo = approved(tmp_path)
    killed(repo, "fails()", "dies")
    shutil.rmtree(repo.state)
    for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/story/calls").split():
        repo.git("update-ref", "-d", ref)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--prune=now", "-q")
    engineer = Engineer(repo)
    engineer.go()
    assert (engineer.found, repo.at) == ([False], "gorilla")
    told = "You were cut off. What you changed since is not there any more. Look at the files as they are"
    assert engineer.briefs[0].text.startswith(told)


@pytest.mark.long
def test_a_killed_run_goes_on_in_its_copy(tmp_path: Path) -> None:
    """The same call finds its copy as it was left, also what a failed run before it had done."""
    for number, acts in enumerate((["dies"], ["fails()", "dies"])):
        (tmp_path / str(number)).mkdir()
        repo = approved(tmp_path / str(number))
        killed(repo, *acts)
        assert not (repo.root / HALF).exists()
        engineer = Engineer(repo)
        engineer.go()
        assert (engineer.found, repo.at) == ([True], "gorilla")


def test_a_conversation_about_a_copy_that_is_gone_is_put_aside(tmp_path: Path) -> None:
    """A killed run whose copy was deleted is begun anew, not gone on with in the middle; its bytes stay."""
    repo = approved(tmp_path)
    killed(repo, "dies")
    [work] = [path for path in (repo.state / "work").iterdir() if "impl" in path.name]
    shutil.rmtree(work)
    kept = repo.state / "sessions" / work.name
    kept.mkdir(parents=True)
    (kept / "raw").write_text("said")
    engineer = Engineer(repo)
    engineer.go()
    assert engineer.found == [False]
    assert not kept.exists()
    assert kept.with_name(f"{kept.name}.gone").joinpath("raw").read_text() == "said"


def test_what_a_person_changed_meanwhile_stays_hers(tmp_path: Path) -> None:
    """Where both changed the same lines, hers are in the copy, and the session is told which file that is."""
    repo = approved(tmp_path)

    def meanwhile(tree: Path) -> Reply:
        reply = fails()(tree)
        repo.write(HALF, "hers\n")
        return reply

    texts: list[str] = []
    engineer = Engineer(repo, [meanwhile, lambda tree: texts.append((tree / HALF).read_text())])
    engineer.go()
    assert texts == ["hers\n"]
    assert (
        f"as you left it then, but for these, which others changed meanwhile: {HALF}. Look" in engineer.briefs[1].text
    )


def test_a_person_who_says_try_again_gets_a_fresh_session_on_the_tree(tmp_path: Path) -> None:
    """What nobody goes on with is left in git: the machine says fresh, and so are its files."""
    repo = approved(tmp_path)
    engineer = Engineer(repo, [fails()] * 3)
    engineer.go()
    assert repo.at == "stuck"
    repo.tick("try again").edit("Note (required):", "Note (required): yes")
    engineer.go()
    assert engineer.found == [False, True, True, False]
    assert (engineer.briefs[3].session, repo.at) == (None, "gorilla")
