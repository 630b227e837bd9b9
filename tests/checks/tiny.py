"""A tiny pack in strings: one spec, one set-up story, one story with two TCs; tests replace parts of it."""

from __future__ import annotations

from engine.checks import check_pack
from engine.model.pack import Pack, Source, StorySource
from engine.model.problem import Problem

SPEC = """# Feature Spec
**AC-1.1:** The desk opens
- **TC-1.1a: opens at once**
- **TC-1.1b: opens twice**
"""
STORY = """# Story 1: Desk
## Prerequisites
- Story 0 complete
## ACs Covered
- AC-1.1
## Files
### New Files
- `src/desk.ts`
## Test Breakdown
| Test File | # Tests | TCs |
|---|---|---|
| `tests/desk.test.ts` | 2 | TC-1.1a, TC-1.1b |

**Story 1 test count: 2**
## Prompts
- `prompt-1.1-skeleton-red.md`
- `prompt-1.2-green.md`
- `prompt-1.R-verify.md`
## Exit Criteria
- 2 tests pass
"""
SETUP = """# Story 0: Setup
## Prerequisites
## ACs Covered
## Files
- `src/index.ts` (new)
## Test Breakdown
## Prompts
- `prompt-0.1-setup.md`
- `prompt-0.R-verify.md`
## Exit Criteria
"""


def prompt(number: str, task: str = "Do it.", done: str = "- [ ] Done") -> str:
    return f"# Prompt {number}\n## Context\nA desk.\n## Task\n{task}\n## Done When\n{done}\n"


class Tiny:
    """Edit `files`, then check; paths are short: `0/story.md`, `1/prompt-1.2-green.md`, `overview.md`."""

    def __init__(self) -> None:
        tcs = "- TC-1.1a\n- TC-1.1b"
        self.files = {
            "overview.md": "# Overview\n",
            "0/story.md": SETUP,
            "0/prompt-0.1-setup.md": prompt("0.1"),
            "0/prompt-0.R-verify.md": prompt("0.R"),
            "1/story.md": STORY,
            "1/prompt-1.1-skeleton-red.md": prompt("1.1", f"Write 2 failing tests:\n{tcs}"),
            "1/prompt-1.2-green.md": prompt("1.2"),
            "1/prompt-1.R-verify.md": prompt("1.R", tcs),
            "spec.md": SPEC,
        }
        self.there: set[str] = set()
        self.layout = "folders"

    def replace(self, path: str, old: str, new: str) -> Tiny:
        assert old in self.files[path], f"{old!r} is not in {path}"
        self.files[path] = self.files[path].replace(old, new, 1)
        return self

    def add(self, path: str, text: str) -> Tiny:
        self.files[path] = self.files.get(path, "") + text
        return self

    def drop(self, path: str) -> Tiny:
        del self.files[path]
        return self

    def pack(self) -> Pack:
        def source(path: str) -> Source:
            return Source(path=path, raw=self.files[path].encode())

        stories = []
        for path in sorted(p for p in self.files if p.endswith("/story.md")):
            folder = path.removesuffix("/story.md")
            prompts = tuple(source(p) for p in sorted(self.files) if p.startswith(f"{folder}/prompt-"))
            id_ = folder.split("~")[0]
            stories.append(StorySource(id=id_, slug="x", folder=folder, story=source(path), prompts=prompts))
        named = {
            kind: tuple(source(p) for p in sorted(self.files) if p.startswith(kind) and "/" not in p)
            for kind in ("spec", "design", "plan", "overview")
        }
        return Pack(
            name="tiny",
            root="docs/stories",
            layout=self.layout,
            stories=tuple(stories),
            overview=next(iter(named["overview"]), None),
            specs=named["spec"],
            designs=named["design"],
            plans=named["plan"],
        )

    def check(self) -> list[Problem]:
        return check_pack(self.pack(), lambda path: path in {*self.files, *self.there})

    def found(self) -> list[str]:
        """Problems as `C301 1/story.md:14`."""
        return [f"{p.code} {p.file}:{p.line}" for p in self.check()]
