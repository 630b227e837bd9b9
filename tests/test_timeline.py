"""`story timeline` from the disk: real journals, and what becomes of those that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.drawing.text import plain
from engine.timeline import picture_lines, read_timeline
from tests.cli.run import run, tree
from tests.repo import Repo, approved

JOURNAL = "docs/stories/story-1-greeter/evidence/journal.jsonl"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A story that a person has just approved."""
    return approved(tmp_path)


def journal(repo: Repo) -> Path:
    """Its journal."""
    return repo.root / JOURNAL


def test_a_real_life_is_drawn(repo: Repo) -> None:
    """Validation, the person and the roles of a journal that the engine wrote; nothing is changed by looking."""
    repo.advance()
    before = tree(repo.root)
    ran = run(repo.root, "timeline")
    assert (ran.code, ran.err) == (0, "")
    [story] = [line for line in ran.out.splitlines() if line.startswith("Story 1:")]
    assert story.endswith(f" {repo.at}")
    for who in ("builder_validator", "pedant_validator", "engineer", "gates", "engine", "person"):
        assert f"\n{who}:" in ran.out
    assert "!" not in ran.out
    assert tree(repo.root) == before


def test_the_json_has_the_lanes(repo: Repo) -> None:
    """Other programs get blocks and spans in seconds, and the moment of completion."""
    ran = run(repo.root, "timeline", "1", "--json")
    assert ran.envelope["outcome"] == "ok"
    assert set(ran.data) == {"start", "end", "lanes", "notes", "written"}
    [lane] = ran.data["lanes"]
    assert (lane["pack"], lane["story"], lane["state"], lane["complete"]) == ("docs/stories", "1", "approving", None)
    assert {span["who"] for span in lane["spans"]} >= {"builder_validator", "pedant_validator", "engine", "person"}
    assert [span["outcome"] for span in lane["spans"] if span["who"] == "person"] == ["running"]
    assert ran.data["start"] <= min(span["start"] for span in lane["spans"])


def test_charts_are_written(repo: Repo) -> None:
    """`--svg` and `--html` write their files and say so; what cannot be written is refused with its name."""
    ran = run(repo.root, "timeline", "--svg", "out.svg", "--html", "out.html")
    assert (ran.code, ran.out) == (0, "wrote out.svg\nwrote out.html\n")
    assert ElementTree.fromstring((repo.root / "out.svg").read_text()).tag.endswith("svg")
    assert "<svg" in (repo.root / "out.html").read_text()
    away = run(repo.root, "timeline", "--svg", "docs")
    assert away.code == 1
    assert "Is a directory" in away.err


@pytest.mark.parametrize(
    ("damage", "line", "said"),
    [
        (lambda text: text.replace("drafted", "draftet", 1), 2, "does not follow"),
        (lambda text: "nonsense\n" + text, 1, "the line is no event"),
        (lambda text: "\n" + text, 1, "the line is empty"),
    ],
)
def test_a_journal_that_was_edited_is_named(repo: Repo, damage: object, line: int, said: str) -> None:
    """It is named with its line, its story keeps its lane and is not drawn; exit code 3."""
    text = journal(repo).read_text()
    journal(repo).write_text(damage(text))  # type: ignore[operator]
    ran = run(repo.root, "timeline")
    assert ran.code == 3
    assert "Story 1: not to be read" in ran.out
    assert f"! {JOURNAL}:{line}: journal: " in ran.out
    assert said in ran.out
    told = run(repo.root, "timeline", "--json")
    assert (told.code, told.envelope["outcome"]) == (3, "problems")
    assert said in told.data["lanes"][0]["problem"]


def test_a_journal_that_cannot_be_opened_is_named(repo: Repo) -> None:
    """A folder in its place is told, and is no crash."""
    journal(repo).unlink()
    journal(repo).mkdir()
    ran = run(repo.root, "timeline")
    assert ran.code == 3
    assert f"{JOURNAL}:1: journal: it cannot be read" in ran.out


def test_a_journal_that_is_gone_is_no_story_without_adoption(repo: Repo) -> None:
    """Where story.md stands in a state, a missing or empty journal is told; where it does not, nothing is wrong."""
    for make in (lambda: journal(repo).write_text(""), journal(repo).unlink):
        make()
        ran = run(repo.root, "timeline")
        assert ran.code == 3
        assert f"! {JOURNAL}: journal: it is missing or empty, but story.md is 'approving'" in ran.out
    story = repo.root / "docs/stories/story-1-greeter/story.md"
    story.write_text("# Story 1: Greeter\n")
    ran = run(repo.root, "timeline")
    assert (ran.code, ran.out) == (0, "Story 1: not adopted\n")
    story.write_bytes(b"\xff")
    assert run(repo.root, "timeline").code == 3


def test_a_machine_that_nobody_knows_hides_no_story(repo: Repo) -> None:
    """The calls are drawn, the problem is named, and the story is not complete, whatever its state is called."""
    lines = journal(repo).read_text().splitlines()
    first = {**json.loads(lines[0]), "machine": "gone", "state": "complete"}
    journal(repo).write_text(json.dumps(first) + "\n")
    ran = run(repo.root, "timeline", "--json")
    [lane] = ran.data["lanes"]
    assert ran.code == 3
    assert "'gone'" in lane["problem"]
    assert (lane["state"], lane["complete"]) == ("complete", None)


def test_a_pack_without_a_story_is_named(repo: Repo) -> None:
    """A folder that story.toml lists and that holds no story is not passed over."""
    (repo.root / "docs/more").mkdir()
    toml = repo.root / "story.toml"
    toml.write_text(toml.read_text().replace('paths = ["docs/stories"]', 'paths = ["docs/stories", "docs/more"]'))
    ran = run(repo.root, "timeline")
    assert ran.code == 3
    assert "! docs/more: there is no story" in ran.out


def test_one_story_or_pack_may_be_named(repo: Repo) -> None:
    """What is named is drawn; what is not there is a usage error."""
    for named in ("stories", "1", "docs/stories/story-1-greeter"):
        assert "Story 1:" in run(repo.root, "timeline", named).out
    assert run(repo.root, "timeline", "9").code == 2


def test_now_is_given_from_outside(repo: Repo) -> None:
    """The picture is of the journals and one moment alone."""
    drawn = read_timeline(repo.repository, [repo.pack], now=None)
    assert drawn == read_timeline(repo.repository, [repo.pack], "1", now=0)
    later = read_timeline(repo.repository, [repo.pack], now=drawn.end + 3600)
    assert later.end == drawn.end + 3600
    assert plain(picture_lines(drawn, 80)) != plain(picture_lines(later, 80))
