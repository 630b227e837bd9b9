"""`--commit`: each step as one commit, authored as who took it; what is not the story's stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from engine.checks.expected import owned_files
from engine.errors import EngineError
from engine.files import tree
from engine.files.branches import AGENTS, ENGINE, commit, commit_all
from engine.files.journal import journal_of
from engine.files.pack import list_stories
from engine.files.repository import run_git
from engine.files.tree import LOCK_FILES
from engine.look import Repository, Seen, look
from engine.model.machine import Phase
from engine.model.step import Step

_KINDS: dict[Phase, str] = {"validation": "docs", "execution": "feat", "verification": "test"}


def commit_step(before: Seen, step: Step, *, alone: bool) -> None:
    """Commit what belongs to a story as a step left it; `before` is the story as it was when the step was decided.

    Where the engine is `alone` in the tree, all is committed that is there: nothing in it is anybody else's.
    """
    kind = _KINDS.get(before.machine.phase_of(step.source), "chore")
    message = f"{kind}(story-{before.shown.id}): {step.source} → {step.dest}\n\n{step.why}\n"
    if alone:
        commit_all(before.repository.root, message, _author(before) or ENGINE)
    else:
        commit_own(before, message, _author(before))


def commit_own(seen: Seen, message: str, author: str = ENGINE) -> None:
    """Commit what belongs to a story, where anything of it is not committed."""
    commit(seen.repository.root, own_paths(seen), message, author)


def commit_left(repository: Repository, folder: Path) -> None:
    """Commit the last steps of stories that are over, where a killed engine had not come to it."""
    differs = _differing(repository)
    for story in list_stories(repository.root, folder):
        if journal_of(story.file).relative_to(repository.root).as_posix() in differs:
            with suppress(EngineError):  # what is wrong with a story stops no other
                seen = look(repository, folder, story.id)
                if seen.shown.state in seen.machine.terminal:
                    commit_own(seen, f"chore(story-{story.id}): {seen.shown.state}")


def own_paths(seen: Seen) -> list[str]:
    """The paths that are not committed and belong to a story: its folder, its files, the documents around it.

    Of other stories only what shows how far this one is.
    """
    root, pack = seen.repository.root, seen.pack
    differs = _differing(seen.repository)
    owned = owned_files(pack, seen.source.id)
    folder = f"{seen.source.folder}/" if pack.layout == "folders" else f"{seen.evidence.relative_to(root).as_posix()}/"
    documents = {document.path for document in (*pack.specs, *pack.designs, *pack.plans)}
    documents |= {pack.overview.path} if pack.overview else set()
    neighbours = {*_neighbours(seen, differs)}

    def own(path: str) -> bool:
        if path == seen.source.story.path or path.startswith(folder) or path in documents:
            return True
        return owned.names(path) or path.rsplit("/", 1)[-1] in LOCK_FILES or path in neighbours

    return sorted(path for path in differs if own(path))


def _differing(repository: Repository) -> set[str]:
    """The paths of a tree that are not committed; none where there is no git."""
    head = tree.head_of(repository.root)
    return (tree.differing(repository.root, head, repository.state) if head else None) or set()


def _neighbours(seen: Seen, differs: Collection[str]) -> Iterator[str]:
    """The other stories of the pack of which only derived items are not committed."""
    root = seen.repository.root
    derived = {item.text.encode() for item in seen.machine.items.values() if item.derived}
    for story in list_stories(root, root / seen.pack.root):
        path = story.file.relative_to(root).as_posix()
        if story.file == seen.path or path not in differs:
            continue
        was = run_git(root, "cat-file", "--filters", f"HEAD:{path}")
        now = story.file.read_bytes() if story.file.is_file() else b""
        if was and now != was and _without(was, derived) == _without(now, derived):
            yield path


def _without(text: bytes, items: set[bytes]) -> list[bytes]:
    return [line for line in text.splitlines() if not any(line.endswith(item) for item in items)]


def _author(seen: Seen) -> str:
    """The role that worked last, the person who decided, else the engine; where a commit proves a person, never she."""
    roles = [role for _, role in seen.progress.done if role]
    if roles:
        return f"{seen.machine.roles[roles[-1]].title} <{roles[-1]}@{AGENTS}>"
    decided = any(event.by for event in seen.progress.decided.values())
    return "" if decided and seen.machine.people.proof == "box" else ENGINE
