"""Which story is meant: `4`, `01/4`, a path to its folder or file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.files.pack import STORY_FILE, Found, list_stories, read_file
from engine.files.story_file import read_story
from engine.look import Repository


@dataclass(frozen=True, slots=True)
class Target:
    """One story of one pack."""

    folder: Path
    id: str


def find_story(repository: Repository, spoken: str) -> Target:
    """Find the story that is meant; two adopted packs with that id are an error that names both."""
    stories = _list(repository)
    if target := _by_path(stories, Path(spoken)):
        return _only(stories, target)
    hint, _, id_ = spoken.rpartition("/")
    found = [
        (folder, story) for folder, story in stories if story.id == id_ and _named(_root(repository, folder), hint)
    ]
    adopted = [(folder, story) for folder, story in found if len(found) > 1 and _adopted(repository, story)]
    chosen = sorted({folder for folder, _ in adopted or found})
    if len(chosen) == 1:
        return _only(stories, Target(chosen[0], id_))
    if not chosen:
        if spoken and Path(spoken).exists():
            raise UsageError(f"{spoken!r} is no story of this repository. `story status` lists them.")
        known = list(dict.fromkeys(story.id for _, story in stories))
        there = f"there are {', '.join(known)}" if known else "no story was found at all"
        raise UsageError(f"there is no story {spoken!r}; {there}. Name one of them, or a path to its folder.")
    roots = [_root(repository, folder) for folder in chosen]
    short = [_short(root) for root in roots]
    hints = short if len({*short}) == len(short) else roots
    names = " and ".join(f"{root} (STORY={hint}/{id_})" for root, hint in zip(roots, hints, strict=True))
    raise UsageError(f"story {id_!r} is in {len(chosen)} packs: {names}. Name one of them.")


def find_pack(repository: Repository, spoken: str | None) -> list[Path]:
    """The folder of the pack that is meant; all packs where none is named."""
    folders = repository.packs()
    if spoken is None:
        return folders
    given = Path(spoken)
    if given.is_dir():
        inside = [folder for folder in folders if folder.resolve().is_relative_to(given.resolve())]
        if inside:
            return inside
    chosen = [folder for folder in folders if _named(folder.relative_to(repository.root).as_posix(), spoken)]
    if not chosen:
        known = ", ".join(folder.relative_to(repository.root).as_posix() for folder in folders) or "none"
        raise UsageError(f"there is no pack {spoken!r}; there are {known}.")
    return chosen


def find_any(repository: Repository, spoken: str | None) -> tuple[list[Path], str | None]:
    """The packs that are meant, and the story in them, if it is one; all packs where nothing is named."""
    try:
        return find_pack(repository, spoken), None
    except UsageError:
        story = find_story(repository, spoken or "")
        return [story.folder], story.id


def _list(repository: Repository) -> list[tuple[Path, Found]]:
    """Every story with its pack's folder, also one that cannot be read: what is wrong with it is told later."""
    return [(folder, story) for folder in repository.packs() for story in list_stories(repository.root, folder)]


def _only(stories: list[tuple[Path, Found]], target: Target) -> Target:
    """The target, unless another story of its pack has the same id."""
    same = [story.file for folder, story in stories if (folder, story.id) == (target.folder, target.id)]
    if len(same) > 1:
        names = " and ".join(map(str, same))
        raise UsageError(f"story {target.id!r} is there {len(same)} times: {names}. Give one of them another id.")
    return target


def _by_path(stories: list[tuple[Path, Found]], given: Path) -> Target | None:
    """The story at a path: its folder, or its file."""
    if not given.exists() and not given.is_symlink():
        return None
    for folder, story in stories:
        places = [story.file] if STORY_FILE.fullmatch(story.file.name) else [story.file, story.file.parent]
        if any(given.absolute() == place.absolute() or given.resolve() == place.resolve() for place in places):
            return Target(folder, story.id)
    return None


def _adopted(repository: Repository, story: Found) -> bool:
    source, _ = read_file(repository.root, story.file, story.id)
    return source is not None and read_story(source, story.id, None)[0].state is not None


def _root(repository: Repository, folder: Path) -> str:
    return folder.relative_to(repository.root).as_posix()


def _named(root: str, hint: str) -> bool:
    """Does a part of the pack's path start with the hint: `01` for `docs/epics/01-mvp/stories`? No hint fits all."""
    parts = root.split("/")
    return not hint or hint.strip("/") == root or any(re.match(rf"{re.escape(hint)}(?![0-9])", part) for part in parts)


def _short(root: str) -> str:
    parts = [part for part in root.split("/") if re.match(r"\d", part)]
    return parts[-1].split("-")[0] if parts else root
