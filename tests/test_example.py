"""The example project: its pack is sound, and its three stories run from nothing to complete with real tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.adopt import adopt
from engine.advance import advance
from engine.agents.scripted import Scripted, read_script
from engine.checks.check import check_pack
from engine.files.journal import read_journal
from engine.files.pack import exists_in, read_pack
from engine.files.story_file import author_text, heading_of
from engine.look import Seen, look, open_repository
from engine.model.events import Began, Ended
from engine.model.machine import AgentAct
from engine.model.problem import Problem
from engine.new import new_story
from engine.wiring import wire

EXAMPLE = Path(__file__).parent.parent / "examples/shelf"
PACK = "docs/stories"
FAULT = (
    "C207 docs/stories/story-1-shelf/story.md: TC-1.3b is tested by this story, "
    "but docs/stories/story-1-shelf/prompt-1.R-verify.md does not name it."
)
BOXES = {
    "triage": "fix: it is real and is fixed now",
    "approving": "Human approved",
    "gorilla": "Gorilla testing done (human)",
    "accepting": "Story marked complete",
}
"""In which state the person ticks what."""
VALIDATED = ["validating", "consolidating", "approving", "queued"]
BUILT = ["red", "green", "gating", "self_review", "gorilla", "verifying", "accepting", "complete"]
WAYS = {
    "0": [*VALIDATED, "setting_up", *BUILT[2:]],
    "1": [*VALIDATED[:2], "triage", "fixing", "revalidating", *VALIDATED[2:], *BUILT],
    "2": [*VALIDATED, *BUILT],
}
"""The states that each story goes through, after the one it is adopted in."""


@dataclass(frozen=True)
class Move:
    """One step: the states, the paths that git saw change, and whether the author's text is what it was."""

    story: str
    source: str
    dest: str
    paths: frozenset[str]
    same_text: bool
    commit: str


@dataclass
class Project:
    """A copy of the example under git, with its state folder beside it."""

    root: Path
    moves: list[Move] = field(default_factory=list)

    def look(self, story: str) -> Seen:
        """The story as it stands."""
        return look(open_repository(self.root, self.root.parent / "state"), self.root / PACK, story)

    def step(self, story: str) -> Move:
        """One step, committed."""
        before = self.look(story)
        repository = before.repository
        advance(repository, self.root / PACK, story, ports=wire(repository, tell=lambda _: None), one_step=True)
        after = self.look(story)
        status = git(self.root, "status", "--porcelain", "--untracked-files=all")
        heading = heading_of(before.machine, story)
        move = Move(
            story=story,
            source=before.progress.state,
            dest=after.progress.state,
            paths=frozenset(line[3:] for line in status.splitlines()),
            same_text=author_text(before.source.story, heading) == author_text(after.source.story, heading),
            commit=commit(self.root, f"story {story}: {before.progress.state} → {after.progress.state}"),
        )
        self.moves.append(move)
        return move

    def tick(self, story: str) -> None:
        """The person ticks what the story waits for, and commits it."""
        seen = self.look(story)
        box = f"- [ ] {BOXES[seen.progress.state]}"
        text = seen.path.read_bytes().decode()
        assert text.count(f"{box}\n") == 1, (story, seen.progress.state)
        seen.path.write_bytes(text.replace(box, box.replace("[ ]", "[x]")).encode())
        commit(self.root, f"story {story}: {BOXES[seen.progress.state]}")

    def live(self, story: str) -> None:
        """Advance until the story is complete, ticking like a person."""
        for _ in range(30):
            state = self.step(story).dest
            if state == "complete":
                return
            if state in BOXES:
                self.tick(story)
        pytest.fail(f"story {story} hangs in {self.look(story).progress.state}")


def git(root: Path, *words: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path, message: str) -> str:
    """Commit everything and return the commit's id."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()


def copy_example(folder: Path) -> Path:
    """The example as a fresh clone has it, without what a run in place may have left."""
    return Path(shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")))


def check(root: Path) -> list[Problem]:
    """What `story check` finds in a copy."""
    pack, problems = read_pack(root, root / PACK)
    return [*problems, *check_pack(pack, exists_in(root))]


@pytest.fixture(scope="module", autouse=True)
def gates_environment() -> Iterator[None]:
    """Gates call `python`: this one, and pytest without the plugins that the example does not need."""
    with pytest.MonkeyPatch.context() as patch:
        for key in os.environ:
            if key.startswith(("PYTEST_", "COV_", "GIT_")):
                patch.delenv(key)
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example with all three stories complete, and every step that led there."""
    root = copy_example(tmp_path_factory.mktemp("example") / "shelf")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ana Owner")
    git(root, "config", "user.email", "ana@example.org")
    commit(root, "start")
    project = Project(root)
    repository = open_repository(root, root.parent / "state")
    adopt(repository, root / PACK, (), author="Ana", clock=lambda: "2026-01-01T00:00:00Z")
    commit(root, "adopt")
    for story in WAYS:
        project.live(story)
    return project


def ended(project: Project, story: str, *acts: str) -> list[tuple[Began, Ended]]:
    """The calls of these actions, in order."""
    events = read_journal(project.look(story).evidence / "journal.jsonl")
    began = {event.call: event for event in events if isinstance(event, Began)}
    pairs = [(began[event.call], event) for event in events if isinstance(event, Ended)]
    return [(start, end) for start, end in pairs if start.act in acts]


def lines_of_script(story: str) -> list[Scripted]:
    """The lines of agents.yaml that are about a story."""
    return [line for line in read_script(EXAMPLE / "agents.yaml").replies if line.story == story]


def test_the_pack_has_one_fault_and_no_other() -> None:
    """`story check` finds the TC that story 1's verify prompt leaves out, and nothing else at all."""
    found = [f"{problem.code} {problem.file}: {problem.message}" for problem in check(EXAMPLE)]
    assert found == [FAULT]


def test_the_pack_is_raw() -> None:
    """Adoption is left to whoever tries the example: no front matter, no checklist, no evidence."""
    for story in EXAMPLE.glob(f"{PACK}/story-*/story.md"):
        text = story.read_text("utf-8")
        assert text.startswith("# Story ")
        assert "Execution Checklist" not in text
        assert not (story.parent / "evidence").exists()


def test_the_red_agents_write_what_their_prompts_say() -> None:
    """What the scripted engineer writes in Setup and Red stands in the prompt, or adds what stands there."""
    for story, name in (("0", "prompt-0.1-setup.md"), ("1", "prompt-1.1-skeleton-red.md")):
        prompt = next(EXAMPLE.glob(f"{PACK}/story-{story}-*/{name}")).read_text("utf-8")
        line = next(line for line in lines_of_script(story) if line.act == "impl")
        missing = [path for path, text in line.files.items() if text.rstrip("\n") not in prompt]
        assert missing == (["src/shelf/store.py"] if story == "0" else [])  # the store is described, not given


@pytest.mark.parametrize(
    ("tool", "text", "said"),
    [
        ("lint", '"""A module."""\n\nimport os\n', "os is imported and not used"),
        ("lint", '"""A module."""\n\nX = 1 \n', "blanks at the end of the line"),
        ("typecheck", "def f(x) -> int:\n    return 1\n", "f does not annotate x"),
        ("typecheck", "def f(x: Nobody) -> int:\n    return 1\n", "name 'Nobody' is not defined"),
    ],
)
def test_the_gates_can_fail(tmp_path: Path, tool: str, text: str, said: str) -> None:
    """The example's own lint and typecheck pass as it is, and find a planted fault."""
    root = copy_example(tmp_path / "shelf")
    for planted in (False, True):
        if planted:
            (root / "src/shelf/planted.py").write_text(text, "utf-8")
        done = subprocess.run(
            [sys.executable, f"tools/{tool}.py"], cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == int(planted), done.stdout
    assert said in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("story", WAYS)
def test_a_story_runs_through_to_complete(project: Project, story: str) -> None:
    """Each story takes the way it should, and every item of its three phases is ticked at the end."""
    assert [move.dest for move in project.moves if move.story == story] == WAYS[story]
    text = project.look(story).path.read_text("utf-8")
    checklist = text[text.index("### Validation") : text.index("### Ready for Next")]
    assert "- [ ]" not in checklist
    assert "### Decisions" not in text


@pytest.mark.long
def test_the_fault_is_fixed_and_everything_adds_up(project: Project) -> None:
    """After the run the pack has no problem, and all 13 tests of the project pass."""
    assert check(project.root) == []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "13 passed" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize(("story", "new", "old"), [("1", 7, 0), ("2", 6, 7)])
def test_red_really_fails_and_green_really_passes(project: Project, story: str, new: int, old: int) -> None:
    """The gates ran pytest: in Red each new test fails and each older one passes, in Green all pass."""
    said = {start.act: end.why for start, end in ended(project, story, "red_tests", "tests", "counts")}
    assert said["red_tests"] == f"red_tests expected: {new} new tests fail, {old} older ones pass"
    assert said["tests"] == f"tests pass: {new + old} passed"
    assert said["counts"].startswith(f"counts match: {new} new tests, {new} TCs")
    red = next(end for _, end in ended(project, story, "red_tests"))
    evidence = (project.look(story).evidence / red.evidence).read_text("utf-8")
    listed = re.findall(r"^(passed|failed|errored) (\S+)$", evidence, re.M)
    assert sum(status == "failed" for status, _ in listed) == new
    assert all(f"tc_{story}_" in name for status, name in listed if status == "failed")


@pytest.mark.long
def test_three_sources_find_the_same_fault_and_a_person_decides(project: Project) -> None:
    """Both validators and `story check` are one finding; they differ on its weight, so it is asked about."""
    first = ended(project, "1", "consolidate")[0][1]
    blocker, nit = first.findings
    assert blocker.sources == ("builder_validator", "pedant_validator", "story check")
    assert blocker.severity == "blocker"
    assert "severities differ" in blocker.ambiguous
    assert nit.severity == "nit"
    assert all(finding.check == "confirmed" for finding in first.findings)


@pytest.mark.long
def test_the_validators_are_asked_again_in_the_same_sessions(project: Project) -> None:
    """Re-validation resumes the session that each validator had in validation."""
    validated = {start.role: end.session for start, end in ended(project, "1", "builder", "pedant")}
    again = {start.role: (start.resumes, end.session) for start, end in ended(project, "1", "again")}
    assert set(validated) == {"builder_validator", "pedant_validator"}
    assert len(set(validated.values())) == 2
    assert again == {role: (session, session) for role, session in validated.items()}


@pytest.mark.long
def test_one_engineer_session_builds_and_reviews(project: Project) -> None:
    """Green and self-review go on in the session of Red; the verifier has a session of its own."""
    calls = ended(project, "1", "impl", "impl_green", "self_rev")
    assert len({end.session for _, end in calls}) == 1
    verifier = ended(project, "1", "verify")[0][1].session
    assert verifier not in {end.session for _, end in calls}


@pytest.mark.long
def test_an_answer_stays_with_its_finding(project: Project) -> None:
    """The verifier's nit has an id of its own: the answer to F1 of the validation does not make it one to fix."""
    start, end = ended(project, "1", "consolidate")[-1]
    assert start.number > 20
    assert [(finding.id, finding.severity) for finding in end.findings] == [("F3", "nit")]
    assert end.facts["findings:to_fix"] == "none"


@pytest.mark.long
def test_a_step_changes_its_story_and_what_its_agents_wrote(project: Project) -> None:
    """No step touches anything but story.md, evidence, its agents' files and what the story before shows of it."""
    for move in project.moves:
        seen = project.look(move.story)
        acts = {act.id for act in seen.machine.states[move.source].acts() if isinstance(act, AgentAct)}
        lines = [line for line in lines_of_script(move.story) if line.act in acts]
        wrote = {path for line in lines for path in line.files} | {c.file for line in lines for c in line.replace}
        own = {path for path in move.paths if path.startswith(f"{seen.source.folder}/evidence/")}
        before = {project.look(str(int(move.story) - 1)).source.story.path} if move.story != "0" else set()
        assert move.paths - own - wrote - before == {seen.source.story.path}, move
        assert wrote <= move.paths, move
        assert f"{seen.source.folder}/evidence/journal.jsonl" in own, move
        assert move.same_text, move


def at(project: Project, tmp_path: Path, source: str, dest: str) -> Project:
    """The project as it was after a step of story 1: a clone, as on another machine, without the state folder."""
    move = next(move for move in project.moves if (move.story, move.source, move.dest) == ("1", source, dest))
    root = tmp_path / "shelf"
    git(tmp_path, "clone", "-q", str(project.root), str(root))
    git(root, "reset", "-q", "--hard", move.commit)
    git(root, "config", "user.name", "Ana Owner")
    git(root, "config", "user.email", "ana@example.org")
    return Project(root)


@pytest.mark.long
def test_code_broken_after_green_is_refused(project: Project, tmp_path: Path) -> None:
    """Code that somebody breaks after Green fails the gate: `Tests PASS` is ticked only when it is mended."""
    broken = at(project, tmp_path, "green", "gating")
    code = broken.root / "src/shelf/shelf.py"
    code.write_text(code.read_text("utf-8").replace("[*books, added]", "[added, *books]"), "utf-8")
    assert broken.step("1").dest == "code_fixing"
    last = ended(broken, "1", "tests")[-1][1]
    assert last.facts == {"gate:tests": "fail"}
    assert "test_tc_1_1a" in last.why
    assert "- [ ] Tests PASS" in broken.look("1").path.read_text("utf-8")
    assert broken.step("1").dest == "gating"  # the engineer mended it
    assert "- [ ] Tests PASS" in broken.look("1").path.read_text("utf-8")
    assert broken.step("1").dest == "self_review"
    assert "- [x] Tests PASS" in broken.look("1").path.read_text("utf-8")


@pytest.mark.long
def test_code_broken_before_verification_is_refused(project: Project, tmp_path: Path) -> None:
    """What was tried is not what would be verified: the gates run again, and the tests fail."""
    broken = at(project, tmp_path, "gorilla", "verifying")
    code = broken.root / "src/shelf/shelf.py"
    code.write_text(code.read_text("utf-8").replace("if not title:", "if False:"), "utf-8")
    assert [broken.step("1").dest for _ in range(2)] == ["gating", "code_fixing"]
    assert ended(broken, "1", "tests")[-1][1].facts == {"gate:tests": "fail"}
    assert "- [ ] All TCs verified" in broken.look("1").path.read_text("utf-8")


def test_a_story_from_the_template_asks_only_for_what_must_be_written(tmp_path: Path) -> None:
    """A new story has the parts that `story check` asks for; what it reports are the words still to be written."""
    root = copy_example(tmp_path / "shelf")
    written = new_story(open_repository(root, tmp_path / "state"), "3", "overdue-books", None)
    problems = [problem for problem in check(root) if problem.story == "3"]
    assert {problem.code for problem in problems} == {"C502"}
    assert {problem.file for problem in problems} == set(written)
    for path in written:
        assert not re.search(r"<(n|name|title|prev)>", (root / path).read_text("utf-8"))
    story = (root / PACK / "story-3-overdue-books/story.md").read_text("utf-8")
    assert story.startswith("# Story 3: Overdue books\n")
    assert "Story 2 complete" in story
