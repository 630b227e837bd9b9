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
    if not (root / ".git").exists():
        raise UsageError(f"{root} is no git repository; `story diff` shows what git knows.")
    home = seen.path.parent.relative_to(root).as_posix()
    paint = "--color=always" if colour else "--color=never"
    if step is None:
        span = ["HEAD"]
    else:
        journal = seen.journal.path.relative_to(root).as_posix()
        found = git(root, "log", "--format=%H", f'-G"event":"(stepped|rewound)","at":.*"n":{step},', "--", journal)
        commits = found.split()
        if not commits:
            raise UsageError(f"step {step} of story {story_id} is not in a commit of its own. Commit each step.")
        span = [f"{commits[-1]}^", commits[-1]]
    show = ("-c", "diff.autoRefreshIndex=false", "diff", paint, *span)  # who looks writes nothing
    progress = git(root, *show, "--", home)
    rest = git(root, *show, "--", ".", f":(exclude){home}")
    parts = [part for part in (progress, rest) if part]
    return "\n".join(parts) + "\n" if parts else ""
