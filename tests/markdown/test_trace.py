"""The sections of a feature spec: what a story's validation rests on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.markdown.trace import Case, Section, find_ids, spec_sections

PARAGRAPHS = """\
---
title: Spec
---
# Feature

### 1. Flow

#### Acceptance Criteria

**AC-1.1:** The list shows all

- **TC-1.1a: Shown in order**
  - Given: x
- **TC-1.1b (edge)**: None there

**AC-1.1b (addendum):** Hidden ones are not shown

Text that belongs to it, see AC-9.9 and **TC-9.9a**.

- **TC-1.1c: Hidden**

---

**AC-1.2**: after the rule

##### A note of its own

More.

### 2. Next flow

Text of no criterion, **AC-1.1–1.2:** and TC-1.1a: no.

- AC-1.1 (list)
- AC-1.2: covered
- TC-1.2z: of no criterion
"""


def test_paragraph_style() -> None:
    """A criterion runs to the next one, to a rule, or to a heading that is not below it."""
    found = spec_sections(PARAGRAPHS.encode())
    assert list(found) == ["AC-1.1", "AC-1.1b", "AC-1.2"]
    assert (found["AC-1.1"].line, found["AC-1.1b"].line, found["AC-1.2"].line) == (10, 16, 24)
    assert found["AC-1.1"].tcs == (Case("TC-1.1a", 12, "Shown in order"), Case("TC-1.1b", 14, "None there"))
    assert found["AC-1.1b"].text.startswith("**AC-1.1b (addendum):** Hidden")
    assert found["AC-1.1b"].text.endswith("- **TC-1.1c: Hidden**")
    assert found["AC-1.1b"].tcs == (Case("TC-1.1c", 20, "Hidden"),)
    assert found["AC-1.2"].text.endswith("More.")
    assert found["AC-1.2"].tcs == ()


def test_heading_style() -> None:
    """A heading defines a criterion with or without a colon; TC headings below or beside it belong to it."""
    first = "#### AC-2.1: First\ntext\n##### TC-2.1a: one\n#### TC-2.1b two\nb"
    found = spec_sections(f"## A\n{first}\n#### AC-2.2 Second\n#### Other\nx\n".encode())
    assert found["AC-2.1"] == Section("AC-2.1", 2, first, (Case("TC-2.1a", 4, "one"), Case("TC-2.1b", 5, "two")))
    assert found["AC-2.2"] == Section("AC-2.2", 7, "#### AC-2.2 Second", ())


def test_list_style() -> None:
    """A bold id with a colon at the start of a list item defines a criterion; TCs may be plain."""
    text = "- **AC-2.1**: first\n  - TC-2.1a: one\n- **AC-2.2**: second\n\n- AC-2.1: covered\n"
    found = spec_sections(text.encode())
    assert found["AC-2.1"] == Section(
        "AC-2.1", 1, "- **AC-2.1**: first\n  - TC-2.1a: one", (Case("TC-2.1a", 2, "one"),)
    )
    assert found["AC-2.2"].line == 3


@pytest.mark.parametrize(
    "text",
    [
        "```\n**AC-1.1:** a\n```\n",
        "<!-- **AC-1.1:** a -->\n",
        "| **AC-1.1:** | a |\n|---|---|\n",
        "AC-1.1: a\n",
        "**AC-1.1** and AC-1.2 are …\n",
        "**AC-1.1, AC-1.2:** a\n",
        "**AC-1.1 through AC-1.3:** a\n",
        "#### AC-1.1 and AC-1.2\n",
        "text **AC-1.1:** a\n",
    ],
)
def test_what_defines_nothing(text: str) -> None:
    """A mention, a range, a table cell or code defines no criterion."""
    assert spec_sections(text.encode()) == {}


def test_the_first_of_two_definitions_counts() -> None:
    """A criterion defined again does not replace the first; the first ends where the second starts."""
    found = spec_sections(b"**AC-1.1:** a\n\n**AC-1.1:** b\n")
    assert (found["AC-1.1"].line, found["AC-1.1"].text) == (1, "**AC-1.1:** a")


def test_a_change_elsewhere_leaves_a_section_as_it_is() -> None:
    """Text hashes stay when another criterion, the front matter or the line ends change."""
    before = spec_sections(PARAGRAPHS.encode())
    other = PARAGRAPHS.replace("title: Spec", "title: S\nversion: 2").replace("after the rule", "changed")
    after = spec_sections(other.replace("\n", "\r\n").encode())
    assert before["AC-1.1"].text == after["AC-1.1"].text
    assert before["AC-1.2"].text != after["AC-1.2"].text


@pytest.mark.corpus
def test_a_real_spec(corpus: Path) -> None:
    """A real spec's sections hold exactly the ids that the file defines in bold."""
    specs = [path for path in corpus.rglob("*.md") if "spec" in path.name]
    assert specs
    for path in specs:
        raw = path.read_bytes()
        found = spec_sections(raw)
        bold = {line for line in raw.decode().splitlines() if line.startswith(("**AC-", "- **TC-"))}
        cases = [case.id for section in found.values() for case in section.tcs]
        assert len(cases) == len(set(cases))
        assert sorted([*found, *cases]) == sorted(find_ids(line)[0] for line in bold)
