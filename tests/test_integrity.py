"""Red and Green cannot be cheated: every trick is refused with its reason, through real gates and scripted agents."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.actions.frozen import read_base
from engine.errors import Tampered
from engine.model.events import Ended
from tests.repo import CHECK, CONFIG, RUN_TESTS, STORY, TCS, TESTS, Repo, approved, verdict

LIMITED = CONFIG + "\n[limits]\nsteps = 5\n"
"""Five steps lead from the approval to what the first run of the gates decides."""
TABLE = STORY.replace("- `src/greet`\n", "- `src/greet`\n- `src/{list,broken}`, `src/wave/*.py`\n")
GREET = {"src/greet": "hello\n"}
STUB = 'def wave():\n    raise NotImplementedError("wave")\n'
EMPTY = dict.fromkeys(TESTS, "true\n")
RUNNER = RUN_TESTS.replace("tests/*.sh; do", "$(cat src/list 2>/dev/null || echo tests/*.sh); do")
BROKEN = "echo '<testcase name=\"tests.broken\"><error/></testcase>'; bad=1\n"
ONCE = "{ test -e ../flip || { touch ../flip; false; }; }\n"


def repo_of(folder: Path, *lines: dict[str, object], config: str = LIMITED, **files: str) -> Repo:
    """The repository with a wider Files table, some files of its own, committed, and a person's approval."""
    return approved(folder, *lines, config=config, story=TABLE, files={"tools/run-tests": RUNNER} | files)


def red(files: dict[str, str]) -> dict[str, object]:
    return {"act": "impl", "files": files, "reply": {"files": [*files]}}


def green(files: dict[str, str], *, replace: tuple[dict[str, str], ...] = ()) -> dict[str, object]:
    return {"act": "impl_green", "files": files, "replace": [*replace], "reply": {"files": [*files]}}


def whys(repo: Repo, gate: str) -> list[str]:
    """What each run of a gate said."""
    return [e.why for e in repo.events if isinstance(e, Ended) and f"gate:{gate}" in e.facts]


SINCE = "since Red: "
OUTSIDE = "changed outside the Files table: "
CHEATS = {
    "stub kept": (GREET | {"src/wave/hand.py": STUB}, "stub left: src/wave/hand.py:2"),
    "tests emptied, stub kept": (EMPTY | {"src/greet": STUB}, f"test file changed {SINCE}tests/tc_1_1a.sh"),
    "one test emptied": (GREET | {"tests/tc_1_1b.sh": "true\n"}, f"test file changed {SINCE}tests/tc_1_1b.sh"),
    "older test changed": (GREET | {"tests/old.sh": "true # quick\n"}, f"test file changed {SINCE}tests/old.sh"),
    "new test file": (GREET | {"tests/tc_1_1c.sh": "true\n"}, f"new test file {SINCE}tests/tc_1_1c.sh"),
    "conftest at the root": (GREET | {"conftest.py": "collect_ignore = []\n"}, f"new test file {SINCE}conftest.py"),
    "conftest in tests": (GREET | {"tests/conftest.py": "\n"}, f"new test file {SINCE}tests/conftest.py"),
    "spec file elsewhere": (GREET | {"src/a.spec.ts": "\n"}, f"new test file {SINCE}src/a.spec.ts"),
    "file outside the table": (GREET | {"src/else": "x\n"}, f"{OUTSIDE}src/else"),
    "runner changed": (GREET | {"tools/run-tests": RUNNER + "true\n"}, f"{OUTSIDE}tools/run-tests"),
    "configuration changed": (GREET | {"story.toml": LIMITED + "# x\n"}, f"{OUTSIDE}story.toml"),
    "ignored from now on": (GREET | {".gitignore": "src/else\n", "src/else": "x\n"}, f"{OUTSIDE}.gitignore"),
    "older test vanished": (
        GREET | {"src/list": "tests/tc_1_1a.sh tests/tc_1_1b.sh\n"},
        "tests that vanished since the baseline: old",
    ),
    "regression": (GREET | {"src/broken": "x\n"}, "older tests that do not pass any more: old"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_green_cannot_be_cheated(tmp_path: Path, cheat: str) -> None:
    """Whatever Green does but make the frozen tests pass with its own files fails the gate, with the reason."""
    files, reason = CHEATS[cheat]
    repo = repo_of(tmp_path, green(files), **{"tests/old.sh": "test ! -e src/broken\n"})
    result = repo.advance()
    assert repo.steps(result) == ["queued", "red", "green", "gating", "code_fixing"]
    assert reason in result.steps[-1].why
    assert "green_passes" not in repo.ticked()


@pytest.mark.parametrize("name", ["tests/tc_1_1b.sh", "tests/old.sh"])
def test_a_deleted_or_renamed_test_is_named(tmp_path: Path, name: str) -> None:
    """A test file that is gone since Red fails the gate, also when it comes back under another name."""
    repo = repo_of(tmp_path)
    while repo.at != "gating":
        repo.advance(one_step=True)
    (repo.root / name).rename(repo.root / "tests/tc_1_1b_again.sh")
    assert repo.steps(repo.advance(one_step=True)) == ["code_fixing"]
    why = whys(repo, "tests")[-1]
    assert f"test file removed since Red: {name}" in why
    assert "new test file since Red: tests/tc_1_1b_again.sh" in why


def test_the_probe_never_completes(tmp_path: Path) -> None:
    """Stubs kept, tests emptied under their names, a file outside the table: the story ends at a person."""
    cheat = EMPTY | {"src/greet": STUB, "src/else": "x\n"}
    repo = repo_of(tmp_path, green(cheat), config=CONFIG)
    repo.advance()
    assert repo.at == "stuck"
    for said in ("test file changed since Red", "stub left: src/greet:2", f"{OUTSIDE}src/else"):
        assert all(said in why for why in whys(repo, "tests"))


def test_the_honest_run_passes(tmp_path: Path) -> None:
    """Stubs in Red, code in Green, a lock file, a cache and a person's old changes: all of it passes."""
    repo = repo_of(tmp_path, red(TESTS | {"src/greet": STUB}), green(GREET | {"src/wave/a.py": "x = 1\n"}))
    repo.write("mine.txt", "a person's notes from before\n")
    repo.write("package-lock.json", "{}\n")
    repo.write("src/__pycache__/a.pyc", "x\n")
    assert repo.steps(repo.advance())[-1] == "self_review"
    assert whys(repo, "tests") == ["tests pass: 3 passed"]


def test_commits_in_between_hide_and_spoil_nothing(tmp_path: Path) -> None:
    """A commit after each step changes no answer: the story's own files pass, any other is still named."""
    repo = repo_of(tmp_path)
    while repo.at != "gating":
        repo.advance(one_step=True)
        repo.git("add", "-A")
        repo.git("commit", "-qm", "a step", "--allow-empty")
    honest = tmp_path / "honest"
    shutil.copytree(repo.root, honest / "r")
    repo.write("src/else", "x\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "smuggled")
    assert repo.steps(repo.advance(one_step=True)) == ["code_fixing"]
    assert f"{OUTSIDE}src/else" in whys(repo, "tests")[-1]
    repo.root, repo.state = honest / "r", honest / "state"  # and without the state folder, as on another machine
    shutil.copy(tmp_path / "script.yaml", honest / "script.yaml")
    repo.pack = repo.root / "docs/stories"
    repo.story = repo.pack / "story-1-greeter/story.md"
    assert repo.steps(repo.advance(one_step=True)) == ["self_review"]


def test_git_told_to_overlook_a_file_overlooks_nothing_here(tmp_path: Path) -> None:
    """`git update-index --assume-unchanged` does not hide a change."""
    repo = repo_of(tmp_path, green(GREET | {"tools/run-tests": RUNNER + "true\n"}))
    repo.git("update-index", "--assume-unchanged", "tools/run-tests")
    repo.advance()
    assert f"{OUTSIDE}tools/run-tests" in whys(repo, "tests")[-1]


def test_a_dirty_file_of_before_may_not_change(tmp_path: Path) -> None:
    """A file that was dirty before Red is known by its hash: untouched it is no fault, touched it is."""
    repo = repo_of(tmp_path, green(GREET | {"mine.txt": "the agent's\n"}))
    repo.write("mine.txt", "a person's\n")
    repo.write("tools/mine", "a person's\n")
    repo.advance()
    why = whys(repo, "tests")[-1]
    assert f"{OUTSIDE}mine.txt;" in why
    assert "tools/mine" not in why


def test_what_the_engine_writes_stands_in_no_baseline(tmp_path: Path) -> None:
    """story.md, evidence and what a killed engine left change without the story's doing: no baseline lists them."""
    repo = repo_of(tmp_path, **{"docs/stories/story-1-greeter/.story.md.a1.b2.story-swap": "left\n"})
    repo.write("mine.txt", "a person's\n")
    repo.advance()
    (evidence,) = repo.story.parent.glob("evidence/*-baseline.md")
    base = read_base(evidence.read_text())
    assert base
    assert list(base.dirty) == ["mine.txt"]


def test_a_files_table_that_an_agent_widens_is_validated_before_it_counts(tmp_path: Path) -> None:
    """A row that was added to story.md after its validation sends the story back before any gate believes it."""
    widen = {
        "file": "docs/stories/story-1-greeter/story.md",
        "old": "- `src/greet`\n",
        "new": "- `src/greet`\n- `src/x`\n",
    }
    repo = repo_of(tmp_path, green(GREET | {"src/x": "x\n"}, replace=(widen,)))
    assert repo.steps(repo.advance())[-2:] == ["gating", "spec_validating"]
    assert "se_validated" not in repo.ticked()
    assert whys(repo, "tests") == []


def test_a_test_run_that_changes_tests_is_seen(tmp_path: Path) -> None:
    """Tests that the run itself rewrites are named."""
    repo = repo_of(tmp_path, **{"tests/old.sh": "test ! -e src/greet || echo true > tests/tc_1_1b.sh\n"})
    repo.advance()
    assert "test file changed while the tests ran: tests/tc_1_1b.sh" in whys(repo, "tests")[-1]


def test_red_may_touch_its_own_files_only(tmp_path: Path) -> None:
    """In Red a stub is welcome, a file outside the table is not."""
    repo = repo_of(tmp_path, red(TESTS | {"src/greet": STUB, "tests/conftest.py": "\n", "src/else": "x\n"}))
    repo.advance()
    why = whys(repo, "red_tests")[0]
    assert why.startswith(f"red_tests unexpected: {OUTSIDE}src/else, tests/conftest.py; 2 new tests fail")
    assert "stub" not in why


def test_a_collection_error_is_no_red(tmp_path: Path) -> None:
    """A file that cannot be read hides its TCs: the error in their place is not taken for the story's Red tests."""
    runner = RUNNER.replace(
        "echo '</testsuite>'", f"test ! -e src/broken || {{ {BROKEN.strip()}; }}\necho '</testsuite>'"
    )
    repo = repo_of(tmp_path, red({"tests/tc_1_1a.sh": CHECK, "src/broken": "x\n"}), **{"tools/run-tests": runner})
    repo.advance()
    reason = "red_tests unexpected: tests.broken is an error in place of the tests of TC-1.1b"
    assert whys(repo, "red_tests")[0] == reason
    assert "red_errors" not in repo.ticked()


@pytest.mark.long
def test_a_flaky_older_test_is_told_and_a_flaky_new_one_fails(tmp_path: Path) -> None:
    """A test that fails once and passes once is flaky: no fault of this story's if older, a fault if new."""
    older = repo_of(tmp_path / "a", **{"tests/old.sh": f"test ! -e src/greet || {ONCE}"})
    assert older.steps(older.advance())[-1] == "self_review"
    assert whys(older, "tests") == ["tests pass: 3 passed; flaky: old"]
    evidence = next((older.story.parent / "evidence").glob("[0-9][0-9]-tests.md")).read_text()
    assert "Flaky, failed once and passed once: old\n" in evidence
    assert evidence.count("(first run)") == evidence.count("(run again)") == 1
    new = repo_of(tmp_path / "b", red(TESTS | {"tests/tc_1_1b.sh": CHECK.strip() + " && " + ONCE}))
    assert new.steps(new.advance())[-1] == "code_fixing"
    assert whys(new, "tests") == ["tests fail: new tests that are flaky: tc_1_1b"]


def bug(repo: Repo) -> None:
    while repo.at != "gorilla":
        repo.advance()
    repo.tick("bug: a test for it first, then the fix (say what in the note, as `G1: …`)").edit(
        "Note:", "Note: G1: it is not loud"
    )


LOUD = {"tests/tc_g1.sh": "test -e src/greet\n"}


@pytest.mark.long
def test_a_person_s_bug_authorises_a_test_once(tmp_path: Path) -> None:
    """After the decision `bug` the next gate freezes the tests anew, and says so; from then on they stay again."""
    fix = {"act": "bug_fix", "files": LOUD, "reply": {"files": [*LOUD]}}
    again = {"act": "code_fix", "files": {"tests/tc_g1.sh": "true\n"}, "reply": {"files": []}}
    repo = repo_of(tmp_path, fix, again, config=CONFIG)
    bug(repo)
    repo.advance()
    assert repo.at == "gorilla"
    leave = "tests pass: 4 passed; tests frozen anew, as decided: gorilla: bug (Ana Person <ana@example.org>)"
    assert whys(repo, "tests")[-1] == leave
    assert [e.evidence for e in repo.events if isinstance(e, Ended) and e.freezes and "gate:tests" in e.facts]
    repo.tick("feels wrong: fix first (say what in the note)")
    repo.advance()
    assert "test file changed since Red: tests/tc_g1.sh" in whys(repo, "tests")[-1]


def test_a_count_that_a_person_settles_authorises_the_missing_test(tmp_path: Path) -> None:
    """`story is right` lets the engineer add the test that Red left out."""
    fix = {"act": "code_fix", "files": {"tests/tc_1_1b.sh": CHECK}, "reply": {"files": []}}
    repo = repo_of(tmp_path, red({"tests/tc_1_1a.sh": CHECK}), fix, config=CONFIG)
    repo.advance()
    assert repo.at == "counting"
    repo.tick("story is right: the tests change").edit("Note (required):", "Note (required): write it")
    repo.advance()
    assert repo.at == "gorilla"
    assert "tests frozen anew, as decided: counts: story is right (Ana Person" in whys(repo, "tests")[-1]


@pytest.mark.long
def test_a_bug_fix_is_no_leave_for_the_code(tmp_path: Path) -> None:
    """The decision lets tests in, and nothing else outside the Files table."""
    fix = {"act": "bug_fix", "files": LOUD | {"src/else": "x\n"}, "reply": {"files": []}}
    repo = repo_of(tmp_path, fix, config=CONFIG)
    bug(repo)
    repo.advance()
    why = next(why for why in whys(repo, "tests") if "frozen anew" in why)
    assert f"tests fail: {OUTSIDE}src/else; 4 passed" in why
    assert "tc_g1" not in why


def test_edited_evidence_is_refused_by_name(tmp_path: Path) -> None:
    """Frozen hashes are believed only while the evidence has the bytes that the journal knows."""
    repo = repo_of(tmp_path)
    while repo.at != "gating":
        repo.advance(one_step=True)
    for part, gate in (("red-tests", "frozen"), ("baseline", "head ")):
        path = next((repo.story.parent / "evidence").glob(f"*-{part}.md"))
        kept = path.read_bytes()
        path.write_bytes(kept.replace(gate.encode(), b"thawed ", 1))
        with pytest.raises(Tampered, match=f"evidence/{path.name}:1: the file was edited"):
            repo.advance(one_step=True)
        path.unlink()
        with pytest.raises(Tampered, match=f"evidence/{path.name}:1: the evidence of .* is missing"):
            repo.advance(one_step=True)
        path.write_bytes(kept)
    assert repo.steps(repo.advance(one_step=True)) == ["self_review"]


def test_a_first_try_cannot_smuggle_anything_past_the_second(tmp_path: Path) -> None:
    """When Red is tried again, the baseline is still the one before the first try."""
    cheat = {"act": "impl", "files": TESTS | {"src/else": "x\n"}, "reply": "no block"}
    repo = repo_of(tmp_path, cheat, config=CONFIG)
    repo.advance()
    assert repo.at == "stuck"
    repo.script()
    repo.tick("try again").edit("Note (required):", "Note (required): again")
    repo.advance()
    assert f"{OUTSIDE}src/else" in whys(repo, "red_tests")[0]


def test_without_git_it_is_said_and_the_tests_stay_frozen(tmp_path: Path) -> None:
    """Where there is no git the Files table cannot be checked, which is said; the tests are frozen all the same."""
    repo = repo_of(tmp_path, green(GREET | {"src/else": "x\n"}))
    shutil.rmtree(repo.root / ".git")
    assert repo.steps(repo.advance())[-1] == "self_review"
    told = "tests pass: 3 passed; no git: what changed outside the Files table cannot be checked"
    assert whys(repo, "tests") == [told]
    other = repo_of(tmp_path / "b", green(EMPTY | GREET))
    shutil.rmtree(other.root / ".git")
    other.advance()
    assert "test file changed since Red: tests/tc_1_1a.sh, tests/tc_1_1b.sh" in whys(other, "tests")[-1]


def test_git_removed_on_the_way_is_no_way_out(tmp_path: Path) -> None:
    """A repository that was there at the baseline and is gone now fails the gate."""
    repo = repo_of(tmp_path)
    while repo.at != "gating":
        repo.advance(one_step=True)
    shutil.rmtree(repo.root / ".git")
    assert repo.steps(repo.advance(one_step=True)) == ["code_fixing"]
    assert "what changed since the baseline cannot be told: git is gone" in whys(repo, "tests")[-1]


@pytest.mark.long
def test_a_pass_with_a_stub_at_a_boundary_is_no_pass(tmp_path: Path) -> None:
    """A verifier must list the boundaries; with a stub among them its PASS is invalid, without one it is shown."""
    stub = verdict(tcs=TCS, boundaries=[{"name": "voice service", "status": "stub"}])
    real = verdict(tcs=TCS, boundaries=[{"name": "voice service", "status": "integrated"}])
    lines = [{"act": "verify", "turn": turn, "reply": reply} for turn, reply in ((1, verdict(tcs=TCS)), (2, real))]
    repo = repo_of(tmp_path / "a", *lines, config=CONFIG)
    repo.advance()
    repo.tick("Gorilla testing done (human)")
    repo.advance()
    assert repo.at == "accepting"
    evidence = [path.read_text() for path in sorted((repo.story.parent / "evidence").glob("*-verify-*.md"))]
    assert "it lacks `boundaries`" in evidence[0]
    assert "| Boundary | Status |\n|---|---|\n| voice service | integrated |" in evidence[1]
    repo = repo_of(tmp_path / "b", {"act": "verify", "reply": stub}, config=CONFIG)
    repo.advance()
    repo.tick("Gorilla testing done (human)")
    result = repo.advance()
    assert repo.at == "stuck"
    assert "PASS with a stub at the boundary voice service contradicts itself" in result.steps[-1].why
