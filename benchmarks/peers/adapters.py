"""The peers: how each is installed, how it gets 200 tasks like our stories, and its own `status`.

Each is given what is fastest for it: no git to ask, no telemetry, plain output; and each task has the same prose and
the same checklist as a story of ours. Their folders are made by their own `init`; the tasks are files in their format.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).parents[2] / ".tools/peers"
NODE, PYTHON = TOOLS / "node_modules/.bin", TOOLS / "python/bin"
NPM, PYPI = ("backlog.md@1.52.0", "@fission-ai/openspec@1.13.2"), ("coga==0.4.1",)
INSTALL = (
    ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(TOOLS), *NPM),
    ("python3", "-m", "venv", str(TOOLS / "python")),
    (str(PYTHON / "pip"), "install", "--quiet", "--disable-pip-version-check", *PYPI),
)
"""The commands that install them, with their versions, into a folder that git ignores."""


@dataclass(frozen=True)
class Peer:
    """One tool. `make` gives a folder so many tasks of these texts; `command` is what shows where all of them stand."""

    name: str
    origin: str
    program: Path
    command: tuple[str, ...]
    make: Callable[[Peer, Path, list[str]], None]

    def run(self, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it in a folder, with a home of its own beside it."""
        home = root.parent / "home"
        home.mkdir(exist_ok=True)
        who = {"GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@example.org"}
        who |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in who.items()}
        quiet = {"HOME": str(home), "NO_COLOR": "1", "DO_NOT_TRACK": "1", "OPENSPEC_TELEMETRY": "0", "COLUMNS": "200"}
        return subprocess.run(
            [self.program, *words],
            cwd=root,
            env={**os.environ, **who, **quiet},
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def show(self, root: Path) -> str:
        """What it says of all tasks."""
        return self.run(root, *self.command).stdout


def items(text: str) -> list[str]:
    """The lines of a checklist."""
    return [line for line in text.splitlines() if line.startswith("- [ ] ")]


def make_backlog(peer: Peer, root: Path, texts: list[str]) -> None:
    """A task a file, its items as acceptance criteria."""
    peer.run(root, "init", "bench", "--defaults", "--no-git", "--integration-mode", "none", "--backlog-dir", "backlog")
    for number, text in enumerate(texts, 1):
        criteria = "\n".join(item.replace("] ", f"] #{n} ", 1) for n, item in enumerate(items(text), 1))
        front = (
            f"id: TASK-{number}\ntitle: Part {number}\nstatus: To Do\nassignee: []\ncreated_date: '2026-01-01 00:00'\n"
            f"labels: []\ndependencies: []\nordinal: {number}000\n"
        )
        body = (
            f"## Description\n\n<!-- SECTION:DESCRIPTION:BEGIN -->\n{prose(text)}\n<!-- SECTION:DESCRIPTION:END -->\n\n"
            f"## Acceptance Criteria\n<!-- AC:BEGIN -->\n{criteria}\n<!-- AC:END -->\n"
        )
        save(root / f"backlog/tasks/task-{number} - Part-{number}.md", f"---\n{front}---\n\n{body}")


def make_openspec(peer: Peer, root: Path, texts: list[str]) -> None:
    """A change a folder: a proposal with the prose, and the items as its tasks."""
    peer.run(root, "init", "--tools", "none", "--no-animation", "--no-copilot-cloud")
    for number, text in enumerate(texts, 1):
        home = root / f"openspec/changes/part-{number}"
        save(home / ".openspec.yaml", "schema: spec-driven\ncreated: 2026-01-01\n")
        save(home / "proposal.md", f"# Part {number}\n\n## Why\n\n{prose(text)}\n")
        save(home / "tasks.md", "## 1. Work\n\n" + "\n".join(items(text)) + "\n")


def make_coga(peer: Peer, root: Path, texts: list[str]) -> None:
    """A ticket a file, without a workflow; it wants git to be there."""
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    peer.run(root, "init", "--user", "ana")
    for number, text in enumerate(texts, 1):
        front = f"title: Part {number}\nstatus: draft\nowner: ana\nworkflow: null\n"
        work = "\n".join(items(text))
        body = f"## Description\n\n{prose(text)}\n\n{work}\n\n<!-- coga:blackboard -->\n"
        save(root / f"coga/tasks/part-{number}.md", f"---\n{front}---\n\n{body}")


def prose(text: str) -> str:
    """The paragraphs of a story."""
    return "\n".join(line for line in text.splitlines() if line.startswith("Paragraph"))


def save(path: Path, text: str) -> None:
    """Write a file with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


PEERS = (
    Peer("backlog.md", "npm", NODE / "backlog", ("task", "list", "--plain"), make_backlog),
    Peer("@fission-ai/openspec", "npm", NODE / "openspec", ("list",), make_openspec),
    Peer("coga", "PyPI", PYTHON / "coga", ("status",), make_coga),
)
