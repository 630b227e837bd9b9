"""What agents and gates do while they run, and how that is shown on a terminal and in a pipe."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from engine.actions.gate import run_gate
from engine.agents.claude import Claude
from engine.live import Screen, Watch, plain
from tests.agents.api_world import DONE, KINDS, LOOK, Kind, needs_cage
from tests.agents.api_world import Desk as ApiDesk
from tests.agents.test_program import ANSWER, STARTED, Desk, begun, completed, result
from tests.cli.run import run as story
from tests.repo import Repo
from tests.scene import DirectCalls, run, scene

Told = tuple[str, str, int, float | None]


class Listener:
    """Somebody who looks on, and remembers all that was told."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def __call__(self, call: str, what: str, tokens: int, cost: float | None) -> None:
        self.told.append((call, what, tokens, cost))

    @property
    def doings(self) -> list[str]:
        return [what for _, what, _, _ in self.told]


@needs_cage
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_tells_its_tools_tokens_and_cost(tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tool is named with its argument as it begins, and what was taken until then grows with each answer."""
    monkeypatch.setenv("TEST_KEY", "sk-test")
    seen = Listener()
    command = {"tools": [("run_command", {"command": "wc -l a.md"})]}
    with kind([LOOK, {"error": (529, "busy")}, command, DONE]) as fake:
        ApiDesk(tmp_path, fake).set(doing=seen).run()
    assert seen.doings[:4] == ["thinks", "read_file a.md", "thinks", seen.doings[3]]
    assert seen.doings[3].startswith("waits 1 seconds: ")
    assert "busy" in seen.doings[3]
    assert "run_command wc -l a.md" in seen.doings
    taken = [(tokens, cost or 0) for _, _, tokens, cost in seen.told]
    assert taken == sorted(taken)
    assert taken[0] == (0, 0)
    assert taken[-1][0] > taken[1][0] > 0
    assert taken[-1][1] > taken[1][1] > 0


def test_codex_tells_what_its_items_are_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command, changed files and words are told as they come; the tokens when the turn is over."""
    desk, seen = Desk(tmp_path, monkeypatch), Listener()
    command = {"type": "command_execution", "command": "pytest -q", "status": "in_progress"}
    change = {"type": "file_change", "changes": [{"path": "a.md"}, {"path": "b.md"}]}
    items = [{"say": {"type": "item.started", "item": item}} for item in (command, change, {"type": "odd"})]
    desk.plan([STARTED, *items, ANSWER, completed(100)])
    desk.run(doing=seen)
    assert seen.doings == ["", "pytest -q", "changes a.md, b.md", "changes a.md, b.md", "PASS", "PASS"]
    assert [tokens for _, _, tokens, _ in seen.told] == [0] * 5 + [110]
    assert {call for call, _, _, _ in seen.told} == {"c1"}


def test_claude_code_tells_its_tools_and_counts_each_message_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message may come as several events; what it took so far is kept where it never comes to its end."""
    desk, seen = Desk(tmp_path, monkeypatch), Listener()

    def message(name: str, taken: int, block: dict[str, object]) -> dict[str, object]:
        usage = {"input_tokens": taken, "cache_read_input_tokens": 10, "output_tokens": 1}
        return {"say": {"type": "assistant", "message": {"id": name, "content": [block], "usage": usage}}}

    words, tool = {"type": "text", "text": "Let me look."}, {"type": "tool_use", "name": "Read", "id": "t"}
    first = [message("m1", 5, words), message("m1", 5, {**tool, "input": {"limit": 3, "file_path": "a.md"}})]
    desk.plan([begun(), *first, message("m2", 7, {**tool, "input": []}), {"exit": 1}], [begun(), result()])
    reply = desk.run(Claude, doing=seen)
    assert seen.doings == ["", "Let me look.", "Read a.md", "Read"]
    assert [tokens for _, _, tokens, _ in seen.told] == [0, 16, 16, 34]
    assert (reply.status, reply.usage.input, reply.usage.cached) == ("failed", 32, 20)


def test_a_gate_tells_the_command_that_runs(tmp_path: Path) -> None:
    """Of several commands, that one which runs now."""
    told: list[str] = []

    class Ear(Watch):
        def doing(self, call: str, what: str, *_: object) -> None:
            assert call == "c1"
            told.append(what)

    situation = scene(tmp_path, config={"gates": {"lint": {"run": ["true", "test -d ."]}}})
    outcome = run(run_gate("lint", "c1", replace(situation, watch=Ear()), DirectCalls()))
    assert outcome.facts == {"gate:lint": "pass"}
    assert told == ["true", "test -d ."]


def test_what_agents_say_steers_no_terminal(tmp_path: Path) -> None:
    """Escapes, bells and marks that turn the direction of text are shown as blanks; lines stay lines."""
    watch = Watch(clock=lambda: 0.0)
    watch.began("a", "Engineer")
    watch.doing("a", "\x1b]0;owned\x07ls \u202e\x9b2J\r\nmore")
    assert watch.lines() == ["Engineer … 0s, ]0;owned ls 2J more"]
    assert plain("one\ntwo\x1b[2J") == "one\ntwo [2J"
    repo = Repo(tmp_path, {"act": "builder", "fails": "\x1b[2Jboom"})
    ran = story(repo.root, "advance", "1")
    assert "boom" in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_a_terminal_shows_a_line_for_each(tmp_path: Path) -> None:
    """On a terminal each has its line, which goes when it ends."""
    watch, screen = Watch(), io.StringIO()
    watch.began("a", "Engineer: impl")
    watch.began("b", "gate tests")
    watch.doing("b", "pytest -q")
    drawn = Screen(lambda: Text("\n".join(watch.lines())), Console(file=screen, force_terminal=True, width=80))
    with drawn:
        pass
    assert "Engineer: impl … 0s" in screen.getvalue()
    assert "gate tests … 0s, pytest -q" in screen.getvalue()


def test_progress_is_on_stderr_and_the_result_alone_on_stdout(tmp_path: Path) -> None:
    """In a pipe stdout holds the one object of --json, also while agents and gates tell what they do."""
    repo = Repo(tmp_path)
    ran = story(repo.root, "advance", "1", "--json")
    assert ran.data["waiting"]["for"] == "person"
    assert "builder as builder_validator …" in ran.err
