"""`story overrule`: an exit that is not open is taken, since a person says so."""

from __future__ import annotations

from pathlib import Path

from engine.errors import UsageError
from engine.files import disk
from engine.look import Repository, look
from engine.model.step import Fire, Step
from engine.ports import Ports
from engine.rules.overrule import overrule as passed_over
from engine.snapshot import keep_entry, keep_step
from engine.steps import demand_honest, notice_now, take_step, with_events, write


def overrule(repository: Repository, folder: Path, story_id: str, *, to: str, because: str, ports: Ports) -> Step:
    """Take an exit that is not open, since a person says so with a reason that stays in the log."""
    if not because.strip():
        raise UsageError('--because "…" is empty: an overrule needs a reason, which stays in the log.')
    lock = repository.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        seen = look(repository, folder, story_id)
        demand_honest(seen)
        if seen.progress.unwritten:
            raise UsageError(
                f"story {story_id} has something to be written still. Run `story advance {story_id}` first."
            )
        noticed = notice_now(seen, ports).events
        known = with_events(seen, noticed)
        passed = passed_over(known.chart, known.progress, known.facts, known.inputs, to)
        if isinstance(passed, str):
            raise UsageError(f"story {story_id} cannot be overruled: {passed}.")
        for event in noticed:
            seen.journal.append(event)
        who, reason = ports.author(), " ".join(because.split())
        ticked = ", ".join(repr(seen.machine.items[item].text) for item in passed.ticks)
        why = f"overruled by {who}: {reason}; not met: {'; '.join(passed.unmet)}"
        exit_ = passed.exit.model_copy(update={"ticks": passed.ticks})
        fire = Fire(
            source=known.progress.state, dest=to, exit=exit_, why=why + (f"; ticked: {ticked}" if ticked else "")
        )
        keep_entry(known)
        seen, step = take_step(known, fire, ports, {"by": who, "because": reason, "unmet": passed.unmet})
        write(seen)
        keep_step(seen)
    return step
