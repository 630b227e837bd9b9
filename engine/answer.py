"""`story decide`: the person's tick and note, written into story.md as she would by hand."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import EditRefused, UsageError
from engine.files.story_file import DECISIONS, heading_of, write_story
from engine.look import Repository, Seen, look
from engine.markdown.document import read_document, section
from engine.markdown.edit import SetItem
from engine.model.step import Place
from engine.model.story import ShownDecision, ShownItem
from engine.rules.disputes import withheld
from engine.rules.projection import option_texts, rest_text


def open_questions(repository: Repository, folder: Path, story_id: str) -> list[Place]:
    """The questions in story.md with their options, and the human items that are not ticked."""
    seen = look(repository, folder, story_id)
    file = seen.shown.path
    places = [Place(file=file, line=box.line, text=box.text) for box in _boxes(seen)]
    for decision in seen.shown.decisions:
        options = " | ".join(text for text, _ in decision.options)
        places.append(Place(file=file, line=decision.line, text=f"{decision.id}: {options}"))
    for item in seen.shown.items:
        definition = seen.machine.items.get(item.id)
        if (item.own or (definition and definition.by == "human")) and not item.ticked:
            places.append(Place(file=file, line=item.line, text=item.text))
    return sorted(places, key=lambda place: place.line)


def answer(repository: Repository, folder: Path, story_id: str, question: str, option: str, note: str) -> Place:
    """Tick an option, or a human item where no option is named; what else was ticked there is unticked."""
    seen = look(repository, folder, story_id)
    title = heading_of(seen.machine, story_id)
    shown = next((decision for decision in seen.shown.decisions if decision.id == question), None)
    if shown is None:
        return _tick_item(seen, title, question, option, note)
    if shown.id not in seen.progress.asked:
        raise UsageError(f"{question} is not asked any more. `story decide {story_id}` lists what is.")
    asked = seen.progress.asked[shown.id]
    decision, without = seen.machine.decisions[asked.decision], withheld(seen.machine, seen.progress, asked)
    texts = option_texts(decision, without)
    known = [name for name in decision.options if name not in without]
    if option not in known:
        raise UsageError(f"{question} has no option {option!r}; it has {', '.join(map(repr, known))}.")
    path = (title, DECISIONS, _heading(seen, shown))
    if note:
        _write_note(seen, path, note)  # first, since it is what can be refused
    edits = [SetItem(path, text, text == texts.get(option)) for text, _ in shown.options]
    boxes = [item for item in seen.shown.items if item.id in decision.box]
    edits += [SetItem((title, box.section), box.text, decision.box[box.id] == option) for box in boxes]
    write_story(seen.path, edits, lock=seen.write_lock)
    return Place(file=seen.shown.path, line=shown.line, text=f"{question}: {option}")


def answer_rest(repository: Repository, folder: Path, story_id: str, option: str) -> Place:
    """Tick the one box for all questions without an answer; `option` must be what it stands for."""
    seen = look(repository, folder, story_id)
    box = next(iter(_boxes(seen)), None)
    if box is None:
        raise UsageError(f"no box stands for several questions. `story decide {story_id}` lists what is asked.")
    if box.text.partition(" ")[0] != option:
        raise UsageError(f"the box is {box.text!r}, and no other; answer each question by its id.")
    path = (heading_of(seen.machine, story_id), DECISIONS)
    write_story(seen.path, [SetItem(path, box.text, True)], lock=seen.write_lock)
    return Place(file=seen.shown.path, line=box.line, text=box.text)


def _boxes(seen: Seen) -> list[ShownItem]:
    """The box above the questions, where it stands for several of them."""
    return [box for box in seen.shown.boxes if box.text == rest_text(seen.machine, seen.progress)]


def _tick_item(seen: Seen, title: str, text: str, option: str, note: str) -> Place:
    item = next((item for item in seen.shown.items if item.text == text), None)
    by = "human" if item and item.own else seen.machine.items[item.id].by if item else ""
    if item is None or by != "human" or option or note:
        asked = ", ".join(decision.id for decision in seen.shown.decisions) or "nothing"
        raise UsageError(f"{text!r} is neither a question ({asked} is asked) nor an item that a person ticks.")
    write_story(seen.path, [SetItem((title, item.section), item.text, True)], lock=seen.write_lock)
    return Place(file=seen.shown.path, line=item.line, text=item.text)


def _write_note(seen: Seen, path: tuple[str, ...], note: str) -> None:
    """Put the note after `Note:`; the one edit here that is text, made under the same lock and compare."""
    from engine.files import disk

    def edit(raw: bytes) -> bytes:
        span = section(read_document(raw), *path)
        lines = raw.split(b"\n")
        for number in range(span[0], span[1] - 1) if span else ():
            if match := re.match(rb"Note(?: \(required\))?:", lines[number]):
                end = b"\r" if lines[number].endswith(b"\r") else b""
                lines[number] = match[0] + b" " + " ".join(note.split()).encode("utf-8", "replace") + end
                return b"\n".join(lines)
        raise EditRefused(f"{seen.shown.path}: the question has no line `Note:`. Put it back.")

    disk.update(seen.path, edit, lock=seen.write_lock)


def _heading(seen: Seen, shown: ShownDecision) -> str:
    document = read_document(seen.source.story.raw)
    return next(heading.text for heading in document.headings if heading.line == shown.line)
