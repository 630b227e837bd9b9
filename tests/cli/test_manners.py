"""What holds for every verb: help, exit codes, one line of error, nothing but the result on stdout, no colour."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from tests.cli.run import run, spawn, state_home

VERBS = ["init", "new", "adopt", "status", "check", "explain", "advance", "decide", "diff", "graph", "timeline"]
MACHINE_VERBS = [("machine", "check"), ("machine", "schema"), ("machine", "list")]
JSON_VERBS = [
    ("status", "nowhere"),
    ("check", "9"),
    ("advance", "9"),
    ("explain", "9"),
    ("decide", "9"),
    ("timeline", "9"),
    ("adopt", "nowhere"),
    ("new", "x", "y"),
    ("machine", "check", "nonsense"),
]


@pytest.mark.parametrize("words", [*((verb,) for verb in VERBS), *MACHINE_VERBS], ids=" ".join)
def test_help_has_an_example(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Each verb says what it does, and shows how."""
    ran = run(tmp_path, *words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: story {' '.join(words)}" in ran.out
    assert "Example" in ran.out
    assert f"story {' '.join(words)}" in ran.out.split("Example")[1]


def test_help_lists_every_verb(tmp_path: Path) -> None:
    """`story --help` names them all; `story` alone does the same and is a usage error."""
    ran = run(tmp_path, "--help")
    assert ran.code == 0
    for verb in (*VERBS, "machine"):
        assert f"\n  {verb} " in ran.out
    alone = run(tmp_path)
    assert alone.code == 2
    assert "Usage: story" in alone.err + alone.out


def test_version(tmp_path: Path) -> None:
    """The version is the package's."""
    assert run(tmp_path, "--version").out == f"story {engine.__version__}\n"
    assert spawn(tmp_path, "--version").out == f"story {engine.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("advnce", "1"), "advnce"),
        (("advance",), "'story'"),
        (("advance", "1", "--stp"), "--stp"),
        (("diff", "1", "--step", "x"), "'--step'"),
        (("machine", "chek"), "chek"),
        (("new", "5"), "'name'"),
    ],
)
def test_wrong_usage_is_one_line(adopted: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, one line that names the wrong word; other programs get the envelope."""
    ran = run(adopted, *words)
    assert (ran.code, ran.out) == (2, "")
    [line] = ran.err.splitlines()
    assert line.startswith("story: ")
    assert said in line
    told = run(adopted, *words, "--json")
    assert told.code == 2
    assert told.envelope["outcome"] == "refused"


@pytest.mark.parametrize("words", JSON_VERBS, ids=" ".join)
def test_refusals_carry_the_envelope(adopted: Path, words: tuple[str, ...]) -> None:
    """`--json` puts the error into the envelope on stdout and the line on stderr."""
    ran = run(adopted, *words, "--json")
    assert ran.code in (1, 2)
    assert ran.envelope["outcome"] == "refused"
    assert ran.envelope["command"] == " ".join(words[: 2 if words[0] == "machine" else 1])
    assert ran.err == f"story: {ran.data['error']}\n"


def test_a_reply_has_its_form(adopted: Path) -> None:
    """`--reply` takes ROLE=FILE of a role that the story awaits."""
    for words, said in ((("--reply", "x"), "ROLE=FILE"), (("--reply", "writer=x.md"), "awaits no reply of 'writer'")):
        ran = run(adopted, "advance", "1", *words)
        assert ran.code == 2
        assert said in ran.err


def test_the_repository_is_found_from_below(adopted: Path) -> None:
    """Verbs work in every folder of the repository."""
    here = adopted / "docs/stories/story-1-file"
    env = {"XDG_STATE_HOME": str(state_home(adopted))}
    assert run(here, "status", env=env).out == run(adopted, "status").out
    assert run(here, "explain", ".", env=env).out.startswith("story 1 is drafted")


def test_errors_are_coloured_on_a_terminal_only(adopted: Path) -> None:
    """In a pipe and with NO_COLOR there is no escape code, in what is said and in what goes wrong."""
    for words in (("check",), ("advance", "9"), ("status",)):
        ran = spawn(adopted, *words, env={"NO_COLOR": "1"})
        assert "\x1b" not in ran.out + ran.err
        assert "\x1b" not in spawn(adopted, *words).err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_shell_completion(adopted: Path) -> None:
    """The shell can be taught the verbs, and is told those that fit."""
    folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    script = subprocess.run(
        ["bash", "-c", "story --show-completion bash; true"],
        cwd=adopted,
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "_STORY_COMPLETE=complete_bash" in script
    asked = {**env, "_STORY_COMPLETE": "complete_bash", "COMP_WORDS": "story ad", "COMP_CWORD": "1"}
    done = subprocess.run(["story"], cwd=adopted, env=asked, capture_output=True, text=True, check=False, timeout=60)
    assert {"adopt", "advance"} <= set(done.stdout.split())
