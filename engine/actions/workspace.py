"""Let an agent work in a throwaway copy, and take over what its role may change; the rest is told, never taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.actions.integrity import PROTECTED
from engine.actions.situation import Situation
from engine.agents.brief import reads
from engine.agents.protocol import Agent
from engine.checks.expected import owned_files
from engine.errors import CallFailed, EditRefused, FormatError
from engine.files.story_file import author_changes, heading_of
from engine.files.throwaway import (
    bring,
    changed,
    changes,
    copy_tree,
    dependencies,
    drop_copy,
    is_copied,
    put_aside,
)
from engine.files.tree import LOCK_FILES
from engine.model.call import Brief, Reply, Workspace
from engine.model.machine import AgentAct


@dataclass(frozen=True, slots=True)
class Cut:
    """What came before a run: `half` is what a failed one did in its copy, `killed` says that this one began before."""

    half: tuple[str, str] | None = None
    killed: bool = False


async def run_in_copy(
    agent: Agent, brief: Brief, root: Path, state: Path, cut: Cut = Cut(), *, writable: bool
) -> Reply:
    """Run an agent in a copy of the tree; what it did is in the reply, as two commits. `state` is the state folder.

    A session that remembers what it changed before it was cut off finds that in its copy, or is told that it is gone.
    """
    if not agent.in_copy:
        return await agent.run(brief)
    name = re.sub(r"[^\w.-]+", "-", brief.call)
    folder = state / "work" / name
    gone = cut.killed and not is_copied(folder)
    if gone:
        put_aside(state / "sessions" / name)  # else a conversation went on about files that are not there
    before, missing = copy_tree(root, folder, brief.call, cut.half)
    if brief.session is not None and (told := _told(cut, gone, missing)):
        brief = brief.model_copy(update={"text": f"{told}\n\n{brief.text}"})
    shown = (".git", *map(str, dependencies(root)))
    space = Workspace(root=str(root), tree=str(folder / "tree"), writable=writable, shown=shown)
    reply = await agent.run(brief.model_copy(update={"workspace": space}))
    if reply.status == "pending":
        return reply
    after, paths = changes(root, folder, brief.call, before)
    drop_copy(folder)
    return reply.model_copy(update={"before": before, "after": after if paths else before})


def _told(cut: Cut, gone: bool, missing: list[str] | None) -> str:
    """What a session that was cut off has to know of its files."""
    if not cut.half and not gone:
        return ""
    told = ["You were cut off."]
    if cut.half and missing is not None:
        but = f", but for these, which others changed meanwhile: {', '.join(missing)}" if missing else ""
        told.append(f"Your copy of the files is as you left it then{but}.")
    if gone or missing is None:
        told.append("What you changed since is not there any more.")
    if gone or missing or missing is None:
        told.append("Look at the files as they are, and do again what is missing.")
    return " ".join(told)


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
