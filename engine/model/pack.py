"""A pack of stories as it lies on disk: texts and places, nothing interpreted yet."""

from __future__ import annotations

from typing import Literal

from engine.model.base import Value


class Source(Value):
    """One file: its path relative to the repository (posix) and its bytes."""

    path: str
    raw: bytes


class StorySource(Value):
    """One story's files. `id` is text ("4", "2a"); `folder` holds its prompts (folder layout), else the pack."""

    id: str
    slug: str
    folder: str
    story: Source
    prompts: tuple[Source, ...] = ()


class Pack(Value):
    """Stories in folder order, with the documents around them (found by content, not by fixed names).

    layout: "folders" is a folder per story (`story-4-login/story.md`), "files" a file per story (`04-login.md`).
    """

    name: str
    root: str
    layout: Literal["folders", "files"]
    stories: tuple[StorySource, ...]
    overview: Source | None = None
    specs: tuple[Source, ...] = ()
    designs: tuple[Source, ...] = ()
    plans: tuple[Source, ...] = ()
