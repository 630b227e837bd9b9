"""Files of durations: read strictly, with the line of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import FormatError
from engine.files.durations import SHIPPED, read_durations
from engine.files.machine_file import find_machine, read_machine

ROOT = Path(__file__).parents[2]
STATES = ("red", "gorilla")
OPTIONS = {"approve": ("approve", "abandon")}


def test_what_ships_names_what_the_shipped_machine_has() -> None:
    """The shipped file sets every key, and names only states, decisions and options of the shipped machine."""
    machine = read_machine(find_machine("story")).machine
    options = {name: [*decision.options] for name, decision in machine.decisions.items()}
    read = read_durations(SHIPPED, states=machine.states, options=options)
    assert all(value is not None for value in read.default.model_dump().values())


def test_the_documents_show_what_ships() -> None:
    """docs/pipeline.md holds the shipped file, word for word."""
    assert f"```toml\n{SHIPPED.read_text('utf-8')}```" in (ROOT / "docs/pipeline.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("[default]\nagent = -1\n", 2, "default.agent: write minutes, [shortest, longest] or {median"),
        ("[default]\n\nagent = [4, 2]\n", 3, "default.agent: write minutes"),
        ("[default]\ngate = {median = 4, spread = 0.5}\n", 2, "default.gate: write minutes"),
        ("[default]\ngate = nan\n", 2, "default.gate: write minutes"),
        ("[phases.execution]\nfails = 1.5\n", 2, "phases.execution.fails: Input should be less than or equal to 1."),
        ("[default]\nagnet = 1\n", 2, "unknown key 'default.agnet'; allowed are 'agent', 'gate'"),
        ("[defaults]\nagent = 1\n", 1, "unknown key 'defaults'; allowed are 'default', 'phases'"),
        ("[phases.exec]\nagent = 1\n", 1, "phases.exec"),
        ("[states.rde]\nagent = 1\n", 1, "'states.rde' is in no machine; there are 'gorilla', 'red'."),
        ("[answers.aprove]\nabandon = 1\n", 1, "'answers.aprove' is in no machine; there are 'approve'."),
        ("[answers.approve]\nabanden = 1\n", 2, "'answers.approve.abanden' is in no machine; there are 'abandon'"),
        ("[default]\nagent = \n", 2, "not TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    """A misspelt name or a number that cannot be is refused, and its line is named."""
    path = tmp_path / "slow.toml"
    path.write_text(text)
    with pytest.raises(FormatError) as refused:
        read_durations(path, states=STATES, options=OPTIONS)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert told in str(refused.value)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A file that is not there, or is not text, is an error with its path."""
    with pytest.raises(FormatError, match=r"gone\.toml: cannot be read: No such file"):
        read_durations(tmp_path / "gone.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(FormatError, match=r"bytes\.toml: this is not UTF-8"):
        read_durations(tmp_path / "bytes.toml")
