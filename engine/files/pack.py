"""Packs on disk: found by their stories, and read with the documents around them.

Documents are known by what they say, not by their names: a spec defines ACs, a plan or design maps TCs to
tests or breaks the work down into stories, an overview lists the stories. The nearest folder that has one wins: the
pack's, its parent, then any `docs/` above.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from engine.model.pack import Pack, Source, StorySource
from engine.model.problem import Problem, Severity

Kind = Literal["overview", "spec", "design", "plan"]

STORY_FOLDER = re.compile(r"story-(\d+[a-z]?)(?:-(.+))?")
STORY_FILE = re.compile(r"(\d{1,4}[a-z]?)-(.+)\.md")
_PROMPT = re.compile(r"prompt-(\d+[a-z]?)\..+\.md")
_SKIPPED = {"node_modules", "venv", "__pycache__", "site-packages", "dist", "build", "target", "evidence"}
_ENOUGH = 262_144  # bytes of a file that tell what it is

_ID = r"-\d+\.\d+(?:[a-z](?:\.\d+)?)?"
_AC_DEFINED = re.compile(rf"^(?:[ \t]*[-*+][ \t]+)?(?:\*\*|#{{1,6}}\s+(?:\*\*)?)AC{_ID}\b", re.M)
_TC_DEFINED = re.compile(rf"^(?:[ \t]*[-*+][ \t]+)?(?:\*\*|#{{1,6}}\s+(?:\*\*)?)TC{_ID}\b", re.M)
_STORY_TITLE = re.compile(r"^# +Story\s+\d+[a-z]?\b", re.M)
_STORY_SECTION = re.compile(r"^#{2,4} +(?:\*\*)?Story\s+(\d+[a-z]?)\b", re.M)
_STORY_ROW = re.compile(r"^[ \t]*\|[ \t]*(?:\*\*)?(?:Story[ \t]+)?(\d+[a-z]?)(?:\*\*)?[ \t]*\|", re.M)
_MAPPED = re.compile(rf"^[ \t]*\|.*\bTC{_ID}.*\|", re.M)
_TITLE = re.compile(r"^# +(.+)$", re.M)
_IDS = re.compile(rf"\b(?:AC|TC){_ID}\b")


class _Problems(list[Problem]):
    """Problems of files, in the words of the catalogue (a test compares them)."""

    def unreadable(self, path: str, story: str | None, why: str) -> None:
        """C001: a file cannot be read."""
        self._add("C001", path, 1, story, f"{path} cannot be read: {why}.", "Make the file readable, or remove it.")

    def not_utf8(self, path: str, line: int, story: str | None) -> None:
        """C002: a file is not UTF-8."""
        self._add("C002", path, line, story, "This is not UTF-8 text.", "Save the file as UTF-8.")

    def leads_out(self, path: str, story: str | None) -> None:
        """C003: a link leads out of the repository."""
        said = "This link leads out of the repository."
        self._add("C003", path, 1, story, said, "Replace the link by the file itself.")

    def _add(self, code: str, file: str, line: int, story: str | None, message: str, remedy: str) -> None:
        severity = Severity.ERROR
        self.append(
            Problem(
                code=code,
                severity=severity,
                story=story,
                file=file,
                line=line,
                message=message,
                remedy=remedy,
            )
        )


class Found(NamedTuple):
    """A story's file, not read yet."""

    id: str
    slug: str
    file: Path


def find_packs(root: Path) -> list[Path]:
    """Return the folders that hold stories, sorted; links that lead out of *root* are not followed."""
    return sorted(folder for folder in _folders(root) if _layout(root, folder))


def read_pack(root: Path, folder: Path) -> tuple[Pack, list[Problem]]:
    """Read the pack in *folder*; a file that cannot be read is one problem, and the rest is read."""
    problems = _Problems()
    layout = _layout(root, folder) or "folders"
    found = list_stories(root, folder)
    stories = []
    for one in found:
        source = _source(root, one.file, one.id, problems)
        if source:
            home = one.file.parent
            prompts = _read_prompts(root, home, one.id if layout == "files" else None, one.id, problems)
            path = _relative(root, home)
            stories.append(StorySource(id=one.id, slug=one.slug, folder=path, story=source, prompts=prompts))
    documents = _read_documents(root, folder, {f.file for f in found}, stories, problems)
    overviews = documents["overview"]
    pack = Pack(
        name=_name(folder, root),
        root=_relative(root, folder),
        layout=layout,
        stories=tuple(stories),
        overview=overviews[0] if overviews else None,
        specs=documents["spec"],
        designs=documents["design"],
        plans=documents["plan"],
    )
    return pack, list(problems)


def read_file(root: Path, file: Path, story: str) -> tuple[Source | None, list[Problem]]:
    """Read one story's file; None where it cannot be read, and what is wrong with it as a file."""
    problems = _Problems()
    return _source(root, file, story, problems), list(problems)


def list_stories(root: Path, folder: Path) -> list[Found]:
    """Return the stories of the pack in *folder* in their order, without reading them."""
    files = _layout(root, folder) == "files"
    found = _story_files(root, folder) if files else _story_folders(folder)
    return sorted(found, key=lambda f: (*natural(f.id), f.file.as_posix()))


def walk(root: Path) -> list[Path]:
    """Return every folder that is searched for packs."""
    return list(_folders(root))


def exists_in(root: Path) -> Callable[[str], bool]:
    """Answer whether a path relative to *root* exists; one that leads out of it does not."""

    @cache
    def exists(path: str) -> bool:
        parts = PurePosixPath(path)
        return bool(path) and not parts.is_absolute() and ".." not in parts.parts and (root / path).exists()

    return exists


def _folders(root: Path) -> Iterator[Path]:
    """Yield *root* and the folders in it, each once, however it is linked."""
    top, seen, waiting = root.resolve(), set[Path](), [root]
    while waiting:
        folder = waiting.pop()
        real = folder.resolve()
        if real in seen or not real.is_relative_to(top):
            continue
        seen.add(real)
        yield folder
        for child in _children(folder):
            hidden = child.name.startswith(".") or child.name in _SKIPPED or child.name.endswith(".evidence")
            if not hidden and child.is_dir():
                waiting.append(child)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _layout(root: Path, folder: Path) -> Literal["folders", "files"] | None:
    if any((f.file.exists() or f.file.is_symlink()) for f in _story_folders(folder)):
        return "folders"
    return "files" if len(_story_files(root, folder)) > 1 else None


def _story_folders(folder: Path) -> list[Found]:
    matches = ((STORY_FOLDER.fullmatch(child.name), child) for child in _children(folder) if child.is_dir())
    return [Found(m[1], m[2] or "", child / "story.md") for m, child in matches if m]


def _story_files(root: Path, folder: Path) -> list[Found]:
    """Files `NN-slug.md` that define ACs or TCs or call themselves a story."""
    found = []
    for child in _children(folder):
        m = STORY_FILE.fullmatch(child.name)
        if m and child.is_file() and child.resolve().is_relative_to(root.resolve()):
            text = _glance(child)
            if _AC_DEFINED.search(text) or _TC_DEFINED.search(text) or _STORY_TITLE.search(text):
                found.append(Found(m[1].lstrip("0") or "0", m[2], child))
    return [f._replace(id=f.id if f.id[0].isdigit() else f"0{f.id}") for f in found]


def _glance(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_ENOUGH).decode("utf-8", "replace")
    except OSError:
        return ""


def _read_prompts(root: Path, home: Path, only: str | None, story: str, problems: _Problems) -> tuple[Source, ...]:
    """Read the prompts of a story's folder; of a shared one, those with the story's number."""
    found = []
    for child in _children(home):
        m = _PROMPT.fullmatch(child.name)
        if m and only in (None, m[1]):
            source = _source(root, child, story, problems)
            found += [source] if source else []
    return tuple(found)


def _source(root: Path, file: Path, story: str | None, problems: _Problems) -> Source | None:
    path = _relative(root, file)
    try:
        if not file.resolve(strict=True).is_relative_to(root.resolve()):
            problems.leads_out(path, story)
            return None
        raw = file.read_bytes()
    except (OSError, RuntimeError) as err:  # RuntimeError: a loop of links, before Python 3.13
        problems.unreadable(path, story, getattr(err, "strerror", None) or str(err))
        return None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as err:
        problems.not_utf8(path, 1 + raw.count(b"\n", 0, err.start), story)  # the rest of the text still tells
    return Source(path=path, raw=raw)


def _read_documents(
    root: Path, folder: Path, taken: set[Path], stories: list[StorySource], problems: _Problems
) -> dict[Kind, tuple[Source, ...]]:
    """Documents by kind, each kind from the nearest folder that has it."""
    ids = {story.id for story in stories}
    named = {id_ for story in stories for id_ in _IDS.findall(story.story.raw.decode("utf-8", "replace"))}
    found: dict[Kind, tuple[Source, ...]] = {"overview": (), "spec": (), "design": (), "plan": ()}
    for near, level in enumerate(_levels(root, folder)):
        here: dict[Kind, list[Source]] = {}
        for child in _children(level):
            if child.suffix != ".md" or child in taken or _PROMPT.fullmatch(child.name) or child.is_dir():
                continue
            before = len(problems)
            source = _source(root, child, None, problems)
            kind = _kind_of(child.name, source, ids, named, in_pack=near == 0) if source else None
            if kind and source:
                here.setdefault(kind, []).append(source)
            elif source:
                del problems[before:]  # none of ours
        for kind, sources in here.items():
            found[kind] = found[kind] or tuple(sources)
    return found


def _levels(root: Path, folder: Path) -> list[Path]:
    above = [folder, *(p for p in folder.parents if p == root or root in p.parents)]
    docs = [p for a in above[1:] for p in ((a,) if a.name == "docs" else (a / "docs",)) if p.is_dir()]
    return list(dict.fromkeys([*above[:2], *docs]))


def _kind_of(name: str, source: Source, ids: set[str], named: set[str], *, in_pack: bool) -> Kind | None:
    """What a document is to the pack with these story ids and these AC and TC ids, if anything."""
    text = source.raw.decode("utf-8", "replace")
    m = _TITLE.search(text)
    title = f"{name} {m[1] if m else ''}".lower()
    mine = not named or not named.isdisjoint(_IDS.findall(text))
    plan = bool(re.search(r"test[ _-]?(?:plan|mapping|map|matrix)", title))
    mapped = bool(_MAPPED.search(text))
    if _AC_DEFINED.search(text) and not (plan and mapped):
        return "spec" if mine else None
    rows, sections = ids & set(_STORY_ROW.findall(text)), ids & set(_STORY_SECTION.findall(text))
    if in_pack and (2 * len(rows) >= len(ids) or re.search(r"overview|index|readme|stories|sharding", title)):
        return "overview"
    if plan and mapped:
        return "plan" if mine else None
    if mapped or 2 * len(sections) >= len(ids) or "design" in title:
        return "design" if mine else None
    return "overview" if 2 * len(rows) >= len(ids) else None


def natural(id_: str) -> tuple[int, str]:
    """Sort ids as people count: 2, 2a, 10."""
    m = re.match(r"(\d+)(.*)", id_)
    return (int(m[1]), m[2]) if m else (0, id_)


def _name(folder: Path, root: Path) -> str:
    """`01-mvp` for `docs/epics/01-mvp/stories`, `stories` for `docs/stories`."""
    above = folder.parent
    return above.name if folder.name == "stories" and above not in (root, root / "docs") else folder.name


def _relative(root: Path, path: Path) -> str:
    relative = path.relative_to(root).as_posix()
    return "" if relative == "." else relative
