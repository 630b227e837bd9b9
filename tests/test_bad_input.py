"""Bad input gets one line that says where, what and what to do; in lists it is one problem; no byte is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.files import disk
from engine.files.repository import state_folder
from engine.look import open_repository
from tests.cli.run import run, spawn, state_home, tree
from tests.faults.slice_repo import CONFIG, MACHINE, commit, make_repository
from tests.rounds import rounds

S = "docs/stories/story-1-file/story.md"
J = "docs/stories/story-1-file/evidence/journal.jsonl"
M = "machines/slice.yaml"
REFUSING = (
    ("advance", "1"),
    ("advance", "1", "--dry-run"),
    ("explain", "1"),
    ("decide", "1"),
    ("decide", "1", "D1", "x"),
)


@dataclass(frozen=True)
class Fault:
    """What is done to the repository, and how it is told: the words that must stand in the one line."""

    name: str
    spoil: Callable[[Path], object]
    told: str
    code: str
    adopt: bool = True
    status: bool = True
    whose: str | None = "1"

    def __str__(self) -> str:
        return self.name


def swap(old: bytes, new: bytes, name: str = S) -> Callable[[Path], object]:
    """Replace the first occurrence of some bytes in a file."""

    def spoil(root: Path) -> None:
        raw = (root / name).read_bytes()
        assert old in raw
        (root / name).write_bytes(raw.replace(old, new, 1))

    return spoil


def link(to: str, name: str = S) -> Callable[[Path], object]:
    """Put a symbolic link in a file's place."""

    def spoil(root: Path) -> None:
        (root / name).unlink()
        (root / name).symlink_to(to)

    return spoil


def folder(name: str) -> Callable[[Path], object]:
    """Put a folder in a file's place: unreadable for root, too."""

    def spoil(root: Path) -> None:
        (root / name).unlink()
        (root / name).mkdir()

    return spoil


def more(text: bytes, name: str) -> Callable[[Path], object]:
    """Add bytes at the end of a file."""

    def spoil(root: Path) -> None:
        (root / name).write_bytes((root / name).read_bytes() + text)

    return spoil


CL, ML = CONFIG.count("\n"), MACHINE.count("\n")
FLAW = MACHINE[: MACHINE.index("  complete: {phase: done}")].count("\n") + 2
PACKS = CONFIG[: CONFIG.index("docs/stories")].count("\n") + 1
ISLAND = (
    "  complete: {phase: done}\n",
    "  complete: {phase: done}\n  island: {phase: done, exits: [{to: complete}]}\n",
)

FAULTS = [
    Fault("broken front matter", swap(b"state: drafted", b"state: [drafted"), f"{S}:3: bad front matter", "C110"),
    Fault("front matter not closed", swap(b"---\n# Story", b"# Story"), f"{S}:1: the front matter is not", "C110"),
    Fault("state is a list", swap(b"state: drafted", b"state: [drafted]"), f"{S}:2: 'state' is ['drafted']", "S103"),
    Fault("unknown state", swap(b"state: drafted", b"state: draftd"), f"{S}:2: unknown state 'draftd'", "S102", False),
    Fault("unknown machine", swap(b"machine: slice", b"machine: slize"), f"{S}:3: there is no machine", "S109", False),
    Fault("no machine", swap(b"machine: slice\n", b""), f"{S}:2: the state is 'drafted', but no", "S112"),
    Fault("no checklist", swap(b"Execution Check", b"Xecution Check"), f"{S}:1: the section", "S104", False),
    Fault(
        "item twice", swap(b"- [ ] File written", b"- [ ] File written\n- [ ] File written"), f"{S}:14: ", "S107", False
    ),
    Fault("item missing", swap(b"- [ ] File written\n", b""), f"{S}:13: the item 'File written'", "S108", False),
    Fault("not UTF-8", swap(b"The author", b"The \xff author"), f"{S}:8: This is not UTF-8 text", "C002"),
    Fault("front matter not UTF-8", swap(b"drafted", b"draf\xffted"), f"{S}:2: This is not UTF-8 text", "C002"),
    Fault("link to nowhere", link("nowhere.md"), f"{S}:1: {S} cannot be read", "C001"),
    Fault("link to itself", link("story.md"), f"{S}:1: {S} cannot be read", "C001"),
    Fault("link out of the repository", link("/etc/hostname"), f"{S}:1: This link leads out", "C003"),
    Fault("a folder", folder(S), f"{S}:1: {S} cannot be read: Is a directory", "C001"),
    Fault("more than 1 MB", swap(b"The author", b"a b c\n" * 175_000), f"{S}:1: the story has 1,050", "S113"),
    Fault("journal garbage", more(b"garbage\n", J), f"{J}:3: journal: the line is no event", "S110", False, False),
    Fault("journal folder", folder(J), "journal.jsonl:1: journal: it cannot be read", "S110", False, False),
    Fault(
        "journal edited",
        swap(b"Ana", b"Eve", J),
        f"{J}:2: journal: the line does not follow",
        "S110",
        False,
        False,
    ),
    Fault(
        "unknown key",
        more(b"\n[limits]\nstep = 3\n", "story.toml"),
        f"story.toml:{CL + 3}: unknown key 'limits.step'",
        "S100",
        whose=None,
    ),
    Fault(
        "unknown table",
        more(b"\n[limit]\nstep = 3\n", "story.toml"),
        f"story.toml:{CL + 2}: unknown key 'limit'",
        "S100",
        whose=None,
    ),
    Fault("no TOML", more(b"\n[limits\n", "story.toml"), f"story.toml:{CL + 2}: not TOML", "S100", whose=None),
    Fault(
        "TOML not UTF-8",
        more(b"\n# \xff\n", "story.toml"),
        f"story.toml:{CL + 2}: this is not UTF-8",
        "S100",
        whose=None,
    ),
    Fault(
        "wrong type",
        more(b'\n[limits]\nsteps = "x"\n', "story.toml"),
        f"story.toml:{CL + 3}: limits.steps",
        "S100",
        whose=None,
    ),
    Fault("TOML folder", folder("story.toml"), "story.toml:1: cannot be read", "S100", whose=None),
    Fault(
        "no such pack",
        swap(b"docs/stories", b"docs/nowhere", "story.toml"),
        f"story.toml:{PACKS}: packs.paths: ",
        "S100",
        whose=None,
    ),
    Fault(
        "pack outside",
        swap(b"docs/stories", b"..", "story.toml"),
        f"story.toml:{PACKS}: packs.paths: '..' leads",
        "S100",
        whose=None,
    ),
    Fault(
        "unknown machine keys",
        more(b"colour: red\nsize: 3\n", M),
        f"{M}:{ML + 1}: the machine has no key",
        "S109",
        False,
        whose=None,
    ),
    Fault("machine flaw", swap(*(text.encode() for text in ISLAND), M), f"{M}:{FLAW}: MG01", "S109", False, whose=None),
    Fault("machine no YAML", more(b"a: [\n", M), f"{M}:{ML + 2}: ", "S109", False, whose=None),
    Fault("machine gone", lambda root: (root / M).unlink(), f"{S}:3: there is no machine 'slice'", "S109", False),
]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adopted stories of the smallest machine, committed."""
    root = tmp_path_factory.mktemp("bad") / "r"
    root.mkdir()
    make_repository(root)
    other = root / "docs/stories/story-2-other/story.md"
    other.parent.mkdir()
    other.write_text("# Story 2: Another\n\nWords.\n")
    assert run(root, "adopt").code == 0
    commit(root, "adopt")
    return root


@pytest.fixture
def root(origin: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to spoil."""
    yield shutil.copytree(origin, tmp_path / "r", symlinks=True)
    shutil.rmtree(tmp_path / "r")


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_bad_input_is_told_in_one_line(fault: Fault, root: Path) -> None:
    """Verbs about the story refuse with file, line, what and remedy, and leave every byte as it is."""
    fault.spoil(root)
    before = tree(root)
    verbs = [*REFUSING, *([("adopt",)] if fault.adopt else [])]
    for words in verbs:
        ran = run(root, *words)
        assert ran.code in (1, 2), words
        assert ran.out == ""
        [line] = ran.err.splitlines()
        assert line.startswith("story: ")
        assert fault.told in line
        assert line.rstrip().endswith((".", ")", "?"))
        refused = run(root, *words, "--json")
        assert (refused.code, refused.envelope["outcome"]) == (ran.code, "refused")
        assert refused.envelope["command"] == words[0]
        assert fault.told in refused.data["error"]
        assert tree(root) == before, words


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_bad_input_is_one_problem_of_check(fault: Fault, root: Path, origin: Path) -> None:
    """`check` tells it once, at its place, and says about the other story what it always says."""
    known = run(origin, "check", "--json").data["problems"]
    fault.spoil(root)
    before = tree(root)
    ran = run(root, "check", "--json")
    problems = ran.data["problems"]
    assert ran.code == 3
    assert ran.err == ""
    of_code = [problem for problem in problems if problem["code"] == fault.code]
    whose = [problem for problem in of_code if problem["story"] == fault.whose]
    assert len(whose) == 1
    said = "{file}:{line}: {message}".format(**whose[0])
    assert fault.told.removeprefix("journal.jsonl") in said
    assert whose[0]["remedy"]
    other = [problem for problem in known if problem["story"] == "2"]
    assert [p for p in problems if p["story"] == "2" and p["code"] != fault.code] == other
    assert tree(root) == before


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_bad_input_is_one_problem_of_status(fault: Fault, root: Path, origin: Path) -> None:
    """`status` tells it once and shows the other story, cold and warm."""
    known = run(origin, "status", "--json").data["stories"]
    fault.spoil(root)
    before = tree(root)
    for _ in range(2):
        ran = run(root, "status", "--json")
        assert ran.code == 0
        assert ran.err == ""
        stories = ran.data["stories"]
        assert [row["id"] for row in stories] == ["1", "2"]
        if fault.whose == "1" and fault.name != "machine gone":
            assert stories[1] == known[1]
        problems = {row["problem"] for row in stories if "problem" in row} | {ran.data.get("problem", "")} - {""}
        mine = [problem for problem in problems if fault.told.split(": ")[0] in problem]
        assert len(mine) == (1 if fault.status else 0)
        plain = run(root, "status").out.splitlines()
        assert len([line for line in plain if fault.told.split(": ")[0] in line]) == len(mine)
    assert tree(root) == before


@pytest.mark.long
def test_a_story_that_another_engine_advances_is_locked(root: Path) -> None:
    """Who finds the story held by another process is told so at once, and nothing is changed."""
    repository = open_repository(root, state_folder(root, {"XDG_STATE_HOME": str(state_home(root))}))
    before = tree(root)
    lock = repository.advance_lock(root / "docs/stories", "1")
    with disk.hold(lock, 0):
        ran = spawn(root, "advance", "1")
    assert ran.code == 1
    assert ran.out == ""
    [line] = ran.err.splitlines()
    assert "story 1 is being advanced by another engine" in line
    assert "Wait for it or stop it" in line
    assert tree(root) == before
    with disk.hold(lock, 0):
        assert spawn(root, "status").code == 0
        assert spawn(root, "explain", "1").code == 0


def test_a_story_that_another_engine_adopts_is_locked(root: Path) -> None:
    """Two engines do not adopt one story at once."""
    shutil.rmtree(root / "docs/stories/story-2-other")
    raw = root / "docs/stories/story-3-raw/story.md"
    raw.parent.mkdir()
    raw.write_text("# Story 3: Raw\n")
    repository = open_repository(root, state_folder(root, {"XDG_STATE_HOME": str(state_home(root))}))
    before = tree(root)
    with disk.hold(repository.advance_lock(root / "docs/stories", "3"), 0):
        ran = spawn(root, "adopt")
    assert ran.code == 1
    assert "story 3 is being adopted or advanced by another engine" in ran.err
    assert tree(root) == before
    assert run(root, "adopt").code == 0


def test_adopt_writes_nothing_where_one_story_is_bad(root: Path) -> None:
    """The good stories before the bad one are not adopted by half."""
    for number, text in ((3, "# Story 3: Good\n"), (4, "---\nstate: [\n---\n# Story 4: Bad\n")):
        path = root / f"docs/stories/story-{number}-x/story.md"
        path.parent.mkdir()
        path.write_text(text)
    before = tree(root)
    ran = run(root, "adopt")
    assert ran.code == 1
    assert "story-4-x/story.md:" in ran.err
    assert tree(root) == before
    assert run(root, "adopt", "--story", "3").code == 0


def test_adopt_refuses_a_journal_that_does_not_begin_with_an_adoption(root: Path) -> None:
    """A story whose front matter and journal were both cut is not adopted on top of what is left."""
    (root / S).write_text("# Story 1: A file\n")
    line = (root / J).read_bytes().split(b"\n")[1].replace(b'"prev":', b'"was":')
    assert b"wrote" in line
    (root / J).write_text('{"event":"wrote","prev":""}\n')
    before = tree(root)
    ran = run(root, "adopt")
    assert ran.code == 1
    assert f"{J}:1: the journal does not begin with an adoption." in ran.err
    assert tree(root) == before


def test_an_unreadable_story_still_blocks_the_next_one(root: Path) -> None:
    """A story that cannot be read is not complete, so the one after it waits for it."""
    machine = MACHINE.replace("when: {files: exist}", "when: {dependencies: complete}")
    (root / M).write_text(machine)
    waits = run(root, "advance", "2", "--dry-run", "--json").data["waiting"]
    assert waits["for"] == "dependencies"
    (root / S).unlink()
    (root / S).mkdir()
    ran = run(root, "advance", "2", "--dry-run", "--json")
    assert ran.data["waiting"]["for"] == "dependencies"
    assert "story 1 is not there, or cannot be read" in ran.data["waiting"]["items"][0]["text"]
    assert run(root, "status", "--json").data["stories"][1]["waiting_for"] == "story 1"


def test_a_story_without_its_prompts_is_refused(root: Path) -> None:
    """Where the machine needs prompts that are missing, `advance` and `check` say which, and nothing changes."""
    config = (root / "story.toml").read_text().replace('machine = "slice"', 'machine = "story"')
    (root / "story.toml").write_text(config)
    raw = root / "docs/stories/story-3-raw/story.md"
    raw.parent.mkdir()
    raw.write_text("# Story 3: Raw\n\nWords.\n")
    assert run(root, "adopt").code == 0
    before = tree(root)
    ran = run(root, "advance", "3", "--json")
    assert (ran.code, ran.envelope["outcome"]) == (1, "refused")
    assert "docs/stories/story-3-raw/story.md:1: the story has no prompt prompt-*.1*.md" in ran.data["error"]
    codes = [problem["code"] for problem in run(root, "check", "3", "--json").data["problems"]]
    assert codes.count("C102") == 3
    assert tree(root) == before


def test_diff_shows_files_of_any_encoding(root: Path) -> None:
    """A byte that is not UTF-8 in a changed file is shown in its way, not a crash."""
    swap(b"Words.", b"Other words.", "docs/stories/story-2-other/story.md")(root)
    (root / "script.yaml").write_bytes(b"# caf\xe9\n")
    ran = run(root, "diff", "2")
    assert ran.code == 0
    assert "+Other words." in ran.out
    assert "+# caf\ufffd" in ran.out


def test_a_state_folder_that_cannot_be_written_is_told_in_one_line(root: Path) -> None:
    """`advance` needs its locks and says so; `status` and `check` need nothing and go on."""
    before = tree(root)
    (root.parent / "file").write_text("")
    nowhere = {"XDG_STATE_HOME": str(root.parent / "file")}
    ran = run(root, "advance", "1", "--json", env=nowhere)
    assert ran.code == 1
    assert ran.envelope["outcome"] == "refused"
    [line] = ran.err.splitlines()
    assert str(root.parent / "file") in line
    assert run(root, "status", env=nowhere).code == 0
    assert run(root, "check", env=nowhere).code == 3
    assert tree(root) == before


RANDOM = settings(
    max_examples=rounds(25),
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PLACES = [S, "story.toml", M, J, "docs/stories/story-1-file/prompt-1.1-x.md", "docs/feature-spec.md"]


@pytest.mark.long
@RANDOM
@given(place=st.sampled_from(PLACES), data=st.data())
def test_no_bytes_make_a_traceback(origin: Path, tmp_path: Path, place: str, data: st.DataObject) -> None:
    """Whatever stands in a file, status, check and advance end with an exit code, quickly, and one line of error."""
    path = origin / place
    was = path.read_bytes() if path.exists() else b""
    pieces = st.sampled_from(
        [b"", was[:20], was, b"---\n", b"---\nstate: ", b"\xff", b"[", b"{", b"- [ ] ", b"\0", b"'"]
    )
    raw = b"".join(data.draw(st.lists(pieces | st.binary(max_size=40), max_size=6)))
    cut = data.draw(st.integers(0, len(was)))
    spoilt = data.draw(st.sampled_from([raw, was[:cut] + raw + was[cut:], was[:cut]]))
    root = tmp_path / "r"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(origin, root, symlinks=True)
    (root / place).write_bytes(spoilt)
    started = time.monotonic()
    for words in (("status",), ("check",), ("advance", "1", "--dry-run"), ("explain", "1"), ("adopt",)):
        ran = run(root, *words)
        assert ran.code in (0, 1, 2, 3)
        assert "Traceback" not in ran.err
        assert len(ran.err.splitlines()) <= 1
    assert time.monotonic() - started < 10


def test_a_broken_pipe_is_no_traceback(origin: Path) -> None:
    """A reader that goes away ends the run without a word."""
    command = f"{sys.executable} -m engine check --json | true; {sys.executable} -m engine status | true"
    done = subprocess.run(["sh", "-c", command], cwd=origin, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything; a folder in the file's place stands for it")
def test_a_file_without_permission_is_told_in_one_line(root: Path) -> None:
    """A story that may not be read is refused, and one problem of `check` and `status`."""
    (root / S).chmod(0)
    ran = run(root, "advance", "1")
    assert ran.code == 1
    assert f"{S}:1: {S} cannot be read: Permission denied." in ran.err
    assert [p["code"] for p in run(root, "check", "1", "--json").data["problems"]] == ["C001"]
    assert "Permission denied" in run(root, "status", "--json").data["stories"][0]["problem"]
    (root / S).chmod(0o644)


def test_a_role_or_gate_that_no_machine_has_is_refused(root: Path) -> None:
    """A misspelt role or gate in story.toml is told with its line and the nearest name, never passed over."""
    clean = (root / "story.toml").read_text()
    for table, wrong, near in (("roles", "writter", "writer"), ("gates", "thre", "there")):
        setting = 'agent = "person"' if table == "roles" else 'run = ["true"]'
        (root / "story.toml").write_text(f"{clean}\n[{table}.{wrong}]\n{setting}\n")
        line = clean.count("\n") + 2
        ran = run(root, "advance", "1")
        assert ran.code == 1
        assert f"story.toml:{line}: no machine has {table[:-1]} {wrong!r}" in ran.err
        assert f"Did you mean {near!r}?" in ran.err
        told = [p for p in run(root, "check", "--json").data["problems"] if p["code"] == "S100"]
        assert [(p["file"], p["line"]) for p in told] == [("story.toml", line)]
