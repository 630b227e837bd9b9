"""What would still be there after a power cut: contents as they were synced, names as their folder was synced.

Modelled, for the story's folder and its evidence: a file that the engine wrote holds what it held at its last fsync;
a folder has the names it had at its last fsync (`cut`), or every name already (`early`: the disk wrote the rename
before the content). Not modelled: parts of a file that reached the disk in another order, other folders, git's own
files, SQLite (it syncs by itself), and what agents and people write, which counts as durable at once.
"""

from __future__ import annotations

import os
from pathlib import Path


class Shadow:
    """The durable bytes and names of some folders."""

    def __init__(self, *folders: Path) -> None:
        self._held: dict[int, int] = {}
        """An open descriptor for every inode seen, so that no number is given out twice."""
        self._durable: dict[int, bytes] = {}
        """The durable content of each inode that the engine wrote to."""
        self._names = {str(folder): self._list(folder) for folder in folders}
        self._system = os.open, os.write, os.replace, os.unlink

    def before_write(self, descriptor: int) -> None:
        """A write begins: what was there before it is durable."""
        inode = os.fstat(descriptor).st_ino
        if inode not in self._durable:
            self._hold(inode, f"/proc/self/fd/{descriptor}")
            self._durable[inode] = self._content(inode)

    def synced(self, descriptor: int) -> None:
        """A file's content, or a folder's names, reached the disk."""
        place = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - a path that ends with " (deleted)" too
        if place in self._names:
            self._names[place] = self._list(Path(place))
        else:
            inode = os.fstat(descriptor).st_ino
            self._hold(inode, f"/proc/self/fd/{descriptor}")
            self._durable[inode] = self._content(inode)

    def restore(self, *, early: bool) -> None:
        """Bring the folders back to what is durable."""
        opened, write, replace, unlink = self._system
        for place, durable in self._names.items():
            folder = Path(place)
            now = self._list(folder)
            names = now if early else durable
            wanted = {name: self._durable.get(inode, self._content(inode)) for name, inode in names.items()}
            for name in now.keys() - names.keys():
                unlink(folder / name)
            for name, content in wanted.items():
                path = folder / name
                if path.is_file() and path.read_bytes() == content:
                    continue
                fresh = opened(folder / f"{name}.cut", os.O_WRONLY | os.O_CREAT, 0o644)
                write(fresh, content)
                os.close(fresh)
                replace(folder / f"{name}.cut", path)

    def _list(self, folder: Path) -> dict[str, int]:
        found = {}
        for path in folder.iterdir():
            if path.is_file():
                found[path.name] = path.stat().st_ino
                self._hold(found[path.name], str(path))
        return found

    def _hold(self, inode: int, path: str) -> None:
        if inode not in self._held:
            self._held[inode] = os.open(path, os.O_RDONLY)

    def _content(self, inode: int) -> bytes:
        held = self._held[inode]
        return os.pread(held, os.fstat(held).st_size, 0)
