"""The timeline as lines: what stands in them, that they fit, and that no story is missing."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.drawing.axis import framed, names, rows, spell, ticks
from engine.drawing.text import draw, plain
from engine.model.timeline import Span, Timeline
from engine.rules.timeline import Kept, timeline
from tests.life import ENGINEER
from tests.past import Past, epoch, pipeline, planned

COMMANDS = Path(__file__).parents[2] / "docs/commands.md"
PICTURE = """\
2026-03-01 08:00:00 to 2026-03-01 11:34:00 UTC, 3h 34m

Time →             ┆0                 ┆1h                 ┆2h                ┆3h
Story 2:           ═[Val]─░══[Execute]═══[Verify]═░[Complete]
Story 3:            ═[Val]═░░░░░·····(queued)······═══[Execute]═════[Ver]═░░[Complete]
Story 4:                    ══[Val]══░░░░░░░═✗[Fix]Val░░░░·····(queued)·····═[Execute]══ gating
Story 5:                              [Validate]░░░░░░░(approve)░░░░░░░····(queued)····· queued
Story 6:                                               ══[Val]══░░░░░░░(approve)░░░░░░░░ approving
Story 7:                                                                                 drafted
"""


def lines(drawn: Timeline, width: int = 100) -> list[str]:
    """The drawing without its colours."""
    return plain(draw(drawn, width))


def of(*pasts: Past, now: float | None = None) -> Timeline:
    """The timeline of some stories."""
    return timeline([past.kept() for past in pasts], now=None if now is None else epoch(now))


def line(found: list[str], name: str) -> str:
    """The line of a story or role, without its name."""
    return next(text for text in found if text.startswith(name)).removeprefix(name)


def test_the_picture_is_that_of_the_method() -> None:
    """While one story executes the next ones are validated, and wait for it and for people."""
    assert "\n".join(lines(of(*pipeline(), now=214))[:9]) + "\n" == PICTURE
    [shown] = re.findall(r"^Time →.*?(?=^```)", COMMANDS.read_text("utf-8"), re.M | re.S)
    assert shown in PICTURE, "docs/commands.md shows another picture"


def test_each_role_has_its_line() -> None:
    """A role shows by their ids the stories that it was busy with; what is at once stands in another line below."""
    found = lines(of(Past("2").executed(0, 60), Past("3").executed(30, 90), now=90))
    at = next(number for number, text in enumerate(found) if text.startswith("engineer:"))
    assert found[at].split(":")[1].strip().startswith("2═")
    assert found[at + 1].strip().startswith("3═")
    assert re.fullmatch(" +2═+ +3═+", line(found, "gates:"))


@given(st.integers(20, 240), st.floats(0.01, 10_000_000))
def test_every_line_fits_and_none_is_missing(width: int, minutes: float) -> None:
    """Whatever the width and the length of time, each story has its line, and no line is wider than can be."""
    long = Past("8", -minutes).executed(-minutes, -minutes / 2).approved(-minutes / 2, 0)
    found = lines(of(*pipeline(), long, now=215), width)
    stories = [text for text in found if text.startswith("Story")]
    assert [text.split(":")[0] for text in stories] == [f"Story {n}" for n in (2, 3, 4, 5, 6, 7, 8)]
    assert all(len(text) <= max(width, 60) for text in found[2:-2])


def test_failures_are_marked() -> None:
    """A call that failed, or gave no answer, has a mark of its own in the story's line and in the role's."""
    past = Past().to("red", 0).call("impl", ENGINEER, 0, 30, "failed").call("impl", ENGINEER, 30, 60).to("green", 60)
    found = lines(of(past))
    assert line(found, "Story 1:").count("✗") == 1
    assert line(found, "engineer:").count("✗") == 1
    assert "✗" not in "".join(lines(of(Past().executed(0, 60)))[:-1])


def test_short_work_is_seen_beside_long_waiting() -> None:
    """Ten minutes of fixing in three days of waiting have a column; a person's days are drawn otherwise than work."""
    past = Past().to("triage", 0).asked("triage", 0).decided("triage", "fix", 2000).to("fixing", 2000)
    past.call("fixer", ENGINEER, 2000, 2010).approved(2010, 4300)
    found = line(lines(of(past)), "Story 1:")
    assert "═" in found
    assert found.index("(triage)") < found.index("═") < found.index("(approve)")
    assert found.count("░") > 30


def test_what_is_planned_is_hollow() -> None:
    """Planned spans have a fill of their own, in the story's line and in the role's."""
    drawn = timeline([Past("1").executed(0, 60).kept()], planned=[planned("1", 60, 90), planned("2", 90, 120)])
    found = lines(drawn)
    assert re.search("═┄+.Verify.┄+ gating$", line(found, "Story 1:"))
    assert "┄[Verify]┄" in line(found, "Story 2:")
    assert "┄" in line(found, "verifier:")
    assert "═" not in line(found, "verifier:")


def test_a_long_past_leaves_room_for_what_is_planned() -> None:
    """Three quarters of the picture are past at most; what began sooner begins where the picture does."""
    past = Past("1").executed(0, 10).asked("gorilla", 10)
    drawn = timeline([past.kept()], now=epoch(9000), planned=[planned("1", 9010, 9100)])
    found = lines(drawn)
    axis, story = found[2], found[3]
    assert story.count("┄") > 8
    assert story.count("░") > 40
    assert "═" not in story
    assert abs(axis.index("┆now") - story.rindex("░")) <= 1
    assert framed(drawn).start == epoch(9000 - 3 * 100)
    assert framed(timeline([past.kept()], now=epoch(9000))).start == epoch(0)


def test_stories_without_a_life_are_there() -> None:
    """Not adopted, not to be read, attested, abandoned: each says so in its line."""
    drawn = timeline(
        [
            Kept("p", "1", "j"),
            Kept("p", "2", "j", problem="j:1: broken"),
            Past("3", state="complete", because="shipped").kept("p"),
            Past("4").to("approving", 1).to("abandoned", 60).kept("p"),
        ]
    )
    said = [text.split()[2:] for text in lines(drawn) if text.startswith("Story")]
    assert said[:3] == [["not", "adopted"], ["not", "to", "be", "read"], ["[Complete,", "attested]"]]
    assert "[Abandoned]" in said[3][-1]


def test_nothing_has_happened() -> None:
    """Stories of which none is adopted have lines, and no axis; no story has no line."""
    assert lines(timeline([Kept("p", "1", "j")])) == ["Story 1: not adopted"]
    assert lines(Timeline()) == []


def test_stories_of_several_packs_are_told_apart() -> None:
    """They are called by what their packs do not share; a long name is cut in the middle."""
    packs = ("docs/epics/01-mvp/stories", "docs/epics/02-what-came-after-that/stories")
    drawn = timeline([Past("1").executed(0, 9).kept(pack) for pack in packs])
    assert [text.split()[0] for text in lines(drawn)[3:5]] == ["01-mvp/1:", "02-what-came…fter-that/1:"]
    other = timeline([Past("1").kept("docs/stories"), Past("1").kept("docs/epics/01/stories")])
    assert names(other) == ["stories/1", "epics/01/stories/1"]


def test_nothing_of_a_journal_reaches_the_terminal_raw() -> None:
    """Escape codes in names are replaced."""
    past = Past("1\x1b[31m").executed(0, 9)
    assert "\x1b" not in "".join(lines(of(past)))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0"),
        (1, "1s"),
        (60, "1m"),
        (90, "1m 30s"),
        (3600, "1h"),
        (5400, "1h 30m"),
        (86400, "1d"),
        (133_200, "1d 13h"),
    ],
)
def test_times_are_said_in_their_largest_units(seconds: int, said: str) -> None:
    """Two units at most, none that is nought."""
    assert spell(seconds) == said


@given(st.floats(1, 1e10), st.integers(1, 40))
def test_ticks_are_round_and_few(length: float, most: int) -> None:
    """They begin at 0, have one distance, do not pass the end, and are no more than there is room for."""
    found = ticks(length, most)
    assert found[0] == 0
    assert found[-1] <= length
    assert len(found) <= most + 1
    assert len({after - before for before, after in pairwise(found)}) <= 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20))))
def test_no_piece_of_a_lane_covers_another(pieces: list[tuple[int, int]]) -> None:
    """In one row nothing is at the same place."""
    spans = sorted((start, start + length) for start, length in pieces)
    taken: dict[tuple[int, int], int] = {}
    for number, ((start, end), row) in enumerate(zip(spans, rows(spans), strict=True)):
        for place in range(start, end):
            assert taken.setdefault((row, place), number) == number


def test_a_lane_of_planned_work_alone_says_so() -> None:
    """A story that is only planned has a line, with what it is to do."""
    span: Span = planned("8", 0, 30)
    assert line(lines(timeline([], planned=[span])), "Story 8:").endswith("planned")
