"""A tiny repository that lives a whole story: one spec, one story, shell commands as gates, a script as agents."""

from __future__ import annotations

import atexit
import shutil
import subprocess
from collections.abc import Mapping
from copy import copy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from types import MappingProxyType

import yaml

from engine.adopt import adopt
from engine.advance import Advanced, advance, foresee
from engine.files.journal import read_journal
from engine.look import Repository, Seen, look, open_repository
from engine.model.events import Event
from engine.wiring import wire
from tests.life import AT

SPEC = """\
# Feature Spec

**AC-1.1:** The greeter greets
- **TC-1.1a: says hello in two words**
- **TC-1.1b: says it twice**
"""
STORY = """\
# Story 1: Greeter

## Prerequisites

None.

## ACs Covered

- AC-1.1

## Files

### New Files

- `src/greet`

## Test Breakdown

| Test File | # Tests | TCs |
|---|---|---|
| `tests/tc_1_1a.sh` | 1 | TC-1.1a |
| `tests/tc_1_1b.sh` | 1 | TC-1.1b |

**Story 1 test count: 2**

## Prompts

- `prompt-1.1-skeleton-red.md`
- `prompt-1.2-green.md`
- `prompt-1.R-verify.md`

## Exit Criteria

- 2 tests pass
"""
RUN_TESTS = """\
{ echo '<testsuite>'
for t in tests/*.sh; do n=$(basename $t .sh)
if sh $t; then echo "<testcase name=\\"$n\\"/>"; else echo "<testcase name=\\"$n\\"><failure/></testcase>"; bad=1; fi
done
echo '</testsuite>'; } > "$1"
exit ${bad:-0}
"""
CONFIG = """\
[packs]
paths = ["docs/stories"]

[gates.tests]
run = ["sh tools/run-tests {report}"]

[gates.typecheck]
run = ["true"]

[gates.lint]
run = ["test ! -e lint-error"]

[standing]
effort = "all"
"""
ROLES = ("builder_validator", "pedant_validator", "engineer", "verifier")
CHECK = 'test "$(cat src/greet)" = hello\n'
TESTS = {"tests/tc_1_1a.sh": CHECK, "tests/tc_1_1b.sh": CHECK}
EMPTY: Mapping[str, str] = MappingProxyType({})
TCS = {"TC-1.1a": "pass", "TC-1.1b": "pass"}


def prompt(task: str) -> str:
    return f"# Prompt\n\n## Context\n\nA greeter.\n\n## Task\n\n{task}\n\n## Done When\n\n- [ ] Done\n"


def verdict(said: str = "PASS", *findings: dict[str, str], **more: object) -> dict[str, object]:
    """A verdict as an agent gives it."""
    return {
        "story": "<story>",
        "round": "<round>",
        "verdict": said,
        "confidence": "high",
        "reasoning": "I read all of it.",
        "findings": [*findings],
        **more,
    }


def finding(text: str, quote: str = "in two words", **more: str) -> dict[str, str]:
    """A finding that the spot check can confirm."""
    return {"severity": "issue", "where": "docs/feature-spec.md:4", "quote": quote, "text": text, **more}


SMOOTH: list[dict[str, object]] = [
    {"act": "builder", "reply": verdict()},
    {"act": "pedant", "reply": verdict()},
    {"act": "again", "reply": verdict()},
    {"act": "refresh", "reply": verdict()},
    {"act": "spec_again", "reply": verdict()},
    {"act": "fixer", "reply": {"answers": [], "files": []}},
    {"act": "impl", "files": TESTS, "reply": {"files": [*TESTS]}},
    {"act": "impl_green", "files": {"src/greet": "hello\n"}, "reply": {"files": ["src/greet"]}},
    {"act": "self_rev", "reply": {"files": []}},
    {"act": "code_fix", "reply": {"files": []}},
    {"act": "verify", "reply": verdict(tcs=TCS, boundaries=[])},
]
"""Every act goes well; the lines that a test puts before these win where they match as well."""


class Repo:
    """The repository and its one adopted story."""

    def __init__(self, folder: Path, *lines: dict[str, object], config: str = CONFIG, story: str = STORY) -> None:
        self.at_folder(folder)
        shutil.copytree(_adopted(config, story), self.root)
        self.script(*lines)

    def at_folder(self, folder: Path) -> Repo:
        """The repository lies in this folder."""
        self.root, self.state = folder / "r", folder / "state"
        self.pack = self.root / "docs/stories"
        self.story = self.pack / "story-1-greeter/story.md"
        return self

    def copy(self, folder: Path, *lines: dict[str, object]) -> Repo:
        """The same repository, with all that is remembered of it, in another folder and with another script."""
        other = copy(self)
        other.root, other.state = folder / "r", folder / "state"
        other.pack, other.story = (other.root / path.relative_to(self.root) for path in (self.pack, self.story))
        shutil.copytree(self.root, other.root)
        shutil.copytree(self.state, other.state)
        other.script(*lines)
        return other

    @property
    def repository(self) -> Repository:
        return open_repository(self.root, self.state)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def script(self, *lines: dict[str, object]) -> None:
        """What the agents answer; later lines of the smooth run hold where these do not match."""
        self.write("../script.yaml", script(*lines))

    def git(self, *words: str) -> str:
        return git(self.root, *words)

    def packed(self) -> Repo:
        """The same, ready to be copied often."""
        pack_objects(self.root)
        return self

    def advance(self, *, one_step: bool = False) -> Advanced:
        ports = wire(self.repository, tell=lambda _: None, clock=lambda: AT)
        return advance(self.repository, self.pack, "1", ports=ports, one_step=one_step)

    def foresee(self) -> Advanced:
        ports = wire(self.repository, tell=lambda _: None, clock=lambda: AT)
        return foresee(self.repository, self.pack, "1", ports=ports)

    def look(self) -> Seen:
        return look(self.repository, self.pack, "1")

    @property
    def at(self) -> str:
        """The state that story.md shows."""
        return str(self.look().shown.state)

    @property
    def text(self) -> str:
        return self.story.read_text()

    def edit(self, old: str, new: str) -> Repo:
        """A person replaces the one place where some words stand."""
        assert self.text.count(old) == 1, (old, self.text)
        self.story.write_text(self.text.replace(old, new))
        return self

    def tick(self, text: str) -> Repo:
        return self.edit(f"- [ ] {text}", f"- [x] {text}")

    def line(self, text: str) -> int:
        return next(n for n, line in enumerate(self.text.split("\n"), 1) if text in line)

    def ticked(self) -> list[str]:
        return [item.id for item in self.look().shown.items if item.ticked]

    @property
    def events(self) -> list[Event]:
        return read_journal(self.story.parent / "evidence/journal.jsonl")

    def bytes(self) -> dict[str, bytes]:
        """Every file of the repository and of git's index."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files if ".git/" not in str(path) or path.name == "index"}

    def steps(self, result: Advanced) -> list[str]:
        return [step.dest for step in result.steps]


def script(*lines: dict[str, object]) -> str:
    """A script that answers with these lines, and where they do not match with the smooth run."""
    return yaml.safe_dump({"replies": [*lines, *SMOOTH]}, sort_keys=False)


def git(root: Path, *words: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


_BUILT = TemporaryDirectory()
atexit.register(_BUILT.cleanup)


def approved(
    folder: Path, *lines: dict[str, object], config: str = CONFIG, story: str = STORY, files: Mapping[str, str] = EMPTY
) -> Repo:
    """The repository when a person has just approved the story; the lines are about what follows."""
    return _approved(config, story, tuple(files.items())).copy(folder, *lines)


@cache
def _approved(config: str, story: str, files: tuple[tuple[str, str], ...]) -> Repo:
    """Made once for all tests of this process that begin with the same."""
    repo = Repo(new_folder(), config=config, story=story)
    for name, text in files:
        repo.write(name, text)
    if files:
        repo.git("add", "-A")
        repo.git("commit", "-qm", "ready")
    repo.advance()
    return repo.tick("Human approved").packed()


def lay_out(root: Path, files: Mapping[str, str], *, person: str = "Ana") -> None:
    """Write a repository, in which nothing is committed yet."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", person)
    git(root, "config", "user.email", "ana@example.org")


def pack_objects(root: Path) -> None:
    """Keep what git knows in few files: a repository that is copied for each test is copied faster."""
    git(root, "gc", "--quiet", "--prune=now")
    for sample in (root / ".git/hooks").glob("*.sample"):
        sample.unlink()


def new_folder() -> Path:
    """A folder that is there as long as the tests run."""
    return Path(mkdtemp(dir=_BUILT.name))


@cache
def _adopted(config: str, story: str) -> Path:
    """The repository with its story adopted, made once for all tests of this process that want the same."""
    folder = new_folder()
    roles = "".join(f'\n[roles.{role}]\nagent = "scripted"\nscript = "../script.yaml"\n' for role in ROLES)
    home = "docs/stories/story-1-greeter"
    files = {
        "story.toml": config + roles,
        "tools/run-tests": RUN_TESTS,
        "tests/old.sh": "true\n",
        "docs/feature-spec.md": SPEC,
        f"{home}/story.md": story,
        f"{home}/prompt-1.1-skeleton-red.md": prompt("Write 2 failing tests:\n- TC-1.1a\n- TC-1.1b"),
        f"{home}/prompt-1.2-green.md": prompt("Make them pass."),
        f"{home}/prompt-1.R-verify.md": prompt("Verify:\n- TC-1.1a\n- TC-1.1b"),
    }
    lay_out(folder, files, person="Ana Person")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    pack_objects(folder)
    with TemporaryDirectory() as state:
        adopt(open_repository(folder, Path(state)), folder / "docs/stories", (), author="Ana", clock=lambda: AT)
    return folder
