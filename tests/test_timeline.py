"""`story timeline` from the disk: real journals, and what becomes of those that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.drawing.text import plain
from engine.timeline import picture_lines, read_timeline
from tests.cli.run import run, tree
from tests.cli.test_simulate_verb import FIXED
from tests.packs import PackRepo
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
    assert set(ran.data) == {"start", "end", "now", "lanes", "notes", "written"}
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


@pytest.fixture
def pack(tmp_path: Path) -> PackRepo:
    """Three stories: the first is at work, the others wait for a person, and then for it."""
    pack = PackRepo(tmp_path, {"1": None, "2": None, "3": ["1"]})
    (tmp_path / "fixed.toml").write_text(FIXED)
    pack.run()
    pack.ticks("1", "Human approved")
    pack.run()
    return pack


PLAN = ("timeline", "--plan", "--durations", "../fixed.toml", "--people", "2")


def test_a_plan_is_what_a_simulation_of_what_is_left_plays(pack: PackRepo) -> None:
    """From now until all is over as long as `story simulate` says, in the order of `depends_on`; nothing is written."""
    assert pack.states() == {"1": "gorilla", "2": "approving", "3": "approving"}
    before = tree(pack.root)
    drawn = run(pack.root, *PLAN, "--json").data
    assert tree(pack.root) == before
    left = run(pack.root, "simulate", *PLAN[2:], "--json").data
    assert drawn["end"] - drawn["now"] == pytest.approx(60 * left["makespan"])
    coming = {
        lane["story"]: [span for span in lane["spans"] if span["outcome"] == "planned"] for lane in drawn["lanes"]
    }
    assert all(span["start"] >= drawn["now"] for spans in coming.values() for span in spans)
    runs = [span for spans in coming.values() for span in spans if span["who"] not in ("gates", "person")]
    assert len(runs) == sum(busy["runs"] for busy in left["roles"].values())
    assert [(span["who"], span["act"]) for span in coming["1"]] == [
        ("person", "gorilla"),
        ("verifier", "verify"),
        ("gates", "tests"),
        ("person", "accept"),
    ]
    over = {story: max(span["end"] for span in spans) for story, spans in coming.items()}
    works = {story: min(span["start"] for span in coming[story] if span["word"] == "Execute") for story in "23"}
    assert over["1"] <= min(works.values()) <= min(over["2"], over["3"]) <= max(works.values())


@pytest.mark.long
def test_what_is_over_has_no_plan(pack: PackRepo) -> None:
    """A complete story is drawn as it was; once all are, there is nothing to come, and no `now` in the picture."""
    for _ in range(12):
        pack.run()
        if not pack.person():
            break
    drawn = run(pack.root, *PLAN, "--json").data
    assert drawn["now"] is None
    assert {span["outcome"] for lane in drawn["lanes"] for span in lane["spans"]} == {"ok"}
    assert "now" not in run(pack.root, *PLAN).out


def test_a_plan_is_drawn_after_now(pack: PackRepo) -> None:
    """In text and in both charts what is to come is hollow and behind a mark; of one story where one is named."""
    out = run(pack.root, *PLAN).out
    axis, one, two, three = (next(t for t in out.splitlines() if t.startswith(f"{s}")) for s in NAMES)
    now = axis.index("┆now")
    for line in (one, two, three):
        assert "┄" not in line[:now]
        assert "┄" in line[now:]
    assert run(pack.root, "timeline", "2", *PLAN[1:]).out.count("Story") == 1
    run(pack.root, *PLAN, "--svg", "out.svg", "--html", "out.html")
    for name in ("out.svg", "out.html"):
        text = (pack.root / name).read_text()
        assert text.count(' planned box"') > 9
        assert ">now</text>" in text


NAMES = ("Time →", "Story 1:", "Story 2:", "Story 3:")


@pytest.mark.long
def test_the_same_seed_makes_the_same_plan(pack: PackRepo) -> None:
    """With dice the plan differs from seed to seed, and from nothing else."""

    def planned(seed: str) -> list[tuple[str, float]]:
        drawn = run(pack.root, "timeline", "--plan", "--seed", seed, "--json").data
        spans = [span for lane in drawn["lanes"] for span in lane["spans"] if span["outcome"] == "planned"]
        return [(span["act"], round(span["end"] - drawn["now"], 3)) for span in spans]

    assert planned("1") == planned("1") != planned("2")


def test_a_plan_that_cannot_be_made_is_refused(repo: Repo) -> None:
    """Durations without a plan, durations that are not there, and a story that nobody can read."""
    assert "say --plan, too" in run(repo.root, "timeline", "--durations", "x.toml").err
    assert "x.toml" in run(repo.root, "timeline", "--plan", "--durations", "x.toml").err
    (repo.root / "docs/stories/story-1-greeter/story.md").write_bytes(b"\xff")
    refused = run(repo.root, "timeline", "--plan")
    assert refused.code == 2
    assert "Nothing can be planned before it can be read." in refused.err
