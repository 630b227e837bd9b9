"""Structure, order and marks: tiny packs, one truth each."""

from __future__ import annotations

import pytest
from tiny import STORY, Tiny, prompt

from engine.checks import check_pack


def test_the_tiny_pack_is_clean() -> None:
    """What the other tests start from has no problem."""
    assert Tiny().found() == []


def test_a_pack_without_stories_has_no_problem() -> None:
    """Nothing is asked of an empty pack."""
    assert check_pack(Tiny().pack().model_copy(update={"stories": ()}), lambda _: False) == []


def test_a_setup_story_needs_no_red_and_green() -> None:
    """A story with a set-up prompt is set up and verified; without, story 0 is taken for one."""
    assert Tiny().drop("0/prompt-0.1-setup.md").found() == ["C102 0/story.md:8"]
    assert Tiny().drop("0/prompt-0.R-verify.md").found() == ["C102 0/story.md:9"]


def test_an_extra_prompt_is_welcome() -> None:
    """`prompt-1.1b-…` is no fault, and may hold TCs that the red prompt lacks."""
    pack = Tiny().replace("1/prompt-1.1-skeleton-red.md", "- TC-1.1b", "")
    assert pack.found() == ["C206 1/story.md:12"]
    assert pack.add("1/prompt-1.1b-more.md", prompt("1.1b", "Test TC-1.1b")).found() == []


def test_a_missing_prompt_is_one_problem() -> None:
    """Listed and missing is not also a dead reference."""
    assert Tiny().drop("1/prompt-1.2-green.md").found() == ["C102 1/story.md:17"]


def test_a_prompt_listed_under_another_name_is_missing_by_that_name() -> None:
    """The remedy names the prompt that story.md lists."""
    pack = Tiny().drop("1/prompt-1.2-green.md").replace("1/story.md", "1.2-green", "1.2-implement")
    (problem,) = pack.check()
    assert problem.remedy == "Write prompt-1.2-implement.md."


def test_only_the_title_is_asked_for_its_number() -> None:
    """Other stories may be named in later headings, and a title without a number is fine."""
    assert Tiny().add("1/prompt-1.R-verify.md", "### No regressions -- Story 0\n").found() == []
    assert Tiny().replace("1/prompt-1.R-verify.md", "# Prompt 1.R", "# Final checks").found() == []


@pytest.mark.parametrize("title", ["# Prompt 2.R", "# Prompt 1.2", "# Prompt 1.R: Story 2 Verification"])
def test_a_prompt_title_with_another_number(title: str) -> None:
    """Story and phase both count."""
    assert Tiny().replace("1/prompt-1.R-verify.md", "# Prompt 1.R", title).found() == ["C105 1/prompt-1.R-verify.md:1"]


def test_a_second_title_with_the_same_number_is_an_echo() -> None:
    """One slip of the pen is one problem."""
    pack = Tiny().replace("1/story.md", "# Story 1", "# Story 2").add("1/story.md", "# Story 2 again\n")
    (problem,) = pack.check()
    assert [e.line for e in problem.echoes] == [21]


def test_the_twin_of_a_story_is_checked_no_further() -> None:
    """Two stories with one id are one problem."""
    pack = Tiny()
    pack.files["1~twin/story.md"] = "# Story 7\n"
    assert pack.found() == ["C106 1~twin/story.md:1"]


def test_front_matter_is_not_text() -> None:
    """A story of nothing but front matter is empty."""
    pack = Tiny()
    pack.files["1/story.md"] = "---\nstate: drafted\n---\n# Story 1\n"
    assert "C101 1/story.md:1" in pack.found()


def test_depends_on_overrules_the_order() -> None:
    """What front matter declares may be required, though it comes later."""
    pack = Tiny().replace("0/story.md", "## Prerequisites\n", "## Prerequisites\n- Story 1 complete\n")
    assert pack.found() == ["C401 0/story.md:3"]
    pack.files["0/story.md"] = "---\ndepends_on: 1\n---\n" + pack.files["0/story.md"]
    assert pack.found() == []


@pytest.mark.parametrize(
    "line",
    [
        "- Story 2 is not a dependency, so complete it whenever",
        "- Story 1 builds on this",
        "- `Story 9 complete` is printed",
    ],
)
def test_a_story_that_is_only_mentioned_is_not_required(line: str) -> None:
    """Naming a later story is no requirement."""
    assert Tiny().replace("0/story.md", "## Prerequisites\n", f"## Prerequisites\n{line}\n").found() == []


def test_an_unknown_story_cannot_be_required() -> None:
    """`Story 8 complete` of a pack without story 8."""
    assert Tiny().replace("1/story.md", "Story 0 complete", "Story 8 complete").found() == ["C401 1/story.md:3"]


def test_a_verify_prompt_may_require_its_own_story() -> None:
    """The green phase of the same story comes before its verification."""
    text = "**Prerequisites complete:**\n- Story 1 complete\n\nGo on.\n"
    assert Tiny().replace("1/prompt-1.R-verify.md", "A desk.\n", text).found() == []


def test_a_circle_is_reported_once() -> None:
    """A circle through two stories is one problem with one echo; story 2 only leads into it."""
    pack = Tiny()
    pack.files["2/story.md"] = "---\ndepends_on: [0]\n---\n" + STORY.replace("Story 1", "Story 2")
    for story, needs in (("0", "1"), ("1", "0")):
        pack.files[f"{story}/story.md"] = f"---\ndepends_on: [{needs}]\n---\n" + pack.files[f"{story}/story.md"]
    circles = [p for p in pack.check() if p.code == "C108"]
    assert [(p.file, p.line, len(p.echoes)) for p in circles] == [("0/story.md", 2, 1)]


def test_a_graph_is_only_read_in_its_section() -> None:
    """A fence elsewhere that names stories is no dependency graph."""
    assert Tiny().add("overview.md", "## Layout\n```\nStory 1\nStory 0\n```\n").found() == []
    assert Tiny().add("overview.md", "## Order\n```\nStory 1\nStory 0\n```\n").found() == ["C402 overview.md:5"]


def test_near_misses_and_foreign_marks_are_told_apart() -> None:
    """Both would be passed over by a guard."""
    pack = Tiny().add("1/story.md", "\n- [] one\n- [~] two\n- [ ] three\n")
    assert pack.found() == ["C701 1/story.md:22", "C702 1/story.md:23"]


def test_a_long_near_miss_is_quoted_in_part() -> None:
    """Messages stay short."""
    (problem,) = Tiny().add("1/story.md", f"\n- [] {'long ' * 40}\n").check()
    assert "…" in problem.message
    assert len(problem.message) < 120


def test_what_the_engine_writes_is_not_checked() -> None:
    """Counts and placeholders in the log are history."""
    log = "## Story 1 Execution Checklist\n### Log\n| When | Why |\n|---|---|\n| now | TODO 99 tests pass |\n"
    assert Tiny().add("1/story.md", log).found() == []
