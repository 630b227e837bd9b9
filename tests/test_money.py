"""Money, limits, readiness, notice: what agents took is summed up; the run that could pass a limit is not made."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.agents.choice import choose
from engine.cost import cost_rows, costs
from engine.doctor import examine
from engine.errors import FormatError, UsageError
from engine.live import Heart, Watch, spell
from engine.model.call import Price, Usage
from engine.model.events import Began, Ended
from engine.notify import notify
from engine.rules.spending import Spent, agent_runs, beyond, dearest, total
from engine.wiring import wire
from tests.repo import CONFIG, Repo, approved

LATER = "2026-01-01T00:02:00Z"


def run_of(number: int, usage: Usage, role: str = "engineer") -> list[Began | Ended]:
    began = Began(
        at="2026-01-01T00:00:00Z", call=f"c{number}", number=number, act="impl", role=role, attempt=1, turn=number
    )
    return [began, Ended(at=LATER, call=f"c{number}", status="ok", why="", evidence="x.md", sha="", usage=usage)]


def test_a_price_counts_cached_tokens_by_their_own_price() -> None:
    """A million fresh tokens in, half of them cached, and a million out."""
    usage = Usage(input=2_000_000, cached=1_000_000, output=1_000_000)
    assert Price(input=3, output=15, cached=0.3).of(usage) == pytest.approx(3 + 0.3 + 15)
    assert Price(input=3, output=15).of(usage) == pytest.approx(6 + 15)


def test_runs_are_summed_up_from_the_journal_alone() -> None:
    """Time, tokens and dollars of every run of an agent count; gates have no role and cost nothing."""
    events = [
        *run_of(1, Usage(input=10, cached=4, output=5, cost=0.5)),
        *run_of(2, Usage(input=1)),
        *run_of(3, Usage(), ""),
    ]
    runs = list(agent_runs(events))
    assert [run.turn for run in runs] == [1, 2]
    assert total(runs) == Spent(calls=2, seconds=240, input=11, cached=4, output=5, cost=0.5, unpriced=1)
    assert dearest(runs) == Spent(cost=0.5, seconds=120)


@pytest.mark.parametrize(
    ("spent", "limits", "why"),
    [
        (Spent(calls=2), {"calls": 3}, ""),
        (Spent(calls=2), {"calls": 2}, "2 of 2 runs of agents are made"),
        (Spent(cost=4.0), {"cost": 5.0}, ""),
        (Spent(cost=4.6), {"cost": 5.0}, "4.60 of 5.00 dollars are spent, and one run took up to 0.50"),
        (Spent(cost=1.0, unpriced=1), {"cost": 5.0}, "1 runs have no price"),
        (Spent(seconds=60), {"seconds": 240}, ""),
        (Spent(seconds=180), {"seconds": 200}, "agents ran for 3 of 3 minutes"),
        (Spent(calls=99, cost=99, seconds=99), {}, ""),
    ],
)
def test_the_next_run_may_take_what_the_dearest_one_took(spent: Spent, limits: dict[str, float], why: str) -> None:
    """A limit is told before it is passed, as far as the dearest run so far says."""
    bounds = {"cost": None, "calls": None, "seconds": None, **limits}
    assert beyond(spent, 1, Spent(cost=0.5, seconds=30), **bounds).startswith(why or "")  # type: ignore[arg-type]
    assert bool(beyond(spent, 1, Spent(cost=0.5, seconds=30), **bounds)) == bool(why)  # type: ignore[arg-type]


def test_a_run_beyond_the_limit_is_not_made_and_a_person_decides(tmp_path: Path) -> None:
    """With one run allowed, two validators are not even begun; the line of story.toml is told; raised, it goes on."""
    repo = Repo(tmp_path, config=CONFIG + "\n[limits.story]\ncalls = 1\n")
    result = repo.advance()
    assert result.waiting is not None
    assert result.waiting.for_ == "person"
    place = result.waiting.items[0]
    lines = (repo.root / "story.toml").read_text().splitlines()
    assert place.file == "story.toml"
    assert "limits.story" in lines[place.line - 1]
    assert "0 of 1 runs of agents are made" in place.text
    assert not any(isinstance(event, Began) for event in repo.events)
    text = (repo.root / "story.toml").read_text()
    (repo.root / "story.toml").write_text(text.replace("calls = 1", "calls = 9"))
    repo.advance()
    assert repo.at == "approving"


def test_cost_has_a_row_for_each_run_and_the_sums(tmp_path: Path) -> None:
    """`story cost` reads the journals: runs, rounds, story and pack."""
    repo = approved(tmp_path)
    found = costs(repo.repository, [repo.pack], "1")
    rows = cost_rows(found, each=True)
    assert [row[1] for row in rows[1:3]] == ["builder as builder_validator", "pedant as pedant_validator"]
    assert rows[-1][:4] == ("docs/stories", "all", "all", str(found[0].total.calls))
    assert found[0].total.calls >= 2


def test_a_role_that_cannot_work_is_refused_before_anything_is_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key the API role is refused with what to do; nothing has begun, not even its sibling."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    old = '[roles.builder_validator]\nagent = "scripted"\n'
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    assert old in toml.read_text()
    toml.write_text(toml.read_text().replace(old, '[roles.builder_validator]\nagent = "api"\n#'))
    with pytest.raises((UsageError, FormatError), match=r"ANTHROPIC_API_KEY is not set\. Export ANTHROPIC_API_KEY"):
        repo.advance()
    assert not any(isinstance(event, Began) for event in repo.events)


def test_doctor_says_of_each_role_who_plays_it_and_whether_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scripted role works where its script is; a role over the API needs its key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    repo = Repo(tmp_path)
    toml = repo.root / "story.toml"
    old = '[roles.pedant_validator]\nagent = "scripted"\n'
    toml.write_text(toml.read_text().replace(old, '[roles.pedant_validator]\nagent = "api"\n#'))
    ports = wire(repo.repository, tell=lambda _: None)
    found = {one.role: one for one in examine(repo.repository, online=False, ports=ports, tell=lambda _: None)}
    assert (found["builder_validator"].by, found["builder_validator"].wrong) == ("scripted", "")
    assert found["pedant_validator"].wrong == "OPENAI_API_KEY is not set"
    assert "Export OPENAI_API_KEY" in found["pedant_validator"].remedy


def test_a_cli_with_a_login_comes_before_a_key(tmp_path: Path) -> None:
    """What people pay for by login is used first; without both, a person plays."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "OPENAI_API_KEY": "k"}
    assert choose("openai", environ=environ)[0] == "api"
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/auth.json").write_text("{}")
    assert choose("openai", environ=environ)[0] == "codex"
    assert choose("openai", environ={"PATH": "", "HOME": "/nowhere"})[0] == "person"


def test_who_is_at_work_is_told_once_in_a_while() -> None:
    """A heartbeat names who, for how long, what it does and what it took; who has ended is not named."""
    now = 0.0
    watch = Watch(clock=lambda: now)
    watch.began("a", "Senior Engineer: impl")
    watch.began("b", "gate tests")
    now = 65.0
    watch.doing("a", "reads src/x\n", 1200, 0.126)
    watch.doing("a", "", 900)
    watch.ended("b")
    assert watch.lines() == ["Senior Engineer: impl … 1m 05s, reads src/x, 1,200 tokens, 0.13 dollars"]
    said: list[str] = []
    with Heart(watch.lines, said.append, every=0.01):
        while not said:
            pass
    assert said[0] == watch.lines()[0]
    assert [spell(seconds) for seconds in (0, 59, 60, 3600, 4320)] == ["0s", "59s", "1m 00s", "1h 00m", "1h 12m"]


def test_a_person_who_is_needed_is_told_by_the_command(tmp_path: Path) -> None:
    """`notify.command` gets story and places as one word each, whatever they hold; its failure is told."""
    repo = Repo(tmp_path, config=CONFIG + "\n[notify]\ncommand = \"printf '%s|' {story} {text} > told\"\n")
    result = repo.advance()
    notify(repo.repository, "1", result)
    told = (repo.root / "told").read_text().split("|")
    assert told[0] == "1"
    assert "story.md:" in told[1]
    toml = repo.root / "story.toml"
    toml.write_text(toml.read_text().replace("printf", "false; exit 3; printf"))
    with pytest.raises(UsageError, match="exit 3"):
        notify(repo.repository, "1", result)
