"""What story.md must show by the journal, as edits. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from engine.markdown.edit import AppendRow, Edit, InsertSection, RemoveSection, SetItem, SetKey, table_cell
from engine.model.events import Adopted, Asked, Rewound, Stepped
from engine.model.machine import Decision, Machine
from engine.model.story import ShownRow, Story
from engine.model.verdict import Finding
from engine.rules.disputes import withheld
from engine.rules.history import Progress, fold

DECISIONS, LOG = "Decisions", "Log"
LOG_HEADER = "| Step | When | From → To | Why | Evidence |\n|---|---|---|---|---|\n"


def checklist_text(machine: Machine, story_id: str, progress: Progress | None = None) -> str:
    """The checklist as `adopt` writes it, word for word; the items of an attested story are ticked."""
    lines = [f"## {machine.title.replace('<n>', story_id)}", ""]
    for section, items in machine.checklist.items():
        boxes = (f"- [{'x' if progress and progress.ticked(key) else ' '}] {item.text}" for key, item in items.items())
        lines += [f"### {section}", *boxes, ""]
    return "\n".join(lines)


def adoption(machine: Machine, story: Story, first: Adopted) -> list[Edit]:
    """The edits that bring a raw story under its machine: front matter and checklist; and why, if it is attested."""
    progress = fold(machine, [first])
    title = machine.title.replace("<n>", story.id)
    return [
        SetKey("state", first.state),
        SetKey("machine", machine.machine),
        SetKey("updated", first.at),
        InsertSection(checklist_text(machine, story.id, progress), under=None),
        *_rows(progress, story.model_copy(update={"rows": ()}), title, ""),
    ]


def edits(machine: Machine, progress: Progress, story: Story, evidence: str) -> list[Edit]:
    """What is still missing in story.md, in the order of the file. `evidence` is the folder links point to."""
    title = machine.title.replace("<n>", story.id)
    return [
        *_keys(machine, progress, story),
        *_items(machine, progress, story, title),
        *_rows(progress, story, title, evidence),
        *_questions(machine, progress, story, title),
    ]


def question_text(machine: Machine, asked: Asked, finding: Finding | None, without: Collection[str] = ()) -> str:
    """One question as a task list with closed options and room for a note; `without` those that it does not have."""
    decision = machine.decisions[asked.decision]
    lines = [f"#### {asked.id}: {decision.title}" + (f", {finding.id}" if finding else ""), ""]
    if finding is not None:
        where = f" at `{finding.where}`" if finding.where else ""
        lines += [f"{finding.severity} of {' and '.join(finding.sources)}{where}: {_one_line(finding.text)}"]
        lines += [f"Asked because {finding.ambiguous}.", ""] if finding.ambiguous else [""]
    lines += [" ".join(decision.ask), ""]
    lines += [*asked.shows, ""] if asked.shows else []
    boxes = " or ".join(f"`{machine.items[item].text}`" for item in decision.box)
    if boxes:
        lines += [f"Tick {boxes} in the checklist above, or exactly one of these:", ""]
    else:
        lines += ["Tick exactly one:", ""]
    lines += [f"- [ ] {text}" for text in option_texts(decision, without).values()]
    return "\n".join([*lines, "", "Note (required):" if decision.note == "required" else "Note:"])


def option_texts(decision: Decision, without: Collection[str] = ()) -> dict[str, str]:
    """The options that stand in the question, as they are spelled there; an item's tick stands for the others."""
    boxed = {*decision.box.values(), *without}
    return {name: f"{name}: {text}" for name, text in decision.options.items() if name not in boxed}


def rest_text(machine: Machine, progress: Progress) -> str:
    """The one box that answers every finding without an answer of its own; "" where fewer than two are asked."""
    asked = [machine.decisions[asked.decision].rest for asked in progress.asked.values() if asked.finding]
    return f"{asked[0]} everything I did not answer otherwise" if len(asked) > 1 and asked[0] else ""


def rewound(progress: Progress) -> bool:
    """Was the story rewound, and is that still to be written? Then story.md is brought back, whatever it says."""
    return any(isinstance(event, Rewound) for event in progress.unwritten)


def _keys(machine: Machine, progress: Progress, story: Story) -> Iterator[Edit]:
    yield SetKey("state", progress.state)
    if rewound(progress):
        yield SetKey("machine", machine.machine)
    if progress.log:
        yield SetKey("updated", progress.log[-1].at)
    if progress.round != story.round:
        yield SetKey("round", progress.round)


def _items(machine: Machine, progress: Progress, story: Story, title: str) -> Iterator[Edit]:
    reopened = {item for event in progress.unwritten if isinstance(event, Stepped) for item in event.unticks}
    if rewound(progress):
        reopened |= {item.id for item in story.items}
    for item in story.items:
        if item.own or machine.items[item.id].derived:
            continue
        wanted = progress.ticked(item.id)
        if machine.items[item.id].by == "human" and (wanted or item.id not in reopened):
            continue
        if wanted != item.ticked:
            yield SetItem((title, item.section), item.text, wanted)


def _rows(progress: Progress, story: Story, title: str, evidence: str) -> Iterator[Edit]:
    missing = [step for step in progress.log if step.n not in story.log]
    there = bool(story.rows)
    known = tuple(step.n for step in progress.log)
    altered = any(odd_rows(progress, story, evidence)) or known[: len(story.log)] != story.log
    if rewound(progress) and altered:
        missing, there = progress.log, False
        yield RemoveSection((title, LOG))
    if missing and not there:
        yield InsertSection(f"### {LOG}\n\n{LOG_HEADER}", under=(title,))
    for step in missing:
        yield AppendRow((title, LOG), _cells(step, evidence))


def odd_rows(progress: Progress, story: Story, evidence: str) -> list[ShownRow]:
    """The rows of the log that are not what the engine wrote, or stand there twice."""
    wanted = {str(step.n): row_of(_cells(step, evidence)) for step in progress.log}
    return [row for row in story.rows if wanted.pop(row.cells[0], None) != row_of(row.cells)]


def row_of(cells: tuple[str, ...]) -> tuple[str, ...]:
    """A row as it is compared: without what escapes, spaces and the folder of a link make of it."""
    text = [_one_line(table_cell(cell).replace("&#124;", "|").replace("\\", "")) for cell in cells]
    return (*text[:-1], " ".join(re.findall(r"([^/(]+)\)", text[-1])))


def _cells(step: Stepped, evidence: str) -> tuple[str, ...]:
    links = " ".join(f"[{name.split('-')[0]}]({evidence}/{name})" for name in step.evidence)
    return (str(step.n), step.at, f"{step.source} → {step.dest}", _one_line(step.why), links)


def _questions(machine: Machine, progress: Progress, story: Story, title: str) -> Iterator[Edit]:
    put = {f"D{number}" for number in range(1, progress.questions + 1)}
    over = [shown for shown in story.decisions if shown.id in put - set(progress.asked)]
    shown = {decision.id for decision in story.decisions if decision not in over}
    missing = [asked for name, asked in progress.asked.items() if name not in shown]
    if over and not shown:
        yield RemoveSection((title, DECISIONS))
    elif over:
        yield from (RemoveSection((title, DECISIONS, decision.heading)) for decision in over)
    findings = {finding.id: finding for finding in progress.findings}
    texts = [
        question_text(machine, asked, findings.get(asked.finding or ""), withheld(machine, progress, asked))
        for asked in missing
    ]
    if texts and not shown:
        box = rest_text(machine, progress)
        text = f"### {DECISIONS}\n\n" + (f"- [ ] {box}\n\n" if box else "") + "\n\n".join(texts) + "\n"
        yield InsertSection(text, under=(title,), before=(title, LOG))
        return
    for text in texts:
        yield InsertSection(text + "\n", under=(title, DECISIONS))


def _one_line(text: str) -> str:
    return " ".join(text.split())
