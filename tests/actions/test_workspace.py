"""Agents in throwaway copies: what comes back into the tree, what does not, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.actions.situation import Situation
from engine.actions.workspace import run_in_copy, take_over
from engine.advance import advance
from engine.agents.scripted import ScriptedAgent
from engine.model.call import Brief, Reply
from engine.model.events import Ended
from engine.model.machine import AgentAct
from engine.perform import situation_of
from engine.ports import Ports
from engine.wiring import wire
from tests.life import AT
from tests.repo import TESTS, Repo
from tests.scene import run

Edit = Callable[[Path], None]


class CopyAgent:
    """A scripted agent that works in its copy; `edit` does some more there."""

    in_copy = True

    def __init__(self, script: Path, edit: Edit) -> None:
        self._script, self._edit = script, edit

    async def run(self, brief: Brief) -> Reply:
        assert brief.workspace is not None
        tree = Path(brief.workspace.tree)
        self._edit(tree)
        return await ScriptedAgent(self._script, root=tree, clock=lambda: AT).run(brief)


def ports(repo: Repo, edit: Edit = lambda _: None) -> Ports:
    agent = CopyAgent(repo.root / "../script.yaml", edit)
    return replace(wire(repo.repository, tell=lambda _: None, clock=lambda: AT), agents=lambda *_: agent)


def go(repo: Repo, edit: Edit = lambda _: None) -> None:
    advance(repo.repository, repo.pack, "1", ports=ports(repo, edit))


def work(repo: Repo, act: str, edit: Edit, *, meanwhile: Edit = lambda _: None) -> tuple[AgentAct, Reply, Situation]:
    """One action in a copy, which is not taken over yet; `meanwhile` a person edits the tree."""
    situation = situation_of(repo.look(), ports(repo))
    acts = (one for state in situation.machine.states.values() for one in state.acts())
    wanted = next(one for one in acts if isinstance(one, AgentAct) and one.id == act)
    brief = Brief(call=f"1/x/{act}/1.1-ab", story="1", act=act, role="engineer", turn=1, text="", writes=wanted.writes)

    def both(tree: Path) -> None:
        edit(tree)
        meanwhile(repo.root)

    reply = run(run_in_copy(CopyAgent(repo.root / "../script.yaml", both), brief, repo.root, repo.state, writable=True))
    assert isinstance(reply, Reply)
    return wanted, reply, situation


def put(name: str, text: str) -> Edit:
    def edit(tree: Path) -> None:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)

    return edit


def test_a_story_lives_in_copies_from_drafted_to_complete(tmp_path: Path) -> None:
    """What roles may change comes back from their copies, so that gates find it; no copy stays."""
    repo = Repo(tmp_path)
    for tick in ("Human approved", "Gorilla testing done (human)", "Story marked complete", ""):
        go(repo)
        if tick:
            repo.tick(tick)
    assert repo.at == "complete"
    assert (repo.root / "src/greet").read_text() == "hello\n"
    assert not list((repo.state / "work").rglob("tree"))


FORGED = {
    "docs/stories/story-1-greeter/evidence/99-verify.md": "PASS",
    "docs/stories/story-1-greeter/evidence/journal.jsonl": "{}\n",
    "machines/story.yaml": "states: {}\n",
    "story.toml": "[gates.tests]\nrun = ['true']\n",
    "docs/feature-spec.md": "# Another spec\n",
    "src/other": "x",
}


def test_what_is_not_a_roles_to_change_is_discarded_and_told(tmp_path: Path) -> None:
    """Evidence, machines, story.toml, documents and files of others: left as they are, each named in the evidence."""
    repo = Repo(tmp_path)
    go(repo)
    repo.tick("Human approved")
    before = {name: (repo.root / name).read_bytes() for name in FORGED if (repo.root / name).exists()}
    journal = FORGED.keys() & {name for name in before if name.endswith("jsonl")}

    def forge(tree: Path) -> None:
        for name, text in FORGED.items():
            put(name, text)(tree)
        story = tree / "docs/stories/story-1-greeter/story.md"
        story.write_text(story.read_text().replace("- [ ] Tests PASS", "- [x] Tests PASS"))

    go(repo, forge)
    assert repo.at == "gorilla"  # the run went on with what was its own
    now = {name: (repo.root / name).read_bytes() for name in FORGED if (repo.root / name).exists()}
    assert {**now, **{name: before[name] for name in journal}} == before
    told = [event for event in repo.events if isinstance(event, Ended) and "not taken over" in event.why]
    assert told[0].why.endswith("; 7 of its changes were not taken over")
    evidence = (repo.story.parent / "evidence" / told[0].evidence).read_text()
    for name in (*FORGED, "docs/stories/story-1-greeter/story.md"):
        assert f"- {name}: not this role's to change" in evidence


def test_of_story_md_only_the_authors_regions_are_taken_over(tmp_path: Path) -> None:
    """A fixer corrects the story's own text; a box it ticks and a state it sets stay as they were."""
    repo = Repo(tmp_path)
    go(repo)

    def fix(tree: Path) -> None:
        story = tree / "docs/stories/story-1-greeter/story.md"
        text = story.read_text().replace("- 2 tests pass", "- both tests pass")
        story.write_text(text.replace("- [ ] Human approved", "- [x] Human approved").replace("approving", "complete"))

    assert take_over(*work(repo, "fixer", fix)) == []
    assert "- both tests pass" in repo.text
    assert "- [ ] Human approved" in repo.text
    assert repo.at == "approving"


def test_a_box_ticked_meanwhile_stays_ticked(tmp_path: Path) -> None:
    """What a person edits while an agent works is hers: other lines are merged, and her tick counts."""
    repo = Repo(tmp_path)
    go(repo)
    name = "docs/stories/story-1-greeter/story.md"

    def fix(tree: Path) -> None:
        story = tree / name
        story.write_text(story.read_text().replace("- 2 tests pass", "- both tests pass"))

    act, reply, situation = work(repo, "fixer", fix, meanwhile=lambda _: repo.tick("Human approved") and None)
    assert take_over(act, reply, situation) == []
    assert "- both tests pass" in repo.text
    assert "- [x] Human approved" in repo.text


def test_where_both_changed_the_same_line_hers_stays(tmp_path: Path) -> None:
    """A conflict is no merge: her words stay, and the agent's can be found."""
    repo = Repo(tmp_path)
    go(repo)
    mine = put("docs/feature-spec.md", "# Feature Spec of the agent\n")
    act, reply, situation = work(repo, "fixer", mine, meanwhile=put("docs/feature-spec.md", "# Hers\n"))
    (told,) = take_over(act, reply, situation)
    assert "changed by somebody else where the agent changed it, too" in told
    assert (repo.root / "docs/feature-spec.md").read_text() == "# Hers\n"
    assert repo.git("show", f"{reply.after}:docs/feature-spec.md") == "# Feature Spec of the agent\n"


def test_taking_over_again_heals_what_a_kill_left_half_done(tmp_path: Path) -> None:
    """Killed in the middle of taking over, the engine does it again by the reply it remembers, with the same end."""
    repo = Repo(tmp_path)
    go(repo)

    act, reply, situation = work(repo, "impl", put("src/greet", "hello\n"))
    (repo.root / "src").mkdir()
    (repo.root / "src/greet").write_text("hello\n")  # so far it had come
    assert take_over(act, reply, situation) == []
    before = repo.bytes()
    assert take_over(act, reply, situation) == []
    assert repo.bytes() == before
    assert {name: (repo.root / name).read_text() for name in TESTS} == TESTS


def test_a_call_that_was_killed_goes_on_in_the_copy_it_had(tmp_path: Path) -> None:
    """What an agent did before the engine was killed is still in its copy when the call is made again."""
    repo = Repo(tmp_path)
    go(repo)

    def die(tree: Path) -> None:
        put("src/greet", "hello\n")(tree)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(repo, "impl", die)
    act, reply, situation = work(repo, "impl", lambda _: None)
    assert take_over(act, reply, situation) == []
    assert (repo.root / "src/greet").read_text() == "hello\n"
    assert (repo.root / "tests/tc_1_1a.sh").exists()


def test_only_a_reply_is_taken_over(tmp_path: Path) -> None:
    """An agent that failed changed nothing, whatever its copy held."""
    repo = Repo(tmp_path, {"act": "impl", "fails": "the service is down"})
    go(repo)
    repo.tick("Human approved")
    go(repo, put("src/greet", "hello\n"))
    assert not (repo.root / "src/greet").exists()
