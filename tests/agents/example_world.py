"""The example project, played by models of both providers behind loopback servers; the engine may be killed.

The servers have no script of their own: what a model answers is found in the example's agents.yaml by what it was
asked, so that a question which is asked again after a kill is answered as before. Each answer takes requests: in
the first the model looks or writes (making folders takes one more), in the last it hands in.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Lock

from engine.adopt import adopt
from engine.advance import advance
from engine.agents.scripted import Scripted, read_script
from engine.look import open_repository
from engine.wiring import wire
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Body, Said
from tests.test_example import BOXES, EXAMPLE, PACK, Project, commit, copy_example, git

ENGINES = get_context("forkserver")
ENGINES.set_forkserver_preload(["engine.agents.api", "tests.agents.example_world"])
PURPOSES = {"validate": "", "fix": "fixer", "revalidate": "again", "self review": "self_rev", "verify": "verify"}
_ASKED = re.compile(r"(Senior Engineer|GPT-5\.2 Codex): ([a-z ]+), story (\w+)")
SEE = "Let me see."
_ANTHROPIC = ("builder_validator", "engineer")


class Models:
    """Both providers. In `kills` are the acts in which the engine is killed once, when the answer is asked for."""

    def __init__(self, *, kills: set[str]) -> None:
        self.kills, self.killed = kills, list[str]()
        self.asked: Counter[tuple[str, str, str, str]] = Counter()
        self.engine: ForkServerProcess | None = None
        self._lock = Lock()
        self._lines = read_script(EXAMPLE / "agents.yaml").replies
        self.one, self.other = (
            FakeAnthropic([self.answer] * 999, key="none"),
            FakeOpenAI([self.answer] * 999, key="none"),
        )

    def __enter__(self) -> Models:
        self.one.__enter__()
        self.other.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.one.__exit__()
        self.other.__exit__()

    def answer(self, body: Body) -> Said:
        """What the model says: from the script, by what it was asked last, and by whether it has worked on that."""
        turns = list(_turns(body))
        last = max(number for number, (who, text) in enumerate(turns) if who == "user" and _ASKED.search(text))
        told = "\n".join(text for who, text in turns[: last + 1] if who == "user")
        title, purpose, story = _ASKED.findall(turns[last][1])[-1]
        act = PURPOSES.get(purpose, "")
        if purpose == "validate":
            act = "builder" if title == "Senior Engineer" else "pedant"
        elif purpose == "implement":
            act = "impl_green" if re.search(r"prompt-\w+\.2-", turns[last][1]) else "impl"
        line = next(line for line in self._lines if (line.story, line.act) == (story, act))
        tools = {tool.get("name", "") for tool in body["tools"]}
        work = _work(line, tools)
        did = sum(who == "assistant" and text == SEE for who, text in turns[last:])
        with self._lock:
            self.asked[story, act, title, "work" if did < len(work) else "hand in"] += 1 if did in (0, len(work)) else 0
            if did == len(work) and act in self.kills - {*self.killed} and self.engine is not None:
                self.killed.append(act)
                self.engine.kill()
                return {"drop": True}
        if did < len(work):
            return {"text": SEE, "tools": work[did]}
        return _hand_in(line, story, int((re.findall(r'"round": (\d+)', told) or ["1"])[-1]), tools)


def _turns(body: Body) -> list[tuple[str, str]]:
    """(who, what) of all texts of a conversation, whichever provider's it is."""
    turns = list[tuple[str, str]]()
    for item in body.get("input") or body["messages"]:
        content = item.get("content") or []
        parts = [{"text": content}] if isinstance(content, str) else content
        turns += [(item["role"], part["text"]) for part in parts if "text" in part]
    return turns


def _work(line: Scripted, tools: set[str]) -> list[list[tuple[str, Said]]]:
    """The tool calls of a model that does what the script says, one answer after the other."""
    if "exec_command" in tools:  # the Codex CLI
        return [[("exec_command", {"cmd": "head -3 docs/stories/overview.md", "yield_time_ms": 10_000})]]
    folders = sorted({str(Path(name).parent) for name in line.files})
    made: list[tuple[str, Said]] = [("create_directory", {"path": folder}) for folder in folders]
    calls: list[tuple[str, Said]] = [
        ("write_file", {"path": name, "content": text}) for name, text in line.files.items()
    ]
    for change in line.replace:
        calls.append(("edit_file", {"path": change.file, "old_text": change.old, "new_text": change.new}))
    calls = calls or [("read_file", {"path": "docs/feature-spec.md"})]
    return [made, calls] if made else [calls]


def _hand_in(line: Scripted, story: str, turn: int, tools: set[str]) -> Said:
    assert isinstance(line.reply, dict)
    said = {**line.reply}
    if "verdict" in said:
        said |= {"story": story, "round": turn}
    if "final_result" not in tools:
        return {"text": f"```json\n{json.dumps(said)}\n```"}
    if isinstance(said.get("tcs"), dict):
        said["tcs"] = [{"tc": tc, "status": status} for tc, status in said["tcs"].items()]
    return {"tools": [("final_result", said)]}


def project_of(folder: Path, models: Models, players: dict[str, str]) -> Project:
    """The example, adopted, its roles played by models; `players` are further lines for a role in story.toml."""
    root = copy_example(folder / "shelf")
    toml = (root / "story.toml").read_text()
    for role in ("builder_validator", "pedant_validator", "engineer", "verifier"):
        scripted = f'[roles.{role}]\nagent = "scripted"\nscript = "agents.yaml"\n'
        assert scripted in toml
        url = models.one.url if role in _ANTHROPIC else f"{models.other.url}/v1"
        more = players.get(role, 'agent = "api"')
        toml = toml.replace(scripted, f'[roles.{role}]\nbase_url = "{url}"\n{more}\n')
    (root / "story.toml").write_text(toml + '\n[sandbox]\nenv = ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]\n')
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ana Owner")
    git(root, "config", "user.email", "ana@example.org")
    commit(root, "start")
    repository = open_repository(root, folder / "state")
    adopt(repository, root / PACK, (), author="Ana", clock=lambda: "2026-01-01T00:00:00Z")
    commit(root, "adopt")
    return Project(root)


def live(project: Project, story: str, models: Models) -> None:
    """Advance in one process after the other until the story is complete; whoever is killed is followed by another."""
    for _ in range(40):
        state = project.look(story).shown.state
        if state == "complete":
            return
        assert state != "stuck", project.look(story).path.read_text()
        if state in BOXES and f"- [ ] {BOXES[state]}" in project.look(story).path.read_text():
            project.tick(story)
        models.engine = ENGINES.Process(target=go, args=(project.root, story, dict(os.environ)))
        models.engine.start()
        models.engine.join(240)
        assert models.engine.exitcode in (0, -9), models.engine
    raise AssertionError(project.look(story).path.read_text())


def go(root: Path, story: str, environ: dict[str, str]) -> None:
    """One `story advance`, as a process."""
    os.environ.clear()
    os.environ.update(environ)
    repository = open_repository(root, root.parent / "state")
    advance(repository, root / PACK, story, ports=wire(repository, tell=lambda _: None))
