"""A person overrules what stands against an exit: with her name and a reason, for ever, and never for a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import Locked, Tampered, UsageError
from engine.explain import explain, explained_lines
from engine.files import disk
from engine.model.events import Began, Stepped
from engine.model.step import Step
from engine.overrule import overrule
from engine.ports import Ports
from engine.rewind import rewind
from engine.wiring import wire
from tests.life import AT, Life, chart
from tests.repo import CONFIG, Repo

WHY = "the linter has a bug"
PROSE = {"act": "builder", "reply": "PASS, I am sure."}


def ports(repo: Repo) -> Ports:
    return wire(repo.repository, tell=lambda _: None, clock=lambda: AT)


def over(repo: Repo, to: str, because: str = WHY) -> Step:
    return overrule(repo.repository, repo.pack, "1", to=to, because=because, ports=ports(repo))


def stuck_in_red(folder: Path) -> Repo:
    """A story whose linter fails whatever is done."""
    fix = {"act": "red_fix", "reply": {"files": []}}
    repo = Repo(folder, fix, config=CONFIG.replace("test ! -e lint-error", "false"))
    repo.advance()
    repo.tick("Human approved").advance()
    assert (repo.at, repo.look().progress.origin) == ("stuck", "red_fixing")
    return repo


def second(folder: Path) -> Repo:
    """A story that waits for approval, behind one that nobody has begun."""
    repo = Repo(folder)
    repo.write("docs/stories/story-0-base/story.md", "# Story 0: Base\n")
    repo.advance()
    return repo


def steps(repo: Repo) -> list[Stepped]:
    return [event for event in repo.events if isinstance(event, Stepped) and event.by]


def test_a_gate_that_fails_is_overruled_with_name_time_reason_and_what_did_not_hold(tmp_path: Path) -> None:
    """The exit of the state that got stuck is taken, its items are ticked, and journal and log say why and by whom."""
    repo = stuck_in_red(tmp_path)
    assert "red_errors" not in repo.ticked()
    done = over(repo, "green")
    assert (done.source, done.dest) == ("stuck", "green")
    (event,) = steps(repo)
    who = "Ana Person <ana@example.org>"
    assert (event.at, event.by, event.because) == (AT, who, WHY)
    assert event.unmet[0].startswith(
        "red_fixing was left for stuck: Senior Engineer: fix code done; red_tests expected"
    )
    assert event.unmet[1:] == ("gate lint is fail, needs pass",)
    assert (repo.at, "red_errors" in repo.ticked()) == ("green", True)
    row = next(line for line in repo.text.splitlines() if "stuck → green" in line)
    assert f"overruled by {who}: {WHY}; not met: red_fixing was left for stuck: " in row
    assert "; gate lint is fail, needs pass; ticked: 'Tests ERROR as expected' |" in row
    assert repo.steps(repo.advance())[0] == "gating"


def test_an_overrule_stays_in_log_and_explanation_also_after_a_rewind(tmp_path: Path) -> None:
    """Rewinding takes the step back, not that it was taken; `explain` lists it with its reason."""
    repo = stuck_in_red(tmp_path)
    over(repo, "green")
    rewind(repo.repository, repo.pack, "1", to="approving", because="", code=False, author="Ana", clock=lambda: AT)
    assert f"overruled by Ana Person <ana@example.org>: {WHY}" in repo.text
    lines = explained_lines(explain(repo.repository, repo.pack, "1"))
    assert [line for line in lines if line.startswith(f"  step stuck → green ({AT}): overruled by Ana")]


def test_what_was_answered_invalid_twice_is_overruled(tmp_path: Path) -> None:
    """A validator that never answers in the form can be passed over; its own item stays open."""
    repo = Repo(tmp_path, PROSE)
    repo.advance()
    assert repo.at == "stuck"
    over(repo, "consolidating", "I read it myself")
    assert "se_validated" not in repo.ticked()
    assert repo.steps(repo.advance()) == []  # a verdict is missing still: she decides again, or rewinds
    over(repo, "approving", "I read it myself")
    first, then = steps(repo)
    assert "invalid answer" in first.unmet[0]
    assert then.unmet == ("not known yet: verdict builder_validator",)


def test_a_story_that_is_not_complete_is_no_obstacle_to_who_overrules_it(tmp_path: Path) -> None:
    """Dependencies are another story's word, and can be overruled."""
    repo = second(tmp_path)
    repo.tick("Human approved").advance()
    assert repo.at == "queued"
    over(repo, "red", "story 0 was dropped")
    assert (repo.at, steps(repo)[-1].unmet) == ("red", ("dependencies is open, needs complete",))


REFUSED = {
    "no reason": ("green", "  ", "is empty: an overrule needs a reason"),
    "no target": (
        "accepting",
        WHY,
        "no exit of stuck leads to 'accepting'; they lead to: red_fixing, validating, abandoned, green",
    ),
    "a person's question": ("abandoned", WHY, "only a person says this, and it is not said: not known yet: decision"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_overruled_is_refused_and_changes_nothing(tmp_path: Path, case: str) -> None:
    """No reason, no exit, an answer that only a person gives: each is said, and no byte is written."""
    to, because, said = REFUSED[case]
    repo = stuck_in_red(tmp_path)
    before = repo.bytes()
    with pytest.raises(UsageError) as refused:
        over(repo, to, because)
    assert said in str(refused.value)
    assert repo.bytes() == before


def test_a_human_item_is_never_ticked_by_an_overrule(tmp_path: Path) -> None:
    """Approval and completion wait for the person's own tick; with it the exit is open anyway."""
    repo = Repo(tmp_path)
    repo.advance()
    with pytest.raises(UsageError, match=r"only a person says this.*item not ticked: 'Human approved'"):
        over(repo, "queued")
    repo.tick("Human approved")
    with pytest.raises(UsageError, match="the exit to queued is open: advance takes it"):
        over(repo, "queued")
    repo.advance()
    repo.tick("Gorilla testing done (human)").advance()
    assert repo.at == "accepting"
    with pytest.raises(UsageError, match=r"only a person says this.*'Story marked complete'"):
        over(repo, "complete")
    repo.tick("Story marked complete").edit("- [x] Human approved", "- [ ] Human approved")
    with pytest.raises(Tampered, match="'Human approved' was unticked"):
        over(repo, "complete")


def test_own_items_of_the_author_hold_also_against_an_overrule(tmp_path: Path) -> None:
    """An item that the author added is a person's; it is named, and nothing moves."""
    repo = Repo(tmp_path)
    repo.advance()
    repo.tick("Human approved").edit("- [x] Human approved", "- [x] Human approved\n- [ ] Asked Bob").advance()
    with pytest.raises(UsageError, match="item not ticked: 'Asked Bob'"):
        over(repo, "queued")


def test_success_needs_every_human_item() -> None:
    """No exit into a success is taken while an item of a person is open, whatever the exit itself asks for."""
    from engine.rules.overrule import overrule as ruled
    from tests.life import INPUTS, WORLD

    life = Life("accepting").asked("accept").ticked("marked_complete").decided("accept", "ship it")
    facts = {**life.progress.facts, **WORLD}
    assert "the exit to complete is open" in str(ruled(chart(), life.progress, facts, INPUTS, "complete"))
    facts["decision", "accept"] = "send back"
    said = str(ruled(chart(), life.progress, facts, INPUTS, "complete"))
    assert "'Human approved'" in said
    assert "decision accept is send back, needs ship it" in said


def test_work_that_is_not_done_and_calls_that_run_are_not_overruled(tmp_path: Path) -> None:
    """Where nobody has said no yet, there is nothing to overrule; a call that runs is waited for."""
    repo = Repo(tmp_path)
    repo.advance(one_step=True)
    assert repo.at == "validating"
    with pytest.raises(UsageError, match="validating has work that is not done"):
        over(repo, "consolidating")
    began = Began(at=AT, call="1/validating/b/1", number=1, act="builder", role="builder_validator", attempt=1, turn=1)
    repo.look().journal.append(began)
    with pytest.raises(UsageError, match="a call is running, or was cut off"):
        over(repo, "consolidating")


def test_two_engines_do_not_overrule_at_once(tmp_path: Path) -> None:
    """While another engine advances the story, nothing is overruled."""
    repo = stuck_in_red(tmp_path)
    lock = repo.repository.advance_lock(repo.pack, "1")
    with disk.hold(lock, 0), pytest.raises(Locked, match="is being advanced by another engine"):
        over(repo, "green")


def test_killed_before_story_md_was_written_it_is_written_next_time(tmp_path: Path) -> None:
    """The journal alone brings the overrule back: the same story.md follows as without the kill."""
    repo = stuck_in_red(tmp_path)
    old = repo.story.read_bytes()
    over(repo, "green")
    new = repo.story.read_bytes()
    journal = repo.story.parent / "evidence/journal.jsonl"
    whole = journal.read_bytes()
    assert whole.splitlines()[-1].startswith(b'{"event":"wrote"')
    repo.story.write_bytes(old)
    journal.write_bytes(whole[: whole.rstrip(b"\n").rfind(b"\n") + 1])
    with pytest.raises(UsageError, match="has something to be written still"):
        over(repo, "green")
    repo.script({"act": "impl_green", "fails": "no"})
    repo.advance(one_step=True)
    assert b"\n".join(new.splitlines()[-1:]) in repo.story.read_bytes()
    assert [event.because for event in steps(repo)] == [WHY]
