"""The demo: the three stories of a small real project, from nothing to complete, without a key and without a network.

    python examples/demo.py [--keep FOLDER] [--quiet]

main
├── begin       examples/shelf copied into a scratch folder and committed; `story check`, `story adopt`
├── live        `story run --commit` until only a person can go on, again and again; each step is one commit
│   └── decide  what only a person does: she reads, tries, ticks a box in each story.md that waits for her
└── end         the commits, `story timeline`, `story status`, and the proof that all three really are complete

Everything is done as a user does it: through the command line, by editing story.md, and with git. On a terminal `story run`
draws its live view; in a pipe it says plain lines.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

EXAMPLE = Path(__file__).parent / "shelf"
STORIES = ("0", "1", "2")
MOST_RUNS = 12
TAKES = 1.0
"""Seconds that each scripted agent takes, and is seen at work."""
PERSON = "Ana Owner"
BOXES = {
    "triage": "fix: it is real and is fixed now",
    "approving": "Human approved",
    "gorilla": "Gorilla testing done (human)",
    "accepting": "Story marked complete",
}
"""In which state the person ticks what, the most blocking first."""
NOTES = {"triage": "A damaged file is what I fear most."}
TRIES = {
    "0": ["python -c 'from shelf.book import Book; print(Book(\"Emma\"))'"],
    "1": [
        "python -m shelf --file ../books.json list",
        "python -m shelf --file ../books.json add '  The   Waves '",
        "python -m shelf --file ../books.json add 'the waves'",
        "python -m shelf --file ../books.json add ''",
        "python -m shelf --file ../books.json list",
    ],
    "2": [
        "python -m shelf --file ../books.json lend 'the waves' Ben",
        "python -m shelf --file ../books.json lend 'The Waves' Cleo",
        "python -m shelf --file ../books.json list",
        "python -m shelf --file ../books.json return 'The Waves'",
        "python -m shelf --file ../books.json return 'The Waves'",
    ],
}
"""What she runs by hand in Gorilla testing."""


class Failed(Exception):
    """The demo cannot go on; `str()` says why."""


def main() -> int:
    """Run the demo; exit code 0 only if all three stories really are complete."""
    parser = argparse.ArgumentParser(description="Three stories, from nothing to complete.")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder to work in, which stays")
    parser.add_argument("--quiet", action="store_true", help="print the end only")
    told = parser.parse_args()
    if importlib.util.find_spec("engine") is None:
        print("demo: the engine is not installed for this Python; run `make demo`.", file=sys.stderr)
        return 2
    if told.keep and told.keep.exists() and any(told.keep.iterdir()):
        print(f"demo: {told.keep} is not empty; name a new folder.", file=sys.stderr)
        return 2
    scratch = told.keep.resolve() if told.keep else Path(tempfile.mkdtemp(prefix="story-demo-"))
    began = time.monotonic()
    demo = Demo(scratch, quiet=told.quiet)
    try:
        demo.begin()
        demo.live()
        demo.end()
    except Failed as err:
        demo.print(f"demo: {err}", "bold red", always=True)
        return 1
    finally:
        if not told.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    demo.print(f"done in {time.monotonic() - began:.0f} s", "dim", always=True)
    if told.keep:
        look = f"cd {shlex.quote(str(demo.root))} && git log -p docs/stories/story-1-shelf/story.md"
        demo.print(f"It is all there still: {look}", always=True)
    return 0


class Demo:
    """One run: a scratch folder with the project, and the state folder beside it."""

    def __init__(self, scratch: Path, *, quiet: bool) -> None:
        self.root, self.quiet = scratch / "shelf", quiet
        self.console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PYTEST_", "COV_"))}
        self.environ = kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "XDG_STATE_HOME": str(scratch / "state"),
            "PYTHONPATH": os.pathsep.join(filter(None, ["src", os.environ.get("PYTHONPATH")])),
            "PYTHONUTF8": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the project needs none, and each costs time
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def begin(self) -> None:
        """Copy the project, look at it and bring its stories under their machines."""
        self.title("A project: a spec, a design, three stories. Nothing of it is built.")
        shutil.copytree(EXAMPLE, self.root, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", "evidence"))
        if not self.quiet:  # agents that answer at once leave nothing to look at
            script = self.root / "agents.yaml"
            script.write_text(f"takes: {TAKES}\n{script.read_text('utf-8')}", "utf-8")
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", PERSON)
        self.git("config", "user.email", "ana@example.org")
        self.commit("a spec, a design, three stories")
        self.title("What a program can find, no model is asked: story 1 has a fault.")
        if self.story("check") != 3:
            raise Failed("`story check` should have found the fault that was left in story 1")
        self.title("Adopt: front matter and checklist, nothing else.")
        self.story("adopt", "docs/stories")
        self.commit("adopt")

    def live(self) -> None:
        """Run the pipeline, and do what it waits for, until every story is complete."""
        for number in range(1, MOST_RUNS + 1):
            self.title(f"Run {number}: everything that needs no person.")
            if self.story("run", "--commit", live=True):
                raise Failed("a story was refused")
            states = {story: self.state(story) for story in STORIES}
            if set(states.values()) == {"complete"}:
                return
            waiting = {story: state for story, state in states.items() if state in BOXES}
            if not waiting:
                raise Failed(f"nobody can go on: {states}")
            for story, state in waiting.items():
                self.decide(story, state)
        raise Failed(f"the stories are not complete after {MOST_RUNS} runs")

    def decide(self, story: str, state: str) -> None:
        """Play the person: try what was built, write a note, tick a box."""
        if state == "gorilla":
            self.person("tries it by hand:")
            for command in TRIES[story]:
                done = self.run(command, shell=True)
                self.print(f"  $ {command}", "magenta")
                self.print("".join(f"    {line}\n" for line in (done.stdout + done.stderr).splitlines()).rstrip("\n"))
        file = self.file(story)
        lines = file.read_bytes().decode().split("\n")
        box = f"- [ ] {BOXES[state]}"
        if lines.count(box) != 1:
            raise Failed(f"there are {lines.count(box)} lines {box!r} in {file}, needs one")
        number = lines.index(box)
        lines[number] = box.replace("[ ]", "[x]")
        where = file.relative_to(self.root)
        self.person(f'ticks "{BOXES[state]}" in {where}:{number + 1}')
        if state in NOTES:
            note = lines.index("Note:", number)
            lines[note] = f"Note: {NOTES[state]}"
            self.person(f'writes "{NOTES[state]}" in {where}:{note + 1}')
        file.write_bytes("\n".join(lines).encode())

    def end(self) -> None:
        """Show what happened and prove that it did."""
        self.title("What git says: one commit a step, authored as who took it.")
        log = self.git("log", "--reverse", "--format=%h %an\t%s")
        for entry in log.splitlines():
            who, _, what = entry.partition("\t")
            self.print(f"{who:<32} {what}", always=True)
        if left := self.git("status", "--porcelain"):
            raise Failed(f"this is left uncommitted:\n{left}")
        self.title("What happened when: validation ran ahead of execution.")
        self.story("timeline", always=True)
        self.title("Where every story stands.")
        self.story("status", always=True)
        rows = json.loads(self.run([sys.executable, "-m", "engine", "status", "--json"]).stdout)["data"]["stories"]
        tests = self.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        problems = self.run([sys.executable, "-m", "engine", "check"])
        for row in rows:
            if row["state"] != "complete" or row["done"] != row["total"]:
                raise Failed(f"story {row['id']} is {row['state']} with {row['done']} of {row['total']} items")
        if tests.returncode or not re.search(r"\b13 passed\b", tests.stdout):
            raise Failed(f"the tests do not pass:\n{tests.stdout}{tests.stderr}")
        if problems.returncode:
            raise Failed(f"`story check` still finds:\n{problems.stdout}")
        items = sum(row["total"] for row in rows)
        said = f"3 stories are complete: {items} of {items} items ticked, 13 tests pass, nothing is left to fix"
        self.print(said, "bold green", always=True)

    def story(self, *words: str, always: bool = False, live: bool = False) -> int:
        """Run a verb of the engine as a user does, and show it; `live` lets it draw on the terminal itself."""
        self.print(f"$ story {' '.join(words)}", "bold", always=always)
        command = [sys.executable, "-m", "engine", *words]
        if live and not self.quiet and sys.stderr.isatty():
            return subprocess.run(command, cwd=self.root, env=self.environ, check=False).returncode
        done = self.run(command)
        self.print(done.stderr.rstrip(), "dim", always=always)
        self.print(done.stdout.rstrip(), always=always)
        return done.returncode

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.print(f"$ git commit -m {message!r}", "dim")

    def git(self, *words: str) -> str:
        """Run git; what it refuses ends the demo."""
        done = self.run(["git", *words])
        if done.returncode:
            raise Failed(f"git {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def run(self, command: str | list[str], *, shell: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        return subprocess.run(
            command, shell=shell, cwd=self.root, env=self.environ, capture_output=True, encoding="utf-8", check=False
        )

    def file(self, story: str) -> Path:
        """A story's story.md."""
        return next(self.root.glob(f"docs/stories/story-{story}-*/story.md"))

    def state(self, story: str) -> str:
        """The state in a story's front matter."""
        found = re.search(r"^state: (\w+)$", self.file(story).read_text("utf-8"), re.M)
        return found[1] if found else ""

    def title(self, text: str) -> None:
        """Print what comes now."""
        self.print(f"\n━━ {text}", "bold cyan")

    def person(self, what: str) -> None:
        """Print what the person does."""
        self.print(f"» the person {what}", "bold yellow")

    def print(self, text: str, style: str = "", *, always: bool = False) -> None:
        """Print a text, in colour on a terminal; nothing for an empty one, or when quiet."""
        if text and (always or not self.quiet):
            self.console.print(text, style=style)


if __name__ == "__main__":
    sys.exit(main())
