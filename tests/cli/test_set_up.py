"""`init`, `new`, `adopt`: a repository and its stories are set up."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.files.config import read_config
from tests.cli.conftest import STORY
from tests.cli.run import run, state_home, tree
from tests.faults.slice_repo import commit, git

PYTHON = {"pyproject.toml": "[tool.pytest.ini_options]\n[tool.ruff]\n[tool.mypy]\n"}
NODE = {"package.json": json.dumps({"scripts": {"test": "vitest run", "lint": "eslint .", "typecheck": "tsc"}})}
MAKE = {"Makefile": "test:\n\ttrue\nlint:\n\ttrue\n"}


def make_folder(root: Path, files: dict[str, str]) -> Path:
    """A folder under git with some files."""
    root.mkdir()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ana Person")
    git(root, "config", "user.email", "ana@example.org")
    return root


@pytest.mark.parametrize(
    ("files", "guessed"),
    [
        (
            PYTHON,
            {
                "tests": "python -m pytest -q --junitxml={report}",
                "typecheck": "mypy .",
                "lint": "ruff check .",
            },
        ),
        (
            NODE,
            {
                "tests": "npm test -- --reporter=junit --outputFile={report}",
                "typecheck": "npm run typecheck",
                "lint": "npm run lint",
            },
        ),
        (MAKE, {"tests": "make test", "lint": "make lint"}),
        ({}, {}),
        ({"pyproject.toml": "tool = 3\n"}, {}),
        ({"pyproject.toml": "[tool"}, {}),
        ({"package.json": '{"scripts": ["test"]}'}, {}),
        ({"package.json": "[" * 5000}, {}),
    ],
)
def test_init_guesses_gates_and_says_so(tmp_path: Path, files: dict[str, str], guessed: dict[str, str]) -> None:
    """What was found is written and said, with where it was found; what was not is said, too; all can be read."""
    root = make_folder(tmp_path / "r", files)
    ran = run(root, "init")
    assert ran.code == 0
    assert ran.err == ""
    config = read_config(root)
    for name in ("tests", "typecheck", "lint"):
        if name in guessed:
            assert config.gates[name].run == (guessed[name],)
            assert f"gate {name}: {guessed[name]} (from {next(iter(files))})" in ran.out
        else:
            assert config.gates[name].run == ("false",)
            assert f"gate {name}: not guessed" in ran.out
    assert "{report}" in config.gates["tests"].run[0] or config.gates["tests"].junit


def test_init_keeps_what_is_there(tmp_path: Path) -> None:
    """Files that exist are kept, a line is added to .gitattributes once, and a second run writes nothing."""
    files = {"story.toml": "# mine\n", "story.mk": "# mine, too\n", ".gitattributes": "*.png binary"}
    root = make_folder(tmp_path / "r", files)
    first = run(root, "init", "--json")
    assert first.envelope["command"] == "init"
    assert (root / "story.toml").read_text() == "# mine\n"
    assert (root / "story.mk").read_text() == "# mine, too\n"
    assert (root / ".gitattributes").read_text().startswith("*.png binary\n")
    before = tree(root)
    second = run(root, "init")
    assert second.code == 0
    assert second.out.count("kept") == 3
    assert tree(root) == before


@pytest.mark.long
def test_the_makefile_works(raw: Path) -> None:
    """`make -f story.mk` runs each verb, and a person who waits sees success."""
    (raw / "story.toml").rename(raw / "kept.toml")
    assert run(raw, "init").code == 0
    (raw / "kept.toml").rename(raw / "story.toml")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    env = {**kept, "XDG_STATE_HOME": str(state_home(raw))}

    def make(*words: str) -> str:
        command = ["make", "-f", "story.mk", *words, f"STORY_CLI={sys.executable} -m engine"]
        return subprocess.run(command, cwd=raw, env=env, capture_output=True, text=True, check=True, timeout=60).stdout

    assert "adoption" in make("status")
    assert make("adopt", "STORY=1") == f"adopted {STORY}\n"
    assert "waits for a person" in make("advance", "STORY=1")
    assert "D1" in make("decide", "STORY=1")
    assert "story 1 is shipping" in make("explain", "STORY=1")
    assert "+state: shipping" in make("diff", "STORY=1")
    assert make("graph", "STORY=1").startswith("stateDiagram-v2")
    assert "story 1 (shipping) waits for a person" in make("run", "PACK=docs/stories")
    assert "┄" not in make("timeline", "PACK=docs/stories")
    assert "┄" in make("timeline", "PLAN=1")
    assert "wrote docs/stories/story-5-login/story.md" in make("story", "STORY=5", "NAME=login")


def test_new_writes_a_story_from_the_template(raw: Path) -> None:
    """A story and its prompts appear with their numbers filled in, and can be adopted at once."""
    ran = run(raw, "new", "5", "log-in", "--json")
    assert ran.code == 0
    written = ran.data["written"]
    assert f"{Path(STORY).parents[1]}/story-5-log-in/story.md" in written
    assert len(written) == 4
    for name in written:
        text = (raw / name).read_text()
        assert not re.search(r"<(n|name|title|prev)>", text), name
        assert "-N." not in name
    assert [row["id"] for row in run(raw, "status", "--json").data["stories"]] == ["1", "5"]
    assert run(raw, "adopt", "--story", "5").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("five", "login"), "'five' is no story id"),
        (("5", "Log In"), "'Log In' is no story name"),
        (("1", "other"), "story 1 is there already: docs/stories/story-1-file"),
        (("5", "login", "--pack", "nowhere"), "there is no pack 'nowhere'; there are docs/stories"),
        (("../5", "login"), "is no story id"),
    ],
)
def test_new_refuses_what_cannot_be(raw: Path, words: tuple[str, ...], said: str) -> None:
    """A bad id or name, a taken id, an unknown pack: nothing is written."""
    before = tree(raw)
    ran = run(raw, "new", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert tree(raw) == before


def test_adopt_adds_front_matter_and_checklist_only(raw: Path) -> None:
    """Git sees added lines and nothing else; odd line ends and foreign marks stay; a second run does nothing."""
    old = (raw / STORY).read_bytes()
    ran = run(raw, "adopt", "--json")
    assert (ran.code, ran.envelope["outcome"], ran.data) == (0, "moved", {"written": [STORY]})
    new = (raw / STORY).read_bytes()
    assert old in new
    numbers = [row.split("\t") for row in git(raw, "diff", "--numstat").splitlines()]
    assert {(deleted, Path(name).name) for _, deleted, name in numbers} == {("0", "story.md"), ("0", "journal.jsonl")}
    added = new.replace(old, b"").decode()
    assert re.fullmatch(
        r'---\r?\nstate: drafted\r?\nmachine: slice\r?\nupdated: "[^"]+"\r?\n---\r?\n\s*## Story 1 Execution Checklist'
        r"\s+### Work\s+- \[ \] File written\r?\n- \[ \] Gate passes\r?\n- \[ \] Shipped \(human\)\s*",
        added,
    )
    before = tree(raw)
    again = run(raw, "adopt", "--json")
    assert (again.code, again.envelope["outcome"], again.data) == (0, "ok", {"written": []})
    assert run(raw, "adopt").out == "nothing to adopt\n"
    assert tree(raw) == before


def test_adopt_takes_the_stories_that_are_named(raw: Path) -> None:
    """`--story` names them; an unknown one names the known; `--machine` chooses the life."""
    shutil.copytree(raw / "docs/stories/story-1-file", raw / "docs/stories/story-2-more")
    commit(raw, "two")
    ran = run(raw, "adopt", "docs/stories", "--story", "2", "--machine", "infrastructure")
    assert ran.out == "adopted docs/stories/story-2-more/story.md\n"
    assert "machine: infrastructure\n" in (raw / "docs/stories/story-2-more/story.md").read_text()
    before = tree(raw)
    for words, said in (
        (("--story", "9"), "there is no story '9' in docs/stories; there are 1, 2."),
        (("nowhere",), "there is no pack 'nowhere'"),
    ):
        ran = run(raw, "adopt", *words)
        assert ran.code == 2
        assert said in ran.err
    ran = run(raw, "adopt", "--machine", "nonsense")
    assert ran.code == 1
    assert "there is no machine 'nonsense'; there are infrastructure, slice, story." in ran.err
    assert tree(raw) == before
