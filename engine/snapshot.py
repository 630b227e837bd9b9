"""The files as they were when a story entered each of its states, so that `rewind --code` can bring them back."""

from __future__ import annotations

from pathlib import Path

from engine.errors import UsageError
from engine.files.evidence import evidence_folder
from engine.files.kept import line_links
from engine.files.pack import list_stories
from engine.files.snapshot import compare_snapshots, find_snapshot, pack_refs, restore_snapshot, take_snapshot
from engine.look import Seen, lock_name
from engine.model.events import Rewound
from engine.rules.history import fold


def keep_step(seen: Seen) -> str | None:
    """Keep the files as they are, for the step by which the story entered its state."""
    return take_snapshot(seen.repository.root, _index(seen), _ref(seen, str(seen.progress.steps)), seen.journal.head)


def keep_entry(seen: Seen) -> None:
    """Keep them where that is missing: nothing was kept before the first step, or the engine was killed just then."""
    progress = seen.progress
    if progress.done or progress.running or progress.failures or not (seen.repository.root / ".git").exists():
        return
    links = line_links(seen.journal.path)[progress.entered[-1][1] :]
    if not find_snapshot(seen.repository.root, _ref(seen, str(progress.steps)), links):
        keep_step(seen)


def restore(seen: Seen, at: int) -> tuple[list[str], str]:
    """Bring the files back as they were when the event with index `at` led into its state.

    (what changed, the ref that holds the files as they were until now). Stories, evidence and machines stay.
    """
    root, links, entered = seen.repository.root, line_links(seen.journal.path), seen.progress.entered
    while isinstance(event := seen.events[at], Rewound) and not event.code:  # it led back to a state, not to its files
        entered = fold(seen.machine, seen.events[:at]).entered
        at = max(index for state, index in entered if state == event.dest)
    until = next((index for _, index in entered if index > at), len(links))
    step = getattr(seen.events[at], "n", 1 if getattr(seen.events[at], "because", "") else 0)
    then = find_snapshot(root, _ref(seen, str(step)), set(links[at:until]))
    if then is None:
        raise UsageError(f"there is no snapshot of step {step} of story {seen.shown.id}. Rewind without --code.")
    ref = _ref(seen, f"before-{seen.progress.steps + 1}")
    now = take_snapshot(root, _index(seen), ref, seen.journal.head)
    if now is None:
        raise UsageError("git could not keep the files as they are, so none is changed. Rewind without --code.")
    scratch = _index(seen).with_suffix(".restore")
    return restore_snapshot(root, scratch, then, now, but=_protected(seen)), ref


def changed_since(seen: Seen, at: int) -> list[tuple[str, str]] | None:
    """The files that changed since the step with index `at`, each with its lines added and removed; None: not known.

    What the engine writes is left out: stories, evidence and machines.
    """
    event, root, links = seen.events[at], seen.repository.root, line_links(seen.journal.path)
    until = next((index for _, index in seen.progress.entered if index > at), len(links))
    then = find_snapshot(root, _ref(seen, str(getattr(event, "n", ""))), set(links[at:until]))
    now = take_snapshot(root, _index(seen), _ref(seen, "asked"), seen.journal.head) if then else None
    return None if then is None or now is None else compare_snapshots(root, then, now, but=_protected(seen))


def _protected(seen: Seen) -> list[str]:
    """What is never rolled back: every story.md with its evidence, and the machines."""
    root = seen.repository.root
    paths = [root / "machines", root / "story.toml"]
    for folder in seen.repository.packs():
        for story in list_stories(root, folder):
            layout = "folders" if story.file.name == "story.md" else "files"
            paths += [story.file, evidence_folder(story.file, layout)]
    return [path.relative_to(root).as_posix() for path in paths]


def _ref(seen: Seen, name: str) -> str:
    return f"{pack_refs(seen.pack.root)}/{seen.shown.id}/{name}"


def _index(seen: Seen) -> Path:
    return seen.repository.state / "snapshots" / f"{lock_name(seen.path)}.index"
