"""`status`, `check`, `explain`, `graph`, `machine`: they tell, and change nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.files.machine_file import shipped_folder
from tests.cli.conftest import STORY
from tests.cli.run import run, spawn, state_home, tree

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(root: Path, *words: str, **env: str) -> str:
    """What a run prints on a terminal of 120 columns."""
    near, far = pty.openpty()
    shown = {"XDG_STATE_HOME": str(state_home(root)), "TERM": "xterm-256color", "COLUMNS": "120", **env}
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "CI")}
    words = (sys.executable, "-m", "engine", *words)
    process = subprocess.Popen(words, cwd=root, env={**kept, **shown}, stdin=far, stdout=far, stderr=far)
    os.close(far)
    parts = []
    while True:
        try:
            part = os.read(near, 4096)
        except OSError:  # Linux says so when the other side has gone
            break
        if not part:
            break
        parts.append(part)
    process.wait(30)
    os.close(near)
    return b"".join(parts).decode()


def test_status_is_plain_in_a_pipe(adopted: Path) -> None:
    """Columns without colour, the same in this process and in one of its own."""
    ran = spawn(adopted, "status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "STORY  STATE    DONE  WAITS FOR  TITLE",
        "1      drafted  0/3   engine     A file",
    ]
    assert run(adopted, "status").out == ran.out
    assert run(adopted, "status", "stories").out == ran.out


def test_status_is_a_table_on_a_terminal(adopted: Path) -> None:
    """Coloured, with a bar for each story; without colour where NO_COLOR asks for it."""
    shown = on_terminal(adopted, "status")
    assert ANSI.search(shown)
    assert "━" in ANSI.sub("", shown)
    assert re.search(r"1 +drafted +━+ +0/3 +engine +A file", ANSI.sub("", shown))
    plain = on_terminal(adopted, "status", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)
    assert "A file" in plain


def test_status_keeps_its_contract(raw: Path) -> None:
    """One object with a row a story; the state is null before adoption."""
    ran = run(raw, "status", "--json")
    [row] = ran.data["stories"]
    assert ran.envelope["command"] == "status"
    assert ran.envelope["outcome"] == "ok"
    assert row == {
        "id": "1",
        "pack": "docs/stories",
        "title": "A file",
        "machine": None,
        "state": None,
        "phase": None,
        "done": 0,
        "total": 0,
        "waiting_for": "adoption",
        "path": STORY,
        "took": None,
    }
    run(raw, "adopt")
    [row] = run(raw, "status", "--json").data["stories"]
    assert (row["machine"], row["state"], row["phase"], row["total"]) == ("slice", "drafted", "ready", 3)


def test_status_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    """A folder without stories is no error."""
    (tmp_path / "r").mkdir()
    ran = run(tmp_path / "r", "status")
    assert (ran.code, ran.err) == (0, "")
    assert "no stories in" in ran.out
    assert "`story new 1 login` makes one" in ran.out
    assert run(tmp_path / "r", "status", "--json").data == {"stories": [], "took": None}
    assert run(tmp_path / "r", "check").code == 0


def test_check_tells_and_counts(adopted: Path) -> None:
    """Problems as `file:line: severity code: …`, their number last; the exit code is 3."""
    before = tree(adopted)
    ran = run(adopted, "check")
    assert (ran.code, ran.err) == (3, "")
    lines = ran.out.splitlines()
    assert all(re.match(r"(    also )?\S+:\d+: ", line) for line in lines[:-1])
    assert re.fullmatch(r"(\d+ errors?, )?\d+ warnings?", lines[-1])
    assert "\x1b" not in ran.out
    assert tree(adopted) == before


def test_check_keeps_its_contract(adopted: Path) -> None:
    """Every problem has the named fields and nothing else; a story's check tells only of that story."""
    ran = run(adopted, "check", "--json")
    assert (ran.code, ran.envelope["outcome"]) == (3, "problems")
    for problem in ran.data["problems"]:
        assert list(problem) == ["code", "severity", "story", "file", "line", "message", "remedy", "echoes", "also"]
        assert problem["severity"] in ("error", "warning", "note")
        assert all(set(echo) == {"file", "line", "message"} for echo in problem["echoes"])
    mine = run(adopted, "check", "1", "--json").data["problems"]
    assert mine == [problem for problem in ran.data["problems"] if problem["story"] == "1"]
    assert run(adopted, "check", "stories", "--json").data == ran.data
    unknown = run(adopted, "check", "9")
    assert unknown.code == 2
    assert "there is no story '9'" in unknown.err


def test_check_without_errors_and_warnings_is_success(tmp_path: Path) -> None:
    """Nothing wrong, exit code 0, and it says so."""
    (tmp_path / "r/docs").mkdir(parents=True)
    ran = run(tmp_path / "r", "check")
    assert (ran.code, ran.out) == (0, "no problems\n")
    assert run(tmp_path / "r", "check", "--json").envelope["outcome"] == "ok"


def test_check_finds_progress_that_nobody_made(adopted: Path) -> None:
    """A tick without evidence and a state that the journal does not know are told with their lines."""
    text = (adopted / STORY).read_text()
    (adopted / STORY).write_text(text.replace("[ ] File written", "[x] File written"))
    line = text[: text.index("File written")].count("\n") + 1
    found = [p for p in run(adopted, "check", "1", "--json").data["problems"] if p["code"] == "S114"]
    assert [(p["file"], p["line"]) for p in found] == [(STORY, line)]
    refused = run(adopted, "advance", "1")
    assert refused.code == 1
    assert f"{STORY}:{line}: 'File written' is ticked, but no evidence says so" in refused.err


def test_explain_says_what_each_exit_lacks(asking: Path) -> None:
    """Where it stands, what was done, and what is still asked for."""
    ran = run(asking, "explain", "1")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "story 1 is shipping (verification)"
    assert "  → complete: closed" in lines
    assert "  → abandoned: not known yet" in lines
    data = run(asking, "explain", "1", "--json").data
    assert data["state"] == "shipping"
    assert {way["to"] for way in data["ways"]} == {"complete", "abandoned"}
    assert all(way["lacks"] for way in data["ways"])


def test_graph_is_mermaid_with_the_state_marked(asking: Path) -> None:
    """States by phase, every way between them, and a mark on the one the story is in."""
    ran = run(asking, "graph", "1")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "  class shipping here" in lines
    assert "  working --> shipping" in lines
    assert "  [*] --> drafted" in lines
    assert "class shipping here" not in run(asking, "graph", "--machine", "slice").out


def test_graph_is_svg_with_the_state_marked(asking: Path, tmp_path: Path) -> None:
    """A picture that any viewer opens, the current state in its colour."""
    before = tree(asking)
    ran = run(asking, "graph", "1", "--svg", str(tmp_path / "life.svg"))
    assert (ran.code, ran.err) == (0, "")
    root = ElementTree.parse(tmp_path / "life.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    marked = []
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        title = group.find("{http://www.w3.org/2000/svg}title")
        shapes = [*group.findall("{http://www.w3.org/2000/svg}path")]
        if group.get("class") == "node" and any(shape.get("fill") == "#d0ebff" for shape in shapes):
            marked.append(title.text if title is not None else "")
    assert marked == ["shipping"]
    assert tree(asking) == before


@pytest.mark.parametrize("name", ["story", "infrastructure"])
def test_shipped_machines_hold(raw: Path, name: str) -> None:
    """`machine check` proves a machine by its name or its file."""
    for spoken in (name, str(shipped_folder() / f"{name}.yaml")):
        ran = run(raw, "machine", "check", spoken)
        assert (ran.code, ran.out, ran.err) == (0, "no problems\n", "")


def test_machine_check_tells_all_that_is_wrong(raw: Path) -> None:
    """Each problem with its line; exit code 3; the envelope is that of `machine check`."""
    with (raw / "machines/slice.yaml").open("a") as file:
        file.write("colour: red\nsize: 3\n")
    ran = run(raw, "machine", "check", "machines/slice.yaml", "--json")
    assert (ran.code, ran.envelope["command"], ran.envelope["outcome"]) == (3, "machine check", "problems")
    assert [problem["code"] for problem in ran.data["problems"]] == ["MY03", "MY03"]
    unknown = run(raw, "machine", "check", "nonsense", "--json")
    assert (unknown.code, unknown.envelope["command"]) == (1, "machine check")
    assert "there is no machine 'nonsense'" in unknown.data["error"]


def test_machine_schema_is_the_one_that_is_shipped(raw: Path) -> None:
    """What editors use is what the engine reads."""
    ran = run(raw, "machine", "schema")
    assert ran.code == 0
    assert json.loads(ran.out) == json.loads((shipped_folder() / "machine.schema.json").read_text())


def test_machine_list_names_ours_and_theirs(raw: Path) -> None:
    """The repository's own machines stand beside the shipped ones."""
    ran = run(raw, "machine", "list")
    assert (ran.code, ran.out.split()) == (0, ["infrastructure", "slice", "story"])


@pytest.mark.long
def test_the_timeline_is_coloured_on_a_terminal(adopted: Path) -> None:
    """As wide as the terminal, coloured unless NO_COLOR asks for none; plain and of 80 to 100 columns in a pipe."""
    shown = on_terminal(adopted, "timeline")
    assert ANSI.search(shown)
    assert "Story 1:" in ANSI.sub("", shown)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", on_terminal(adopted, "timeline", NO_COLOR="1"))
    for columns, least, most in (("20", 60, 80), ("90", 81, 90), ("400", 91, 100)):
        ran = spawn(adopted, "timeline", env={"COLUMNS": columns})
        assert "\x1b" not in ran.out
        assert least <= max(map(len, ran.out.splitlines())) <= most
