"""story.md read against its machine, and written by replayed edits."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine.errors import EditRefused, FormatError
from engine.files import disk
from engine.markdown import front_matter
from engine.markdown.document import Document, read_document, section, sections
from engine.markdown.edit import Edit, RemoveKey, SetKey, apply_edits
from engine.model.machine import Machine
from engine.model.pack import Source
from engine.model.problem import Problem, Severity
from engine.model.story import ShownDecision, ShownItem, ShownRow, Story

ENGINE_KEYS = ("state", "machine", "round", "updated")
DECISIONS, LOG = "Decisions", "Log"
_TITLE = re.compile(r"(?:Story\s+\w+\s*[:\u2013\u2014-]\s*)?(.*)")
_NOTE = re.compile(r"Note(?: \(required\))?:")
LIMIT = 1_000_000
"""Bytes of a story.md that are read; the longest of real packs have some 20,000."""
_QUESTION = re.compile(r"(D\d+)\b")


def read_story(source: Source, story_id: str, machine: Machine | None) -> tuple[Story, list[Problem]]:
    """Read story.md; `machine` None leaves the checklist unread. Unreadable front matter is one problem."""
    problems = _Problems(source.path, story_id)
    if len(source.raw) > LIMIT:
        message = f"the story has {len(source.raw):,} bytes; more than {LIMIT:,} are not read."
        problems.add("S113", 1, message, "Split it, or shorten it.")
        return Story(id=story_id, path=source.path, title=f"Story {story_id}"), problems.found
    document = read_document(source.raw)
    try:
        keys = front_matter.read(source.raw)
    except FormatError as err:
        problems.add("S101", err.line or 1, err.message, err.remedy)
        keys = {}
    story = Story(
        id=story_id,
        path=source.path,
        title=_title(document, story_id),
        state=_text(keys, "state", source.raw, problems),
        machine=_text(keys, "machine", source.raw, problems),
        round=value if isinstance(value := keys.get("round", 0), int) else 0,
        updated=None if (said := keys.get("updated")) is None else str(said),
        lines={key: key_line(source.raw, key) for key in ENGINE_KEYS if key in keys},
        depends_on=_depends_on(keys, source.raw, problems),
    )
    if story.state is not None and "machine" not in keys:
        message = f"the state is {story.state!r}, but no machine is named."
        problems.add("S112", key_line(source.raw, "state"), message, "Bring `machine:` back from git.")
    if machine is None or story.state is None:
        return story, problems.found
    if story.state not in machine.states:
        known = ", ".join(repr(name) for name in machine.states)
        message = f"unknown state {story.state!r}; machine {machine.machine!r} has {known}."
        problems.add("S102", key_line(source.raw, "state"), message, 'Correct "state:".')
    checklist = heading_of(machine, story_id)
    if section(document, checklist) is None:
        message = f"the section {checklist!r} is missing."
        problems.add("S104", 1, message, "Bring it back from git.")
        return story, problems.found
    read = {
        "items": tuple(_items(document, machine, checklist, problems)),
        "decisions": tuple(_decisions(document, checklist, source.raw)),
        "boxes": tuple(
            ShownItem(id=item.text, section=DECISIONS, text=item.text, ticked=item.checked, line=item.line)
            for item in document.items
            if item.headings[-2:] == (checklist, DECISIONS)
        ),
        "rows": tuple(_rows(document, checklist)),
        "lines": {**story.lines, "checklist": next(h.line for h in document.headings if h.text == checklist)},
    }
    return story.model_copy(update=read), problems.found


def write_story(path: Path, edits: Sequence[Edit], *, lock: Path, still: Callable[[], None] = lambda: None) -> bool:
    """Replay edits on the freshest text of story.md; False when they change nothing.

    That text may hold some of them: somebody saved what she was shown for a moment, until an earlier save was put back.
    `still` is asked at every try and raises when the text is not the story any more that the edits are about.
    """

    def edit(raw: bytes) -> bytes:
        return apply_edits(raw, edits, once=True)

    try:
        return disk.update(path, edit, lock=lock, still=still)
    except EditRefused as err:
        raise type(err)(f"{path}: {err}") from err


def heading_of(machine: Machine, story_id: str) -> str:
    """The heading of the checklist in this story."""
    return machine.title.replace("<n>", story_id)


def author_text(source: Source, heading: str | None) -> bytes:
    """The author's regions of story.md: all but the engine's front-matter keys and the checklist's section."""
    raw = source.raw
    try:
        keys = front_matter.read(raw)
    except FormatError:
        keys = {}
    own = {key: str(value) for key, value in keys.items() if key not in ENGINE_KEYS}
    document = read_document(raw)
    body = raw[document.body_start :]
    span = section(document, heading) if heading else None
    if span is not None:
        lines = raw.splitlines(keepends=True)
        start = sum(map(len, lines[: span[0] - 1]))
        after = sum(map(len, lines[: span[1] - 1]))
        body = raw[document.body_start : start] + raw[after:]
    return json.dumps(own, sort_keys=True).encode() + b"\n" + body.strip()


def author_changes(old: bytes, new: bytes, heading: str) -> bytes:
    """What somebody made of story.md, with the engine's keys and the checklist's section as they were."""
    ours, theirs = (sections(read_document(raw), heading) for raw in (old, new))
    if len(ours) != 1 or len(theirs) != 1:
        raise EditRefused(f"the section {heading!r} is not there once. Nothing of story.md was taken over")
    kept, lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    (first, after), (start, end) = ours[0], theirs[0]
    result = b"".join([*lines[: start - 1], *kept[first - 1 : after - 1], *lines[end - 1 :]])
    keys = front_matter.read(old)
    own = {key: value if isinstance(value := keys[key], int) else str(value) for key in ENGINE_KEYS if key in keys}
    return apply_edits(result, [SetKey(key, own[key]) if key in own else RemoveKey(key) for key in ENGINE_KEYS])


def author_lines(source: Source, heading: str) -> bytes:
    """story.md with empty lines for front matter and checklist, so that what the author wrote keeps its lines."""
    document, lines = read_document(source.raw), source.raw.splitlines()
    front = len(source.raw[: document.body_start].splitlines())
    for first, after in ((1, front + 1), section(document, heading) or (1, 1)):
        lines[first - 1 : after - 1] = [b""] * (after - first)
    return b"\n".join(lines)


def key_line(raw: bytes, key: str) -> int:
    """The line of a front-matter key, 1 where it cannot be found."""
    span = front_matter.split(raw)
    if span is None:
        return 1
    for number, line in enumerate(raw[: span.end].split(b"\n"), 1):
        if line.startswith(key.encode() + b":"):
            return number
    return 1


class _Problems:
    """The problems of one story.md."""

    def __init__(self, path: str, story: str) -> None:
        self.path, self.story = path, story
        self.found: list[Problem] = []

    def add(self, code: str, line: int, message: str, remedy: str) -> None:
        self.found.append(
            Problem(
                code=code,
                severity=Severity.ERROR,
                story=self.story,
                file=self.path,
                line=line,
                message=message,
                remedy=remedy,
            )
        )


def _title(document: Document, story_id: str) -> str:
    first = next((heading.text for heading in document.headings if heading.level == 1), f"Story {story_id}")
    match = _TITLE.fullmatch(first)
    return match[1] if match and match[1] else first


def _text(keys: dict[str, object], key: str, raw: bytes, problems: _Problems) -> str | None:
    value = keys.get(key)
    if value is None or isinstance(value, str):
        return value
    problems.add("S103", key_line(raw, key), f"{key!r} is {value!r}, needs a name.", f'Correct "{key}:".')
    return None


def _depends_on(keys: dict[str, object], raw: bytes, problems: _Problems) -> tuple[str, ...] | None:
    value = keys.get("depends_on")
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(part, str | int) for part in value):
        return tuple(str(part) for part in value)
    message = f"'depends_on' is {value!r}, needs a list of story ids."
    problems.add("S105", key_line(raw, "depends_on"), message, "Write it like `depends_on: [0, 2a]`.")
    return None


def _items(document: Document, machine: Machine, title: str, problems: _Problems) -> Iterator[ShownItem]:
    for name, items in machine.checklist.items():
        shown = [item for item in document.items if item.headings[-2:] == (title, name)]
        counted = Counter(item.text for item in shown)
        for item in shown:
            if not item.plain:
                message = f"the item {item.text!r} is not on one line with its mark."
                problems.add("S106", item.line, message, "Write it as `- [ ] text`.")
        for text in (text for text, count in counted.items() if count > 1):
            lines = [item.line for item in shown if item.text == text]
            message = f"the item {text!r} stands {len(lines)} times in {name!r}: lines {', '.join(map(str, lines))}."
            problems.add("S107", lines[0], message, "Remove or rename all but one.")
        texts = {item.text: key for key, item in items.items()}
        for key, wanted in items.items():
            if counted[wanted.text] == 0:
                message = f"the item {wanted.text!r} is missing from {name!r}."
                span = section(document, title, name) or section(document, title) or (1, 1)
                problems.add("S108", span[0], message, "Bring it back word for word.")
            elif counted[wanted.text] == 1:
                item = next(item for item in shown if item.text == wanted.text)
                yield ShownItem(id=key, section=name, text=item.text, ticked=item.checked, line=item.line)
        for item in shown:
            if item.text not in texts:
                yield ShownItem(
                    id=f"{name}: {item.text}",
                    section=name,
                    text=item.text,
                    ticked=item.checked,
                    line=item.line,
                    own=True,
                )


def _decisions(document: Document, title: str, raw: bytes) -> Iterator[ShownDecision]:
    lines = re.split(r"\r\n|\r|\n", raw.decode("utf-8", "replace"))
    for heading in document.headings:
        match = _QUESTION.match(heading.text)
        span = match and section(document, title, DECISIONS, heading.text)
        if not match or not span or span[0] != heading.line:
            continue
        options = [item for item in document.items if span[0] < item.line < span[1]]
        body = lines[span[0] : span[1] - 1]
        note = next((n for n, line in enumerate(body) if _NOTE.match(line)), None)
        yield ShownDecision(
            id=match[1],
            heading=heading.text,
            line=heading.line,
            options=tuple((item.text, item.line) for item in options),
            ticked=tuple(item.text for item in options if item.checked),
            note="" if note is None else _NOTE.sub("", "\n".join(body[note:]), count=1).strip(),
        )


def _rows(document: Document, title: str) -> Iterator[ShownRow]:
    for table in document.tables:
        if table.headings[-2:] == (title, LOG):
            yield from (ShownRow(line=row.line, cells=row.cells) for row in table.rows)
