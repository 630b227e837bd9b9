"""A desk for a model behind an API: a copy of a tree, a player, a fake provider. Needs bubblewrap, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from engine.agents.api import ApiAgent
from engine.agents.player import Player
from engine.cage import broken
from engine.model.call import Brief, Price, Reply, Workspace
from engine.process import Deadlines
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Body, FakeServer, Said

AT = "2026-11-22T08:00:00Z"
CALL = "4/validating/builder-v/1.1-abcd"
VERDICT = {
    "story": "4",
    "round": 1,
    "verdict": "PASS",
    "confidence": "high",
    "reasoning": "I read all of it.",
    "findings": [],
    "tcs": [{"tc": "TC-4.1a", "status": "pass"}],
    "counts": None,
    "boundaries": None,
}
DONE = {"tools": [("final_result", VERDICT)]}
WORK = {"tools": [("final_result", {"files": ["a.md"], "deviations": [], "discoveries": []})]}
LOOK = {"text": "Let me look.", "tools": [("read_file", {"path": "a.md"})]}

Kind = type[FakeAnthropic | FakeOpenAI]
Script = Sequence[Said | Callable[[Body], Said]]
needs_cage = pytest.mark.skipif(bool(broken()), reason=f"what agents run has to be caged: {broken()}")


@dataclass
class Desk:
    """Where a model works; `slept` are the seconds that it waited before it tried again."""

    folder: Path
    fake: FakeServer
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root, self.tree = self.folder / "repository", self.folder / "copy"
        for place, text in ((self.root, "the real one\n"), (self.tree, "alpha\nbeta\n")):
            place.mkdir(exist_ok=True)
            if not (place / "a.md").exists():
                (place / "a.md").write_text(text)
        anthropic = isinstance(self.fake, FakeAnthropic)
        self.player = Player(
            role="v",
            provider="anthropic" if anthropic else "openai",
            model="claude-opus-5-5" if anthropic else "gpt-5.2-codex",
            effort="high",
            folder=self.folder / "sessions",
            deadlines=Deadlines(total=60, start=20, silence=20),
            base_url=self.fake.url + ("" if anthropic else "/v1"),
            key="TEST_KEY",
            price=Price(input=10, output=100, cached=1),
        )

    def set(self, **changes: object) -> Desk:
        """The same desk with another setting of its player."""
        self.player = replace(self.player, **changes)
        return self

    def run(
        self,
        text: str = "Look at all of it.",
        *,
        call: str = CALL,
        session: str | None = None,
        returns: str = "verdict",
        writable: bool = False,
        left: float | None = None,
    ) -> Reply:
        """One call, played to its end."""
        brief = Brief(
            call=call,
            story="4",
            act="builder",
            role="v",
            turn=1,
            text=text,
            session=session,
            returns=returns,
            left=left,
            workspace=Workspace(root=str(self.root), tree=str(self.tree), writable=writable),
        )

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        agent = ApiAgent(self.player, clock=lambda: AT, sleep=sleep, chance=lambda: 1.0)
        return asyncio.run(agent.run(brief))


def results(body: Body) -> list[str]:
    """What tools answered, as the last messages of a request tell it."""
    if "input" in body:
        return [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]
    blocks = [
        block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    told = [block["content"] for block in blocks if block["type"] == "tool_result"]
    return [part if isinstance(part, str) else "".join(one.get("text", "") for one in part) for part in told]


KINDS = (FakeAnthropic, FakeOpenAI)
