"""AC → TC → story → prompt: tiny packs, one truth each."""

from __future__ import annotations

import pytest
from tiny import STORY, Tiny

LATER = STORY.replace("Story 1", "Story 2").replace("prompt-1", "prompt-2").replace("AC-1.1", "AC-2.1")


def with_later(taken: str = "") -> Tiny:
    """The tiny pack with a story 2 that tests what *taken* names."""
    pack = Tiny().add("spec.md", "**AC-2.1:** It closes\n- **TC-2.1a: closes**\n")
    text = LATER.replace("TC-1.1a, TC-1.1b", f"TC-2.1a {taken}").replace("Story 0 complete", "Story 1 complete")
    pack.files["2/story.md"] = text.replace("`src/desk.ts`", "`src/close.ts`").replace("desk.test", "close.test")
    for name in ("1-skeleton-red", "2-green", "R-verify"):
        number = name.split("-")[0]
        body = pack.files[f"1/prompt-1.{name}.md"].replace(f"Prompt 1.{number}", f"Prompt 2.{number}")
        pack.files[f"2/prompt-2.{name}.md"] = body.replace("TC-1.1b", "TC-2.1a")
    return pack


def test_two_stories_are_clean() -> None:
    """What the other tests start from has no problem."""
    assert with_later().found() == []


def test_an_ac_is_covered_by_its_tcs() -> None:
    """A story that tests an AC's TCs need not list the AC."""
    assert Tiny().replace("1/story.md", "- AC-1.1\n", "- see below\n").found() == []


def test_a_tc_without_a_story_is_reported_at_its_definition() -> None:
    """The spec's line is the place."""
    assert Tiny().add("spec.md", "- **TC-1.1c: thrice**\n").found() == ["C203 spec.md:5"]


def test_an_uncovered_ac_is_reported_without_its_tcs() -> None:
    """One root cause, one problem."""
    pack = Tiny().add("spec.md", "**AC-4.1:** hums\n- **TC-4.1a: a**\n- **TC-4.1b: b**\n")
    assert pack.found() == ["C202 spec.md:5"]


@pytest.mark.parametrize(
    "said",
    [
        "- TC-1.1c: manual (Lee)",
        "- TC-1.1c is a manual/performance test",
        "Manual TCs:\n- TC-1.1c",
        "| TC | How |\n|---|---|\n| TC-1.1c | manual (Lee) |",
        "- TC-1.1c: Manual / Gorilla",
    ],
)
def test_a_manual_tc_is_owned_but_in_no_prompt(said: str) -> None:
    """TCs may be tested by hand."""
    pack = Tiny().add("spec.md", "- **TC-1.1c: thrice**\n")
    assert pack.replace("1/story.md", "- AC-1.1\n", f"- AC-1.1\n\n{said}\n\n").found() == []


def test_manual_in_a_test_name_is_not_by_hand() -> None:
    """`manual reconnect` is what the test does."""
    pack = Tiny().replace("1/story.md", "- AC-1.1\n", "- TC-1.1b: manual reconnect spawns anew\n")
    assert pack.replace("1/prompt-1.R-verify.md", "- TC-1.1b", "").found() == ["C207 1/story.md:5"]


@pytest.mark.parametrize(
    "said",
    [
        "TC-1.1b is deferred to Story 2.",
        "- TC-1.1b: deferred → story 2",
        "TC-1.1b is covered in Story 2.",
        "**TCs:** TC-1.1b (deferred to story 2)",
    ],
)
def test_a_deferred_tc_must_be_taken(said: str) -> None:
    """By the story that was named."""
    for taken, expected in ((", TC-1.1b", []), ("", ["C208"])):
        pack = with_later(taken).replace("1/story.md", ", TC-1.1b", "").replace("1/story.md", "- AC-1.1\n", f"{said}\n")
        if taken:
            pack.add("2/prompt-2.1-skeleton-red.md", "TC-1.1b\n").add("2/prompt-2.R-verify.md", "TC-1.1b\n")
        assert [f.split()[0] for f in pack.found() if f.startswith("C2")] == expected


def test_deferred_to_one_story_and_taken_by_another() -> None:
    """The message names the story that does take it."""
    pack = with_later(", TC-1.1b").replace("1/story.md", ", TC-1.1b", "")
    pack.replace("1/story.md", "- AC-1.1\n", "- TC-1.1b deferred to story 7\n")
    problem = next(p for p in pack.check() if p.code == "C208")
    assert "story 2 takes it" in problem.message


def test_deferred_to_a_story_that_does_not_exist() -> None:
    """The message says so."""
    pack = (
        Tiny()
        .replace("1/story.md", ", TC-1.1b", "")
        .replace("1/story.md", "- AC-1.1\n", "- TC-1.1b → deferred to story 7\n")
    )
    problem = next(p for p in pack.check() if p.code == "C208")
    assert "there is no such story" in problem.message


def test_only_the_last_of_a_list_is_deferred_by_a_note_in_brackets() -> None:
    """`TC-1.1a, TC-1.1b (deferred to story 2)` keeps the first."""
    pack = with_later(", TC-1.1b").replace("1/story.md", "TC-1.1a, TC-1.1b", "TC-1.1a, TC-1.1b (deferred to story 2)")
    pack.add("2/prompt-2.1-skeleton-red.md", "TC-1.1b\n").add("2/prompt-2.R-verify.md", "TC-1.1b\n")
    assert [f for f in pack.found() if f.startswith("C2")] == []


def test_a_deferral_with_an_unknown_id_is_an_unknown_id() -> None:
    """One root cause, one problem."""
    assert Tiny().replace("1/story.md", "- AC-1.1\n", "- TC-7.7a: deferred to story 0\n").found() == [
        "C205 1/story.md:5"
    ]


def test_two_owners_are_fine_where_the_plan_has_two_files() -> None:
    """A TC may be tested at two levels, if the plan says so."""
    pack = with_later(", TC-1.1b")
    pack.add("2/prompt-2.1-skeleton-red.md", "TC-1.1b\n").add("2/prompt-2.R-verify.md", "TC-1.1b\n")
    assert [f for f in pack.found() if f.startswith("C2")] == ["C204 2/story.md:12"]
    pack.files["plan.md"] = "# Plan\n| TC | Test File |\n|---|---|\n| TC-1.1b | `desk.test.ts` + `close.test.ts` |\n"
    assert [f for f in pack.found() if f.startswith("C204")] == []


def test_an_unknown_id_suggests_its_twin() -> None:
    """`AC-1.1b` for `TC-1.1b` is a common slip; ids in a prompt's code count, too."""
    pack = Tiny().add("1/prompt-1.2-green.md", "```\n// AC-1.1b\n```\n").add("overview.md", "AC-1.1b\n")
    (problem,) = pack.check()
    assert (problem.code, problem.file, len(problem.echoes)) == ("C205", "1/prompt-1.2-green.md", 1)
    assert "Is TC-1.1b meant?" in problem.message


def test_ids_in_the_fences_of_other_documents_do_not_count() -> None:
    """A design may draw examples."""
    assert Tiny().add("overview.md", "```\nTC-9.9z\n```\n").found() == []


def test_ranges_are_expanded() -> None:
    """`TC-1.1a-b` in a prompt names both."""
    assert Tiny().replace("1/prompt-1.R-verify.md", "- TC-1.1a\n- TC-1.1b", "- TC-1.1a-b").found() == []


def test_a_plan_that_maps_little_is_not_asked_for_the_rest() -> None:
    """Only a plan that maps most TCs must map them all."""
    spec = "".join(f"- **TC-1.1{x}: more**\n" for x in "cd")
    pack = Tiny().add("spec.md", spec).replace("1/story.md", "TC-1.1b", "TC-1.1b, TC-1.1c, TC-1.1d")
    for name in ("1/prompt-1.1-skeleton-red.md", "1/prompt-1.R-verify.md"):
        pack.add(name, "TC-1.1c TC-1.1d\n")
    pack.files["plan.md"] = "# Plan\n| TC | Where |\n|---|---|\n| TC-1.1a | x |\n"
    assert pack.found() == []
    pack.add("plan.md", "| TC-1.1b | x |\n| TC-1.1c | x |\n")
    assert pack.found() == ["C211 spec.md:6"]


def test_a_spec_may_define_its_ids_in_a_table_or_in_plain_lines() -> None:
    """Bold and headings count first; where an id has neither, a table row or a plain line does."""
    pack = Tiny()
    pack.files["spec.md"] = "# Spec\nAC-1.1: opens\n| TC | Text |\n|---|---|\n| TC-1.1a | once |\n| TC-1.1b | twice |\n"
    assert pack.found() == []


def test_a_story_file_defines_and_owns() -> None:
    """With a file per story, definitions are ownership; a second one is a second owner."""
    pack = Tiny()
    pack.layout = "files"
    pack.files = {
        "overview.md": "# Overview\n",
        "1/story.md": "# Story 1\n**AC-1.1:** opens\n- **TC-1.1a: once**\n- **Story total:** 1 tests\n",
        "2/story.md": "# Story 2\n**AC-2.1:** closes\n- **TC-2.1a: once**\n- **TC-1.1a: again**\n",
    }
    assert pack.found() == ["C204 2/story.md:4"]
    assert pack.add("2/story.md", "**AC-1.1:** opens\n").found() == ["C204 2/story.md:4", "C209 2/story.md:5"]
