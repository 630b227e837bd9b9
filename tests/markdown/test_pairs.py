"""Before/after pairs under tests/data/markdown: what a person sees in `git diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.markdown.edit import (
    AppendRow,
    Edit,
    InsertSection,
    RemoveKey,
    RemoveSection,
    SetItem,
    SetKey,
    apply_edits,
)

DATA = Path(__file__).parent.parent / "data" / "markdown"
CASES = sorted(path.parent.name for path in DATA.glob("*/edits.yaml"))
KINDS: dict[str, Any] = {
    "set_item": SetItem,
    "set_key": SetKey,
    "remove_key": RemoveKey,
    "insert_section": InsertSection,
    "remove_section": RemoveSection,
    "append_row": AppendRow,
}


def read_case(name: str) -> tuple[bytes, list[Edit], bytes, bool]:
    case = yaml.safe_load((DATA / name / "edits.yaml").read_text(encoding="utf-8"))
    edits = []
    for entry in case["edits"]:
        ((kind, fields),) = entry.items()
        lists = {key: tuple(value) for key, value in fields.items() if key in ("path", "under", "cells") and value}
        edits.append(KINDS[kind](**{**fields, **lists, **({"path": ()} if fields.get("path") == [] else {})}))
    before, after = ((DATA / name / f"{side}.md").read_bytes() for side in ("before", "after"))
    return before, edits, after, case.get("once", False)


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_its_place_and_no_other_byte(name: str) -> None:
    """Every pair: the edits turn before.md into after.md, byte for byte."""
    before, edits, after, _ = read_case(name)
    assert apply_edits(before, edits) == after


@pytest.mark.parametrize("name", CASES)
def test_a_second_run_changes_nothing(name: str) -> None:
    """The same edits on the result change nothing, but for those that add something each time."""
    _, edits, after, once = read_case(name)
    repeatable = [edit for edit in edits if not once or not isinstance(edit, AppendRow | InsertSection)]
    assert apply_edits(after, repeatable) == after


def test_there_are_pairs() -> None:
    """The pairs are found; an empty folder would pass in silence."""
    assert len(CASES) > 25
