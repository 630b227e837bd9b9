"""Evidence goes stale exactly where it rests: a table of inputs and evidence on a real repository, each cell proven."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from engine.check import check_packs
from engine.explain import explain, explained_lines
from engine.files.machine_file import find_machine
from engine.model.events import Adopted, Began, Ended, Rewound, Stepped, Ticked
from engine.rules.history import fold
from engine.rules.stale import send_back, stale_items
from tests.life import AT, BUILDER, INPUTS, PEDANT, Life, machine
from tests.repo import CONFIG, STORY, Repo, finding, verdict

HOME = "docs/stories/story-1-greeter"
SPEC = "docs/feature-spec.md"
OTHER_SECTION = "\n**AC-2.1:** The greeter leaves\n- **TC-2.1a: says goodbye**\n"
Change = Callable[[Repo], object]

# ---------------------------------------------------------------- the evidence kinds, by their items
VERDICTS = ("se_validated", "codex_validated")
FIXES = ("consolidated", "blockers_fixed", "revalidated")
APPROVAL = ("human_approved",)
BUILT = ("red_done", "red_errors", "green_done")
GATES = ("green_passes", "gates_pass", "self_reviewed")
GORILLA = ("gorilla_done",)
VERIFICATION = ("verify_run", "tcs_verified")
KINDS = {
    "verdicts": VERDICTS,
    "fixes": FIXES,
    "approval": APPROVAL,
    "red and green": BUILT,
    "gates and self-review": GATES,
    "gorilla": GORILLA,
    "verification": VERIFICATION,
}


def swap(name: str, old: str, new: str) -> Change:
    """Replace the one place where some words stand in a file."""

    def change(repo: Repo) -> None:
        path = repo.root / name
        raw = path.read_bytes().decode()
        assert raw.count(old) == 1, (old, raw)
        path.write_bytes(raw.replace(old, new).encode())

    return change


def add(name: str, text: str) -> Change:
    """Append to a file, which may be new."""

    def change(repo: Repo) -> None:
        path = repo.root / name
        path.write_bytes((path.read_bytes() if path.exists() else b"") + text.encode())

    return change


def blanks(repo: Repo) -> None:
    """Other line ends in the spec and a prompt; trailing blanks and blank lines at the end of story and prompt."""
    for name in (SPEC, f"{HOME}/prompt-1.2-green.md"):
        path = repo.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"  \r\n") + b"\r\n\r\n")
    repo.edit("## Exit Criteria\n", "## Exit Criteria \t\n")


def own_bytes(repo: Repo) -> None:
    """What the engine writes anew all the time: here the time of the last step and the spelling of a key."""
    repo.edit("machine: story", "machine: 'story'  # the engine's key")


def committed(repo: Repo) -> None:
    repo.git("add", "-A")
    repo.git("commit", "-qm", "so far")


def rebase(repo: Repo) -> None:
    """The work so far is rebased on a commit that somebody else made."""
    repo.git("checkout", "-q", "-b", "work")
    committed(repo)
    repo.git("checkout", "-q", "main")
    repo.write("docs/notes.md", "by somebody else\n")
    committed(repo)
    repo.git("rebase", "-q", "main", "work")


def squash(repo: Repo) -> None:
    """Several commits become one; every file gets another time."""
    committed(repo)
    repo.write("docs/notes.md", "mine\n")
    committed(repo)
    repo.git("reset", "-q", "--soft", "HEAD~2")
    committed(repo)
    for path in (repo.root / "src/greet", repo.root / SPEC):
        if path.exists():
            os.utime(path, (1, 1))


def another_machine_file(repo: Repo) -> None:
    """The machine is the repository's own from now on, with other words."""
    repo.write("machines/story.yaml", find_machine("story").read_text().replace("ship it?", "ship it now?"))


INPUTS_TABLE: dict[str, tuple[Change, str]] = {
    "author's text": (swap(f"{HOME}/story.md", "- 2 tests pass", "- both tests pass"), "document"),
    "prompt": (swap(f"{HOME}/prompt-1.2-green.md", "Make them pass.", "Make both pass."), "document"),
    "spec section of its ACs": (swap(SPEC, "says it twice", "says it two times"), "document"),
    "owned file": (add("src/greet", " "), "code"),
    "owned test file": (add("tests/tc_1_1b.sh", "# a comment\n"), "code"),
    "another section of the spec": (swap(SPEC, "says goodbye", "waves"), "nothing"),
    "other file": (add("docs/notes.md", "notes\n"), "nothing"),
    "machine file": (another_machine_file, "nothing"),
    "engine's own bytes": (own_bytes, "nothing"),
    "git rebase": (rebase, "nothing"),
    "git squash": (squash, "nothing"),
    "whitespace of documents": (blanks, "nothing"),
}
"""What changes, and as what the evidence sees it."""
REOPENS = {
    "document": {"verdicts", "fixes", "verification"},
    "code": {"gates and self-review", "gorilla", "verification"},
    "nothing": set[str](),
}
"""The evidence kinds that rest on it."""
FIXER = {
    "act": "fixer",
    "replace": [{"file": SPEC, "old": "in two words", "new": "in one word"}],
    "reply": {"answers": [{"finding": "F1", "answer": "fixed"}], "files": [SPEC]},
}
FAILS_ONCE = [{"act": "builder", "reply": verdict("FAIL", finding("says two words, tests one"))}, FIXER]


_LIVED = TemporaryDirectory()
atexit.register(_LIVED.cleanup)


def lived(folder: Path, until: str, *lines: dict[str, object]) -> Repo:
    """A story that waits for a person in a state; lived once for all tests that want the same, then copied."""
    kept = Path(_LIVED.name) / hashlib.sha256(f"{until} {lines}".encode()).hexdigest()
    if not kept.exists():
        _live(kept, until, *lines)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return Repo.__new__(Repo).at_folder(folder)


def _live(folder: Path, until: str, *lines: dict[str, object]) -> Repo:
    """The spec has a section of another story as well."""
    repo = Repo(folder, *lines)
    add(SPEC, OTHER_SECTION)(repo)
    for tick in ("Human approved", "Gorilla testing done (human)", "Story marked complete", ""):
        repo.advance()
        if repo.at == until:
            return repo.packed()
        repo.tick(tick)
    raise AssertionError(f"it is {repo.at}")


def sent_back(repo: Repo, before: int) -> list[Stepped]:
    """The steps that a change from outside caused since."""
    return [event for event in repo.events[before:] if isinstance(event, Stepped) and event.changed]


@pytest.mark.parametrize("name", INPUTS_TABLE)
def test_the_table_of_inputs_and_evidence(name: str, tmp_path: Path) -> None:
    """With everything earned but acceptance, a change of each input reopens the evidence that rests on it, no other."""
    change, sort = INPUTS_TABLE[name]
    repo = lived(tmp_path, "accepting", *FAILS_ONCE)
    had = set(repo.ticked())
    assert had == {item for items in KINDS.values() for item in items}
    before, text = len(repo.events), repo.text
    change(repo)
    repo.advance(one_step=True)
    opened = [step.unticks for step in sent_back(repo, before)]
    cells = {kind: "reopens" if opened and {*items} <= {*opened[0]} else "stays" for kind, items in KINDS.items()}
    assert cells == {kind: "reopens" if kind in REOPENS[sort] else "stays" for kind in KINDS}
    if sort == "nothing":
        assert (len(repo.events), repo.at) == (before, "accepting")
        assert repo.text == text or name in ("whitespace of documents", "engine's own bytes")
        return
    assert {*opened[0]} == {item for kind in REOPENS[sort] for item in KINDS[kind]}
    assert {item for item in had if item not in opened[0]} == set(repo.ticked())
    assert repo.at == {"document": "spec_validating", "code": "gating"}[sort]


@pytest.mark.parametrize("name", [name for name in INPUTS_TABLE if INPUTS_TABLE[name][1] != "code"])
def test_the_table_before_execution(name: str, tmp_path: Path) -> None:
    """While a story waits for approval a changed document has it looked at again; its files are not there yet."""
    change, sort = INPUTS_TABLE[name]
    repo = lived(tmp_path, "approving")
    before = len(repo.events)
    change(repo)
    repo.advance(one_step=True)
    opened = [step.unticks for step in sent_back(repo, before)]
    assert opened == ([(*VERDICTS, *FIXES)] if sort == "document" else [])
    assert repo.at == ("refreshing" if opened else "approving")
    assert set(repo.ticked()) == (set() if opened else {*VERDICTS, *FIXES})


@pytest.mark.parametrize("name", INPUTS_TABLE)
def test_the_table_of_a_complete_story(name: str, tmp_path: Path) -> None:
    """A complete story reopens nothing: advance writes nothing, `check` warns of what its evidence rested on."""
    change, sort = INPUTS_TABLE[name]
    repo = lived(tmp_path, "complete")
    change(repo)
    before = repo.bytes()
    result = repo.advance()
    assert (result.steps, repo.at, repo.bytes()) == ([], "complete", before)
    found = [p for p in check_packs(repo.repository, [repo.pack]) if p.code == "S129"]
    places = {
        "author's text": (f"{HOME}/story.md", 1),
        "prompt": (f"{HOME}/prompt-1.2-green.md", 1),
        "spec section of its ACs": (SPEC, 3),
        "owned file": ("src/greet", 1),
        "owned test file": ("tests/tc_1_1b.sh", 1),
    }
    assert [(p.file, p.line) for p in found] == ([] if sort == "nothing" else [places[name]])
    assert all(p.severity == "warning" and "since story 1 was complete" in p.message for p in found)


def test_files_that_a_later_story_names_may_change(tmp_path: Path) -> None:
    """What a later story owns as well is its to change: no drift of the complete story."""
    repo = lived(tmp_path, "complete")
    repo.write("docs/stories/story-2-louder/story.md", "# Story 2: Louder\n\n## Files\n\n- `src/greet`\n")
    add("src/greet", " ")(repo)
    add("tests/tc_1_1a.sh", "# more\n")(repo)
    found = [p for p in check_packs(repo.repository, [repo.pack]) if p.code == "S129"]
    assert [p.file for p in found] == ["tests/tc_1_1a.sh"]


def test_an_attested_story_rests_on_nothing() -> None:
    """Who attests a story leaves no evidence, so nothing of it can drift."""
    attested = fold(machine(), [Adopted(at=AT, by="Ana", machine="story", state="complete", because="shipped")])
    assert attested.ticked("tcs_verified")
    assert stale_items(machine(), attested, INPUTS) == {}


# ---------------------------------------------------------------- where it leads, and what is said


def calls(repo: Repo, act: str) -> list[Began]:
    return [event for event in repo.events if isinstance(event, Began) and event.act == act]


def sessions(repo: Repo, *acts: str) -> dict[str, str | None]:
    ended = {event.call: event.session for event in repo.events if isinstance(event, Ended)}
    return {event.role: ended[event.call] for act in acts for event in calls(repo, act)}


@pytest.mark.long
def test_a_document_changed_in_execution_is_validated_again_by_the_same_sessions(tmp_path: Path) -> None:
    """The same validators look again; then the story goes on to verification, and nothing is built or tried anew."""
    repo = lived(tmp_path, "accepting")
    first = sessions(repo, "builder", "pedant")
    counts = {act: len(calls(repo, act)) for act in ("impl", "impl_green", "tests", "self_rev")}
    swap(SPEC, "says it twice", "says it two times")(repo)
    assert repo.steps(repo.advance()) == ["spec_validating", "spec_agreed", "verifying", "accepting"]
    assert {event.role: event.resumes for event in calls(repo, "spec_again")} == first
    after = {act: len(calls(repo, act)) for act in counts}
    assert after == {**counts, "tests": counts["tests"] + 1}  # the one of the verification
    assert "gorilla_done" in repo.ticked()
    repo.tick("Story marked complete")
    assert repo.steps(repo.advance()) == ["complete"]


@pytest.mark.long
def test_a_file_changed_in_execution_is_tested_reviewed_tried_and_verified_again(tmp_path: Path) -> None:
    """From changed code no way leads to acceptance but by gates, self-review, a person who tries, and the verifier."""
    repo = lived(tmp_path, "accepting")
    add("src/greet", "\n")(repo)
    assert repo.steps(repo.advance()) == ["gating", "self_review", "gorilla"]
    repo.tick("Gorilla testing done (human)")
    assert repo.steps(repo.advance()) == ["verifying", "accepting"]
    assert len(calls(repo, "builder")) == 1


def test_both_changed_at_once_are_both_acted_on(tmp_path: Path) -> None:
    """Documents first, then the code that is still not what was tested."""
    repo = lived(tmp_path, "accepting")
    swap(SPEC, "says it twice", "says it two times")(repo)
    add("src/greet", "\n")(repo)
    result = repo.advance()
    assert repo.steps(result) == ["spec_validating", "spec_agreed", "verifying", "gating", "self_review", "gorilla"]
    assert [step.changed for step in sent_back(repo, 0)] == [
        ("spec:AC-1.1",),
        ("code:src/greet",),
    ]


def test_an_acceptance_of_what_changed_is_no_acceptance(tmp_path: Path) -> None:
    """Ticked and changed at once: the story does not complete, and the box is open again."""
    repo = lived(tmp_path, "accepting")
    add("src/greet", "\n")(repo)
    repo.tick("Story marked complete")
    assert repo.steps(repo.advance(one_step=True)) == ["gating"]
    assert {"marked_complete", *GORILLA, *GATES} & set(repo.ticked()) == set()


@pytest.mark.long
def test_what_a_person_answered_is_taken_before_a_change(tmp_path: Path) -> None:
    """A bug that a person reports is worked on, though she changed a file as well."""
    repo = lived(tmp_path, "gorilla")
    add("src/greet", "\n")(repo)
    repo.tick("bug").edit("Note:", "Note: too quiet")
    repo.script({"act": "bug_fix", "reply": {"files": []}})
    assert repo.steps(repo.advance())[:2] == ["bug_fixing", "gating"]


def test_a_change_while_red_and_green_run_waits_until_they_are_through(tmp_path: Path) -> None:
    """Green is not stopped by a changed document; before anything is tested the validators look again."""
    green = {
        "act": "impl_green",
        "files": {"src/greet": "hello\n"},
        "replace": [{"file": SPEC, "old": "says it twice", "new": "says it two times"}],
        "reply": {"files": ["src/greet"]},
    }
    repo = lived(tmp_path, "approving", green)
    repo.tick("Human approved")
    result = repo.advance()
    ways = ["queued", "red", "green", "gating", "spec_validating", "spec_agreed", "gating", "self_review", "gorilla"]
    assert repo.steps(result) == ways
    assert len(calls(repo, "tests")) == 1


def test_in_the_fix_cycle_a_changed_document_is_read_by_the_same_sessions(tmp_path: Path) -> None:
    """A person who edits the spec while findings are fixed starts nothing afresh: both re-validate, resumed."""
    sorts = {**finding("says two words, tests one"), "where": "docs/feature-spec.md:4", "quote": "not there"}
    repo = Repo(tmp_path, {"act": "builder", "reply": verdict("FAIL", sorts)}, FIXER)
    repo.advance()
    assert repo.at == "triage"
    swap(SPEC, "says it twice", "says it two times")(repo)
    repo.advance()
    assert (repo.at, sent_back(repo, 0)) == ("triage", [])
    repo.tick("fix: it is real and is fixed now")
    assert repo.steps(repo.advance()) == ["fixing", "revalidating", "approving"]
    first = sessions(repo, "builder", "pedant")
    assert all(first.values())
    assert {event.role: event.resumes for event in calls(repo, "again")} == first
    assert len(calls(repo, "builder")) == len(calls(repo, "pedant")) == 1
    assert sent_back(repo, 0) == []


def test_a_changed_spec_put_aside_in_triage_is_looked_at_before_approval(tmp_path: Path) -> None:
    """Where a person answers that nothing is to be fixed, what she changed meanwhile still goes to the validators."""
    unsure = {**finding("says two words, tests one"), "quote": "not there"}
    repo = Repo(tmp_path, {"act": "builder", "reply": verdict("FAIL", unsure)})
    repo.advance()
    swap(SPEC, "says it twice", "says it two times")(repo)
    repo.tick("not real: the validator is mistaken")
    assert repo.steps(repo.advance()) == ["approving", "refreshing", "consolidating", "approving"]


def test_the_log_and_explain_say_why(tmp_path: Path) -> None:
    """The row names what changed and each item that was opened; explain foretells it, and says it while one is open."""
    repo = lived(tmp_path, "gorilla")
    swap(SPEC, "says it twice", "says it two times")(repo)
    told = explained_lines(explain(repo.repository, repo.pack, "1"))
    why = (
        "spec section AC-1.1 changed: reopened 'Senior Engineer validated', 'GPT-5.2 Codex validated', "
        "'Findings consolidated', 'Blockers fixed', 'Re-validation passed'"
    )
    assert f"  sent back next: {why}" in told
    assert repo.foresee().would == [f"go from gorilla to spec_validating: {why}"]
    step = repo.advance(one_step=True).steps[0]
    assert step.why == why
    [row] = [line for line in repo.text.split("\n") if "gorilla → spec_validating" in line]
    assert why in row
    number = repo.look().progress.steps
    assert f"  sent back by step {number}: {why}" in explained_lines(explain(repo.repository, repo.pack, "1"))
    repo.advance()
    assert not [line for line in explained_lines(explain(repo.repository, repo.pack, "1")) if "sent back" in line]


def test_a_second_advance_writes_nothing(tmp_path: Path) -> None:
    """After what changed was acted on, the story waits again, and not one byte is written."""
    repo = lived(tmp_path, "gorilla")
    swap(SPEC, "says it twice", "says it two times")(repo)
    repo.advance()
    assert repo.at == "gorilla"
    before = repo.bytes()
    assert repo.advance().steps == []
    assert repo.bytes() == before


def test_a_change_that_is_taken_back_reopens_nothing(tmp_path: Path) -> None:
    """Content decides: what is again what it was is no change."""
    repo = lived(tmp_path, "gorilla")
    swap(SPEC, "says it twice", "says it two times")(repo)
    swap(SPEC, "says it two times", "says it twice")(repo)
    assert repo.advance().steps == []


# ---------------------------------------------------------------- killed in between


def test_a_reopening_that_is_in_the_journal_is_written_by_the_next_advance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the journal's line and story.md, the next advance unticks, logs and goes on; it counts once."""
    repo = lived(tmp_path, "accepting")
    swap(SPEC, "says it twice", "says it two times")(repo)
    text = repo.text
    monkeypatch.setattr("engine.steps.write_story", _killed)
    with pytest.raises(KeyboardInterrupt):
        repo.advance(one_step=True)
    monkeypatch.undo()
    assert repo.text == text
    assert isinstance(repo.events[-1], Stepped)
    assert "se_validated" in repo.ticked()
    assert repo.steps(repo.advance(one_step=True)) == ["spec_agreed"]
    assert len(sent_back(repo, 0)) == 1
    assert repo.text.count("accepting → spec_validating") == 1
    assert "verify_run" not in repo.ticked()


def test_killed_before_the_journal_knows_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the line, nothing happened; the next advance sees the same change and acts on it."""
    repo = lived(tmp_path, "accepting")
    swap(SPEC, "says it twice", "says it two times")(repo)
    before = repo.bytes()
    monkeypatch.setattr("engine.files.journal.Journal.append", _killed)
    with pytest.raises(KeyboardInterrupt):
        repo.advance(one_step=True)
    monkeypatch.undo()
    assert repo.bytes() == before
    assert repo.steps(repo.advance(one_step=True)) == ["spec_validating"]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_call_that_runs_is_ended_before_the_story_is_sent_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verification that was paid for is kept as evidence, though the file it looked at has changed since."""
    repo = lived(tmp_path, "gorilla")
    repo.tick("Gorilla testing done (human)")
    repo.advance(one_step=True)
    monkeypatch.setattr("engine.perform.save_evidence", _killed)
    with pytest.raises(KeyboardInterrupt):
        repo.advance(one_step=True)
    monkeypatch.undo()
    add("src/greet", "\n")(repo)
    assert repo.steps(repo.advance(one_step=True)) == ["gating"]
    assert [len(calls(repo, "verify")), (repo.story.parent / "evidence").is_dir()] == [1, True]
    assert [event.status for event in repo.events if isinstance(event, Ended)][-1] == "ok"


# ---------------------------------------------------------------- loops that nobody outside turns


@pytest.mark.long
def test_a_reviewer_that_changes_the_code_each_time_ends_at_a_person(tmp_path: Path) -> None:
    """An agent that writes what it may only read sends the story round; the rounds are counted, and a person asked."""
    lines = [
        {"act": "self_rev", "turn": turn, "files": {"src/greet": "hello\n" + "\n" * turn}, "reply": {"files": []}}
        for turn in range(1, 9)
    ]
    repo = lived(tmp_path, "approving", *lines)
    repo.tick("Human approved")
    result = repo.advance()
    assert repo.steps(result)[3:] == ["gating", "self_review", *["gating", "self_review"] * 3, "stuck"]
    assert "such changes sent the story back 3 times already" in result.steps[-1].why
    repo.script()
    repo.tick("try again").edit("Note (required):", "Note (required): it was told to read only")
    assert repo.steps(repo.advance()) == ["self_review", "gating", "self_review", "gorilla"]


# ---------------------------------------------------------------- what is bound to what, by the journal alone


def validated(life: Life, one: dict[str, str], other: dict[str, str]) -> Life:
    """Two verdicts that read different inputs, consolidated and passed on the second."""
    life.to("validating").verdict("builder", BUILDER, "PASS", inputs=one)
    life.verdict("pedant", PEDANT, "PASS", inputs=other)
    life.to("consolidating").began("spot_check", inputs=other).ended(claims="confirmed")
    life.began("consolidate", inputs=other).ended(findings__to_fix="none", findings__ambiguous="none")
    return life.to("approving", ticks=("blockers_fixed", "revalidated"))


def test_evidence_of_one_state_rests_on_the_oldest_inputs_that_it_saw() -> None:
    """What changed between two verdicts of one state was not seen by all of it, and is not taken for seen."""
    new = {**INPUTS, "spec": "z"}
    progress = validated(Life(), INPUTS, new).progress
    assert set(stale_items(machine(), progress, new)) == set(VERDICTS)
    assert set(stale_items(machine(), progress, INPUTS)) == set(FIXES)


def test_a_tick_of_a_person_rests_on_what_was_there_when_it_was_noticed() -> None:
    """Gorilla testing is bound to the files of its moment, by the event itself."""
    life = Life("gorilla")
    life.events.append(Ticked(at=AT, item="gorilla_done", ticked=True, by="Ana", inputs={"code:a": "1"}))
    progress = life.progress
    assert stale_items(machine(), progress, {**INPUTS, "code:a": "1"}) == {}
    assert stale_items(machine(), progress, {**INPUTS, "code:a": "2"}) == {"gorilla_done": ("code:a",)}
    assert stale_items(machine(), progress, INPUTS) == {"gorilla_done": ("code:a",)}


def test_evidence_without_inputs_is_stale() -> None:
    """What a journal does not say it rested on is not taken for the same."""
    progress = validated(Life(), {}, {}).progress
    back = send_back(machine(), progress, INPUTS)
    assert back is not None
    assert (back.dest, back.opens) == ("refreshing", (*VERDICTS, *FIXES))


def test_what_an_action_wrote_itself_is_no_change_from_outside(tmp_path: Path) -> None:
    """A fixer's item rests on the documents as the fixer left them, which the journal holds."""
    repo = Repo(tmp_path, *FAILS_ONCE)
    while repo.at != "revalidating":
        repo.advance(one_step=True)
    seen = repo.look()
    assert seen.progress.ticked("blockers_fixed")
    stale = stale_items(seen.machine, seen.progress, seen.inputs)
    assert set(stale) == {*VERDICTS, "consolidated"}
    [ended] = [event for event in repo.events if isinstance(event, Ended) and event.answers]
    assert ended.inputs == seen.inputs


def test_a_rewound_story_rests_on_what_it_rested_on_then() -> None:
    """Brought back to a state, each item rests on the inputs that it had there, not on those of what was undone."""
    life = validated(Life(), INPUTS, INPUTS)
    then = life.progress.grounds
    moved = {**INPUTS, "spec": "z"}
    life.to("refreshing", unticks=VERDICTS).verdict("refresh", BUILDER, "PASS", inputs=moved)
    life.verdict("refresh", PEDANT, "PASS", inputs=moved)
    assert life.progress.grounds["se_validated"] == moved
    back = {"by": "Ana", "n": life.progress.steps + 1, "source": "refreshing", "dest": "approving", "why": "wrong"}
    life.events.append(Rewound(at=AT, **back))
    assert life.progress.grounds == then
    assert then["se_validated"] == INPUTS


# ---------------------------------------------------------------- the parts


def test_patterns_of_the_files_table_are_parts_and_never_hold_what_the_engine_writes(tmp_path: Path) -> None:
    """A pattern is one part over all its files; story.md and evidence are nobody's code, whatever the pattern."""
    story = STORY.replace("- `src/greet`", "- `src/greet`\n- `docs/**`")
    repo = Repo(tmp_path, config=CONFIG, story=story)
    before = repo.look().inputs
    assert {part for part in before if part.startswith("code:")} == {
        *("code:docs/**", "code:src/greet", "code:tests/tc_1_1a.sh", "code:tests/tc_1_1b.sh")
    }
    repo.advance()
    assert repo.look().inputs == before
    add("docs/notes.md", "new\n")(repo)
    after = repo.look().inputs
    assert {part for part in after if after[part] != before[part]} == {"code:docs/**"}


def test_every_byte_of_code_counts_and_nothing_but_bytes(tmp_path: Path) -> None:
    """A trailing blank in a file is a change; its time and its mode are none."""
    repo = Repo(tmp_path)
    repo.write("src/greet", "hello\n")
    before = repo.look().inputs
    (repo.root / "src/greet").chmod(0o755)
    os.utime(repo.root / "src/greet", (1, 1))
    assert repo.look().inputs == before
    repo.write("src/greet", "hello \n")
    assert repo.look().inputs != before


def test_a_pass_that_need_not_be_given_again_counts_with_the_one_that_was(tmp_path: Path) -> None:
    """One validator passes the changed documents, the other fails technically and passes later: nothing is stale."""
    fixed = [
        {"act": "builder", "reply": verdict("FAIL", finding("says two words, tests one"))},
        {
            "act": "fixer",
            "replace": [{"file": SPEC, "old": "in two words", "new": "in one word"}],
            "reply": {"answers": [{"finding": "F1", "answer": "fixed"}], "files": [SPEC]},
        },
    ]
    fails = [{"act": "again", "role": BUILDER, "turn": turn, "fails": "is down"} for turn in (1, 2, 3)]
    repo = Repo(tmp_path, *fixed, *fails)
    repo.advance()
    assert repo.at == "stuck"
    repo.tick("try again: ").edit("Note (required):", "Note (required): it is up")
    assert repo.steps(repo.advance()) == ["revalidating", "approving"]
    assert [event.role for event in repo.events if isinstance(event, Began) and event.act == "again"].count(PEDANT) == 1
    assert repo.steps(repo.advance()) == []
    assert repo.at == "approving"
