"""A real pack of eight stories that others wrote, run by `story run` from raw to complete, two side by side.

That pack has no source here: agents, gates and the person are scripted. Its documents and their faults are real, and so
are git, the worktrees and the merges. Real gates over real code are run on `examples/` (tests/test_demo.py).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from engine.answer import answer, open_questions
from engine.checks.expected import expected_tests, owned_files
from engine.files.pack import read_pack
from engine.files.repository import state_folder
from engine.homes import home_of, inside
from engine.inputs import story_problems
from engine.look import Repository, look, open_repository
from engine.model.problem import Severity
from tests.cli.run import run, state_home
from tests.faults.slice_repo import commit, git
from tests.repo import ROLES, verdict

pytestmark = [pytest.mark.corpus, pytest.mark.slow, pytest.mark.timeout(1800)]

PACK = "docs/epics/01-mvp-project-sessions/stories"
RUNS = 40
NEEDS = {"0": [], "1": ["0"], "2a": ["0"], "2b": ["2a"], "3": ["1", "2b"], "4": ["3"], "5": ["4"], "6": ["5"]}
CONFIG = """
[packs]
paths = ["docs/epics/01-mvp-project-sessions/stories"]

[gates.tests]
run = ["python tools/run_tests.py {report}"]

[gates.typecheck]
run = ["true"]

[gates.lint]
run = ["true"]

[standing]
effort = "all"

[pipeline]
isolation = "worktree"
concurrency = {execution = 2}
"""
RUN_TESTS = '''\
"""A scripted gate: each line of a test file names a test and the file that must hold its story's mark."""
import sys
from pathlib import Path
cases, bad = ['<testcase classname="tools" name="tests can be run"/>'], 0
for path in sorted(Path("tests").rglob("*.test.ts")):
    for line in path.read_text().splitlines():
        name, source, mark = line.removeprefix("// ").split(" | ")
        passed = Path(source).is_file() and mark in Path(source).read_text()
        bad += not passed
        cases.append(f'<testcase classname="{path}" name="{name}">{"" if passed else "<failure/>"}</testcase>')
Path(sys.argv[1]).write_text(f"<testsuite>{''.join(cases)}</testsuite>")
sys.exit(bool(bad))
'''
BECAUSE = "which of the two documents is right is not for me to say"
ITEMS = {"approving": "Human approved", "gorilla": "Gorilla testing done (human)", "accepting": "Story marked complete"}
ANSWERS = ("not real", "story is right")


@dataclass
class World:
    """The pack in a repository of its own, and the person who works there."""

    root: Path

    @property
    def repository(self) -> Repository:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(state_home(self.root)))
            return open_repository(self.root, state_folder(self.root))

    def person(self) -> bool:
        """Ana answers and ticks whatever waits for her; False where nothing does."""
        did, main, folder = False, self.repository, self.root / PACK
        for id_ in NEEDS:
            home = home_of(main, folder, id_)
            where = home, inside(home, folder), id_
            state = look(*where).progress.state
            if item := ITEMS.get(state):
                answer(*where, item, "", "")
                did = True
            for place in open_questions(*where) if state not in ITEMS else ():
                question, _, options = place.text.partition(": ")
                option = next((option for option in ANSWERS if f"{option}: " in f" {options}"), None)
                if option and question.startswith("D"):
                    answer(*where, question, option, BECAUSE)
                    did = True
        return did

    def moments(self) -> dict[str, dict[str, str]]:
        """When each story first came into each state: from the journals, read as JSON and nothing else."""
        found: dict[str, dict[str, str]] = {}
        for id_ in NEEDS:
            [journal] = self.root.glob(f"{PACK}/story-{id_}-*/evidence/journal.jsonl")
            found[id_] = {}
            for line in journal.read_text().splitlines():
                event = json.loads(line)
                if "dest" in event:
                    found[id_].setdefault(event["dest"], event["at"])
        return found


def script(root: Path) -> dict[str, object]:
    """What the agents answer: a story's tests are those that it names, and pass when a file of its own has its mark."""
    pack, _ = read_pack(root, root / PACK)
    taken, replies = set(), []
    for story in pack.stories:
        count, tcs = expected_tests(pack, story.id)
        owned = owned_files(pack, story.id)
        source = next(path for path in (*owned.new, *owned.modified) if path not in taken)
        taken.add(source)
        names = [f"{tc} of story {story.id}" for tc in tcs]
        names += [f"story {story.id} test {n}" for n in range(len(names), count or 0)]
        mark = f"story {story.id} is built"
        tests = {owned.tests[0]: "".join(f"// {name} | {source} | {mark}\n" for name in names)} if names else {}
        built = {source: f"// {mark}\n"}
        found = [problem for problem in story_problems(pack, root, story.id) if problem.severity is not Severity.NOTE]
        asked = [{"finding": f"F{n}", "answer": "needs a person", "because": BECAUSE} for n in range(1, len(found) + 1)]
        lines = [
            {"act": "builder", "reply": verdict()},
            {"act": "pedant", "reply": verdict()},
            {"act": "again", "reply": verdict()},
            {"act": "refresh", "reply": verdict()},
            {"act": "spec_again", "reply": verdict()},
            {"act": "fixer", "reply": {"answers": asked, "files": []}},
            {"act": "impl", "files": tests or built, "reply": {"files": [*(tests or built)]}},
            {"act": "impl_green", "files": built, "reply": {"files": [*built]}},
            {"act": "self_rev", "reply": {"files": []}},
            {"act": "code_fix", "reply": {"files": []}},
            {"act": "verify", "reply": verdict(tcs=dict.fromkeys(tcs, "pass"), boundaries=[])},
        ]
        replies += [{"story": story.id, **line} for line in lines]
    return {"replies": replies}


def made(corpus: Path, folder: Path) -> World:
    """A copy of the pack, with what each story depends on, adopted and committed."""
    root = folder / "r"
    shutil.copytree(corpus / "builder-epic-01", root)
    for id_, needs in NEEDS.items():
        [file] = root.glob(f"{PACK}/story-{id_}-*/story.md")
        file.write_text(f"---\ndepends_on: [{', '.join(needs)}]\n---\n{file.read_text()}")
    (root / "tools").mkdir()
    (root / "tools/run_tests.py").write_text(RUN_TESTS)
    roles = "".join(f'\n[roles.{role}]\nagent = "scripted"\nscript = "agents.yaml"\n' for role in ROLES)
    (root / "story.toml").write_text(CONFIG + roles)
    (root / "agents.yaml").write_text(yaml.safe_dump(script(root), sort_keys=False))
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ana Person")
    git(root, "config", "user.email", "ana@example.org")
    commit(root, "a pack that others wrote")
    assert run(root, "adopt").code == 0
    commit(root, "adopt")
    return World(root)


def test_a_real_pack_runs_to_its_end(corpus: Path, tmp_path: Path) -> None:
    """All eight stories come to complete, none too early, 1 and 2a side by side, and validation runs ahead."""
    world = made(corpus, tmp_path)
    for _ in range(RUNS):
        ran = run(world.root, "run", "--commit", "--json")
        assert ran.code == 0, ran.out
        if not world.person():
            break
    assert (ran.data["complete"], ran.data["total"], ran.data["left"]) == (8, 8, [])
    nothing_is_left_behind(world)
    order_is_kept(world.moments())
    validation_runs_ahead(world)


def nothing_is_left_behind(world: World) -> None:
    """The main tree holds everything: no branch, no worktree, nothing uncommitted, and all tests pass together."""
    assert git(world.root, "status", "--porcelain") == ""
    assert git(world.root, "branch", "--list", "story/*") == ""
    assert len(git(world.root, "worktree", "list").splitlines()) == 1
    report = world.root.parent / "report.xml"
    done = subprocess.run([sys.executable, "tools/run_tests.py", str(report)], cwd=world.root, check=False)
    assert done.returncode == 0
    assert report.read_text().count("<testcase") == 1 + 9 + 9 + 10 + 17 + 13 + 18 + 7


def order_is_kept(moments: dict[str, dict[str, str]]) -> None:
    """Each story is executed when all it needs is complete; 1 and 2a are in execution at the same time."""
    began = {id_: at.get("red") or at["setting_up"] for id_, at in moments.items()}
    for id_, needs in NEEDS.items():
        for other in needs:
            assert moments[other]["complete"] <= began[id_], (id_, other)
    for one, other in ("1", "2a"), ("2a", "1"):
        assert began[one] < moments[other]["gorilla"]


def validation_runs_ahead(world: World) -> None:
    """Each story after the first is validated and approved before what it needs is complete, and is drawn so."""
    moments = world.moments()
    for id_, needs in NEEDS.items():
        for other in needs:
            assert moments[id_]["queued"] < moments[other]["complete"], (id_, other)
    drawn = run(world.root, "timeline", "--json")
    assert (drawn.code, drawn.data["notes"]) == (0, [])
    lanes = {lane["story"]: lane for lane in drawn.data["lanes"]}
    assert all(lane["complete"] for lane in lanes.values())
    for id_, needs in NEEDS.items():
        [*_, last] = [block["end"] for block in lanes[id_]["blocks"] if block["word"] in ("Validate", "Fix", "approve")]
        assert all(last < lanes[other]["complete"] for other in needs), id_
