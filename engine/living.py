"""A story advanced where it lives: in the main tree, then in a worktree on its own branch, then merged back.

advance_home
├── advancing         in the main tree until its execution begins, or in the worktree that it has
├── _move_out         branch and worktree from what is committed
└── bring_home        complete: merged aside, the gates run on the result, and only then the main tree follows
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from engine.abreast import had
from engine.actions.gate import run_commands
from engine.actions.judge import BAD
from engine.actions.junit import UNREADABLE
from engine.actions.situation import Situation
from engine.advance import Advanced, advancing, foresee
from engine.commits import commit_left, commit_own, own_paths
from engine.derived import show_derived, show_pack
from engine.errors import CallFailed, Locked, UsageError
from engine.files import disk
from engine.files.branches import (
    close_worktree,
    drop_aside,
    drop_merged,
    fast_forward,
    is_merged,
    merge_aside,
    open_worktree,
    worktree_of,
)
from engine.files.config import read_config
from engine.files.pack import list_stories
from engine.files.throwaway import link_dependencies
from engine.homes import branch_of, home_of, inside
from engine.look import Repository, Seen, look
from engine.model.step import Place, Waiting
from engine.perform import situation_of
from engine.ports import Ports

_PATIENCE = 0.2
"""Seconds between two looks whether another merge is over."""
_TRIES = 3
"""How often a story is merged, where somebody saves in its worktree while it is."""
PortsOf = Callable[[Repository], Ports]
"""The ports of a repository: agents, gates and locks are those of its tree."""


def advance_story(main: Repository, folder: Path, story_id: str, *, ports_of: PortsOf, one_step: bool) -> Advanced:
    """Advance one story where it lives."""
    return asyncio.run(advance_home(main, folder, story_id, ports_of=ports_of, one_step=one_step))


async def advance_home(
    main: Repository, folder: Path, story_id: str, *, ports_of: PortsOf, one_step: bool = False
) -> Advanced:
    """Advance a story where it lives, move it into its worktree when its execution begins, and bring it home."""
    home = home_of(main, folder, story_id)
    result = await advancing(home, inside(home, folder), story_id, ports=ports_of(home), one_step=one_step)
    if result.waiting is not None and result.waiting.for_ == "worktree":
        home = _move_out(main, folder, story_id, ports_of(main))
        more = await advancing(home, inside(home, folder), story_id, ports=ports_of(home), one_step=one_step)
        more.steps[:0] = result.steps
        result = more
    if home.main is not None and result.waiting is not None:
        if result.waiting.for_ == "nobody":
            held = await bring_home(main, home, folder, story_id, ports_of=ports_of)
            result.waiting = held or result.waiting
        else:
            result.waiting = _from_main(home, result.waiting)
    return result


def foresee_home(main: Repository, folder: Path, story_id: str, *, ports_of: PortsOf) -> Waiting | None:
    """Whom a story waits for where it lives, without doing anything; None where it would go on by itself."""
    home = home_of(main, folder, story_id)
    waiting = foresee(home, inside(home, folder), story_id, ports=ports_of(home)).waiting
    return _from_main(home, waiting) if home.main is not None and waiting else waiting


def _from_main(home: Repository, waiting: Waiting) -> Waiting:
    """Places in a worktree, as somebody in the main tree opens them."""
    places = tuple(place.model_copy(update={"file": str(home.root / place.file)}) for place in waiting.items)
    return waiting.model_copy(update={"items": places})


def _move_out(main: Repository, folder: Path, story_id: str, ports: Ports) -> Repository:
    """A branch and a worktree for a story; they begin with what is committed, so all of the story has to be."""
    lock = main.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        seen, home = look(main, folder, story_id), home_of(main, folder, story_id)
        if home.main is not None or seen.progress.state in seen.machine.terminal:
            return home  # another engine was there before
        if ports.commit:
            commit_own(seen, f"chore(story-{story_id}): ready to be executed on its branch")
        if left := own_paths(seen):
            raise UsageError(
                f"story {story_id} is executed on a branch of its own, which begins with what is committed, and "
                f"{left[0]} is not. Commit it, or run with --commit."
            )
        story = next(story for story in list_stories(main.root, folder) if story.id == story_id)
        branch = branch_of(main, folder, story)
        place = worktree_of(main.state, branch)
        open_worktree(main.root, place, branch)
        link_dependencies(main.root, place)
        ports.tell(f"story {story_id}: executed on branch {branch} in {place}")
        return home_of(main, folder, story_id)


async def bring_home(
    main: Repository, home: Repository, folder: Path, story_id: str, *, ports_of: PortsOf
) -> Waiting | None:
    """Merge a story that is over into the main tree; whom it waits for where that cannot be, with both branches kept.

    The merge is made aside and the gates run on it: the main tree never holds a conflict or a red merge. Whatever
    somebody saves in the worktree meanwhile is merged as well.
    """
    story = next(story for story in list_stories(main.root, folder) if story.id == story_id)
    branch, ports = branch_of(main, folder, story), ports_of(main)
    async with _alone(main.state / "locks" / "merge"):
        for _ in range(_TRIES):
            if not (home.root / ".git").exists():
                break
            seen = look(home, inside(home, folder), story_id)
            commit_own(seen, f"chore(story-{story_id}): {seen.progress.state}")
            if ports.commit:
                commit_own(look(main, folder, story_id), f"chore(story-{story_id}): saved in the main tree meanwhile")
            aside = main.state / "merges" / branch.replace("/", "-")
            try:
                held = None if is_merged(main.root, branch) else await _merge(main, aside, branch, seen, ports_of)
            finally:
                drop_aside(main.root, aside)
            if held is not None:
                return held
            ports.tell(f"story {story_id}: {branch} is merged")
            close_worktree(main.root, home.root, branch)
        else:
            text = f"{branch} is merged, but files here are not committed (`git status`). Commit or remove them."
            return Waiting(for_="person", items=(Place(file=str(home.root), line=1, text=f"{text} Then run again."),))
    arrived = look(main, folder, story_id)
    show_derived(arrived)
    commit_own(arrived, f"chore(story-{story_id}): shown in its neighbours")
    return None


def tidy(main: Repository, folder: Path, ports: Ports) -> None:
    """Do what a killed engine left of stories that are over: derived items, a last commit, branches that are merged."""
    show_pack(main, folder)
    if (main.root / ".git").exists():
        drop_merged(main.root, {branch_of(main, folder, story) for story in list_stories(main.root, folder)})
        if ports.commit:
            commit_left(main, folder)


@asynccontextmanager
async def _alone(lock: Path) -> AsyncIterator[None]:
    """Hold a lock that another story of this engine may hold, too: wait without stopping it."""
    while True:
        with ExitStack() as stack:
            try:
                stack.enter_context(disk.hold(lock, 0))
            except Locked:
                await asyncio.sleep(_PATIENCE)
                continue
            yield
            return


async def _merge(main: Repository, aside: Path, branch: str, seen: Seen, ports_of: PortsOf) -> Waiting | None:
    """Merge aside, let every gate judge the result, and only then bring the main tree there."""
    story_id = seen.shown.id
    by_hand = f"Merge it by hand (`git merge {branch}`), then run again; both branches are kept."
    commit, conflicts = merge_aside(main.root, aside, branch, f"Merge story {story_id} ({branch})", had(seen))
    if not commit:
        text = f"{branch} and the main tree both changed this. {by_hand}"
        return Waiting(for_="person", items=tuple(Place(file=path, line=1, text=text) for path in conflicts))
    link_dependencies(main.root, aside)
    merged = Repository(root=aside, state=main.state, config=read_config(aside), main=main.root)
    ports = ports_of(merged)
    red = await _red(replace(situation_of(seen, ports), root=aside), aside, branch)
    if red:
        return Waiting(
            for_="person", items=tuple(Place(file=one.file, line=1, text=f"{one.text} {by_hand}") for one in red)
        )
    if not fast_forward(main.root, commit):
        text = f"{branch} is merged and its gates pass, but files in the way are not committed (`git status`)."
        return Waiting(for_="person", items=(Place(file=".", line=1, text=f"{text} Commit them, then run again."),))
    return None


async def _red(situation: Situation, aside: Path, branch: str) -> list[Place]:
    """The gates that the merge does not pass, each with where its output is kept."""
    found = []
    for name, config in situation.config.gates.items():
        kept = aside.with_name(f"{aside.name}.{name}")
        try:
            ran = await run_commands(config, situation, kept, str(kept))
            bad = [f"`{run.command}` ended with exit {run.exit}" for run in ran.runs if run.exit != 0]
            bad += [f"{test.id} failed" for test in ran.tests or () if test.status in BAD]
        except (*UNREADABLE, CallFailed) as err:
            bad = [str(err)]
        if bad:
            found.append(Place(file=str(kept), line=1, text=f"gate {name} is red after merging {branch}: {bad[0]}."))
    return found
