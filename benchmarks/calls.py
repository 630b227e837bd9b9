"""What the engine adds to one call of a model, and to one caged command. The provider is a server on the loopback.

Used by run.py: python benchmarks/run.py --agents
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from anthropic import AsyncAnthropic

from engine.actions.workspace import run_in_copy
from engine.agents.answers import VerdictAnswer
from engine.agents.api import ApiAgent
from engine.agents.api_space import CagedSpace
from engine.agents.player import Player, Room
from engine.model.call import Brief, Workspace
from engine.process import Deadlines
from engine.wiring import now
from tests.fakes.anthropic import FakeAnthropic

VERDICT = {"story": "1", "round": 1, "verdict": "PASS", "confidence": "high", "reasoning": "I read it.", "findings": []}
TEXT = "# Senior Engineer: validate, story 1\n\n" + "Read all of it, word for word. " * 100


def call_times(paired: Callable[..., tuple[float, float]], runs: int) -> dict[str, tuple[float, float]]:
    """Seconds of one call by the engine and by the bare SDK: without and with the throwaway copy of a repository."""
    with tempfile.TemporaryDirectory() as folder, FakeAnthropic([_answer] * 9999, key="none") as fake:
        root = _repository(Path(folder) / "r")
        numbers = count()
        player = Player(
            role="builder_validator",
            provider="anthropic",
            model="m",
            effort=None,
            folder=Path(folder) / "sessions",
            deadlines=Deadlines(total=60, start=30, silence=30),
            base_url=fake.url,
        )
        agent = ApiAgent(player, clock=now)
        space = Workspace(root=str(root), tree=str(root), writable=False)

        def brief() -> Brief:
            more = {"workspace": space, "returns": "verdict"}
            return Brief(
                call=f"c{next(numbers)}", story="1", act="v", role="v", turn=1, text=TEXT, session=None, **more
            )

        def bare() -> None:
            asyncio.run(_bare(fake.url))

        def alone() -> None:
            assert asyncio.run(agent.run(brief())).status == "ok"

        def in_copy() -> None:
            reply = asyncio.run(run_in_copy(agent, brief(), root, Path(folder) / "state", writable=False))
            assert reply.status == "ok"

        return {
            "one call of a model, against the bare SDK": paired(alone, bare, runs),
            "the same in a throwaway copy of 300 files": paired(in_copy, bare, runs),
        }


def command_times(paired: Callable[..., tuple[float, float]], runs: int) -> tuple[float, float]:
    """Seconds of one caged command of an agent, and of the same under bare bubblewrap."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "r"
        root.mkdir()
        caged = CagedSpace(Workspace(root=str(root), tree=str(root), writable=True), Room(), Path(folder))
        words = [
            "bwrap",
            "--unshare-all",
            "--die-with-parent",
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "/bin/sh",
            "-c",
            "true",
        ]

        def mine() -> None:
            assert asyncio.run(caged.run("true")).exit_code == 0

        def bare() -> None:
            subprocess.run(words, check=True, capture_output=True)

        return paired(mine, bare, runs)


def _answer(_: object) -> dict[str, object]:
    return {"tools": [("final_result", VERDICT)]}


async def _bare(url: str) -> None:
    """The request that the engine makes, made by the SDK alone, streamed to its end."""
    tool = {"name": "final_result", "description": "The verdict.", "input_schema": VerdictAnswer.model_json_schema()}
    async with (
        AsyncAnthropic(api_key="none", base_url=url, max_retries=0) as client,
        client.messages.stream(
            model="m", max_tokens=16_000, messages=[{"role": "user", "content": TEXT}], tools=[tool]
        ) as stream,
    ):
        message = await stream.get_final_message()
    assert message.stop_reason == "tool_use"


def _repository(root: Path) -> Path:
    """300 small files under git."""
    for number in range(300):
        path = root / f"src/part{number % 10}/file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = {number}\n" * 20)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=root, check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})
    return root
