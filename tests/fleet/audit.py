"""The remote as `tests/faults/invariants.py` sees it: by its journals alone, in trees that nobody works in."""

from __future__ import annotations

from pathlib import Path

from tests.faults.invariants import Pack
from tests.fleet.world import World
from tests.packs import PACK
from tests.repo import git

MACHINE = Path(__file__).parents[2] / "machines/story.yaml"


class Audit:
    """Looks at the remote again and again, and says what does not hold."""

    def __init__(self, world: World, pack: str = PACK) -> None:
        name = f"audit-{pack.replace('/', '-')}"
        self._tree, self._apart = world.clone(name), world.folder / f"{name}-apart"
        self._pack = Pack(self._tree / pack, self._tree, self._apart, MACHINE, one_tree=False)

    def look(self, *, over: bool = False) -> list[str]:
        """What does not hold of what is pushed now; `over` says that nothing goes on."""
        git(self._tree, "fetch", "-q", "--prune", "origin")
        git(self._tree, "checkout", "-q", "--detach", "origin/main")
        told = git(self._tree, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin/story").split()
        names = {name.removeprefix("story/").replace("/", "-"): name for name in told}
        for gone in {place.name for place in self._apart.glob("*")} - {*names}:
            git(self._tree, "worktree", "remove", "--force", str(self._apart / gone))
        for name, branch in names.items():
            if not (self._apart / name).exists():
                git(self._tree, "worktree", "add", "-q", "--detach", str(self._apart / name), f"origin/{branch}")
            git(self._apart / name, "checkout", "-q", "--detach", f"origin/{branch}")
        return self._pack.look(over=over)

    def complete(self) -> bool:
        """Is every story over and back on the main branch?"""
        return self._pack.complete()
