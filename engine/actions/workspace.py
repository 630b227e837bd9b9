"""Let an agent work in a throwaway copy, and take over what its role may change; the rest is told, never taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from engine.actions.integrity import PROTECTED
from engine.actions.situation import Situation
from engine.agents.brief import reads
from engine.agents.protocol import Agent
from engine.checks.expected import owned_files
from engine.errors import CallFailed, EditRefused, FormatError
from engine.files.story_file import author_changes, heading_of
from engine.files.throwaway import bring, changed, changes, copy_tree, dependencies, drop_copy
from engine.files.tree import LOCK_FILES
from engine.model.call import Brief, Reply, Workspace
from engine.model.machine import AgentAct


async def run_in_copy(agent: Agent, brief: Brief, root: Path, state: Path, *, writable: bool) -> Reply:
    """Run an agent in a copy of the tree; what it did is in the reply, as two commits. `state` is the state folder."""
    if not agent.in_copy:
        return await agent.run(brief)
    folder = state / "work" / re.sub(r"[^\w.-]+", "-", brief.call)
    before = copy_tree(root, folder, brief.call)
    shown = (".git", *map(str, dependencies(root)))
    space = Workspace(root=str(root), tree=str(folder / "tree"), writable=writable, shown=shown)
    reply = await agent.run(brief.model_copy(update={"workspace": space}))
    if reply.status == "pending":
        return reply
    after, paths = changes(root, folder, brief.call, before)
    drop_copy(folder)
    return reply.model_copy(update={"before": before, "after": after if paths else before})


def take_over(act: AgentAct, reply: Reply, situation: Situation) -> list[str]:
    """Take over what an agent did in its copy, as often as need be; what was not taken over, in words.

    Where a person changed the same lines meanwhile, hers stay, and the answer names the commit that has the agent's.
    """
    if not reply.after or reply.after == reply.before:
        return []
    root, told = situation.root, list[str]()
    allowed = may_write(act, situation)
    story = situation.story.story.path
    for path in changed(root, reply.before, reply.after):
        if not allowed(path):
            told.append(f"{path}: not this role's to change")
            continue
        keep = _author_only(situation) if path == story else None
        try:
            bring(root, path, reply.before, reply.after, keep)
        except (CallFailed, EditRefused, FormatError) as err:
            told.append(f"{path}: {err}")
    return told


def may_write(act: AgentAct, situation: Situation) -> Callable[[str], bool]:
    """What an action may change: its globs, `files` for what the story's own tables name; never what is protected."""
    pack, story = situation.pack, situation.story
    owned = owned_files(pack, story.id)
    named = set(_named(act, situation))

    def allowed(path: str) -> bool:
        if path in named:
            return True
        if PROTECTED.fullmatch(path) or path in _stories(situation):
            return False
        return "files" in act.writes and (owned.names(path) or path.rsplit("/", 1)[-1] in LOCK_FILES)

    return allowed


def _named(act: AgentAct, situation: Situation) -> Iterator[str]:
    patterns = [pattern for pattern in act.writes if pattern != "files"]
    yield from reads(patterns, situation.pack, situation.story)


def _stories(situation: Situation) -> Iterable[str]:
    return {story.story.path for story in situation.pack.stories}


def _author_only(situation: Situation) -> Callable[[bytes | None, bytes], bytes]:
    """A fixer corrects a copy of story.md; of that only the author's regions count."""
    heading = heading_of(situation.machine, situation.story.id)

    def keep(old: bytes | None, new: bytes) -> bytes:
        if old is None:
            raise CallFailed("story.md was not there.")
        return author_changes(old, new, heading)

    return keep
