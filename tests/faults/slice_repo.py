"""The smallest repository that has everything: one story, one state, two scripted agents, one gate, one person."""

from __future__ import annotations

import subprocess
from pathlib import Path

MACHINE = """\
schema: story-machine/v1
machine: slice
initial: drafted
terminal: {complete: success, abandoned: failure}
checklist:
  Work:
    written: {text: File written, by: agent}
    checked: {text: Gate passes, by: gate}
    shipped: {text: Shipped (human), by: human}
roles:
  writer: {title: Writer, provider: anthropic, model: m, sandbox: workspace-write}
  scribe: {title: Scribe, provider: openai, model: m, sandbox: workspace-write}
prompts:
  write: {text: Write out.txt for story <n>., returns: work}
gates:
  there: {outcomes: {pass: it is there, fail: it is not}}
decisions:
  ship:
    title: Ship it
    ask: ["Ship it?"]
    box: {shipped: ship}
    options: {ship: it goes out, drop: it does not}
  redo: {title: The gate failed, ask: ["Again?"], options: {again: once more, drop: no more}}
  stuck: {title: Stuck, ask: ["What now?"], options: {again: once more, drop: no more}}
defaults: {failed: stuck}
states:
  drafted:
    phase: ready
    exits: [{to: working, when: {files: exist}}]
  working:
    phase: validation
    reopens: written
    do:
      - parallel:
          - {id: write, agent: writer, purpose: fix, prompt: write, session: fresh, writes: [out.txt], ticks: [written]}
          - {id: log, agent: scribe, purpose: fix, prompt: write, session: fresh, writes: [log.txt]}
      - {run: there}
    exits:
      - {to: shipping, when: {gate: {there: pass}}, ticks: [checked]}
      - {to: failing, when: {gate: {there: fail}}}
  failing:
    phase: validation
    do: [{ask: redo}]
    exits:
      - {to: working, when: {decision: {redo: again}}}
      - {to: abandoned, when: {decision: {redo: drop}}}
  shipping:
    phase: verification
    reopens: shipped
    do: [{ask: ship}]
    exits:
      - {to: complete, when: {decision: {ship: ship}, checked: shipped}}
      - {to: abandoned, when: {decision: {ship: drop}}}
  stuck:
    phase: ready
    do: [{ask: stuck}]
    exits:
      - {to: origin, when: {decision: {stuck: again}}}
      - {to: abandoned, when: {decision: {stuck: drop}}}
  complete: {phase: done}
  abandoned: {phase: done}
pipeline: {concurrency: {validation: 1}}
"""

CONFIG = """\
[packs]
paths = ["docs/stories"]
machine = "slice"

[gates.there]
run = ["test -f out.txt"]

[roles.writer]
agent = "scripted"
script = "script.yaml"

[roles.scribe]
agent = "scripted"
script = "script.yaml"
"""

SCRIPT = """\
replies:
  - {act: write, files: {out.txt: "written\\n"}, reply: {files: [out.txt]}}
  - {act: log, files: {log.txt: "logged\\n"}, reply: {files: [log.txt]}}
"""

STORY = """\
# Story 1: A file

The author's words, with a trailing blank, and a [~] mark. \r
- [~] not ours
"""


def make_repository(root: Path) -> Path:
    """Write the repository with git, committed; returns its story.md."""
    files = {
        "machines/slice.yaml": MACHINE,
        "story.toml": CONFIG,
        "script.yaml": SCRIPT,
        "docs/stories/story-1-file/story.md": STORY,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ana Person")
    git(root, "config", "user.email", "ana@example.org")
    commit(root, "start")
    return root / "docs/stories/story-1-file/story.md"


def git(root: Path, *words: str) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def commit(root: Path, message: str) -> None:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
