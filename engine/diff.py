"""What a story changed, by git: its progress first, then everything else."""

from __future__ import annotations

from pathlib import Path

from engine.errors import UsageError
from engine.files.repository import git
from engine.look import Repository, look


def story_diff(repository: Repository, folder: Path, story_id: str, step: int | None, *, colour: bool) -> str:
    """The diff of what is not committed yet, or of the commit that holds one step."""
    seen = look(repository, folder, story_id)
    root = repository.root
    if not git(root, "rev-parse", "--git-dir"):
        raise UsageError(f"{root} is no git repository; `story diff` shows what git knows.")
    home = seen.path.parent.relative_to(root).as_posix()
    paint = "--color=always" if colour else "--color=never"
    if step is None:
        show = ["-c", "diff.autoRefreshIndex=false", "diff", paint, "HEAD"]  # who looks writes nothing
    else:
        journal = seen.journal.path.relative_to(root).as_posix()
        line = f'-G"event":"(stepped|rewound)","at":"[^"]*",.*"n":{step},'
        commits = git(root, "log", "--format=%H", line, "--", journal).split()
        if not commits:
            raise UsageError(f"step {step} of story {story_id} is not committed. Commit each step, and see it here.")
        show = ["show", "--format=", paint, commits[-1]]
    progress = git(root, *show, "--", home)
    rest = git(root, *show, "--", ".", f":(exclude){home}")
    parts = [part for part in (progress, rest) if part]
    return "\n".join(parts) + "\n" if parts else ""
