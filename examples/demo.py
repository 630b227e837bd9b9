"""The demo: two stories of a small real project, from nothing to complete, without a key and without a network.

    python examples/demo.py [--keep FOLDER] [--quiet]

main
├── begin       examples/shelf copied into a scratch folder and committed; `story check`, `story adopt`
├── live        `story advance N --step` until the story is complete; each step is one commit
│   └── decide  what only a person does: she reads, tries, ticks a box in story.md
└── end         the commits, `story status`, and the proof that story 1 really is complete

Everything is done as a user does it: through the command line, by editing story.md, and with git.
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
STORIES = ("0", "1")
MOST_STEPS = 40
PERSON = "Ana Owner"
BOXES = {
    "triage": "fix: it is real and is fixed now",
    "approving": "Human approved",
    "gorilla": "Gorilla testing done (human)",
    "accepting": "Story marked complete",
}
"""In which state the person ticks what."""
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
}
"""What she runs by hand in Gorilla testing."""


class Failed(Exception):
    """The demo cannot go on; `str()` says why."""


def main() -> int:
    """Run the demo; exit code 0 only if story 1 really is complete."""
    parser = argparse.ArgumentParser(description="Two stories, from nothing to complete.")
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
        for story in STORIES:
            demo.live(story)
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
            "PYTHONPATH": "src",
            "PYTHONUTF8": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the project needs none, and each costs time
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def begin(self) -> None:
        """Copy the project, look at it and bring its stories under their machines."""
        self.title("A project: a spec, a design, three stories. Nothing of it is built.")
        shutil.copytree(EXAMPLE, self.root, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", "evidence"))
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

    def live(self, story: str) -> None:
        """Advance a story step by step, with a commit for each, until it is complete."""
        self.title(f"Story {story}")
        for _ in range(MOST_STEPS):
            before = self.state(story)
            if self.story("advance", story, "--step"):
                raise Failed(f"story {story} was refused in {before!r}")
            after = self.state(story)
            if after == before:
                raise Failed(f"story {story} stands still in {after!r}")
            self.commit(f"story {story}: {before} → {after}")
            if after == "complete":
                return
            if after in BOXES:
                self.decide(story, after)
        raise Failed(f"story {story} is not complete after {MOST_STEPS} steps")

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
        self.title("What git says: one commit a step.")
        log = self.git("log", "--reverse", "--shortstat", "--format=%x00%h %s")
        for entry in log.split("\0")[1:]:
            subject, *stat = filter(None, entry.splitlines())
            self.print(f"{subject:<52.52} {stat[0].strip() if stat else ''}", always=True)
        self.title("Where every story stands.")
        self.story("status", always=True)
        rows = json.loads(self.run([sys.executable, "-m", "engine", "status", "--json"]).stdout)["data"]["stories"]
        row = next(row for row in rows if row["id"] == "1")
        tests = self.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        passed = re.search(r"\b7 passed\b", tests.stdout)
        problems = self.run([sys.executable, "-m", "engine", "check"])
        if row["state"] != "complete" or row["done"] != row["total"]:
            raise Failed(f"story 1 is {row['state']} with {row['done']} of {row['total']} items")
        if tests.returncode or not passed:
            raise Failed(f"the tests do not pass:\n{tests.stdout}{tests.stderr}")
        if problems.returncode:
            raise Failed(f"`story check` still finds:\n{problems.stdout}")
        ticked = f"{row['done']} of {row['total']} items ticked"
        said = f"story 1 is complete: {ticked}, 7 tests pass, nothing is left to fix"
        self.print(said, "bold green", always=True)

    def story(self, *words: str, always: bool = False) -> int:
        """Run a verb of the engine as a user does, and show it."""
        self.print(f"$ story {' '.join(words)}", "bold", always=always)
        done = self.run([sys.executable, "-m", "engine", *words])
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
