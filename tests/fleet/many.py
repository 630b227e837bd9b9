"""A repository with many packs of small stories: two agents, then a gate after what it needs, then a person."""

from __future__ import annotations

from pathlib import Path

from engine.adopt import adopt
from engine.look import open_repository
from tests.repo import git, lay_out

MACHINE = """\
schema: story-machine/v1
machine: small
initial: drafted
terminal: {complete: success, abandoned: failure}
checklist:
  Work:
    written: {text: Both wrote, by: agent}
    checked: {text: Gate passes, by: gate}
    taken: {text: Accepted (human), by: human}
roles:
  writer: {title: Writer, provider: anthropic, model: m, sandbox: workspace-write}
  scribe: {title: Scribe, provider: openai, model: m, sandbox: workspace-write}
prompts:
  write: {text: Write for story <n>., returns: work}
gates:
  there: {outcomes: {pass: it is there, fail: it is not}}
decisions:
  accept:
    title: Accept
    ask: ["Is it good?"]
    box: {taken: ship}
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
          - {id: write, agent: writer, purpose: fix, prompt: write, session: fresh, writes: [prompt-*.md],
             ticks: [written]}
          - {id: log, agent: scribe, purpose: fix, prompt: write, session: fresh, writes: [prompt-*.md]}
    exits: [{to: waiting, when: {checked: written}}]
  waiting:
    phase: ready
    exits: [{to: making, when: {dependencies: complete}}]
  making:
    phase: validation
    reopens: checked
    do: [{run: there}]
    exits:
      - {to: accepting, when: {gate: {there: pass}}, ticks: [checked]}
      - {to: failing, when: {gate: {there: fail}}}
  failing:
    phase: validation
    do: [{ask: redo}]
    exits:
      - {to: making, when: {decision: {redo: again}}}
      - {to: abandoned, when: {decision: {redo: drop}}}
  accepting:
    phase: ready
    reopens: taken
    do: [{ask: accept}]
    exits:
      - {to: complete, when: {decision: {accept: ship}, checked: taken}}
      - {to: abandoned, when: {decision: {accept: drop}}}
  stuck:
    phase: ready
    do: [{ask: stuck}]
    exits:
      - {to: origin, when: {decision: {stuck: again}}}
      - {to: abandoned, when: {decision: {stuck: drop}}}
  complete: {phase: done}
  abandoned: {phase: done}
pipeline: {concurrency: {validation: 100}}
"""


def _light() -> str:
    """The same with one agent and the gate behind each other, after what a story needs: three steps, two calls."""
    head, _, rest = MACHINE.partition("  working:\n")
    body = head + "  making:\n" + rest.partition("  making:\n")[2]
    write = "{id: write, agent: writer, purpose: fix, prompt: write, session: fresh, writes: [prompt-*.md]"
    exits = "{to: making, when: {files: exist, dependencies: complete}}"
    body = body.replace("{to: working, when: {files: exist}}", exits)
    return body.replace("[{run: there}]", f"\n      - {write}, ticks: [written]}}\n      - {{run: there}}")


LIGHT = _light()
CONFIG = """\
[packs]
paths = [{paths}]
machine = "small"

[gates.there]
run = ["true"]

[roles.writer]
agent = "scripted"
script = "script.yaml"

[roles.scribe]
agent = "scripted"
script = "script.yaml"
"""
STORY = """\
---
depends_on: {needs}
---
# Story {id}: A file

## Prompts

- `prompt-{id}.1-file.md`
"""
CALLS = [2, 1]
"""The calls of a story, stage by stage."""
AT = "2026-01-01T00:00:00Z"


def make_many(root: Path, packs: int, stories: int, machine: str = MACHINE) -> list[str]:
    """Write a repository of so many packs of so many stories each, adopted and committed; the packs' folders.

    Every second story needs the one before it.
    """
    names = [f"docs/p{number:03}" for number in range(packs)]
    files = {"machines/small.yaml": machine, "story.toml": CONFIG.format(paths=", ".join(f'"{n}"' for n in names))}
    lines = ["replies:", "  - {reply: {files: []}}"]  # who is in the first pack changes a file as well
    for pack, name in enumerate(names):
        for number in range(pack * stories + 1, (pack + 1) * stories + 1):
            home, even = f"{name}/story-{number}-file", (number - pack * stories) % 2 == 0
            prompt = f"{home}/prompt-{number}.1-file.md"
            needs = f'["{number - 1}"]' if even else "[]"
            files[f"{home}/story.md"] = STORY.format(id=number, needs=needs)
            files[prompt] = "Write.\n"
            if pack == 0:
                edits = f'{{{prompt}: "Written.\\n"}}'
                lines.append(f'  - {{story: "{number}", act: write, files: {edits}, reply: {{files: []}}}}')
    files["script.yaml"] = "\n".join(lines) + "\n"
    lay_out(root, files)
    repository = open_repository(root, root.parent / "state")
    for name in names:
        adopt(repository, root / name, (), clock=lambda: AT, author="Ana <ana@example.org>")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Many stories")
    return names
