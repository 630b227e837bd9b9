"""Every error a user can meet, as one tree.

EngineError
├── UsageError        the command line or the configuration asks for something impossible (exit 2)
├── FormatError       a file cannot be read as what it should be: where, what, what to do (exit 1)
├── EditRefused       an edit cannot be made, and proved, without touching other bytes
│   └── StoryChanged  the very place the edit is about was changed by somebody else
├── Locked            another engine or person holds the story
├── CallFailed        an agent or gate failed technically: a crash, a time-out; never a verdict
└── Tampered          journal, evidence or state contradict each other; `story check` says where
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of all errors that are told to the user in one line."""


class UsageError(EngineError):
    """The command line or the configuration asks for something impossible."""


class FormatError(EngineError):
    """A file cannot be read as what it should be.

    `str()` gives `path:line: message`; path is as the user wrote it or relative to the repository.
    """

    def __init__(self, message: str, *, path: str = "", line: int | None = None, remedy: str = "") -> None:
        self.message, self.path, self.line, self.remedy = message, path, line, remedy
        place = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(f"{place}{message}" + (f" {remedy}" if remedy else ""))


class EditRefused(EngineError):
    """An edit cannot be made, and proved, without touching other bytes."""


class StoryChanged(EditRefused):
    """The very place the edit is about was changed by somebody else; nothing was written."""


class Locked(EngineError):
    """Another engine or person holds the story."""


class CallFailed(EngineError):
    """An agent or gate failed technically: a crash, a time-out, a limit. Never a verdict."""


class Tampered(EngineError):
    """Journal, evidence or state contradict each other."""
