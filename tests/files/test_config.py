"""story.toml: every key checked, every mistake told with its line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FormatError
from engine.files.config import Config, read_config
from tests.rounds import rounds

FULL = """\
[packs]
paths = ["docs/stories"]
machine = "story"
machines = {"0" = "infrastructure"}

[gates.tests]
run = ["npm test -- {report}", "npm run e2e"]
junit = "out/*.xml"
timeout = "10m"

[gates.lint]
run = "npm run lint"

[roles.engineer]
agent = "scripted"
script = "script.yaml"

[limits]
steps = 5

[standing]
effort = "blockers only"
by = "Ana"
"""


def read(folder: Path, text: str) -> Config:
    (folder / "docs/stories").mkdir(parents=True, exist_ok=True)
    (folder / "story.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    return read_config(folder)


def refused(folder: Path, text: str) -> FormatError:
    with pytest.raises(FormatError) as error:
        read(folder, text)
    assert error.value.path == "story.toml"
    assert "\n" not in str(error.value)
    return error.value


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    """A repository without story.toml, or with an empty one, has the defaults."""
    assert read_config(tmp_path) == Config() == read(tmp_path, "")
    assert Config().packs.machine == "story"


def test_everything_that_may_be_said_is_read(tmp_path: Path) -> None:
    """All tables and keys are read; one command or path may stand without a list."""
    config = read(tmp_path, FULL)
    assert config.packs.paths == ("docs/stories",)
    assert config.packs.machines == {"0": "infrastructure"}
    assert config.gates["tests"].run == ("npm test -- {report}", "npm run e2e")
    assert config.gates["tests"].junit == ("out/*.xml",)
    assert config.gates["lint"].run == ("npm run lint",)
    assert config.gates["lint"].timeout == "15m"
    assert (config.roles["engineer"].agent, config.roles["engineer"].script) == ("scripted", "script.yaml")
    assert (config.limits.steps, config.standing.effort) == (5, "blockers only")


UNKNOWN = [
    ("[gate.tests]\nrun = 'x'\n", 1, "unknown key 'gate'", "'gates'"),
    ("\n[packs]\npath = []\n", 3, "unknown key 'packs.path'", "'paths'"),
    ("[gates.tests]\nrun = 'x'\ntimeot = '1m'\n", 3, "unknown key 'gates.tests.timeot'", "'timeout'"),
    ("[roles.engineer]\nagnet = 'person'\n", 2, "unknown key 'roles.engineer.agnet'", "'agent'"),
    ("[limits]\nstep = 3\n", 2, "unknown key 'limits.step'", "'steps'"),
    ("[standing]\neffert = 'all'\n", 2, "unknown key 'standing.effert'", "'effort'"),
]


@pytest.mark.parametrize(("text", "line", "what", "near"), UNKNOWN)
def test_an_unknown_key_is_told_with_what_is_meant(tmp_path: Path, text: str, line: int, what: str, near: str) -> None:
    """An unknown key is named at its line, with all that are allowed and the nearest of them."""
    error = refused(tmp_path, text)
    assert error.line == line
    assert what in error.message
    assert near in error.message.split("allowed are")[1]
    assert error.remedy.endswith(f"Did you mean {near}?")


def test_a_key_far_from_all_others_has_no_guess(tmp_path: Path) -> None:
    """Where no key is near, none is suggested."""
    assert refused(tmp_path, "zzzzzz = 1\n").remedy == "Correct or remove it."


WRONG = [
    ("packs = 3\n", 1, "packs: "),
    ("[gates]\ntests = 'npm test'\n", 2, "gates.tests: "),
    ("[gates.tests]\nrun = []\n", 2, "gates.tests.run: "),
    ("[gates.tests]\nrun = 3\n", 2, "gates.tests.run: "),
    ("[gates.tests]\njunit = 'x'\n", 1, "gates.tests.run: "),
    ("[gates.tests]\nrun = 'x'\ntimeout = 10\n", 3, "gates.tests.timeout: "),
    ("[gates.tests]\nrun = 'x'\ntimeout = '10 min'\n", 3, "gates.tests.timeout: "),
    ("[gates.tests]\nrun = 'x'\ntimeout = '0m'\n", 3, "gates.tests.timeout: "),
    ("[roles.engineer]\nagent = 'robot'\n", 2, "roles.engineer.agent: "),
    ("[limits]\nsteps = 0\n", 2, "limits.steps: "),
    ("[standing]\neffort = 'some'\n", 2, "standing.effort: "),
    ("[packs]\nmachines = ['x']\n", 2, "packs.machines: "),
]


@pytest.mark.parametrize(("text", "line", "what"), WRONG)
def test_a_wrong_value_is_told_at_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    """A value of the wrong kind is told with its key and its line."""
    error = refused(tmp_path, text)
    assert error.line == line
    assert error.message.startswith(what)


BROKEN = [
    ("[packs\n", 1),
    ("[packs]\npaths = [\n\n", 4),
    ("[packs]\n\nmachine\n", 3),
    ("a = 1\na = 2\n", 2),
    ("a = " + "9" * 5000, 1),
    ("a = " + "[" * 5000, 1),
    ("a = 2026-99-99\n", 1),
]


@pytest.mark.parametrize(("text", "line"), BROKEN, ids=range(len(BROKEN)))
def test_broken_toml_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    """What is no TOML is told with the line where it breaks."""
    error = refused(tmp_path, text)
    assert "not TOML" in error.message
    assert error.line == line


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are told with their line; a folder in place of the file too."""
    (tmp_path / "story.toml").write_bytes(b"[packs]\n# caf\xe9\n")
    with pytest.raises(FormatError, match=r"story\.toml:2: .*UTF-8"):
        read_config(tmp_path)
    (tmp_path / "a/story.toml").mkdir(parents=True)
    with pytest.raises(FormatError, match=r"story\.toml"):
        read_config(tmp_path / "a")


@pytest.mark.parametrize("path", ["docs/none", "../..", "story.toml", "\\u0000"])
def test_a_pack_that_is_not_there_is_told(tmp_path: Path, path: str) -> None:
    """A path of a pack must be a folder inside the repository."""
    error = refused(tmp_path, f'[packs]\npaths = ["docs/stories", "{path}"]\n')
    assert error.line == 2
    assert error.message.startswith("packs.paths: ")


LINES = st.sampled_from(
    [
        "[packs]",
        "[gates.tests]",
        "[roles.a]",
        "paths = ['x']",
        "run = 'x'",
        "a.b = 1",
        'x = "\\u0000"',
        "[[gates]]",
        "=",
    ]
)


def config_or_refusal(folder: Path, text: str) -> Config | FormatError:
    try:
        return read(folder, text)
    except FormatError as err:
        return err


@settings(max_examples=rounds(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8")) | st.lists(LINES).map("\n".join))
def test_any_text_is_a_configuration_or_refused(tmp_path: Path, text: str) -> None:
    """Whatever story.toml holds, it is a configuration or a FormatError with a line of the file."""
    said = config_or_refusal(tmp_path, text)
    assert isinstance(said, Config | FormatError)
    if isinstance(said, FormatError) and said.line is not None:
        assert 1 <= said.line <= text.count("\n") + text.count("\r") + 1


@pytest.mark.parametrize("by", ["", 'by = " "\n'])
def test_leaving_issues_needs_a_name(tmp_path: Path, by: str) -> None:
    """The standing answer `blockers only` is refused without who gives it, with the line and what to write."""
    error = refused(tmp_path, f'[standing]\n{by}effort = "blockers only"\n')
    assert error.line == (3 if by else 2)
    assert 'Write who: `by = "Ana"` under [standing].' in str(error)
    assert read(tmp_path, '[standing]\neffort = "all"\n').standing.by == ""
