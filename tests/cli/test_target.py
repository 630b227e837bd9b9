"""Which story is meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.run import run, tree
from tests.faults.slice_repo import CONFIG

FIRST, SECOND = "docs/epics/01-one/stories", "docs/epics/02-two/stories"


@pytest.fixture
def packs(raw: Path) -> Path:
    """Two packs with a story 4 each, and a story 5 in the second; nothing is adopted."""
    (raw / "story.toml").write_text(CONFIG.replace('paths = ["docs/stories"]\n', ""))
    shutil.rmtree(raw / "docs/stories")
    for pack, number, name in ((FIRST, 4, "a"), (SECOND, 4, "b"), (SECOND, 5, "c")):
        home = raw / f"{pack}/story-{number}-{name}"
        home.mkdir(parents=True)
        (home / "story.md").write_text(f"# Story {number}: The {name}\n")
    return raw


def title(root: Path, spoken: str) -> str:
    """The path of the story that is meant, by what explain or the refusal says."""
    return (lambda ran: ran.out or ran.err)(run(root, "explain", spoken))


def test_an_id_that_is_adopted_once_is_enough(packs: Path) -> None:
    """`4` means the adopted one of two."""
    assert run(packs, "adopt", "02").code == 0
    assert run(packs, "explain", "4").out.startswith("story 4 is drafted")
    assert run(packs, "graph", "5").code == 0


@pytest.mark.parametrize("adopt", [True, False])
def test_an_id_in_two_packs_is_an_error_that_names_both(packs: Path, adopt: bool) -> None:
    """Both packs are named, each with what to say instead; saying it works."""
    if adopt:
        assert run(packs, "adopt").code == 0
    before = tree(packs)
    ran = run(packs, "advance", "4")
    assert (ran.code, ran.out) == (2, "")
    [line] = ran.err.splitlines()
    assert f"{FIRST} (STORY=01/4) and {SECOND} (STORY=02/4)" in line
    assert tree(packs) == before
    if adopt:
        for spoken in ("01/4", "02/4", f"{FIRST}/4", "01-one/4"):
            assert run(packs, "explain", spoken).code == 0, spoken
        assert f"{SECOND}/story-4-b" in run(packs, "decide", "02/4").out


def test_packs_whose_numbers_are_the_same_are_named_by_their_paths(packs: Path) -> None:
    """What is proposed always chooses one."""
    (packs / "docs/epics/02-two").rename(packs / "docs/epics/01-two")
    other = SECOND.replace("02-two", "01-two")
    ran = run(packs, "explain", "4")
    assert f"(STORY={FIRST}/4) and {other} (STORY={other}/4)" in ran.err
    assert f"{other}/story-4-b/story.md:1: the story is not adopted" in run(packs, "explain", f"{other}/4").err


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/story.md", "./{}"])
def test_a_path_means_its_story(packs: Path, form: str) -> None:
    """A folder or its story.md, relative to where one stands, or absolute."""
    home = f"{SECOND}/story-4-b"
    assert run(packs, "adopt").code == 0
    assert home in run(packs, "decide", form.format(home)).out
    assert home in run(packs, "decide", str(packs / home)).out
    assert home in run(packs / SECOND, "decide", form.format("story-4-b")).out


def test_unknown_names_list_the_known(packs: Path) -> None:
    """An id, a pack or a path that is not there: exit code 2, and what there is."""
    for spoken, said in (
        ("9", "there is no story '9'; there are 4, 5."),
        ("03/4", "there is no story '03/4'"),
        ("docs", "'docs' is no story of this repository"),
        ("docs/nowhere/story.md", "there is no story 'docs/nowhere/story.md'"),
        ("", "there is no story ''"),
    ):
        ran = run(packs, "explain", spoken)
        assert (ran.code, ran.out) == (2, ""), spoken
        assert said in ran.err


def test_a_folder_that_is_called_like_an_id_is_no_hindrance(packs: Path) -> None:
    """`5` means story 5, though there is a folder `5` as well."""
    (packs / "5").mkdir()
    run(packs, "adopt")
    assert run(packs, "explain", "5").out.startswith("story 5 is drafted")


def test_an_id_that_is_there_twice_in_one_pack_is_an_error(packs: Path) -> None:
    """Neither of the two is taken by chance, not even by its path."""
    shutil.copytree(packs / SECOND / "story-5-c", packs / SECOND / "story-5-d")
    for spoken in ("5", f"{SECOND}/story-5-d"):
        ran = run(packs, "explain", spoken)
        assert ran.code == 2
        assert "story '5' is there 2 times" in ran.err
        assert "story-5-c" in ran.err
        assert "story-5-d" in ran.err


def test_a_pack_is_named_by_a_part_of_its_path(packs: Path) -> None:
    """`status 02` and `status docs/epics/02-two` show that pack's stories only."""
    for spoken in ("02", "02-two", "docs/epics/02-two", SECOND):
        rows = run(packs, "status", spoken, "--json").data["stories"]
        assert [(row["pack"], row["id"]) for row in rows] == [(SECOND, "4"), (SECOND, "5")]
    ran = run(packs, "status", "03")
    assert ran.code == 2
    assert f"there is no pack '03'; there are {FIRST}, {SECOND}." in ran.err
    assert f"{SECOND}/4" in run(packs, "status").out


def test_stories_that_are_files_are_named_by_their_files(raw: Path) -> None:
    """In a pack with one file a story, the path of the file means it, and its evidence lies beside it."""
    shutil.rmtree(raw / "docs/stories")
    (raw / "docs/stories").mkdir()
    for number, name in (("01", "one"), ("02", "two")):
        (raw / f"docs/stories/{number}-{name}.md").write_text(f"# Story {number}: {name}\n\n**AC-1.{number[1]}:** x\n")
    assert run(raw, "adopt").code == 0
    assert run(raw, "explain", "docs/stories/02-two.md").out.startswith("story 2 is drafted")
    assert run(raw, "explain", "2").code == 0
    assert (raw / "docs/stories/02-two.evidence/journal.jsonl").exists()
    assert run(raw, "explain", "docs/stories").code == 2
