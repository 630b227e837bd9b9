"""What an action knows when it runs, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.agents.protocol import Agent, Clock
from engine.cage import Cage
from engine.files.config import Config
from engine.live import Watch
from engine.model.base import Value
from engine.model.call import TestResult, Usage
from engine.model.events import Ended
from engine.model.machine import Machine
from engine.model.pack import Pack, StorySource
from engine.model.problem import Problem
from engine.model.verdict import Counts, Dispute, Finding, FixAnswer
from engine.rules.history import Progress

Claims = tuple[int | None, tuple[str, ...]]
"""A story's own test count (None where it names none) and the TCs it owns, without manual and deferred ones."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One story at the moment an action runs. Paths of stories are relative to `root`.

    `tests` are those that a gate ran last, a baseline first; `evidence` raises Tampered where a call's evidence is not
    what the journal knows. `still` raises StoryChanged when the tree is not the one any more that the action began in.
    """

    root: Path
    scratch: Path
    pack: Pack
    story: StorySource
    machine: Machine
    progress: Progress
    config: Config
    agents: Callable[[str], Agent]
    clock: Clock
    claims: Callable[[], Claims]
    problems: Callable[[], tuple[Problem, ...]]
    tests: Callable[[str], tuple[TestResult, ...]]
    evidence: Callable[[Ended], str]
    inputs: Mapping[str, str]
    words: Mapping[str, str]
    still: Callable[[], None]
    watch: Watch = field(default_factory=Watch)
    """Who looks on while agents and gates run."""
    cage: Callable[[Path], Cage | None] = field(default=lambda _: None)
    """The cage for a gate that reports into a folder; None where no agent wrote the tree that it runs."""
    left: float | None = None
    """US dollars that each run of an agent may take; None does not bound."""
    others: Callable[[], Mapping[str, str]] = dict
    """The TCs that the story names and does not test itself: "manual" or "deferred"."""
    owed: Callable[[], Mapping[str, str]] = dict
    """The TCs that other stories put off to this one and that it does not list, each with that story."""


class Outcome(Value):
    """What an action found: the facts for the journal and the body of its evidence."""

    status: Literal["ok", "invalid", "failed", "pending", "running"]
    why: str
    at: str
    facts: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    answers: tuple[FixAnswer, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    sections: dict[str, tuple[str, ...]] = {}
    accepts: str = ""
    tcs: dict[str, str] = {}
    counts: Counts | None = None
    freezes: bool = False
    body: str = ""
    session: str | None = None
    lost: str | None = None
    half: tuple[str, str] | None = None
    passes: bool = True
    until: str | None = None
    model: str | None = None
    worker: str = ""
    usage: Usage = Usage()
