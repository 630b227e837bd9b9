"""How long the random suites look: STORY_FUZZ multiplies the rounds of each."""

from __future__ import annotations

import os


def rounds(usual: int) -> int:
    """The rounds of a random suite: the usual number, times STORY_FUZZ where that is set."""
    return usual * int(os.environ.get("STORY_FUZZ", "1"))
