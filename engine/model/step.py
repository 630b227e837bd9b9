"""What decide answers, and what a step leaves behind."""

from __future__ import annotations

from typing import Literal

from engine.model.base import Value
from engine.model.machine import AskAct, Exit, SimpleAct


class Todo(Value):
    """One action that a state still needs: by whom, which try, and the session it goes on with."""

    act: SimpleAct
    role: str
    attempt: int = 1
    turn: int = 1
    call: str | None = None
    resumes: str | None = None


class Fire(Value):
    """An exit is open: take it. Or what `changed` from outside sends the story back and `opens` items."""

    source: str
    dest: str
    exit: Exit
    why: str
    opens: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Run(Value):
    """The state still needs these actions, side by side."""

    todo: tuple[Todo, ...]

    @property
    def asks(self) -> bool:
        """Is it a question to a person?"""
        return any(isinstance(todo.act, AskAct) for todo in self.todo)


class Wait(Value):
    """Nothing can be done now. `for_` says for whom: a person, the stories before it, or nobody (it is over)."""

    for_: Literal["person", "dependencies", "files", "nobody"]
    why: tuple[str, ...]


Decision = Fire | Run | Wait


class Place(Value):
    """A place somebody must look at or edit."""

    file: str
    line: int
    text: str


class Waiting(Value):
    """Who must do what, where; `until` is the time when the clock lets it go on, ISO 8601 in UTC."""

    for_: str
    items: tuple[Place, ...]
    until: str | None = None


class Step(Value):
    """One turn of read → decide → act → write, as it was written."""

    source: str
    dest: str
    actions: tuple[str, ...]
    why: str
