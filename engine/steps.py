"""The steps of one story: what is journalled, and what is written of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.files.blame import person_behind
from engine.files.repository import show_new
from engine.files.story_file import write_story
from engine.look import Seen
from engine.model.events import Ended, Event, Stepped, Wrote
from engine.model.step import Fire, Step
from engine.ports import Ports
from engine.rules.decide import next_question, unticks
from engine.rules.history import fold
from engine.rules.notice import Noticed, notice
from engine.rules.projection import edits
from engine.rules.questions import ask_about
from engine.settle import told, write_corrections
from engine.showing import shown_with
from engine.trust import distrust, refuse


def demand_honest(seen: Seen) -> None:
    """Only the engine writes progress, and only from evidence; anything else is refused with the way back."""
    refuse(distrust(seen.repository.root, seen.shown, seen.machine, seen.evidence, seen.events)[1])


def notice_now(seen: Seen, ports: Ports) -> Noticed:
    """What a person ticked or answered since."""
    people = seen.machine.people
    if ports.committed and people.proof == "box":
        people = people.model_copy(update={"proof": "commit"})
    proof = person_behind(seen.repository.root, seen.shown.path, people)
    by, at = ports.author(), ports.clock()
    return notice(seen.machine, seen.progress, seen.shown, by=by, at=at, proof=proof, inputs=seen.inputs)


def with_events(seen: Seen, events: list[Event]) -> Seen:
    """The same story with some more events in its journal."""
    every = (*seen.events, *events)
    progress = fold(seen.machine, every)
    return replace(seen, events=every, progress=progress)


def take_step(seen: Seen, fire: Fire, ports: Ports, overruled: Mapping[str, object] | None = None) -> tuple[Seen, Step]:
    """Journal a step and the questions of the state it enters, so that one write shows all of it."""
    progress = seen.progress
    actions = [*progress.done.items()]
    step = Stepped(
        at=ports.clock(),
        n=progress.steps + 1,
        source=fire.source,
        dest=fire.dest,
        why="; ".join(filter(None, (fire.why, told(seen)))),
        ticks=fire.exit.ticks,
        unticks=unticks(seen.machine, progress, fire),
        evidence=tuple(ended.evidence for _, ended in actions if ended.evidence),
        enters=fire.exit.enters,
        resets=fire.exit.resets,
        changed=fire.changed,
    ).model_copy(update=overruled)
    seen.journal.append(step)
    names = tuple(f"{name}{' as ' + role if role else ''}" for (name, role), _ in actions)
    told_of = Step(source=fire.source, dest=fire.dest, actions=names, why=step.why)
    return ask_all(with_events(seen, [step]), ports), told_of


def ask_all(seen: Seen, ports: Ports) -> Seen:
    """Put the questions of the state to a person, if it has any that are not put yet."""
    standing = seen.repository.config.standing.model_dump(exclude_none=True)
    while True:
        todo = next_question(seen.machine, seen.progress)
        if todo is None:
            return seen
        shows = shown_with(seen, todo)
        asked = ask_about(seen.machine, seen.progress, todo, standing=standing, at=ports.clock(), shows=shows)
        for event in asked:
            seen.journal.append(event)
        seen = with_events(seen, asked)


def write(seen: Seen) -> None:
    """Bring story.md and settled figures up to the journal; nothing is written where nothing is missing."""
    write_corrections(seen)
    wanted = edits(seen.machine, seen.progress, seen.shown, seen.evidence.name)
    write_story(seen.path, wanted, lock=seen.write_lock, still=seen.journal.demand_same)
    fresh = seen.progress.unwritten
    if any(isinstance(event, Ended) and event.evidence for event in fresh):
        show_new(seen.repository.root, [seen.evidence])
    if fresh:
        seen.journal.append(Wrote())
