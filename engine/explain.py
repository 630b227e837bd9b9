"""Why a story stands where it stands."""

from __future__ import annotations

from pathlib import Path

from engine.look import Repository, look
from engine.model.base import Value
from engine.model.step import Run
from engine.rules.decide import decide, why_not


class Way(Value):
    """One way out of the state; `open` is None where it is not known yet."""

    to: str
    open: bool | None
    lacks: tuple[str, ...]


class Explained(Value):
    """A story's state, what was done in it, and every way out with what it still asks for."""

    story: str
    state: str
    phase: str
    done: tuple[str, ...]
    todo: tuple[str, ...]
    ways: tuple[Way, ...]
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
        todo=tuple(f"{one.act.id}{' as ' + one.role if one.role else ''}" for one in todo),
        ways=tuple(Way(to=exit_.to, open=answer, lacks=tuple(lacks)) for exit_, answer, lacks in rows),
        waits_for_stories=tuple(f"{place.file}: {place.text}" for place in seen.waiting_for),
        overruled=tuple(f"{s.source} → {s.dest} ({s.at}): {s.why}" for s in seen.progress.log if s.because),
    )


def explained_lines(explained: Explained) -> list[str]:
    """The explanation in words."""
    lines = [f"story {explained.story} is {explained.state} ({explained.phase})"]
    lines += [f"  done: {why}" for why in explained.done]
    lines += [f"  to do first: {name}" for name in explained.todo]
    for way in explained.ways:
        word = {True: "open" if not explained.todo else "open after that", False: "closed", None: "not known yet"}[
            way.open
        ]
        lines.append(f"  → {way.to}: {word}")
        lines += [f"      {reason}" for reason in way.lacks]
    lines += [f"  {text}" for text in explained.waits_for_stories]
    lines += [f"  step {text}" for text in explained.overruled]
    return lines
