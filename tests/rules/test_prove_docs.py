"""docs/machine-format.md says what the source says: every code, every key, and an example that holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from engine.check import check_machine_at
from engine.files.strict_yaml import CODES as FORM
from engine.model import machine as model
from engine.rules.prove import CODES, Flaw

PAGE = (Path(__file__).parents[2] / "docs" / "machine-format.md").read_text(encoding="utf-8")


def table(codes: dict[str, tuple[str, str]]) -> str:
    """The table of codes as the page has to show it."""
    rows = [f"| M{code} | {meaning} | {remedy} |" for code, (meaning, remedy) in codes.items()]
    return "\n".join(["| code | what is wrong | what to do |", "|------|---------------|------------|", *rows])


@pytest.mark.parametrize("codes", [FORM, CODES], ids=["form", "proofs"])
def test_the_tables_of_codes_are_the_sources(codes: dict[str, tuple[str, str]]) -> None:
    """The page holds each code with its meaning and remedy, in the order of the source, and no other."""
    assert table(codes) in PAGE
    assert PAGE.count("\n| M") == len(FORM) + len(CODES)


def test_every_key_of_the_model_is_on_the_page() -> None:
    """Each key that a machine may hold is named on the page."""
    values = [one for one in vars(model).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    keys = {field.alias or name for one in values for name, field in one.model_fields.items()}
    assert {key for key in keys if f"`{key}" not in PAGE and f"{key}:" not in PAGE} == set()


def test_the_example_is_proven(tmp_path: Path) -> None:
    """The page's example is a whole machine without a flaw."""
    path = tmp_path / "note.yaml"
    path.write_text(PAGE.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert check_machine_at(path) == []


def test_a_flaw_tells_itself_in_one_line() -> None:
    """A flaw shows its code, its place, what is wrong and what to do."""
    flaw = Flaw("G01", ("states", "red", "exits", 0), "It is cold.", "Light a fire.")
    assert str(flaw) == "G01 states.red.exits.0: It is cold. Light a fire."
