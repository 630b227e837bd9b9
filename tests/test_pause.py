"""A provider's limit is a pause until a time, not a failure: the story says when, and goes on afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.advance import Advanced, advance
from engine.agents.scripted import ScriptedAgent
from engine.model.call import Brief, Reply
from engine.model.events import Ended
from engine.model.step import Run
from engine.report import advanced_data, advanced_lines, wall_time
from engine.rules.spending import paused
from engine.wiring import wire
from tests.cli.run import spawn, state_home
from tests.life import AT, BUILDER, PEDANT, Life
from tests.repo import Repo

SOON, LATER = "2026-11-22T14:00:00Z", "2026-11-22T15:00:00Z"


@dataclass
class Limited:
    """Plays every role by the script, but for runs that a limit stops: action → until when."""

    repo: Repo
    stops: dict[str, str]
    now: str = AT
    ran: list[str] = field(default_factory=list)
    in_copy: bool = False

    async def run(self, brief: Brief) -> Reply:
        self.ran.append(brief.act)
        if until := self.stops.pop(brief.act, None):
            why = "You've hit your limit."
            return Reply(status="failed", text="", why=why, until=until, started=AT, ended=AT, session="s1")
        script = self.repo.root / "../script.yaml"
        return await ScriptedAgent(script, root=self.repo.root, clock=lambda: self.now).run(brief)

    def go(self) -> Advanced:
        ports = wire(self.repo.repository, tell=lambda _: None, clock=lambda: self.now)
        return advance(self.repo.repository, self.repo.pack, "1", ports=replace(ports, agents=lambda *_: self))


def test_a_limit_pauses_the_story_until_it_opens(tmp_path: Path) -> None:
    """Until then nothing is run; afterwards the same session goes on, and the sibling's answer still counts."""
    limited = Limited(Repo(tmp_path), {"builder": LATER})
    for now in (AT, "2026-11-22T14:59:59Z"):
        limited.now = now
        result = limited.go()
        assert result.waiting is not None
        assert (result.waiting.for_, result.waiting.until) == ("clock", LATER)
        assert limited.ran == ["builder", "pedant"]
    [place] = result.waiting.items
    assert place.text == "Senior Engineer: You've hit your limit."
    assert advanced_data(result)["waiting"]["until"] == LATER
    said = advanced_lines("1", "validating", result, dry=False)
    assert said[-2] == f"story 1 (validating) is paused until {wall_time(LATER)}:"
    limited.now = LATER
    limited.go()
    assert (limited.ran, limited.repo.at) == (["builder", "pedant", "builder"], "approving")


def test_two_limits_pause_until_both_are_open(tmp_path: Path) -> None:
    """What runs side by side goes on together, at the later time."""
    limited = Limited(Repo(tmp_path), {"builder": LATER, "pedant": SOON})
    result = limited.go()
    assert result.waiting is not None
    assert (result.waiting.until, len(result.waiting.items)) == (LATER, 2)


def test_a_pause_uses_up_no_try(tmp_path: Path) -> None:
    """However often a limit stops a run, nobody has to decide anything."""
    limited = Limited(Repo(tmp_path), {})
    for hour in range(10, 20):
        limited.now = f"2026-11-22T{hour}:00:00Z"
        limited.stops["builder"] = f"2026-11-22T{hour}:30:00Z"
        waiting = limited.go().waiting
        assert waiting is not None
        assert waiting.for_ == "clock"


def test_the_instant_is_told_by_a_pure_function() -> None:
    """Of what is to be run next, whoever sleeps needs the last time that a limit names; one that has passed is none."""
    life = Life("validating").began("builder", BUILDER).ended("failed", until=LATER, why="limit")
    life.began("pedant", PEDANT).ended("failed", until=SOON, why="limit")
    decision = life.decide()
    assert isinstance(decision, Run)
    times = {now: [e.until for e in paused(life.progress, decision.todo, now)] for now in (AT, SOON, LATER)}
    assert times == {AT: [SOON, LATER], SOON: [LATER], LATER: []}


@pytest.mark.long
def test_a_person_reads_the_time_of_the_clock_on_her_wall(tmp_path: Path) -> None:
    """In her zone and with its name; other programs get it in UTC."""
    assert wall_time(LATER, ZoneInfo("Europe/Berlin")) == "16:00 CET on 2026-11-22"
    assert wall_time("2026-11-22T23:30:00Z", ZoneInfo("Asia/Tokyo")) == "08:30 JST on 2026-11-23"
    repo = Repo(tmp_path)
    Limited(repo, {"builder": "2999-07-01T13:05:00Z"}).go()
    state_home(repo.root).joinpath("story").mkdir(parents=True)
    ran = spawn(repo.root, "advance", "1", env={"TZ": "Europe/Berlin"})
    assert (ran.code, ran.out.splitlines()[1]) == (
        0,
        "story 1 (validating) is paused until 15:05 CEST on 2999-07-01:",
    )
    assert spawn(repo.root, "advance", "1", "--json").data["waiting"]["until"] == "2999-07-01T13:05:00Z"


def test_a_technical_failure_ends_at_a_person_and_is_no_verdict(tmp_path: Path) -> None:
    """After its retries; the sibling's answer is asked for once, the session's name and each reason are kept."""
    limited = Limited(Repo(tmp_path), {})

    async def run(brief: Brief) -> Reply:
        limited.ran.append(brief.act)
        if brief.act == "builder":
            why = f"anthropic (opus): the server fails: try {len(limited.ran)}."
            return Reply(status="failed", text="", why=why, started=AT, ended=AT, session="s1")
        return await Limited.run(limited, brief)

    limited.run = run  # type: ignore[method-assign]
    result = limited.go()
    repo = limited.repo
    assert (repo.at, sorted(set(limited.ran)), limited.ran.count("builder")) == ("stuck", ["builder", "pedant"], 3)
    assert result.waiting is not None
    assert result.waiting.for_ == "person"
    ended = [event for event in repo.events if isinstance(event, Ended)]
    assert [(event.status, event.session) for event in ended if event.status == "failed"] == [("failed", "s1")] * 3
    assert [event.facts for event in ended if event.facts] == [{"verdict:pedant_validator": "PASS"}]
    assert "Senior Engineer failed 3 times: Senior Engineer: anthropic (opus): the server fails" in repo.text
