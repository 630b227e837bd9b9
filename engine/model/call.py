"""A call as the call port knows it, and the reply it remembers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.model.base import Value


class Usage(Value):
    """What a call took: tokens in and out, those of the input that the provider had cached, and US dollars.

    `cost` is None where no price is known.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cost: float | None = None


class Price(Value):
    """US dollars for a million tokens; `cached` are those of the input that the provider had cached."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cached: Annotated[float, Field(ge=0)] | None = Field(None, description="Without it as the input.")

    def of(self, usage: Usage) -> float:
        """What a usage costs."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.input - usage.cached
        return (fresh * self.input + usage.cached * cached + usage.output * self.output) / 1_000_000


class Reply(Value):
    """What came back: an agent's words, or a gate's runs as JSON.

    `pending` is never remembered: somebody still has to act, and `text` says where; nor is `running`: it is performed
    elsewhere. `failed` is a technical failure, `why` says which; one that does not pass is not worth another try,
    `until` says from when on one is, where the provider does. `lost` says that the session which it should go on with
    is gone, or has outgrown the model. `started`, `ended` and `until` are ISO 8601 times in UTC. `before` and `after`
    are the commits between which lies what was done in a throwaway copy of the tree. `worker` is who keeps the session,
    where several do.
    """

    status: Literal["ok", "failed", "pending", "running"]
    text: str
    started: str
    ended: str
    why: str = ""
    session: str | None = None
    model: str | None = None
    usage: Usage = Usage()
    passes: bool = True
    until: str | None = None
    lost: bool = False
    before: str = ""
    after: str = ""
    worker: str = ""


class Workspace(Value):
    """The tree that an agent works in: a copy in `tree`, shown at `root`; a read-only one cannot be changed at all.

    `shown` are folders below `root` that are shown as they are there: dependencies, and git's own.
    """

    root: str
    tree: str
    writable: bool
    shown: tuple[str, ...] = ()


class Brief(Value):
    """What an agent is given: who it is, what to do, and the session it goes on with.

    `writes` are globs relative to the repository; `turn` counts the runs of this action by this role in the story;
    `left` are the US dollars that it may take, None does not bound them.
    """

    call: str
    story: str
    act: str
    role: str
    turn: int
    text: str
    session: str | None = None
    writes: tuple[str, ...] = ()
    returns: Literal["verdict", "fixes", "work", "words"] = "work"
    left: float | None = None
    workspace: Workspace | None = None


class TestResult(Value):
    """One test case of a JUnit report."""

    __test__ = False

    id: str
    status: Literal["passed", "failed", "errored", "skipped"]


class CommandRun(Value):
    """One command of a gate: its exit code (None when it was killed at its time-out) and its output's tail."""

    command: str
    exit: int | None
    seconds: float
    output: str


class Tree(Value):
    """The tree that a gate ran in, seen as its commands began. Paths are those of files, as evidence spells them.

    `head` is the commit ("" before the first one; None without git), `dirty` and `tests` are path → SHA-256 of what
    differs from it and of the test files ("" for what is gone). `changed` is what differs from the baseline's tree;
    None where that cannot be told, and `unknown` says why. `made` and `wrote` are what the commands themselves
    changed: files that git sees, and test files.
    """

    head: str | None = None
    dirty: dict[str, str] = {}
    changed: tuple[str, ...] | None = None
    unknown: str = ""
    tests: dict[str, str] = {}
    stubs: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    wrote: tuple[str, ...] = ()


class GateRun(Value):
    """What a gate's commands did, each run to its end, with the tests of all reports merged.

    Where a test failed, the commands ran once more: `runs` and `tests` are the last round, `earlier` and
    `earlier_tests` the one before it.
    """

    runs: tuple[CommandRun, ...]
    tests: tuple[TestResult, ...] | None = None
    earlier: tuple[CommandRun, ...] = ()
    earlier_tests: tuple[TestResult, ...] | None = None
    tree: Tree | None = None
