"""Where a story lives: in the main tree, or from execution until merge in a worktree on a branch of its own."""

from __future__ import annotations

from pathlib import Path

from engine.errors import Locked
from engine.files.branches import is_laid_out, worktree_of
from engine.files.config import Config, read_config
from engine.files.pack import Found, list_stories
from engine.look import Repository


def main_of(repository: Repository) -> Repository:
    """The repository at its main tree."""
    if repository.main is None:
        return repository
    return Repository(root=repository.main, state=repository.state, config=read_config(repository.main))


def branch_of(main: Repository, folder: Path, story: Found) -> str:
    """The branch that a story is executed on: `story/<id>-<slug>`, with the pack before it where there are several.

    It keeps its branch when a pack comes or goes meanwhile.
    """
    name = f"{story.id}-{story.slug}".rstrip("-")
    pack = folder.relative_to(main.root).as_posix().replace("/", "-")
    names = (f"story/{pack}/{name}", f"story/{name}")
    wanted, other = names if len(main.packs()) > 1 else names[::-1]
    if is_laid_out(worktree_of(main.state, wanted)):
        return wanted
    return other if _holds(worktree_of(main.state, other), main, folder, story) else wanted


def _holds(place: Path, main: Repository, folder: Path, story: Found) -> bool:
    """Was a worktree laid out for a story when there were other packs? One that holds its like is not its own."""
    if not is_laid_out(place):
        return False
    path = story.file.relative_to(folder)
    alike = [pack for pack in main.packs() if (place / pack.relative_to(main.root) / path).is_file()]
    then = Repository(root=place, state=main.state, config=read_config(place)).packs()
    return folder in alike and (alike == [folder] or then == [place / folder.relative_to(main.root)])


def home_of(main: Repository, folder: Path, story_id: str) -> Repository:
    """The repository in which a story is advanced now."""
    stories = list_stories(main.root, folder) if any_home(main) else []
    return next((home_at(main, folder, story) for story in stories if story.id == story_id), main)


def any_home(main: Repository) -> bool:
    """Does any story live in a worktree?"""
    return main.main is None and (main.state / "worktrees").is_dir()


def home_at(main: Repository, folder: Path, story: Found) -> Repository:
    """The repository in which one of the main tree's stories is advanced now."""
    place = worktree_of(main.state, branch_of(main, folder, story))
    if not is_laid_out(place):
        return main
    return Repository(root=place, state=main.state, config=on_branch(main.config, read_config(place)), main=main.root)


def on_branch(main: Config, own: Config) -> Config:
    """The settings of a story on a branch of its own: who plays, and what bounds them, is said in the main tree."""
    return main.model_copy(update={"packs": own.packs, "gates": own.gates})


def demand_lives(home: Repository, folder: Path, story_id: str) -> None:
    """Refuse to advance a story in a tree that another engine has taken it away from."""
    away = home_of(home, folder, story_id) != home if home.main is None else not is_laid_out(home.root)
    if away:
        raise Locked(f"story {story_id} was taken to another tree by another engine. Run it again.")


def inside(home: Repository, folder: Path) -> Path:
    """A folder of the main tree, or of the home itself, as it lies in the home."""
    root = home.main if home.main and folder.is_relative_to(home.main) else home.root
    return home.root / folder.relative_to(root)
