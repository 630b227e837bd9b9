"""What a person did in story.md since the engine last looked: ticks and answers, as events. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.model.events import Asked, Decided, Event, Ticked
from engine.model.inputs import parts_of
from engine.model.machine import Machine
from engine.model.step import Place
from engine.model.story import ShownDecision, ShownItem, Story
from engine.rules.bugs import read_bugs, used_before
from engine.rules.disputes import withheld
from engine.rules.history import Progress
from engine.rules.projection import option_texts, rest_text

Proof = Callable[[int], tuple[str, str]]
"""(who is behind a line of story.md, why that does not count); one of them is ""."""


@dataclass(slots=True)
class Noticed:
    """Events to append to the journal, places that still need a person, and places that are wrong.

    `unproven` are ticks that do not count yet, since the machine asks for more than the box.
    """

    events: list[Event] = field(default_factory=list)
    open: list[Place] = field(default_factory=list)
    wrong: list[Place] = field(default_factory=list)
    unproven: list[Place] = field(default_factory=list)


def notice(
    machine: Machine,
    progress: Progress,
    story: Story,
    *,
    by: str,
    at: str,
    proof: Proof | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Noticed:
    """Compare story.md with the journal; answers count when every question of the state has one.

    What a person ticks rests on the `inputs` as they are now.
    """
    noticed = Noticed()
    for item in story.items:
        definition = machine.items.get(item.id)
        if definition and definition.by == "human" and item.ticked != progress.ticked(item.id):
            who = _behind(story, item.line, item.text, noticed, by, proof if item.ticked else None)
            if who is not None:
                rests = parts_of(inputs or {}, definition.rests_on) if item.ticked else {}
                noticed.events.append(Ticked(at=at, item=item.id, ticked=item.ticked, by=who, inputs=rests))
    shown = {decision.id: decision for decision in story.decisions}
    answers: list[Event] = []
    rest = _rest(story, rest_text(machine, progress), noticed)
    for asked in progress.asked.values():
        without = withheld(machine, progress, asked)
        here = shown.get(asked.id)
        answer = _answer(machine, progress, story, asked, here, noticed, rest, without, by=by, at=at, proof=proof)
        if answer is not None:
            answers.append(answer)
    if len(answers) == len(progress.asked):
        noticed.events += answers
    elif rest and not rest.ticked and len(noticed.open) > 1:
        noticed.open.append(Place(file=story.path, line=rest.line, text=f"or, for all the rest: {rest.text}"))
    return noticed


def _rest(story: Story, text: str, noticed: Noticed) -> ShownItem | None:
    """The box for all that is not answered otherwise; where other words stand there, that is told."""
    found = next((box for box in story.boxes if text and box.text == text), None)
    if text and not found and story.boxes:
        line, told = story.boxes[0].line, f"the box above the questions was reworded; it is: {text!r}"
        noticed.wrong.append(Place(file=story.path, line=line, text=told))
    return found


def _behind(story: Story, line: int, text: str, noticed: Noticed, by: str, proof: Proof | None) -> str | None:
    """Who ticked a line; None where that is not proven, and the place is told once."""
    who, why = proof(line) if proof else (by, "")
    place = Place(file=story.path, line=line, text=f"{text}: {why}")
    if why and place not in noticed.unproven:
        noticed.unproven.append(place)
    return None if why else who


def _answer(
    machine: Machine,
    progress: Progress,
    story: Story,
    asked: Asked,
    shown: ShownDecision | None,
    noticed: Noticed,
    rest: ShownItem | None,
    without: tuple[str, ...],
    *,
    by: str,
    at: str,
    proof: Proof | None,
) -> Decided | None:
    decision = machine.decisions[asked.decision]
    ticks = [(option, box) for item, option in decision.box.items() if (box := story.item(item)) and box.ticked]
    boxed = [option for option, _ in ticks]
    spelled = {text: name for name, text in option_texts(decision, without).items()}
    if shown is None:
        place = Place(file=story.path, line=1, text=f"the question {asked.id} was removed; it comes back")
        noticed.wrong.append(place)
        return None
    here = Place(file=story.path, line=shown.line, text=f"{asked.id}: {decision.title}")
    reworded = [(text, line) for text, line in shown.options if text not in spelled]
    missing = set(spelled) - {text for text, _ in shown.options}
    if reworded or missing:
        line = reworded[0][1] if reworded else shown.line
        text = f"{asked.id}: the options were reworded; they are: {', '.join(map(repr, spelled))}"
        noticed.wrong.append(Place(file=story.path, line=line, text=text))
        return None
    ticked = boxed + [spelled[text] for text in shown.ticked]
    if len(ticked) > 1:
        text = f"{asked.id}: tick one option, not {len(ticked)} ({', '.join(map(repr, ticked))})"
        noticed.wrong.append(here.model_copy(update={"text": text}))
        return None
    by_rest = not ticked and asked.finding is not None and rest is not None and rest.ticked
    if not ticked and not by_rest:
        boxes = [box for item in decision.box if (box := story.item(item))]
        noticed.open += [
            Place(file=story.path, line=box.line, text=f"{box.text} ({asked.id}: {decision.title})") for box in boxes
        ] or [here]
        return None
    lines = [box.line for _, box in ticks] + [line for text, line in shown.options if text in shown.ticked]
    option = ticked[0] if ticked else str(decision.rest)
    if not shown.note and (decision.note == "required" or option in (*decision.reports, *decision.challenges)):
        word = "Note (required):" if decision.note == "required" else "Note:"
        text = f"{asked.id}: write a note after `{word}`"
        noticed.open.append(here.model_copy(update={"text": text}))
        return None
    bugs = read_bugs(shown.note, progress.reported) if option in decision.reports else {}
    if known := used_before(bugs, progress.reported):
        text = f"{asked.id}: {known} was reported before; the next one is G{progress.reported + 1}"
        noticed.wrong.append(here.model_copy(update={"text": text}))
        return None
    line = lines[0] if rest is None or not by_rest else rest.line
    who = _behind(story, line, f"{asked.id}: {option}" if not ticks else ticks[0][1].text, noticed, by, proof)
    if who is None:
        return None
    return Decided(
        at=at,
        id=asked.id,
        decision=asked.decision,
        finding=asked.finding,
        option=option,
        note="\n".join(f"{bug}: {said}" for bug, said in bugs.items()) or shown.note,
        by=who,
        rest=by_rest,
        bugs=bugs,
    )
