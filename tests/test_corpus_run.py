"""A real story pack that others wrote: adopted, checked, and story 4 advanced until a person is needed."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.run import Ran, run, state_home, tree
from tests.faults.slice_repo import commit, git

pytestmark = pytest.mark.corpus

PACK = "docs/epics/01-mvp-project-sessions/stories"
HOME = f"{PACK}/story-4-session-management"
STORY = f"{HOME}/story.md"
BEFORE = f"{PACK}/story-3-chat-ui/story.md"
QUOTE = "User can open an existing session"
ROLES = """
[roles.builder_validator]
agent = "scripted"
script = "agents.yaml"

[roles.pedant_validator]
agent = "scripted"
script = "agents.yaml"
"""
AGENTS = """
replies:
  - act: builder
    reply:
      {{story: "<story>", round: "<round>", verdict: PASS, confidence: high, reasoning: It can be executed as it is.,
       findings: [], tcs: {{}}}}
  - act: pedant
    reply:
      story: "<story>"
      round: "<round>"
      verdict: FAIL
      confidence: high
      reasoning: One AC names no way to open a session.
      findings:
        - {{severity: issue, where: "{where}", quote: "{quote}", text: It does not say where the user opens it.}}
      tcs: {{}}
"""


@dataclass
class Lived:
    """One step: what was printed, which files git saw changed, and story.md before and after."""

    ran: Ran
    changed: list[str]
    before: list[str]
    after: list[str]


@dataclass
class Life:
    """The whole way of the pack, from raw to waiting."""

    root: Path
    adopted: Ran
    adoption: str
    again: Ran
    again_changed: str
    checked: Ran
    raw: dict[str, str]
    ready: Path
    steps: list[Lived] = field(default_factory=list)


@pytest.fixture(scope="module")
def life(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """The pack's way: init, roles, adopt, check, and one committed step after the other."""
    folder = tmp_path_factory.mktemp("corpus")
    root = folder / "r"
    shutil.copytree(corpus / "builder-epic-01", root)
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ana Person")
    git(root, "config", "user.email", "ana@example.org")
    commit(root, "a pack that others wrote")
    raw = files_of(root)
    assert run(root, "init").code == 0
    with (root / "story.toml").open("a") as config:
        config.write(ROLES)
    line = next(n for n, text in enumerate((root / STORY).read_text().split("\n"), 1) if QUOTE in text) + 4
    (root / "agents.yaml").write_text(AGENTS.format(where=f"{STORY}:{line}", quote=QUOTE))
    commit(root, "set up")
    adopted = run(root, "adopt", "--json")
    adoption = git(root, "diff", "--numstat")
    commit(root, "adopt")
    again = run(root, "adopt", "--json")
    lived = Life(
        root=root,
        adopted=adopted,
        adoption=adoption,
        again=again,
        again_changed=git(root, "status", "--porcelain"),
        checked=run(root, "check", "--json"),
        raw=raw,
        ready=folder / "ready",
    )
    shutil.copytree(root, lived.ready)
    for number in range(1, 10):
        before = (root / STORY).read_text().split("\n")
        ran = run(root, "advance", "4", "--step", "--json")
        changed = git(root, "status", "--porcelain", "-uall").splitlines()
        after = (root / STORY).read_text().split("\n")
        lived.steps.append(Lived(ran, [entry[3:] for entry in changed], before, after))
        commit(root, f"step {number}")
        if ran.code or ran.envelope["outcome"] != "moved":
            break
    return lived


def files_of(root: Path) -> dict[str, str]:
    """The files of a repository with their hashes, git's own left out."""
    return {name: sha for name, sha in tree(root).items() if not name.startswith(".git/")}


def test_adopt_only_adds_lines(life: Life) -> None:
    """Adoption takes no line away, in none of the eight stories, and changes nothing but story.md and journals."""
    assert life.adopted.code == 0
    assert len(life.adopted.data["written"]) == 8
    rows = [row.split("\t") for row in life.adoption.splitlines()]
    assert {deleted for _, deleted, _ in rows} == {"0"}
    assert {Path(name).name for _, _, name in rows} == {"story.md", "journal.jsonl"}
    assert len(rows) == 16


def test_a_second_adopt_does_nothing(life: Life) -> None:
    """An adopted pack has nothing to adopt."""
    assert life.again.code == 0
    assert life.again.data["written"] == []
    assert life.again_changed == ""


def test_check_finds_what_is_wrong_with_the_pack(life: Life) -> None:
    """The pack's known faults are found, each at a line that exists."""
    assert life.checked.code == 3
    problems = life.checked.data["problems"]
    assert {problem["severity"] for problem in problems} <= {"error", "warning", "note"}
    assert len(problems) > 10
    for problem in problems:
        lines = (life.root / problem["file"]).read_text().count("\n") + 1
        assert 1 <= problem["line"] <= lines


def test_the_story_goes_as_its_machine_says(life: Life) -> None:
    """Validated by both, consolidated, and then a person is asked."""
    ways = [(step["from"], step["to"]) for lived in life.steps for step in lived.ran.data["steps"]]
    assert ways == [("drafted", "validating"), ("validating", "consolidating"), ("consolidating", "triage")]
    assert [lived.ran.code for lived in life.steps] == [0] * 4
    assert [lived.ran.envelope["outcome"] for lived in life.steps] == ["moved", "moved", "moved", "waiting"]


def test_each_step_changes_one_story_only(life: Life) -> None:
    """Git sees nothing changed but story 4's story.md and its evidence, and what story 3 shows of it."""
    for lived in life.steps[:-1]:
        assert STORY in lived.changed
        others = [name for name in lived.changed if name not in (STORY, BEFORE)]
        assert all(name.startswith(f"{HOME}/evidence/") for name in others), others
    assert life.steps[-1].changed == []
    shown = git(life.root, "log", "-p", "-U0", "--format=", "-1", "--", BEFORE).splitlines()
    lines = [line for line in shown if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    assert lines == ["-- [ ] Or validation in progress", "+- [x] Or validation in progress"]


def test_each_step_shows_only_itself(life: Life) -> None:
    """In story.md a step changes its front matter, ticks items, and adds its row of the log and its questions."""
    ticks = []
    for number, lived in enumerate(life.steps[:-1], 1):
        gone, come = changes(lived)
        rest = []
        for _, line in gone:
            if line.startswith("- [ ] "):
                ticked = line.replace("- [ ] ", "- [x] ", 1)
                assert ticked in [new for _, new in come]
                ticks.append((number, line[6:]))
            else:
                assert re.match("(state|updated): ", line), line
        log, asked = lived.after.index("### Log"), section_of(lived.after, "### Decisions")
        for at, line in come:
            if not re.match(r"state: |updated: |- \[x\] ", line) and at not in asked:
                assert at >= log, line
                rest.append(line)
        assert [line for line in rest if line.startswith(f"| {number} | ")]
        assert [line for line in rest if re.match(r"\| \d", line)] == [
            line for line in rest if line.startswith(f"| {number} | ")
        ]
    assert ticks == [
        (2, "Senior Engineer validated"),
        (2, "GPT-5.2 Codex validated"),
        (3, "Findings consolidated"),
    ]


def test_it_ends_at_a_person_with_a_place(life: Life) -> None:
    """The last words name the question's file and line, and the line holds the question."""
    waiting = life.steps[-1].ran.data["waiting"]
    assert waiting["for"] == "person"
    [item] = waiting["items"]
    assert item["file"] == STORY
    assert life.steps[-1].after[item["line"] - 1].startswith("#### D1: ")
    said = run(life.root, "advance", "4")
    assert said.code == 0
    assert f"  {STORY}:{item['line']}: D1" in said.out


def test_every_other_byte_is_the_same(life: Life) -> None:
    """All files of the pack but the adopted story.md are as others wrote them."""
    now = files_of(life.root)
    changed = {name for name in life.raw if now.get(name) != life.raw[name]}
    assert {Path(name).name for name in changed} == {"story.md"}
    added = {name for name in now if name not in life.raw and now[name] != "folder"}
    ours = {"story.toml", "story.mk", ".gitattributes", "agents.yaml"}
    assert all(name in ours or "/evidence/" in name for name in added)


def test_make_goes_the_same_way(life: Life) -> None:
    """`make -f story.mk advance STORY=4` brings the story to the same question at the same line."""
    done = subprocess.run(
        ["make", "-f", "story.mk", "advance", "STORY=4", f"STORY_CLI={sys.executable} -m engine"],
        cwd=life.ready,
        env={**environ(life.ready)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    [item] = life.steps[-1].ran.data["waiting"]["items"]
    assert f"  {STORY}:{item['line']}: {item['text']}" in done.stdout.splitlines()
    timeless = [re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "T", line) for line in life.steps[-1].after]
    text = (life.ready / STORY).read_text()
    assert [re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "T", line) for line in text.split("\n")] == timeless


def changes(lived: Lived) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The lines that went away and those that came, with their index, blank ones left out."""
    gone, come = [], []
    matcher = difflib.SequenceMatcher(a=lived.before, b=lived.after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            gone += [(at, lived.before[at]) for at in range(a, b) if lived.before[at]]
            come += [(at, lived.after[at]) for at in range(c, d) if lived.after[at]]
    return gone, come


def section_of(lines: list[str], heading: str) -> range:
    """The indexes of a section's lines, none where it is not there."""
    if heading not in lines:
        return range(0)
    start = lines.index(heading)
    level = heading.split(" ")[0]
    ends = (n for n, line in enumerate(lines[start + 1 :], start + 1) if re.match(rf"#{{2,{len(level)}}} ", line))
    return range(start, next(ends, len(lines)))


def environ(root: Path) -> dict[str, str]:
    """The environment of a run of make: its own state folder, and no other make around it."""
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    return {**kept, "XDG_STATE_HOME": str(state_home(root))}
