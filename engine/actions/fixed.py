"""Hold "fixed" against the files: what was to be fixed must have changed since the fixer began."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from engine.actions.situation import Situation
from engine.files.story_file import author_lines, author_text, heading_of
from engine.model.machine import AgentAct, Machine, SimpleAct
from engine.model.pack import Pack, StorySource
from engine.model.verdict import Check, Finding, FixAnswer

_PLACE = re.compile(r"([^\0]+?)(?::(\d{1,9})(?:-\d+)?)?")


def before_fix(
    act: SimpleAct, *, machine: Machine, pack: Pack, story: StorySource, findings: Iterable[Finding], root: Path
) -> dict[str, str]:
    """The hashes of what a fixer may change and of what the findings cite, as they are before it; {} for others."""
    if not isinstance(act, AgentAct) or act.purpose != "fix":
        return {}
    return _hashes(machine=machine, pack=pack, story=story, findings=findings, root=root)


def check_fixes(situation: Situation) -> Iterator[tuple[FixAnswer, Finding, Check, str]]:
    """Each finding that the last fixer calls fixed: what the files say to that, and why."""
    before, progress = situation.progress.before, situation.progress
    claimed = [answer for answer in progress.answers if answer.answer == "fixed"]
    findings = {finding.id: finding for finding in progress.findings}
    now = _hashes(
        machine=situation.machine,
        pack=situation.pack,
        story=situation.story,
        findings=progress.findings,
        root=situation.root,
    )
    changed = sorted(path for path in before if before[path] != now.get(path, ""))
    for answer in claimed:
        finding = findings.get(answer.finding)
        if finding is not None:
            check, why = _check(answer, cited(finding.where)[0], changed, known=bool(before))
            yield answer, finding, check, why


def read_sections(situation: Situation) -> dict[str, tuple[str, ...]]:
    """Each document of the story, as the hashes of its sections."""
    return {path: tuple(name for name, _ in _sections(raw)) for path, raw in _documents(situation).items()}


def is_untouched(where: str, before: Mapping[str, tuple[str, ...]], situation: Situation) -> bool:
    """Does a place surely lie in a section that is as it was? What cannot be told is not."""
    file, number = cited(where)
    raw = _documents(situation).get(file)
    if raw is None or file not in before:
        return False
    now = _sections(raw)
    if not number:
        return tuple(name for name, _ in now) == before[file]
    here = [name for name, line in now if line <= number]
    return bool(here) and here[-1] in before[file]


def cited(where: str) -> tuple[str, int]:
    """The file and the line that a finding cites; ("", 0) where it cites none."""
    match = _PLACE.fullmatch(where.strip("` "))
    return (posixpath.normpath(match[1]), int(match[2] or 0)) if match else ("", 0)


def _check(answer: FixAnswer, file: str, changed: list[str], *, known: bool) -> tuple[Check, str]:
    if not known:
        return "uncheckable", "the journal does not hold the files as they were before the fix"
    if file in changed:
        return "confirmed", f"{file} changed since the fixer began"
    named = [path for path in changed if _named(path, answer.because)]
    if named:
        return "confirmed", f"{', '.join(named)} changed since the fixer began"
    if not changed:
        return "refuted", "no file that the fixer may change has changed since it began"
    if not file:
        return "uncheckable", f"it cites no file; {', '.join(changed)} changed since the fixer began"
    return "refuted", f"{file} is as it was when the fixer began, and the answer names no other file that changed"


def _named(path: str, words: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", words))


def _documents(situation: Situation) -> dict[str, bytes]:
    """The text of each document by its path; of story.md the author's lines, each at its number."""
    pack, story = situation.pack, situation.story
    documents = (*story.prompts, *pack.specs, *pack.designs, *pack.plans)
    own = author_lines(story.story, heading_of(situation.machine, story.id))
    return {story.story.path: own} | {source.path: source.raw for source in documents}


def _sections(raw: bytes) -> list[tuple[str, int]]:
    """(hash, first line) of each piece of a document that a heading begins."""
    pieces = list[tuple[list[bytes], int]]()
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.startswith(b"#") or not pieces:
            pieces.append(([], number))
        pieces[-1][0].append(line.rstrip())
    return [(hashlib.sha256(b"\n".join(lines).strip()).hexdigest()[:12], first) for lines, first in pieces]


def _hashes(
    *, machine: Machine, pack: Pack, story: StorySource, findings: Iterable[Finding], root: Path
) -> dict[str, str]:
    """SHA-256 by path; "" for a file that is not there. Of story.md only the author's words count."""
    texts = {source.path: source.raw for source in (*pack.specs, *pack.designs, *pack.plans, *story.prompts)}
    texts[story.story.path] = author_text(story.story, heading_of(machine, story.id))
    hashes = {path: hashlib.sha256(raw).hexdigest() for path, raw in texts.items()}
    for finding in findings:
        file, _ = cited(finding.where)
        if file and file not in hashes:
            content = _content(root, file)
            hashes[file] = hashlib.sha256(content).hexdigest() if content is not None else ""
    return hashes


def _content(root: Path, file: str) -> bytes | None:
    try:
        path = (root / file).resolve()
        return path.read_bytes() if path.is_relative_to(root.resolve()) and path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
