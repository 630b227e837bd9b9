"""What `story status` remembers: always the rows of now, quickly where nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cost import costs
from engine.files.journal import Journal
from engine.look import open_repository
from engine.model.call import Usage
from engine.model.events import Began, Ended
from engine.model.row import Row, Took
from engine.status import RACY, read_status
from tests.cli.run import run, spawn, state_home
from tests.faults.slice_repo import make_repository
from tests.rounds import rounds

S = "docs/stories/story-1-file/story.md"
KEYS = st.sampled_from(["version", "root", "folders", "files", "taken"])
HEAVY = ("pydantic", "mistune", "yaml", "typer", "rich", "transitions", "engine.look", "engine.files.pack")
LEAVES = st.none() | st.integers() | st.text()
ANY_JSON = st.recursive(LEAVES, lambda part: st.lists(part) | st.dictionaries(KEYS, part))
USED = (Usage(input=1000, cached=800, output=50, cost=0.75), Usage(), Usage(input=200, output=10))
ASK = """
import sys
sys.argv = ["story", "status", "--json"]
from engine.__main__ import main
main()
print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One adopted story and one raw one."""
    root = tmp_path / "r"
    root.mkdir()
    make_repository(root)
    assert run(root, "adopt").code == 0
    write(root / "docs/stories/story-2-other/story.md", "# Story 2: Another\n")
    return root


def write(path: Path, text: str) -> None:
    """Write a file with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def state(root: Path) -> Path:
    """A state folder of these tests' own."""
    return root.parent / "memory"


def rows(root: Path) -> list[Row]:
    """The rows as they are told with the memory, which must be those told without."""
    told, problem = read_status(root, state(root))
    fresh, same = read_status(root, root.parent / "nothing remembered")
    shutil.rmtree(root.parent / "nothing remembered")
    assert (told, problem) == (fresh, same)
    return told


def age(root: Path) -> None:
    """Let the memory believe that it was taken long after the last save, as it will be the next time one looks."""
    path = state(root) / "status.json"
    data = json.loads(path.read_bytes().partition(b"\n")[2])
    data["taken"] += 10 * RACY
    body = json.dumps(data, separators=(",", ":")).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def modules(root: Path) -> set[str]:
    """The modules that a whole `story status --json` imports."""
    env = {**os.environ, "XDG_STATE_HOME": str(state_home(root))}
    done = subprocess.run([sys.executable, "-c", ASK], cwd=root, env=env, capture_output=True, text=True, check=True)
    assert [row["id"] for row in json.loads(done.stdout)["data"]["stories"]] == ["1", "2"]
    return set(done.stderr.split())


def test_a_warm_run_imports_no_reader(root: Path) -> None:
    """Where nothing changed, neither pydantic nor mistune nor the command line is imported."""
    assert {"pydantic", "mistune"} <= modules(root)
    [folder] = (state_home(root) / "story").iterdir()
    folder.rename(state(root))
    age(root)
    state(root).rename(folder)
    warm = modules(root)
    assert not warm & set(HEAVY)


def test_rows_are_the_same_cold_and_warm(root: Path) -> None:
    """A memory changes nothing but the time it takes."""
    cold = rows(root)
    age(root)
    assert rows(root) == cold
    assert [(row.id, row.state, row.waiting_for) for row in cold] == [
        ("1", "drafted", "engine"),
        ("2", None, "adoption"),
    ]


def test_an_edited_story_is_read_again(root: Path) -> None:
    """A new title, a tick and a new state are seen at once."""
    rows(root)
    age(root)
    text = (root / S).read_text()
    (root / S).write_text(text.replace("A file", "Two files").replace("[ ] Shipped", "[x] Shipped"))
    first = rows(root)[0]
    assert (first.title, first.done) == ("Two files", 1)
    age(root)
    (root / S).write_text(text.replace("state: drafted", "state: shipping"))
    assert rows(root)[0].waiting_for == "person"


def test_an_edit_of_the_same_size_at_the_same_time_is_seen(root: Path) -> None:
    """Neither the size nor the time of the last save has to tell."""
    rows(root)
    age(root)
    stat = (root / S).stat()
    with (root / S).open("r+b") as file:
        raw = file.read()
        file.seek(0)
        file.write(raw.replace(b"A file", b"A pile"))
    os.utime(root / S, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (root / S).stat().st_mtime_ns == stat.st_mtime_ns
    assert rows(root)[0].title == "A pile"


def test_an_edit_right_after_the_look_is_seen(root: Path) -> None:
    """A file saved within the same tick of the clock as the look is not trusted by its stat."""
    rows(root)
    path = state(root) / "status.json"
    told, _, body = path.read_bytes().partition(b"\n")
    assert told
    data = json.loads(body)
    (root / S).write_bytes((root / S).read_bytes().replace(b"A file", b"A pile"))
    stat = (root / S).stat()
    data["files"][str(root / S)][0] = [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino]
    body = json.dumps(data).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert rows(root)[0].title == "A pile"


def test_stories_come_and_go(root: Path) -> None:
    """A new, a renamed, a removed story and a new pack are all seen."""
    rows(root)
    age(root)
    write(root / "docs/stories/story-3-third/story.md", "# Story 3: Third\n")
    assert [row.id for row in rows(root)] == ["1", "2", "3"]
    age(root)
    (root / "docs/stories/story-3-third").rename(root / "docs/stories/story-4-fourth")
    assert [(row.id, row.path) for row in rows(root)][2] == ("4", "docs/stories/story-4-fourth/story.md")
    age(root)
    shutil.rmtree(root / "docs/stories/story-2-other")
    assert [row.id for row in rows(root)] == ["1", "4"]
    age(root)
    (root / "story.toml").write_text("")
    write(root / "docs/epics/02-more/stories/story-1-x/story.md", "# Story 1: Elsewhere\n")
    assert [row.pack for row in rows(root)] == ["docs/epics/02-more/stories", "docs/stories", "docs/stories"]
    age(root)
    (root / S).rename(root / S.replace("story.md", "tale.md"))
    assert "story.md cannot be read" in rows(root)[1].problem


def test_a_changed_machine_is_read_again(root: Path) -> None:
    """Phases and states come from the machine of now; one that appears or goes is noticed, too."""
    rows(root)
    age(root)
    path = root / "machines/slice.yaml"
    text = path.read_text()
    path.write_text(text.replace("phase: ready\n    exits", "phase: validation\n    exits"))
    assert rows(root)[0].phase == "validation"
    age(root)
    path.unlink()
    assert "there is no machine 'slice'" in rows(root)[0].problem
    age(root)
    path.write_text(text)
    assert rows(root)[0].problem == ""


def test_a_machine_that_hides_a_shipped_one_is_noticed(root: Path) -> None:
    """A repository's own `story` machine takes the place of ours as soon as it is there."""
    shutil.rmtree(root / "machines")
    (root / S).write_text("---\nstate: odd\nmachine: story\n---\n# Story 1: A file\n")
    assert "unknown state 'odd'" in rows(root)[0].problem
    age(root)
    write(root / "machines/story.yaml", "machine: story\n")
    assert "machines/story.yaml" in rows(root)[0].problem


def test_a_changed_configuration_is_read_again(root: Path) -> None:
    """Other packs, and a story.toml that breaks and is mended."""
    rows(root)
    age(root)
    config = (root / "story.toml").read_text()
    (root / "story.toml").write_text(config + "\n[nonsense]\n")
    told, problem = read_status(root, state(root))
    assert [row.id for row in told] == ["1", "2"]
    assert "unknown key 'nonsense'" in problem
    assert read_status(root, state(root)) == (told, problem)
    write(root / "other/story-7-x/story.md", "# Story 7: Elsewhere\n")
    (root / "story.toml").write_text(config.replace("docs/stories", "other"))
    assert [row.id for row in rows(root)] == ["7"]


def test_what_a_story_waits_for_follows_its_neighbour(root: Path) -> None:
    """A queued story waits for the one before it until that is complete, though its own file never changed."""
    machine = root / "machines/slice.yaml"
    machine.write_text(machine.read_text().replace("when: {files: exist}", "when: {dependencies: complete}"))
    second = (root / S).read_text().replace("Story 1", "Story 2")
    (root / "docs/stories/story-2-other/story.md").write_text(second)
    assert [row.waiting_for for row in rows(root)] == ["engine", "story 1"]
    age(root)
    (root / S).write_text((root / S).read_text().replace("state: drafted", "state: complete"))
    assert [row.waiting_for for row in rows(root)] == ["nobody", "engine"]


def test_a_broken_memory_is_never_trusted(root: Path) -> None:
    """One changed byte, a cut end, another version, another repository: all is read again, and remembered anew."""
    good = rows(root)
    age(root)
    path = state(root) / "status.json"
    whole = path.read_bytes()
    spoilt = [
        whole.replace(b"A file", b"A lie!"),
        whole[:-1],
        whole[: len(whole) // 2],
        b"",
        b"\0" * 100,
        b"[" * 100_000,
        whole + b" ",
    ]
    for raw in spoilt:
        path.write_bytes(raw)
        assert rows(root) == good
        assert path.read_bytes() != raw
    path.unlink()
    path.mkdir()
    assert rows(root) == good
    path.rmdir()
    other = root.parent / "copy"
    shutil.copytree(root, other)
    path.write_bytes(whole)
    (other / S).write_bytes((other / S).read_bytes().replace(b"A file", b"A copy"))
    assert rows(other)[0].title == "A copy"


@settings(max_examples=rounds(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_bytes_in_the_memory_matter(root: Path, raw: bytes) -> None:
    """Whatever bytes are found in its place, also with a fitting sum, the rows are those of the stories."""
    state(root).mkdir(exist_ok=True)
    for content in (raw, hashlib.sha256(raw).hexdigest().encode() + b"\n" + raw):
        (state(root) / "status.json").write_bytes(content)
        told, _ = read_status(root, state(root))
        assert [(row.id, row.title) for row in told] == [("1", "A file"), ("2", "Another")]


def test_two_processes_at_once(root: Path) -> None:
    """Runs side by side all tell the truth, and leave a memory that can be read and nothing else."""
    with ThreadPoolExecutor(4) as pool:
        told = [*pool.map(lambda _: spawn(root, "status", "--json"), range(4))]
    assert len({ran.out for ran in told}) == 1
    assert {ran.code for ran in told} == {0}
    [folder] = (state_home(root) / "story").iterdir()
    assert [path.name for path in folder.glob("status*")] == ["status.json"]


def test_a_state_folder_that_cannot_be_written_costs_only_speed(root: Path) -> None:
    """Where nothing can be remembered, status says the same, and complains of nothing."""
    (root.parent / "file").write_text("")
    nowhere = root.parent / "file" / "state"
    told, _ = read_status(root, nowhere)
    assert told == rows(root)
    assert read_status(root, nowhere)[0] == told
    state_folder = root.parent / "blocked"
    (state_folder / "status.json").mkdir(parents=True)
    assert read_status(root, state_folder)[0] == told
    assert [path.name for path in state_folder.iterdir()] == ["status.json"]


def test_a_row_holds_what_the_contract_names(root: Path) -> None:
    """Rows carry the fields that other programs read, with null for what is not known before adoption."""
    adopted, raw = (asdict(row) for row in rows(root))
    assert raw | {"title": "", "path": "", "pack": ""} == asdict(
        Row("2", "", "", None, None, None, 0, 0, "adoption", "", needs=("1",))
    )
    assert (adopted["machine"], adopted["phase"], adopted["done"], adopted["total"]) == ("slice", "ready", 0, 3)


def test_what_agents_took_is_told_per_story_and_in_all(root: Path) -> None:
    """The rows say of tokens and dollars what `story cost` says, also of a run that ended since they were read."""
    assert "DOLLARS" not in run(root, "status").out
    folder = root / "docs/stories/story-1-file/evidence"
    path = folder / "journal.jsonl"
    journal = Journal(path)
    for number, usage in enumerate(USED, 1):
        call = {"call": f"1/x/c{number}", "number": number, "act": "impl", "role": "writer", "attempt": 1}
        journal.append(Began(at="2026-01-01T00:00:00Z", turn=1, **call))
        said = {"why": 'it said "usage":{"input":7}', "evidence": "x.md", "sha": "", "usage": usage}
        journal.append(Ended(at="2026-01-01T00:00:00Z", call=call["call"], status="failed", **said))
        told = rows(root)[0].took
        age(root)
    [cost] = costs(open_repository(root, state(root)), [root / "docs/stories"], "1")
    assert asdict(told) == cost.total.model_dump(include={*asdict(told)})
    assert told == Took(input=1200, cached=800, output=60, cost=0.75, unpriced=1)
    with path.open("ab") as file:
        file.write(b'{"event":"ended","usage":{"input":9}')  # torn: it was never acknowledged
    assert rows(root)[0].took == told
    data = run(root, "status", "--json").data
    assert [story["took"] for story in data["stories"]] == [asdict(told), None]
    assert data["took"] == asdict(told)
    lines = run(root, "status").out.splitlines()
    assert lines[0].split()[5:] == ["IN", "CACHED", "OUT", "DOLLARS", "TITLE"]
    assert "1,200  800     60   0.75 + 1 unpriced" in lines[1]
    assert lines[3].split() == ["all", "1,200", "800", "60", "0.75", "+", "1", "unpriced"]


def test_a_journal_that_is_none_costs_nothing(root: Path) -> None:
    """Whatever lies there, the other columns are told; `story check` says what is wrong with it."""
    path = root / "docs/stories/story-1-file/evidence/journal.jsonl"
    good = rows(root)
    for raw in (b'"usage":{"input":true,"x":1}\n', b'"usage":{}\n', b"\xff" * 99, b""):
        path.write_bytes(raw)
        assert rows(root) == good
        age(root)
    shutil.rmtree(path.parent)
    assert rows(root) == good
