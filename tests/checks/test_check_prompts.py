"""Self-contained prompts, placeholders and references: tiny packs, one truth each."""

from __future__ import annotations

import pytest
from tiny import STORY, Tiny

GREEN = "1/prompt-1.2-green.md"


@pytest.mark.parametrize(
    "text",
    [
        "See `spec.md` for the flows.",
        "Read docs/design.md first.",
        "- Consult the tech design for names.",
        "1. Refer to the feature spec.",
        "For details, see the test plan.",
        "You must review `docs/prd/goals.md`.",
    ],
)
def test_an_instruction_to_read_elsewhere(text: str) -> None:
    """Whoever executes the prompt would need the document."""
    pack = Tiny().replace(GREEN, "Do it.", text)
    pack.there = {"docs/design.md", "docs/prd/goals.md", "spec.md"}
    assert pack.found() == [f"C501 {GREEN}:5"]


@pytest.mark.parametrize(
    "text",
    [
        "## Reference Documents\nSee `spec.md`.",
        "For the rationale, see `spec.md`.",
        "Do not read the tech design.",
        "Resolve conflicts using the feature spec.",
        "Read `prompt-1.1-skeleton-red.md` and `README.md` first.",
        "Read `src/desk.ts` and follow it.",
        "The tech design's types are inlined below.",
        "```\nSee docs/design.md\n```",
        "If blocked, see the tech design.",
    ],
)
def test_what_does_not_send_the_reader_away(text: str) -> None:
    """References for people, negations, own files and code are fine."""
    pack = Tiny().replace(GREEN, "Do it.", text)
    pack.there = {"spec.md"}
    assert pack.found() == []


@pytest.mark.parametrize(
    "text",
    ["TODO", "- TBD", "It is FIXME", "lorem ipsum", "XXX", "{name}", "a <feature-name>", "the <placeholder>",
     "[insert text]", "{{slug}}", "in `docs/story-{n}/story.md`"],
)  # fmt: skip
def test_placeholders(text: str) -> None:
    """Template text that was left."""
    assert Tiny().replace(GREEN, "Do it.", text).found() == [f"C502 {GREEN}:5"]


@pytest.mark.parametrize(
    "text",
    ["No TODO comments remain", "Mark it with `// TODO: wire`", "```\nTODO {name}\n```", "a <details>",
     "`<name>`", "a < b > c", "TODO comments are removed", "<!-- TODO -->", "<!-- a\nTODO\nb --> fine", "f(`{ id }`)",
     "[add](story.md)", "~~~\nTBD\n~~~", "without any FIXME", "    ```\n    XXX\n    ```"],
)  # fmt: skip
def test_what_is_no_placeholder(text: str) -> None:
    """Code, comments, tags and talk about placeholders."""
    assert Tiny().replace(GREEN, "Do it.", text).found() == []


def test_a_comment_may_end_before_text() -> None:
    """What follows a comment on its last line counts."""
    assert Tiny().replace(GREEN, "Do it.", "<!-- a\nb --> TBD").found() == [f"C502 {GREEN}:6"]
    assert Tiny().replace(GREEN, "Do it.", "TBD <!-- a\nb -->").found() == [f"C502 {GREEN}:5"]


def test_a_missing_document_is_one_problem() -> None:
    """All who name it are echoes, and a document of a like name is suggested."""
    pack = Tiny().add("overview.md", "- `docs/spec-mvp.md`\n").add(GREEN, "[it](docs/spec-mvp.md#flows)\n")
    (problem,) = pack.check()
    assert (problem.code, problem.file, problem.line, len(problem.echoes)) == ("C602", "overview.md", 2, 1)
    assert problem.remedy == "Correct the path, perhaps to spec.md."


@pytest.mark.parametrize(
    "text",
    ["`docs/a.md`", "[a](../docs/a.md)", "[a](docs/a.md:12)", "`~/notes/a.md`", "`/etc/a.md`",
     "`docs/{x}.md`", "`docs/*.md`", "`docs/story-N/story.md`", "<https://example.com/a.md>", "[a](https://example.com/a.md)",
     "`a.md`", "```\n`docs/b.md`\n```"],
)  # fmt: skip
def test_references_that_are_fine(text: str) -> None:
    """There, outside of the repository, or no path at all."""
    pack = Tiny().add(GREEN, text + "\n")
    pack.there = {"docs/a.md"}
    assert [f for f in pack.found() if f.startswith("C6")] == []


def test_a_document_that_a_story_writes_is_no_dead_reference() -> None:
    """Its Files section says so."""
    pack = (
        Tiny()
        .replace("1/story.md", "- `src/desk.ts`", "- `src/desk.ts`\n- `docs/guide.md`")
        .add(GREEN, "`docs/guide.md`\n")
    )
    assert pack.found() == []


def test_a_prompt_that_does_not_exist() -> None:
    """In code or as a link; a pattern with N is no name."""
    pack = Tiny().add("overview.md", "`prompt-N.2-green.md`\n[x](prompt-1.3-x.md) `prompt-1.3-x.md`\n")
    assert pack.found() == ["C601 overview.md:3"]


MODIFIED = "\n### Modified Files\n| File | Changes |\n|---|---|\n| `src/{}.ts` | wire |\n## Test Breakdown"


def test_a_file_that_nobody_creates_cannot_be_modified() -> None:
    """Later stories that modify it, too, are echoes."""
    pack = Tiny().replace("1/story.md", "## Test Breakdown", MODIFIED.format("lost"))
    pack.files["2/story.md"] = pack.files["1/story.md"].replace("Story 1", "Story 2")
    (problem,) = [p for p in pack.check() if p.code == "C603"]
    assert (problem.file, problem.line, len(problem.echoes)) == ("1/story.md", 13, 1)


def test_files_that_exist_or_were_created_may_be_modified() -> None:
    """On disk, by an earlier story, or by an earlier prompt."""
    for name, there, prompt in (
        ("old", {"src/old.ts"}, ""),
        ("index", set(), ""),
        ("made", set(), "- `src/made.ts` (new)\n"),
    ):
        pack = Tiny().replace("1/story.md", "## Test Breakdown", MODIFIED.format(name))
        pack.there = there
        assert pack.add("0/prompt-0.1-setup.md", prompt).found() == []


def test_after_a_story_without_a_list_of_files_nothing_is_certain() -> None:
    """It may have created any file."""
    pack = Tiny().replace("0/story.md", "- `src/index.ts` (new)\n", "")
    assert pack.replace("1/story.md", "## Test Breakdown", MODIFIED.format("lost")).found() == []


def test_the_kind_of_a_file_may_stand_in_its_row() -> None:
    """Where the heading says both, the row decides."""
    both = STORY.replace(
        "### New Files\n- `src/desk.ts`",
        "### New and Modified Files\n- `src/desk.ts` (new)\n- `src/lost.ts` (modified)\n- `src/some.ts`",
    )
    pack = Tiny()
    pack.files["1/story.md"] = both
    assert pack.found() == ["C603 1/story.md:9"]
