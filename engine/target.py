"""Which story is meant: `4`, `01/4`, a path to its folder or file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.files.pack import read_pack
from engine.files.story_file import read_story
from engine.look import Repository
from engine.model.pack import Pack


@dataclass(frozen=True, slots=True)
class Target:
    """One story of one pack."""

    folder: Path
    id: str


def find_story(repository: Repository, spoken: str) -> Target:
    """Find the story that is meant; two adopted packs with that id are an error that names both."""
    given = Path(spoken)
    if (given / "story.md").exists() or given.suffix == ".md" or given.is_dir():
        return _by_path(repository, given.resolve(), spoken)
    hint, _, id_ = spoken.rpartition("/")
    found = [
        (folder, pack) for folder, pack in read_packs(repository) if any(story.id == id_ for story in pack.stories)
    ]
    if hint:
        found = [(folder, pack) for folder, pack in found if _named(pack.root, hint)]
    adopted = [(folder, pack) for folder, pack in found if _adopted(pack, id_)]
    chosen = adopted or found
    if len(chosen) == 1:
        return Target(chosen[0][0], id_)
    if not chosen:
        known = sorted({story.id for _, pack in read_packs(repository) for story in pack.stories})
        there = f"there are {', '.join(known)}" if known else "no story was found at all"
        raise UsageError(f"there is no story {spoken!r}; {there}. Name one of them, or a path to its folder.")
    names = " and ".join(f"{pack.root} (STORY={_short(pack.root)}/{id_})" for _, pack in chosen)
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


def read_packs(repository: Repository) -> list[tuple[Path, Pack]]:
    """All packs with their stories; problems are left to `check`."""
    return [(folder, read_pack(repository.root, folder)[0]) for folder in repository.packs()]


def _by_path(repository: Repository, path: Path, spoken: str) -> Target:
    for folder, pack in read_packs(repository):
        for story in pack.stories:
            file = (repository.root / story.story.path).resolve()
            if path in (file, file.parent) and (pack.layout == "folders" or path == file):
                return Target(folder, story.id)
    raise UsageError(f"{spoken!r} is no story of this repository. `story status` lists them.")


def _adopted(pack: Pack, id_: str) -> bool:
    return any(
        story.id == id_ and read_story(story.story, story.id, None)[0].state is not None for story in pack.stories
    )


def _named(root: str, hint: str) -> bool:
    """Does a part of the pack's path start with the hint: `01` for `docs/epics/01-mvp/stories`?"""
    parts = root.split("/")
    return hint.strip("/") == root or any(re.match(rf"{re.escape(hint)}(?![0-9])", part) for part in parts)


def _short(root: str) -> str:
    parts = [part for part in root.split("/") if re.match(r"\d", part)]
    return parts[-1].split("-")[0] if parts else root
