"""A pack of several small stories in one repository: what each depends on, one script for all their agents."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from engine.adopt import adopt
from engine.files.journal import read_journal
from engine.lanes import Ran, Told
from engine.look import Repository, open_repository
from engine.model.events import Event
from engine.pipeline import run_packs
from engine.ports import Ports
from engine.wiring import wire
from tests.life import AT
from tests.repo import CONFIG, ROLES, RUN_TESTS, git, lay_out, new_folder, pack_objects, prompt, verdict

PACK = "docs/stories"
PEOPLE = ("Human approved", "Gorilla testing done (human)", "Story marked complete")


class PackRepo:
    """A repository with adopted stories `1`, `2`, …, each with what it depends on (None: the one before it)."""

    def __init__(
        self,
        folder: Path,
        needs: Mapping[str, Sequence[str] | None],
        *lines: dict[str, object],
        config: str = "",
    ) -> None:
        self.root, self.state = folder / "r", folder / "state"
        self.wired = 0
        """How often ports were asked for: at least once whenever a story is looked at by `run`."""
        shutil.copytree(
            _made(tuple((id_, None if of is None else tuple(of)) for id_, of in needs.items()), config), self.root
        )
        replies = [*lines, *(line for id_ in needs for line in smooth(id_))]
        (folder / "script.yaml").write_text(yaml.safe_dump({"replies": replies}, sort_keys=False))

    @property
    def repository(self) -> Repository:
        return open_repository(self.root, self.state)

    def run(
        self,
        *,
        commit: bool = False,
        told: Told | None = None,
        tell: Callable[[str], None] = lambda _: None,
        watch: bool = False,
    ) -> Ran:
        def ports_of(home: Repository) -> Ports:
            self.wired += 1
            return wire(home, tell=tell, clock=lambda: AT, commit=commit)

        folders = [self.root / PACK]
        return run_packs(self.repository, folders, ports_of=ports_of, providers=lambda _: {}, told=told, watch=watch)

    def story(self, id_: str) -> Path:
        """story.md where the story lives now."""
        name = f"{PACK}/story-{id_}-greeter/story.md"
        apart = self.state / "worktrees" / f"{id_}-greeter" / name
        return apart if apart.exists() else self.root / name

    def at(self, id_: str) -> str:
        """The state that story.md shows."""
        return next(line.split()[1] for line in self.story(id_).read_text().splitlines() if line.startswith("state:"))

    def states(self) -> dict[str, str]:
        folders = sorted((self.root / PACK).glob("story-*"))
        return {id_: self.at(id_) for id_ in (folder.name.split("-")[1] for folder in folders)}

    def ticks(self, id_: str, *texts: str) -> None:
        """A person ticks what stands there unticked."""
        text = self.story(id_).read_text()
        for item in texts:
            text = text.replace(f"- [ ] {item}", f"- [x] {item}")
        self.story(id_).write_text(text)

    def person(self) -> bool:
        """A person answers what every story that waits for her asks; False where nothing does."""
        asked = {"approving": PEOPLE[0], "gorilla": PEOPLE[1], "accepting": PEOPLE[2]}
        waiting = {id_: asked[state] for id_, state in self.states().items() if state in asked}
        for id_, text in waiting.items():
            self.ticks(id_, text)
        return bool(waiting)

    def events(self, id_: str) -> list[Event]:
        return read_journal(self.story(id_).parent / "evidence/journal.jsonl")


def smooth(id_: str) -> list[dict[str, object]]:
    """What the agents of a story answer when all goes well."""
    check = f'test "$(cat src/greet-{id_})" = hello\n'
    tests = {f"tests/tc_{id_}_1{part}.sh": check for part in "ab"}
    tcs = {f"TC-{id_}.1{part}": "pass" for part in "ab"}
    lines: list[dict[str, object]] = [
        {"act": "builder", "reply": verdict()},
        {"act": "pedant", "reply": verdict()},
        {"act": "again", "reply": verdict()},
        {"act": "refresh", "reply": verdict()},
        {"act": "spec_again", "reply": verdict()},
        {"act": "fixer", "reply": {"answers": [], "files": []}},
        {"act": "impl", "files": tests, "reply": {"files": [*tests]}},
        {"act": "impl_green", "files": {f"src/greet-{id_}": "hello\n"}, "reply": {"files": [f"src/greet-{id_}"]}},
        {"act": "self_rev", "reply": {"files": []}},
        {"act": "code_fix", "reply": {"files": []}},
        {"act": "verify", "reply": verdict(tcs=tcs, boundaries=[])},
    ]
    return [{"story": id_, **line} for line in lines]


@cache
def _made(needs: tuple[tuple[str, tuple[str, ...] | None], ...], config: str) -> Path:
    root = new_folder() / "r"
    files = {"docs/feature-spec.md": "# Feature Spec\n\n" + "\n".join(_spec(id_) for id_, _ in needs)}
    for id_, of in needs:
        home = f"{PACK}/story-{id_}-greeter"
        front = "" if of is None else f"---\ndepends_on: {[*of]}\n---\n"
        files[f"{home}/story.md"] = front + _story(id_)
        files[f"{home}/prompt-{id_}.1-skeleton-red.md"] = prompt(f"Write the tests TC-{id_}.1a and TC-{id_}.1b.")
        files[f"{home}/prompt-{id_}.2-green.md"] = prompt("Make both tests pass.")
        files[f"{home}/prompt-{id_}.R-verify.md"] = prompt(f"Verify TC-{id_}.1a and TC-{id_}.1b.")
    files |= {"tools/run-tests": RUN_TESTS, "tests/old.sh": "true\n"}
    roles = "".join(f'\n[roles.{role}]\nagent = "scripted"\nscript = "../script.yaml"\n' for role in ROLES)
    files["story.toml"] = CONFIG + roles + config
    lay_out(root, files)
    repository = open_repository(root, root.parent / "state")
    adopt(repository, root / PACK, (), clock=lambda: AT, author="Ana <ana@example.org>")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Stories adopted")
    pack_objects(root)
    return root


def _spec(id_: str) -> str:
    return (
        f"**AC-{id_}.1:** Greeter {id_} greets\n"
        f"- **TC-{id_}.1a: says hello in two words**\n- **TC-{id_}.1b: says it twice**\n"
    )


def _story(id_: str) -> str:
    return f"""\
# Story {id_}: Greeter

## Prerequisites

None.

## ACs Covered

- AC-{id_}.1

## Files

### New Files

- `src/greet-{id_}`

## Test Breakdown

| Test File | # Tests | TCs |
|---|---|---|
| `tests/tc_{id_}_1a.sh` | 1 | TC-{id_}.1a |
| `tests/tc_{id_}_1b.sh` | 1 | TC-{id_}.1b |

**Story {id_} test count: 2**

## Prompts

- `prompt-{id_}.1-skeleton-red.md`
- `prompt-{id_}.2-green.md`
- `prompt-{id_}.R-verify.md`

## Exit Criteria

- 2 tests pass
"""
