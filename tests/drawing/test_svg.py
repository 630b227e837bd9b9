"""The timeline as a chart: well-formed, escaped, self-contained, nothing over another, and nothing missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from engine.drawing.svg import LETTER, WIDTH, html, svg
from engine.model.timeline import Timeline
from engine.rules.timeline import Kept, timeline
from tests.life import ENGINEER
from tests.past import Past, epoch, pipeline, planned

NS = "{http://www.w3.org/2000/svg}"


def whole() -> Timeline:
    """A pipeline with everything in it."""
    odd = [
        Kept("docs/stories", "8", "j"),
        Kept("docs/stories", "9", "j", problem="j:3: journal: the line is no event."),
    ]
    journals = [*(past.kept() for past in pipeline()), *odd]
    return timeline(journals, now=epoch(215), planned=[planned("4", 216, 240), planned("10", 240, 260)])


def chart(drawn: Timeline) -> ElementTree.Element:
    """The chart, read again."""
    return ElementTree.fromstring(svg(drawn))


def texts(root: ElementTree.Element) -> list[str]:
    """All that is written in it."""
    return [element.text or "" for element in root.iter(f"{NS}text")]


def test_the_chart_has_a_lane_for_each_story_and_role() -> None:
    """Whatever became of it, a story is named, and how it ended or where it stands."""
    said = texts(chart(whole()))
    assert [text for text in said if text.startswith("Story ")] == [f"Story {n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert {"builder_validator", "pedant_validator", "engineer", "verifier", "gates", "person"} <= set(said)
    assert said.count("✓ Complete") == 2
    assert {"gating", "queued", "approving", "drafted", "not adopted", "not to be read", "planned"} <= set(said)
    assert "! j:3: journal: the line is no event." in said


def test_every_bar_says_what_it_is() -> None:
    """Its tooltip has the story, the action, who did it, how it ended and when."""
    told = [element.text or "" for element in chart(whole()).iter(f"{NS}title")]

    times = "2026-03-01 09:20:00 to 2026-03-01 09:24:00 UTC, 4m"
    assert f"story 4: fixer by engineer, in fixing\nfailed: done\n{times}" in told

    assert any(text.startswith("story 3: waits for other stories: queued\n") for text in told)
    assert any(text.startswith("story 6: waits for a person: approve\n") for text in told)
    root = chart(whole())
    tipped = {rect for group in root.iter(f"{NS}g") for rect in group.iter(f"{NS}rect")}
    assert len(tipped) == len(told) - sum("queued" in text for text in told)


def test_waiting_failing_and_planning_look_different() -> None:
    """Each has a class of its own; what is planned is not filled."""
    classes = {rect.get("class") for rect in chart(whole()).iter(f"{NS}rect")}
    assert {"validate box", "fix box", "execute box", "verify box", "person box", "failed call"} <= classes
    assert {"verify planned box"} <= classes
    assert ".planned.box{fill:none}" in svg(whole())


@pytest.mark.parametrize("minutes", [0.2, 7, 90, 3000, 90_000, 3_000_000])
def test_nothing_is_written_over_another(minutes: float) -> None:
    """Labels of the axis keep apart, words fit into their bars, nothing leaves the picture, from seconds to years."""
    past = Past("1").executed(0, minutes / 2).verified(minutes / 2, minutes * 0.8, minutes)
    root = chart(timeline([past.kept()]))
    axis = [t for t in root.iter(f"{NS}text") if t.get("class") == "faint small mid"]
    places = [(float(t.get("x", 0)), len(t.text or "") * LETTER) for t in axis]
    for (x, wide), (other, wider) in pairwise(places):
        assert x + wide / 2 < other - wider / 2
    assert len(places) >= 2
    for group in root.iter(f"{NS}g"):
        rect, label = group.find(f"{NS}rect"), group.find(f"{NS}text")
        if rect is not None and label is not None:
            assert len(label.text or "") * LETTER <= float(rect.get("width", 0))
    for text in root.iter(f"{NS}text"):
        if "mid" not in str(text.get("class")):
            assert float(text.get("x", 0)) + len(text.text or "") * LETTER <= WIDTH


def test_bars_of_a_role_do_not_cover_each_other() -> None:
    """What a role did at once stands in rows, one below the other."""
    root = chart(timeline([Past("2").executed(0, 60).kept(), Past("3").executed(10, 70).kept()]))
    taken = {}
    for group in root.iter(f"{NS}g"):
        rect = group.find(f"{NS}rect")
        if rect is not None and rect.get("height") == "14":
            x, wide = float(rect.get("x", 0)), float(rect.get("width", 0))
            for start, end in taken.get(rect.get("y"), []):
                assert x >= end - 1
                assert start < x
            taken.setdefault(rect.get("y"), []).append((x, x + wide))
    assert len(taken) == 4  # engineer and gates, two rows each


@pytest.mark.parametrize("made", [svg, html])
def test_texts_of_a_journal_are_data(made: Callable[[Timeline], str]) -> None:
    """Markup, quotes, control characters and halves of letters in ids, roles and reasons are shown, and do nothing."""
    bad = "<script>alert(1)</script>&\"'\x00\x1b\ud800"
    past = Past(bad).to("red", 0).began(bad, bad, 1).ended(2, "failed", why=bad).asked("counts", 3)
    drawn = timeline([past.kept(bad, problem=""), Kept(bad, "2", bad, problem=bad)])
    text = made(drawn)
    text.encode()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert not re.search("[\x00-\x08\x0b-\x1f]", text)
    if made is svg:
        ElementTree.fromstring(text)


def test_the_page_stands_alone() -> None:
    """The page holds the chart, is light or dark as its reader, and needs no script and nothing from elsewhere."""
    page = html(whole())
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append(tag)
            assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}

    Reader().feed(page)
    assert page.startswith("<!doctype html>")
    assert "script" not in seen
    assert seen.count("svg") == 1
    assert "prefers-color-scheme:dark" in page.split("<svg")[0]
    assert "prefers-color-scheme:dark" in svg(whole())
    assert set(re.findall(r"https?://[^\s\"<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in page.replace("url(#asked)", "")


def test_an_empty_chart_is_a_chart() -> None:
    """Without a story, or without a life, there is a picture that says so."""
    for drawn in (Timeline(), timeline([Kept("p", "1", "j")])):
        assert "nothing has happened yet" in texts(chart(drawn))


def test_a_moment_is_seen() -> None:
    """What took no time still has a bar that can be seen, and a life of one moment an axis."""
    past = Past().to("red", 0).call("impl", ENGINEER, 0, 0)
    root = chart(timeline([past.kept()]))
    widths = [float(rect.get("width", 0)) for rect in root.iter(f"{NS}rect") if "call" in str(rect.get("class"))]
    assert widths
    assert min(widths) >= 2
