"""Why a story stands where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.look import Repository, Seen, look
from engine.model.base import Value
from engine.model.machine import Exit
from engine.model.step import Decision, Fire, Run
from engine.rules.decide import decide, open_findings, why_not
from engine.rules.disputes import dispositions
from engine.rules.history import Progress


class Way(Value):
    """One way out of the state; `open` is None where it is not known yet."""

    to: str
    open: bool | None
    lacks: tuple[str, ...]


class Explained(Value):
    """A story's state, what was done in it and what sent it back, and every way out with what it asks for."""

    story: str
    state: str
    phase: str
    done: tuple[str, ...]
    reopened: tuple[str, ...]
    todo: tuple[str, ...]
    ways: tuple[Way, ...]
    findings: tuple[str, ...]
    waits_for_stories: tuple[str, ...]
    overruled: tuple[str, ...]


def explain(repository: Repository, folder: Path, story_id: str) -> Explained:
    """Explain one story from what is on disk."""
    seen = look(repository, folder, story_id)
    decision = decide(seen.chart, seen.progress, seen.facts, seen.inputs)
    todo = decision.todo if isinstance(decision, Run) else ()
    rows = why_not(seen.chart, seen.progress.state, seen.facts)
    return Explained(
        story=story_id,
        state=seen.progress.state,
        phase=seen.machine.phase_of(seen.progress.state),
        done=tuple(ended.why for ended in seen.progress.done.values()),
        reopened=tuple(_reopened(seen.progress, decision)),
        todo=tuple(f"{one.act.id}{' as ' + one.role if one.role else ''}" for one in todo),
        ways=tuple(_way(seen, *row) for row in rows),
        findings=tuple(f"{f.id} {f.severity}: {end or 'open'}" for f, end in dispositions(seen.progress)),
        waits_for_stories=tuple(f"{place.file}: {place.text}" for place in seen.waiting_for),
        overruled=tuple(f"{s.source} → {s.dest} ({s.at}): {s.why}" for s in seen.progress.log if s.because),
    )


def _way(seen: Seen, exit_: Exit, answer: bool | None, lacks: list[str]) -> Way:
    """An exit to success is closed while a finding is open, whatever its guard says."""
    open_ = open_findings(seen.machine, seen.progress, exit_)
    return Way(to=exit_.to, open=False if open_ else answer, lacks=(*lacks, *open_))


def _reopened(progress: Progress, decision: Decision) -> Iterator[str]:
    """Why items that are still open were ticked once, and what is about to open some."""
    for step in progress.log:
        if step.changed and not all(progress.ticked(item) for item in step.unticks):
            yield f"sent back by step {step.n}: {step.why}"
    if isinstance(decision, Fire) and decision.changed:
        yield f"sent back next: {decision.why}"


def explained_lines(explained: Explained) -> list[str]:
    """The explanation in words."""
    lines = [f"story {explained.story} is {explained.state} ({explained.phase})"]
    lines += [f"  done: {why}" for why in explained.done]
    lines += [f"  {why}" for why in explained.reopened]
    lines += [f"  to do first: {name}" for name in explained.todo]
    for way in explained.ways:
        word = {True: "open" if not explained.todo else "open after that", False: "closed", None: "not known yet"}[
            way.open
        ]
        lines.append(f"  → {way.to}: {word}")
        lines += [f"      {reason}" for reason in way.lacks]
    lines += [f"  finding {text}" for text in explained.findings]
    lines += [f"  {text}" for text in explained.waits_for_stories]
    lines += [f"  step {text}" for text in explained.overruled]
    return lines
