"""Who is behind a line of story.md, by git: for machines that ask for more than a box."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from engine.files.branches import AGENTS
from engine.files.repository import git
from engine.model.machine import People

_NAME = re.compile(r"^author (.*)$", re.M)
_MAIL = re.compile(r"^author-mail <(.*)>$", re.M)


def person_behind(root: Path, path: str, people: People) -> Callable[[int], tuple[str, str]] | None:
    """Answer for a line: (the author of the commit that brought it, ""), or ("", why that does not count).

    None where the box alone counts.
    """
    if people.proof == "box":
        return None

    def behind(line: int) -> tuple[str, str]:
        told = git(root, "blame", "--porcelain", "-L", f"{line},{line}", "--", path)
        name, mail = _NAME.search(told), _MAIL.search(told)
        if name is None or mail is None or not told[:40].strip("0"):
            return "", "counts when a person has committed this line. Commit it."
        if mail[1].lower() in {agent.lower() for agent in people.agents} or mail[1].lower().endswith(f"@{AGENTS}"):
            return "", f"was committed by the agent {mail[1]}. A person has to tick it anew and commit it."
        if people.proof == "signed" and git(root, "log", "-1", "--format=%G?", told[:40]) != "G":
            return "", "counts when a signed commit holds it, by a key that git trusts. Sign the commit."
        return f"{name[1]} <{mail[1]}>", ""

    return behind
