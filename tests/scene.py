"""The moment at which an action runs, put together by hand: a folder, a life, a configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine.actions.situation import Situation
from engine.agents.protocol import Agent
from engine.calls.port import Perform
from engine.files.config import Config
from engine.model.call import Reply, TestResult
from engine.model.machine import Machine
from engine.model.pack import Pack, Source, StorySource
from engine.model.problem import Problem
from tests.life import AT, Life, machine

STORY = "docs/stories/story-4-login"


class DirectCalls:
    """A call port that remembers nothing, for tests of what is performed."""

    async def submit(self, call: str, perform: Perform) -> Reply:
        assert call
        return await perform()


def source(path: str, text: str) -> Source:
    return Source(path=path, raw=text.encode())


def story(text: str = "# Story 4: Login\n", prompts: Mapping[str, str] | None = None) -> StorySource:
    """Story 4 with its three prompts."""
    named = prompts or {f"prompt-4.{rest}.md": f"# {rest}\n" for rest in ("1-skeleton-red", "2-green", "R-verify")}
    return StorySource(
        id="4",
        slug="login",
        folder=STORY,
        story=source(f"{STORY}/story.md", text),
        prompts=tuple(source(f"{STORY}/{name}", body) for name, body in named.items()),
    )


def pack(one: StorySource | None = None) -> Pack:
    """A pack that holds story 4 with spec, design and plan."""
    return Pack(
        name="stories",
        root="docs/stories",
        layout="folders",
        stories=(one or story(),),
        specs=(source("docs/feature-spec.md", "# Spec\n"),),
        designs=(source("docs/tech-design.md", "# Design\n"),),
        plans=(source("docs/test-plan.md", "# Plan\n"),),
    )


def nobody(role: str) -> Agent:
    raise AssertionError(f"nobody plays {role} here")


def scene(
    root: Path,
    life: Life | None = None,
    *,
    config: Mapping[str, object] | None = None,
    under: Machine | None = None,
    tests: Mapping[str, Sequence[TestResult]] | None = None,
    claims: tuple[int | None, tuple[str, ...]] = (None, ()),
    problems: tuple[Problem, ...] = (),
    agents: Callable[[str], Agent] = nobody,
    words: Mapping[str, str] | None = None,
) -> Situation:
    """Put a situation together; `tests` are those of each gate's last run."""
    ran = {name: tuple(results) for name, results in (tests or {}).items()}
    (root / "r").mkdir(parents=True, exist_ok=True)
    return Situation(
        root=root / "r",
        scratch=root / "state",
        pack=pack(),
        story=story(),
        machine=under or machine(),
        progress=(life or Life()).progress,
        config=Config.model_validate(config or {}),
        agents=agents,
        clock=lambda: AT,
        claims=lambda: claims,
        problems=lambda: problems,
        tests=lambda gate: ran.get(gate, ()),
        evidence=lambda _: "",
        inputs={},
        words=words or {"n": "4", "prev": "3", "slug": "login", "failures": "", "note": ""},
        still=lambda: None,
    )


def results(**named: str) -> list[TestResult]:
    """Test results by name; `__` stands for a space."""
    return [TestResult(id=name.replace("__", " "), status=status) for name, status in named.items()]


def run(coroutine: object) -> object:
    return asyncio.run(coroutine)


__all__ = ["STORY", "DirectCalls", "pack", "replace", "results", "run", "scene", "source", "story"]
