"""A whole story, from drafted to complete: real files, real gates, scripted agents, and a person who ticks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.advance import advance
from engine.errors import FormatError, Locked, Tampered, UsageError
from engine.files import disk
from engine.files.story_file import write_story
from engine.model.events import Asked, Began, Decided, Ended, Stepped
from engine.wiring import now, take_reply, wire
from tests.life import AT
from tests.repo import CHECK, CONFIG, STORY, TESTS, Repo, approved, finding, verdict

ISSUE = finding("says two words, tests one")
FAILS_ONCE = [
    {"act": "builder", "reply": verdict("FAIL", ISSUE)},
    {
        "act": "fixer",
        "replace": [{"file": "docs/feature-spec.md", "old": "in two words", "new": "in one word"}],
        "reply": {"answers": [{"finding": "F1", "answer": "fixed"}], "files": ["docs/feature-spec.md"]},
    },
]


def calls(repo: Repo, act: str) -> list[Began]:
    return [event for event in repo.events if isinstance(event, Began) and event.act == act]


def sessions(repo: Repo, act: str) -> dict[str, str | None]:
    ended = {e.call: e.session for e in repo.events if isinstance(e, Ended)}
    return {event.role: ended[event.call] for event in calls(repo, act)}


def validated(repo: Repo) -> Repo:
    repo.advance()
    return repo.tick("Human approved")


def gorilla(repo: Repo) -> Repo:
    repo.advance()
    assert repo.at == "gorilla"
    return repo


def test_a_story_lives_from_drafted_to_complete(tmp_path: Path) -> None:
    """Validation fails once and is repaired, a person approves, tries and accepts: every box ends ticked by its own."""
    repo = Repo(tmp_path, *FAILS_ONCE)
    first = repo.advance()
    assert repo.steps(first) == ["validating", "consolidating", "fixing", "revalidating", "approving"]
    assert first.outcome == "moved"
    assert first.waiting is not None
    assert first.waiting.for_ == "person"
    (place,) = first.waiting.items
    assert (place.file, place.line) == (str(repo.story.relative_to(repo.root)), repo.line("- [ ] Human approved"))
    assert repo.ticked() == ["se_validated", "codex_validated", "consolidated", "blockers_fixed", "revalidated"]

    repo.tick("Human approved")
    second = repo.advance()
    assert repo.steps(second) == ["queued", "red", "green", "gating", "self_review", "gorilla"]
    assert (repo.root / "src/greet").read_text() == "hello\n"

    repo.tick("Gorilla testing done (human)")
    third = repo.advance()
    assert repo.steps(third) == ["verifying", "accepting"]

    repo.tick("Story marked complete")
    last = repo.advance()
    assert repo.steps(last) == ["complete"]
    assert last.waiting is not None
    assert (last.waiting.for_, last.waiting.items) == ("nobody", ())
    open_ = [item.id for item in repo.look().shown.items if not item.ticked]
    assert open_ == ["next_validated", "next_validating"]
    assert "### Decisions" not in repo.text
    assert repo.look().shown.log == tuple(range(1, 15))


def test_the_same_sessions_validate_again_and_review(tmp_path: Path) -> None:
    """Each validator re-validates, and the engineer greens and reviews, in the session that began it."""
    repo = gorilla(validated(Repo(tmp_path, *FAILS_ONCE)))
    first = {**sessions(repo, "builder"), **sessions(repo, "pedant")}
    assert all(first.values())
    assert {event.role: event.resumes for event in calls(repo, "again")} == first
    engineer = sessions(repo, "impl")["engineer"]
    assert [event.resumes for act in ("impl_green", "self_rev") for event in calls(repo, act)] == [engineer] * 2
    assert calls(repo, "builder")[0].resumes is None
    assert calls(repo, "impl")[0].resumes is None


def test_a_validator_that_passed_is_not_asked_again(tmp_path: Path) -> None:
    """Where the fix changed nothing that the other validator read, only the one that failed is asked again."""
    title = {"file": "docs/feature-spec.md", "old": "# Feature Spec", "new": "# The Feature Spec"}
    fixer = {**FAILS_ONCE[1], "replace": [title]}
    repo = Repo(tmp_path, FAILS_ONCE[0], fixer)
    repo.advance()
    assert [event.role for event in calls(repo, "again")] == ["builder_validator"]
    assert repo.at == "approving"


def test_a_fix_that_changed_nothing_goes_to_a_person_with_both_sides(tmp_path: Path) -> None:
    """Where "fixed" does not show in the files, also a PASS of the validator leads to a person, who sees both sides."""
    fixer = {
        "act": "fixer",
        "reply": {"answers": [{"finding": "F1", "answer": "fixed", "because": "docs/feature-spec.md:4 says one"}]},
    }
    repo = Repo(tmp_path, FAILS_ONCE[0], fixer)
    result = repo.advance()
    assert repo.steps(result) == ["validating", "consolidating", "fixing", "revalidating", "triage"]
    spot = [e for e in repo.events if isinstance(e, Ended) and "claims" in e.facts][-1]
    assert spot.facts["claims"] == "refuted"
    asked = repo.text.split("#### D1: Blocker triage, F1")[1].split("Tick exactly one")[0]
    assert 'the fixer says "fixed", because docs/feature-spec.md:4 says one, but ' in asked
    assert "no file that the fixer may change has changed since it began" in asked
    repo.tick("fix: it is real and is fixed now")
    repo.script(FAILS_ONCE[1])
    assert repo.steps(repo.advance()) == ["fixing", "revalidating", "approving"]


def test_the_engines_own_writes_are_no_fix(tmp_path: Path) -> None:
    """A finding in story.md is not fixed by what the engine itself wrote there, and is by the author's words."""
    cites = finding("counts wrong", "2 tests pass", where="docs/stories/story-1-greeter/story.md:40")
    fixer = {"act": "fixer", "reply": {"answers": [{"finding": "F1", "answer": "fixed"}]}}
    lines = [{"act": "builder", "reply": verdict("FAIL", cites)}, fixer]
    repo = Repo(tmp_path / "one", *lines)
    assert repo.steps(repo.advance())[-1] == "triage"
    replaced = {"file": "docs/stories/story-1-greeter/story.md", "old": "- 2 tests pass", "new": "- both tests pass"}
    repo = Repo(tmp_path / "two", lines[0], {**fixer, "replace": [replaced]})
    assert repo.steps(repo.advance())[-1] == "approving"


def test_a_quote_that_does_not_stand_there_goes_to_a_person_with_both_sides(tmp_path: Path) -> None:
    """The question in story.md shows what was claimed to stand at a line, and what stands there."""
    claimed = finding("says three", "in three words")
    repo = Repo(tmp_path, {"act": "builder", "reply": verdict("FAIL", claimed)})
    assert repo.steps(repo.advance())[-1] == "triage"
    asked = repo.text.split("Asked because ")[1].split("\n")[0]
    assert "its claim is refuted: the quote does not stand there: 'in three words' is claimed" in asked
    assert "line 4 is '- **TC-1.1a: says hello in two words**'" in asked


def test_counts_that_the_run_does_not_show_go_to_a_person(tmp_path: Path) -> None:
    """A verifier that counted other tests than ran is not believed; the question says both numbers."""
    counted = {
        "act": "verify",
        "reply": verdict(tcs={"TC-1.1a": "pass", "TC-1.1b": "pass"}, counts={"passed": 13}, boundaries=[]),
    }
    repo = gorilla(approved(tmp_path, counted))
    repo.tick("Gorilla testing done (human)")
    assert repo.steps(repo.advance()) == ["verifying", "verify_triage"]
    asked = repo.text.split("#### D")[1]
    assert "verifier claims 13 tests passed and 0 failed, but in the last run 3 passed and 0 failed" in asked


def test_evidence_lies_beside_the_story_and_is_shown_by_git(tmp_path: Path) -> None:
    """Each call leaves a file, the findings are one list, and `git diff` shows the new files."""
    repo = gorilla(validated(Repo(tmp_path, *FAILS_ONCE)))
    folder = repo.story.parent / "evidence"
    names = sorted(path.name for path in folder.iterdir())
    assert names[:3] == ["01-builder-builder-validator.md", "02-pedant-pedant-validator.md", "03-spot-check.md"]
    assert {"findings.md", "journal.jsonl"} <= set(names)
    ended = [event for event in repo.events if isinstance(event, Ended)]
    assert {event.evidence for event in ended} == set(names) - {"findings.md", "journal.jsonl"}
    shown = repo.git("diff", "--stat", "--", "docs")
    assert "01-builder-builder-validator.md" in shown
    head = (folder / names[0]).read_text().split("---\n")[1]
    assert "status: ok" in head
    assert "FAIL (1 issue)" in head


def test_a_second_advance_writes_nothing(tmp_path: Path) -> None:
    """A second advance with nothing to do changes not one byte, wherever the story waits."""
    repo = Repo(tmp_path, *FAILS_ONCE)
    for tick in ("Human approved", "Gorilla testing done (human)", "Story marked complete", ""):
        repo.advance()
        before = repo.bytes()
        again = repo.advance()
        assert (again.outcome, again.steps) == ("waiting", [])
        assert repo.bytes() == before
        if tick:
            repo.tick(tick)
    assert repo.at == "complete"


def test_foresee_changes_not_one_byte(tmp_path: Path) -> None:
    """Saying what would happen writes nothing: no file, no lock, no index, no call."""
    repo = Repo(tmp_path, *FAILS_ONCE)
    told = []
    for tick in ("Human approved", "Gorilla testing done (human)", "Story marked complete"):
        before, state = repo.bytes(), sorted(repo.state.rglob("*"))
        told.append(repo.foresee().would)
        assert (repo.bytes(), sorted(repo.state.rglob("*"))) == (before, state)
        repo.advance()
        waiting = repo.foresee().waiting
        assert waiting is not None
        assert waiting.items
        repo.tick(tick)
    assert (
        told[0] == ["go from drafted to validating: files are exist"] or "go from drafted to validating" in told[0][0]
    )
    assert "take the answer 'approve' to approve by Ana Person <ana@example.org>" in told[1]
    assert told[1][-1].startswith("go from approving to queued: approve: approve (Ana Person")
    repo.advance(one_step=True)
    done = repo.foresee()
    assert done.waiting is not None
    assert done.waiting.for_ == "nobody"


def test_foresee_names_the_actions(tmp_path: Path) -> None:
    """Where a state still needs work, foresee names it with the roles."""
    repo = Repo(tmp_path)
    repo.advance(one_step=True)
    assert repo.foresee().would == ["run builder as builder_validator", "run pedant as pedant_validator"]
    repo.advance(one_step=True)
    assert repo.foresee().would == ["run spot_check"]


def test_one_step_stops_after_one_step(tmp_path: Path) -> None:
    """With one_step each advance takes exactly one exit."""
    repo = Repo(tmp_path)
    assert [repo.steps(repo.advance(one_step=True)) for _ in range(3)] == [
        ["validating"],
        ["consolidating"],
        ["approving"],
    ]


def test_an_agents_item_ticked_by_hand_is_refused_at_its_line(tmp_path: Path) -> None:
    """A box that only evidence may tick is refused with file and line, and nothing is written."""
    repo = Repo(tmp_path)
    repo.advance()
    repo.tick("Tests PASS")
    before = repo.bytes()
    place = f"docs/stories/story-1-greeter/story.md:{repo.line('Tests PASS')}: 'Tests PASS' is ticked, but no evidence"
    for act in (repo.advance, repo.foresee):
        with pytest.raises(Tampered, match="Put it back") as refused:
            act()
        assert str(refused.value).startswith(place)
    assert repo.bytes() == before
    repo.edit("- [x] Tests PASS", "- [ ] Tests PASS")
    assert repo.advance().waiting is not None


def test_an_invalid_answer_is_asked_for_again_in_the_same_session(tmp_path: Path) -> None:
    """One answer in prose is asked for once more, in the same session, and the story goes on."""
    repo = Repo(tmp_path, {"act": "builder", "turn": 1, "reply": "PASS, I am sure."})
    repo.advance()
    first, second = calls(repo, "builder")
    ended = next(e for e in repo.events if isinstance(e, Ended) and e.call == first.call)
    assert ended.status == "invalid"
    assert second.resumes == ended.session
    assert (second.turn, second.attempt) == (2, 2)
    assert repo.at == "approving"
    assert len(calls(repo, "pedant")) == 1


def test_two_invalid_answers_end_at_a_person_who_may_try_again(tmp_path: Path) -> None:
    """After two invalid answers the story is stuck; the person's `try again` needs a note and leads back."""
    repo = Repo(tmp_path, {"act": "builder", "reply": "PASS, I am sure."})
    result = repo.advance()
    assert repo.steps(result) == ["validating", "stuck"]
    assert "invalid answer" in result.steps[-1].why
    assert result.waiting is not None
    assert result.waiting.items[0].line == repo.line("#### D1: Stuck")
    repo.tick("try again")
    waiting = repo.advance().waiting
    assert waiting is not None
    assert waiting.items[0].text == "D1: write a note after `Note (required):`"
    repo.edit("Note (required):", "Note (required): it knows the form now")
    repo.script()
    assert repo.steps(repo.advance()) == ["validating", "consolidating", "approving"]
    decided = [e for e in repo.events if isinstance(e, Decided) and e.decision == "stuck"]
    assert [(e.option, e.note, e.by) for e in decided] == [
        ("try again", "it knows the form now", "Ana Person <ana@example.org>")
    ]


def test_a_crash_is_retried_and_never_a_verdict(tmp_path: Path) -> None:
    """A crash is tried again; it leaves evidence but no fact."""
    repo = Repo(tmp_path, {"act": "pedant", "turn": 1, "fails": "connection lost"})
    repo.advance()
    assert repo.at == "approving"
    failed = [e for e in repo.events if isinstance(e, Ended) and e.status == "failed"]
    assert [(e.facts, e.why) for e in failed] == [({}, "GPT-5.2 Codex: connection lost")]


def test_too_many_crashes_end_at_a_person(tmp_path: Path) -> None:
    """When the tries are used up the story is stuck, and says why."""
    repo = Repo(tmp_path, {"act": "impl", "fails": "connection lost"})
    result = validated(repo).advance()
    assert repo.steps(result) == ["queued", "red", "stuck"]
    assert result.steps[-1].why == "Senior Engineer failed 3 times: Senior Engineer: connection lost"
    assert len(calls(repo, "impl")) == 3


def test_trying_again_after_red_got_stuck_goes_on(tmp_path: Path) -> None:
    """Tests that Red wrote before it got stuck are still new tests when it is tried again."""
    repo = Repo(tmp_path, {"act": "impl", "files": TESTS, "reply": "no block"})
    validated(repo).advance()
    assert repo.at == "stuck"
    repo.script()
    repo.tick("try again").edit("Note (required):", "Note (required): again")
    assert repo.steps(repo.advance())[:2] == ["red", "green"]


def test_red_that_passes_at_once_is_sent_back(tmp_path: Path) -> None:
    """New tests that do not fail are unexpected: the same engineer corrects them, then Red is done."""
    lines = [
        {"act": "impl", "files": dict.fromkeys(TESTS, "true\n"), "reply": {"files": []}},
        {"act": "red_fix", "files": TESTS, "reply": {"files": []}},
    ]
    result = approved(tmp_path, *lines).advance()
    assert [step.dest for step in result.steps][:4] == ["queued", "red", "red_fixing", "green"]
    assert "new tests that do not fail: tc_1_1a, tc_1_1b" in result.steps[2].why


def test_failing_gates_lead_back_to_the_engineer_and_then_to_a_person(tmp_path: Path) -> None:
    """Code that does not pass is fixed in bounded rounds; used up, a person decides."""
    repo = approved(tmp_path, {"act": "impl_green", "files": {"src/greet": "bye\n"}, "reply": {"files": []}})
    result = repo.advance()
    assert repo.steps(result)[3:] == ["gating", *["code_fixing", "gating"] * 3, "stuck"]
    assert repo.look().shown.round == 3
    assert "green_passes" not in repo.ticked()


@pytest.mark.long
def test_a_gate_that_times_out_is_no_failure_of_the_code(tmp_path: Path) -> None:
    """A gate killed at its time-out is tried again and ends at a person, never as `fail`."""
    config = CONFIG.replace('run = ["true"]', 'run = ["sleep 30"]\ntimeout = "1s"')
    repo = approved(tmp_path, config=config)
    result = repo.advance()
    assert repo.steps(result) == ["queued", "red", "stuck"]
    assert "was killed after 1s" in result.steps[-1].why


def test_too_few_tests_are_a_person_s_question(tmp_path: Path) -> None:
    """When the tests that ran are not those the story names, a person says which source is right."""
    only = {"tests/tc_1_1a.sh": CHECK}
    repo = approved(tmp_path, {"act": "impl", "files": only, "reply": {"files": []}})
    result = repo.advance()
    assert repo.at == "counting"
    assert "no passing test names TC-1.1b; the story names 2 tests, 1 new ones ran" in result.steps[-1].why


def test_deviations_are_a_person_s_question(tmp_path: Path) -> None:
    """A deviation that the self-review names asks whether spec or code is right; the note goes to the engineer."""
    deviates = {"act": "self_rev", "reply": {"files": [], "deviations": ["says hello once"]}}
    repo = approved(tmp_path, deviates)
    repo.advance()
    assert repo.at == "conflict"
    repo.tick("no conflict").edit("Note (required):", "Note (required): once is enough")
    assert repo.steps(repo.advance()) == ["gorilla"]


def test_what_a_person_says_reaches_the_log(tmp_path: Path) -> None:
    """What a person writes in the note of `feels wrong` stands in the log, where the engineer is sent."""
    repo = gorilla(approved(tmp_path))
    repo.tick("feels wrong").edit("Note:", "Note: too loud")
    result = repo.advance()
    assert repo.steps(result) == ["code_fixing", "gating", "self_review", "gorilla"]
    assert "feels wrong (Ana Person <ana@example.org>): too loud" in result.steps[0].why
    assert "gorilla_done" not in repo.ticked()


def test_a_verifier_whose_claims_are_refuted_ends_at_a_person(tmp_path: Path) -> None:
    """A verifier that vouches for a TC whose test fails is not believed."""
    breaks = {
        "act": "impl",
        "files": {**TESTS, "tests/tc_1_1b.sh": f"test ! -e broken && {CHECK}"},
        "reply": {"files": []},
    }
    repo = gorilla(approved(tmp_path, breaks))
    repo.write("broken", "by something that is not the story's\n")
    repo.tick("Gorilla testing done (human)")
    result = repo.advance()
    assert repo.steps(result)[:2] == ["verifying", "verify_fixing"]
    spot = [e for e in repo.events if isinstance(e, Ended) and "claims" in e.facts][-1]
    assert spot.facts["claims"] == "refuted"
    assert "complete" not in repo.steps(result)


def test_a_changed_spec_is_validated_again_in_the_same_sessions(tmp_path: Path) -> None:
    """When the spec changes after approval, the same validators look again before anything is built."""
    repo = approved(tmp_path)
    repo.write("docs/feature-spec.md", (repo.root / "docs/feature-spec.md").read_text().replace("two words", "a word"))
    result = repo.advance()
    assert repo.steps(result) == ["queued", "refreshing", "consolidating", "approving"]
    first = {**sessions(repo, "builder"), **sessions(repo, "pedant")}
    assert {event.role: event.resumes for event in calls(repo, "refresh")} == first
    assert "human_approved" not in repo.ticked()


def test_an_own_item_holds_the_story_at_the_end_of_its_phase(tmp_path: Path) -> None:
    """An item that the author added must be ticked before the phase ends; the place is told."""
    repo = Repo(tmp_path)
    repo.advance()
    repo.edit("- [ ] Human approved", "- [x] Human approved\n- [ ] Ask the designer")
    waiting = repo.advance().waiting
    assert waiting is not None
    assert [(place.line, place.text) for place in waiting.items] == [
        (repo.line("Ask the designer"), "Ask the designer")
    ]
    repo.tick("Ask the designer")
    assert repo.steps(repo.advance())[:2] == ["queued", "red"]


def test_a_removed_question_comes_back(tmp_path: Path) -> None:
    """A question that a person deleted is shown again at the next advance."""
    repo = Repo(tmp_path)
    repo.advance()
    asked = repo.text
    start, end = asked.index("### Decisions"), asked.index("### Log")
    repo.story.write_text(asked[:start] + asked[end:])
    repo.advance()
    assert repo.text == asked


def test_sending_back_shows_only_the_new_question(tmp_path: Path) -> None:
    """From one question straight to the next, the old one is gone from story.md."""
    fixer = FAILS_ONCE[1]
    again = {"act": "again", "reply": verdict("PASS", {**ISSUE, "severity": "nit"})}
    repo = Repo(tmp_path, FAILS_ONCE[0], fixer, again)
    repo.advance()
    repo.tick("send back: back to triage")
    repo.advance()
    asked = [event.id for event in repo.events if isinstance(event, Asked)]
    assert "#### D1" not in repo.text
    assert repo.at in ("triage", "approving")
    assert f"#### {asked[-1]}" in repo.text


def test_two_engines_never_advance_one_story(tmp_path: Path) -> None:
    """While one engine advances the story another is refused at once."""
    repo = Repo(tmp_path)
    lock = repo.repository.advance_lock(repo.pack, "1")
    with disk.hold(lock, 0), pytest.raises(Locked, match="story 1 is being advanced"):
        repo.advance()
    assert repo.steps(repo.advance(one_step=True)) == ["validating"]


def test_steps_are_limited(tmp_path: Path) -> None:
    """A run of the engine ends after as many steps as story.toml allows, and the next goes on."""
    repo = Repo(tmp_path, config=CONFIG + "\n[limits]\nsteps = 2\n")
    result = repo.advance()
    assert result.waiting is None
    assert repo.steps(result) == ["validating", "consolidating"]
    assert repo.steps(repo.advance()) == ["approving"]


def test_a_step_shows_that_step_and_nothing_else(tmp_path: Path) -> None:
    """The difference that one step makes in story.md is its state, its ticks and its row."""
    repo = Repo(tmp_path)
    repo.advance()
    repo.tick("Human approved")
    repo.advance(one_step=True)
    repo.git("add", "-A")
    repo.git("commit", "-qm", "queued")
    repo.advance(one_step=True)
    changed = [
        line
        for line in repo.git("diff", "-U0", "--", str(repo.story)).split("\n")
        if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")
    ]
    last = [event for event in repo.events if isinstance(event, Stepped)][-1]
    assert changed[:-1] == ["-state: queued", "+state: red"]
    assert changed[-1].startswith(f"+| {last.n} | ")


def test_a_role_played_by_hand_waits_for_its_reply(tmp_path: Path) -> None:
    """Where a person plays a role, advance says where the brief lies, and goes on when the reply is saved."""
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    by_hand = '[roles.pedant_validator]\nagent = "person"\n#'
    toml.write_text(toml.read_text().replace('[roles.pedant_validator]\nagent = "scripted"\n', by_hand))
    waiting = repo.advance().waiting
    assert waiting is not None
    (place,) = waiting.items
    brief = Path(place.file)
    assert brief.read_text().startswith("# GPT-5.2 Codex: validate, story 1")
    assert repo.advance().waiting == waiting
    reply = brief.with_suffix(".reply.md")
    assert reply.name in place.text
    fields = '{"story": "1", "round": 1, "verdict": "PASS", "confidence": "high", "reasoning": "Read."}'
    reply.write_text(f"```json\n{fields}\n```\n")
    assert repo.steps(repo.advance()) == ["consolidating", "approving"]
    assert len(calls(repo, "builder")) == 1


def test_a_reply_of_an_earlier_turn_is_never_taken_for_the_next(tmp_path: Path) -> None:
    """Where a person plays the engineer, the reply to Red is no reply to Green."""
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    by_hand = '[roles.engineer]\nagent = "person"\n#'
    toml.write_text(toml.read_text().replace('[roles.engineer]\nagent = "scripted"\n', by_hand))
    validated(repo)
    waiting = repo.advance().waiting
    assert waiting is not None
    assert repo.at == "red"
    for name, text in TESTS.items():
        repo.write(name, text)
    Path(waiting.items[0].file).with_suffix(".reply.md").write_text('```json\n{"files": []}\n```\n')
    waiting = repo.advance().waiting
    assert repo.at == "green"
    assert waiting is not None
    assert "implement" in Path(waiting.items[0].file).read_text().split("\n")[0]


def test_what_a_killed_engine_did_not_show_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step and a question that are in the journal but not in story.md are written first, with the same bytes."""
    repo = Repo(tmp_path)
    texts: list[str] = []

    def write(*args: Any, **words: Any) -> None:
        texts.append(repo.text)
        write_story(*args, **words)

    monkeypatch.setattr("engine.steps.write_story", write)
    repo.advance()
    before = texts[-1]
    after, journal = repo.text, repo.story.parent / "evidence/journal.jsonl"
    whole = journal.read_bytes()
    repo.story.write_text(before)
    journal.write_bytes(whole[: whole.rstrip(b"\n").rfind(b"\n") + 1])
    assert repo.advance().steps == []
    assert (repo.text, journal.read_bytes()) == (after, whole)


def test_an_error_of_one_validator_keeps_the_other_s_reply(tmp_path: Path) -> None:
    """Where one of two side by side cannot run at all, what the other answered is kept and not asked for again."""
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    other = '[roles.pedant_validator]\nagent = "scripted"\nscript = "none.yaml"\n#'
    text = toml.read_text()
    toml.write_text(text.replace('[roles.pedant_validator]\nagent = "scripted"\n', other))
    with pytest.raises(FormatError, match=r"none\.yaml: the script cannot be read"):
        repo.advance()
    toml.write_text(text)
    repo.advance()
    assert repo.at == "approving"
    assert [len(calls(repo, act)) for act in ("builder", "pedant")] == [1, 1]


def test_a_save_that_was_caught_is_told(tmp_path: Path) -> None:
    """What somebody saved while the engine was killed, and could not be put back, is kept and told."""
    repo = Repo(tmp_path)
    swap = repo.story.with_name(f".story.md.{'0' * 16}.{'1' * 16}{disk.SWAP}")
    swap.write_text("saved")
    told: list[str] = []
    ports = wire(repo.repository, tell=told.append, clock=lambda: AT)
    advance(repo.repository, repo.pack, "1", ports=ports, one_step=True)
    rescued = repo.story.with_name("story.md.rescued-11111111")
    assert rescued.read_text() == "saved"
    assert told[0].startswith(f"{rescued} holds what somebody saved")


def test_a_reply_may_be_handed_in(tmp_path: Path) -> None:
    """A reply to a role played by hand is put where it is awaited; of a role that nobody awaits it is refused."""
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    toml.write_text(toml.read_text().split("[roles.")[0])
    waiting = repo.advance().waiting
    assert waiting is not None
    assert len(waiting.items) == 2
    reply = tmp_path / "reply.md"
    fields = '{"story": "1", "round": 1, "verdict": "PASS", "confidence": "high", "reasoning": "Read."}'
    reply.write_text(f"```json\n{fields}\n```\n")
    take_reply(repo.repository, repo.pack, "1", "builder_validator", reply)
    waiting = repo.advance().waiting
    assert waiting is not None
    assert [place.text.split(":")[0] for place in waiting.items] == ["GPT-5.2 Codex"]
    with pytest.raises(UsageError, match="awaits no reply of 'verifier'; it awaits pedant_validator"):
        take_reply(repo.repository, repo.pack, "1", "verifier", reply)
    take_reply(repo.repository, repo.pack, "1", "pedant_validator", reply)
    repo.advance()
    assert repo.at == "approving"


def test_a_scripted_role_needs_a_script(tmp_path: Path) -> None:
    """A role that is scripted without a script is a mistake in story.toml, told with what to add."""
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    toml.write_text(toml.read_text().replace('script = "../script.yaml"', ""))
    with pytest.raises(UsageError, match=r"roles\.builder_validator is scripted but names no script"):
        repo.advance()


def test_the_clock_tells_utc_to_the_second() -> None:
    """Times are ISO 8601 in UTC."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now())


def test_a_later_story_waits_for_the_one_before_it(tmp_path: Path) -> None:
    """Validated and approved, a story waits for the story before it, and says where that one stands."""
    repo = Repo(tmp_path, story=STORY.replace("None.", "- Story 0 complete"))
    repo.write("docs/stories/story-0-base/story.md", "# Story 0: Base\n")
    result = validated(repo).advance()
    assert repo.at == "queued"
    assert result.waiting is not None
    assert result.waiting.for_ == "dependencies"
    (place,) = result.waiting.items
    assert (place.file, place.text) == (
        "docs/stories/story-0-base/story.md",
        "story 0 is not adopted, not complete",
    )
