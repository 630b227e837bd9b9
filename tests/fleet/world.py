"""A pack behind a bare remote: Ana has a clone of it, workers have theirs."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.carry_out import carry_out
from engine.files.clone import Clone
from engine.look import Repository
from engine.model.fleet import Looked, PackOrder
from engine.ports import Ports
from engine.reconcile import look_at_pack
from engine.wiring import wire
from tests.life import AT
from tests.packs import PACK, PEOPLE, PackRepo
from tests.repo import git

ASKS = {"approving": PEOPLE[0], "gorilla": PEOPLE[1], "accepting": PEOPLE[2]}
APART = '[pipeline]\nisolation = "worktree"\n'
OLDER = re.compile(r"\d+ (passed|older ones pass)")
"""How many tests of other stories there were by then is a matter of who came first."""
MINTED = re.compile(r"-[0-9a-f]{8}\b|\b[0-9a-f]{12,40}\b|\b20\d\d-\d\d-\d\dT[\d:]+Z")


class World:
    """A remote with a pack, and what people and workers do with it."""

    def __init__(
        self,
        folder: Path,
        needs: Mapping[str, Sequence[str] | None],
        *lines: dict[str, object],
        config: str = "",
    ) -> None:
        self.folder, self.remote = folder, folder / "remote.git"
        self.local = PackRepo(folder / "local", needs, *lines, config=config)
        root = self.local.root
        shutil.copy(root.parent / "script.yaml", root / "script.yaml")
        settings = root / "story.toml"
        settings.write_text(settings.read_text().replace("../script.yaml", "script.yaml"))
        git(root, "add", "-A")
        git(root, "commit", "-qm", "Settings")
        git(folder, "clone", "-q", "--bare", str(root), str(self.remote))
        self.ana = self.clone("ana")
        self.order = PackOrder(fleet="acme/shop", pack=PACK, branch="main")

    def clone(self, name: str) -> Path:
        place = self.folder / name
        git(self.folder, "clone", "-q", str(self.remote), str(place))
        git(place, "config", "user.name", name.capitalize())
        git(place, "config", "user.email", f"{name}@example.org")
        return place

    def worker(self, name: str) -> Clone:
        """A worker's own clone."""
        return Clone(self.folder / "workers" / name, str(self.remote))

    def look(self, clone: Clone) -> Looked:
        return look_at_pack(clone, self.order, ports)

    def perform(self, clone: Clone, looked: Looked, name: str = "a") -> list[str]:
        return [asyncio.run(carry_out(clone, order, name, ports)) for order in looked.calls]

    def person(self) -> list[str]:
        """Ana ticks what every story asks her, on the branch where it lives, and pushes; what she ticked."""
        ticked = []
        git(self.ana, "fetch", "-q", "--prune", "origin")
        for branch in self.branches():
            git(self.ana, "checkout", "-q", "-B", branch, f"origin/{branch}")
            for file in sorted((self.ana / "docs").glob("*/story-*/story.md")):
                id_, text = file.parent.name.split("-")[1], file.read_text()
                item = ASKS.get(state_in(text), "")
                if f"- [ ] {item}" in text and item and self._home(id_) == branch:
                    file.write_text(text.replace(f"- [ ] {item}", f"- [x] {item}"))
                    ticked.append(f"{id_}: {item}")
            if git(self.ana, "status", "--porcelain"):
                git(self.ana, "commit", "-qam", "Ana answers")
                git(self.ana, "push", "-q", "origin", branch)
        return ticked

    def events(self, id_: str) -> list[dict[str, Any]]:
        """The journal of a story, as the remote has it."""
        name = self._files()[id_].replace("story.md", "evidence/journal.jsonl")
        return [json.loads(line) for line in git(self.remote, "show", f"{self._home(id_)}:{name}").splitlines()]

    def tick(self, id_: str, text: str) -> None:
        """Ana ticks one box of a story, with a note where one is required, and pushes."""
        branch, name = self._home(id_), self._files()[id_]
        git(self.ana, "fetch", "-q", "origin")
        git(self.ana, "checkout", "-q", "-B", branch, f"origin/{branch}")
        told = (self.ana / name).read_text()
        assert told.count(f"- [ ] {text}") == 1, told
        noted = told.replace("Note (required):", "Note (required): go on")
        (self.ana / name).write_text(noted.replace(f"- [ ] {text}", f"- [x] {text}"))
        git(self.ana, "commit", "-qam", "Ana answers")
        git(self.ana, "push", "-q", "origin", branch)

    def part(self, id_: str, pack: str) -> None:
        """A story moves into a pack of its own."""
        root = self.local.root
        (root / pack).mkdir()
        git(root, "mv", f"{PACK}/story-{id_}-greeter", f"{pack}/story-{id_}-greeter")
        settings = root / "story.toml"
        settings.write_text(settings.read_text().replace(f'paths = ["{PACK}"]', f'paths = ["{PACK}", "{pack}"]'))
        git(root, "commit", "-qam", "Two packs")
        git(root, "push", "-q", str(self.remote), "main")
        git(self.ana, "pull", "-q")

    def refuse(self, times: int = 100_000) -> None:
        """The remote refuses so many pushes: it has a hook for that."""
        hook, left = self.remote / "hooks/pre-receive", self.remote / "refuses"
        left.write_text("no\n" * times)
        count = f"[ -s {left} ] || exit 0\nsed -i 1d {left}\n"
        hook.write_text(f"#!/bin/sh\ncat > /dev/null\n{count}echo 'no pushes on Sundays' >&2\nexit 1\n")
        hook.chmod(0o755)

    def branches(self) -> list[str]:
        return sorted(git(self.remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())

    def _home(self, id_: str) -> str:
        return next((name for name in self.branches() if name.startswith(f"story/{id_}-")), "main")

    def text(self, id_: str) -> str:
        """story.md as the remote has it, where the story lives."""
        return git(self.remote, "show", f"{self._home(id_)}:{self._files()[id_]}")

    def _files(self) -> dict[str, str]:
        """Every story's file, as the main branch has it."""
        told = git(self.remote, "ls-tree", "-r", "--name-only", "main", "docs/").split()
        files = [name for name in told if name.endswith("/story.md")]
        return {Path(name).parent.name.split("-")[1]: name for name in files}

    def states(self) -> dict[str, str]:
        return {id_: state_in(self.text(id_)) for id_ in sorted(self._files())}

    def local_run(self) -> dict[str, str]:
        """The story.md of each story when the same pack is run to its end in one tree."""
        while True:
            self.local.run(commit=True)
            if not self.local.person():
                break
        return {id_: self.local.story(id_).read_text() for id_ in self.local.states()}


def state_in(text: str) -> str:
    """The state that a story.md shows."""
    return next(line.split()[1] for line in text.splitlines() if line.startswith("state:"))


def ports(home: Repository) -> Ports:
    """Ports with a clock that stands still."""
    return wire(home, tell=lambda _: None, clock=lambda: AT)


def plain(text: str) -> str:
    """A text without the times and ids of one run, and the tests that other stories had by then."""
    return OLDER.sub(r"some \1", MINTED.sub("…", text))
