"""What somebody saves while the engine runs: heard from the system, below some folders and of a few files beside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.files.disk import SWAP, TEMP

if TYPE_CHECKING:
    from watchfiles import Change

SETTINGS = ("story.toml", "machines")
"""What is heard of in the root itself."""

Saves = AsyncGenerator[set[tuple["Change", str]], None]


class Ear:
    """Hears of what is saved below the folders that it was told of last; `tasks` are done when something was."""

    def __init__(self, root: Path) -> None:
        from watchfiles import awatch

        def settings(_: Change, path: str) -> bool:
            return Path(path).name in SETTINGS

        self._ears: dict[asyncio.Task[set[Path]], tuple[Path, Saves]] = {}
        self._listen(root, awatch(root, watch_filter=settings, recursive=False))
        self._root = root

    @property
    def tasks(self) -> set[asyncio.Task[set[Path]]]:
        """One for each folder."""
        return {*self._ears}

    async def turn_to(self, folders: Iterable[Path]) -> set[Path]:
        """Hear of just these folders from now on; those that are new. What was saved there before was not heard."""
        from watchfiles import awatch

        wanted, known = {*folders}, {folder: task for task, (folder, _) in self._ears.items()}
        await self._leave(task for folder, task in known.items() if folder not in {*wanted, self._root})
        new = wanted - {*known}
        for folder in new:
            self._listen(folder, awatch(folder, watch_filter=_ours()))
        if new:
            await asyncio.sleep(0)
        return new

    def heard(self, task: asyncio.Task[set[Path]]) -> set[Path]:
        """The paths that were saved; from here on it listens again."""
        self._listen(*self._ears.pop(task))
        return task.result()

    async def close(self) -> None:
        """Listen no more."""
        await self._leave(self.tasks)

    def _listen(self, folder: Path, saves: Saves) -> None:
        self._ears[asyncio.create_task(_paths(saves))] = folder, saves

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
