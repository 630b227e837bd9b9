"""What was observed, kept beside the story: one file an action, with the machine-readable part in front."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from engine.errors import Tampered
from engine.files import disk

FINDINGS = "findings.md"


def evidence_folder(story: Path, layout: str) -> Path:
    """The evidence folder of a story: `evidence/` beside story.md, `NN-slug.evidence/` beside `NN-slug.md`."""
    return story.parent / "evidence" if layout == "folders" else story.with_suffix(".evidence")


def save_evidence(
    path: Path, head: Mapping[str, object], body: str, *, still: Callable[[], None] = lambda: None
) -> str:
    """Write an evidence file durably and return the SHA-256 of its bytes; the same content is not written again.

    `still` raises when the tree is not the one any more that the evidence belongs to.
    """
    front = yaml.safe_dump(dict(head), sort_keys=False, allow_unicode=True, width=110)
    content = f"---\n{front}---\n\n{body.strip()}\n".encode()
    if not path.exists() or path.read_bytes() != content:
        disk.replace(path, content, still=still)
    return hashlib.sha256(content).hexdigest()


def read_checked(path: Path, sha: str, shown: str) -> str:
    """The text of an evidence file, if it still is what the journal knows; Tampered, with its name, otherwise."""
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise Tampered(f"{shown}: the evidence cannot be read: {err.strerror}. Bring it back from git.") from err
    if hashlib.sha256(raw).hexdigest() != sha:
        raise Tampered(
            f"{shown}: the evidence is not what the engine wrote: its SHA-256 is not the journal's. "
            f"Put it back (`git diff {shown}` shows the change); nothing is decided on evidence that was edited."
        )
    return raw.decode("utf-8", "replace")
