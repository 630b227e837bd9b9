"""What somebody saves while the engine runs: heard from the system, wherever in the repository it is.

Ear
├── turn_to    the folders to hear of: all of the tree that git does not ignore, packs, worktrees, replies
└── heard      what was saved there, without what git ignores and what programs write for themselves
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.files.disk import SWAP, TEMP
from engine.files.tree import not_ignored

if TYPE_CHECKING:
    from watchfiles import Change

REPLY = ".reply.md"
"""How the answer of a person who plays a role ends; it lies in the state folder, which is not heard of else."""
Saves = AsyncGenerator[set[tuple["Change", str]], None]


class Ear:
    """Hears of what is saved in a tree and in others that it is told of; `tasks` are done when something was.

    The root's own files have a listener of their own, so that what git ignores there, such as `node_modules`, costs
    nothing.
    """

    def __init__(self, root: Path, state: Path) -> None:
        from watchfiles import awatch

        self._root, self._state, self._replies = root, state, state / "briefs"
        self._trees: set[Path] = {root}
        self._always: set[Path] = {root / "story.toml"}
        self._folders: dict[Path, int] = {}
        self._ears: dict[asyncio.Task[set[Path]], Saves] = {}
        self._top = self._listen(awatch(root, watch_filter=_ours(), recursive=False))

    @property
    def tasks(self) -> set[asyncio.Task[set[Path]]]:
        """One for the root, one for the folders."""
        return {*self._ears}

    async def turn_to(self, always: Iterable[Path], trees: Iterable[Path]) -> bool:
        """Hear of these folders, whatever git says of them, and of these trees besides the root's, from now on.

        True where they are others than before: what was saved in them until now was not heard.
        """
        from watchfiles import awatch

        self._always = {self._root / "story.toml", *always}
        self._trees = {self._root, *trees}
        parts = not_ignored(self._root, (path for path in self._root.iterdir() if path.name != ".git"))
        wanted = {*parts, *self._always, *self._trees, self._replies} - {self._root}
        folders = {path: path.stat().st_ino for path in wanted if path.is_dir() and not wanted & {*path.parents}}
        if folders == self._folders:
            return False
        before = [task for task in self._ears if self._ears[task] is not self._top]
        if folders:
            self._listen(awatch(*folders, watch_filter=_ours()))
            await asyncio.sleep(0)
            self._demand()
        await self._leave(before)
        self._folders = folders
        return True

    def heard(self, task: asyncio.Task[set[Path]]) -> set[Path]:
        """The paths that were saved; from here on it listens again."""
        self._listen(self._ears.pop(task))
        found = set[Path]()
        rest = set[Path]()
        for path in task.result():
            known = {*path.parents, path}
            if known & self._always or (self._replies in known and path.name.endswith(REPLY)):
                found.add(path)
            elif not (self._state in known and known.isdisjoint(self._trees - {self._root})):
                rest.add(path)
        for tree in sorted(self._trees, key=lambda tree: -len(tree.parts)):
            own = {path for path in rest if path.is_relative_to(tree)}
            found |= not_ignored(tree, own)
            rest -= own
        return found

    async def close(self) -> None:
        """Listen no more."""
        await self._leave(self.tasks)

    def _listen(self, saves: Saves) -> Saves:
        self._ears[asyncio.create_task(_paths(saves))] = saves
        return saves

    def _demand(self) -> None:
        """Refuse where the system cannot tell of so many folders; one that went meanwhile is left out next time."""
        for task in [task for task in self._ears if task.done()]:
            err = task.exception()
            if err is not None:
                del self._ears[task]
            if err is not None and not isinstance(err, FileNotFoundError):
                raise UsageError(
                    f"--watch: the system does not tell of what is saved: {err}. Raise its limit of watched folders, "
                    "or set WATCHFILES_FORCE_POLLING=true, which looks for it."
                ) from err

    async def _leave(self, tasks: Iterable[asyncio.Task[set[Path]]]) -> None:
        left = [*tasks]
        for task in left:
            del self._ears[task]
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _paths(saves: Saves) -> set[Path]:
    return {Path(path) for _, path in await anext(saves)}


def _ours() -> Callable[[Change, str], bool]:
    """Everything but what editors, git, Python and the engine write for themselves."""
    from watchfiles import DefaultFilter

    kept = DefaultFilter()
    return lambda change, path: kept(change, path) and not path.endswith((TEMP, SWAP))
