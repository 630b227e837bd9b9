"""What engines on several machines hand each other: ids and commits, never a story's state. Git holds the rest."""

from __future__ import annotations

from engine.model.base import Value

VERSION = 1
"""Of these values. A worker refuses orders of another version: docs/distributed.md says how to upgrade."""


class PackOrder(Value):
    """A pack to look at, again and again: `fleet` names the repository, `branch` is its main one."""

    fleet: str
    pack: str
    branch: str
    version: int = VERSION


class CallOrder(Value):
    """A call to perform in the tree of a commit, which holds the journal that began it.

    `queue` says what performing it takes: `role/engineer/auto-openai`, `gate/tests`. `worker` keeps the session that it
    goes on with, "" where it begins one. `seconds` are those after which it is surely dead.
    """

    fleet: str
    pack: str
    branch: str
    story: str
    state: str
    role: str
    act: str
    call: str
    commit: str
    on: str
    queue: str
    worker: str = ""
    seconds: float
    version: int = VERSION


class Due(Value):
    """A story that does not go on by itself, said to whoever asks: for whom it waits, where, what is to be done."""

    story: str
    state: str
    waiting_for: str
    text: str


class Looked(Value):
    """What a look at a pack came to: the calls that have to run, and for whom stories wait.

    `again` says that there is more to do at once; `pause` are the seconds until the clock lets a story go on.
    """

    calls: tuple[CallOrder, ...] = ()
    due: tuple[Due, ...] = ()
    steps: int = 0
    complete: int = 0
    total: int = 0
    again: bool = False
    pause: float | None = None

    @property
    def over(self) -> bool:
        """Is every story complete?"""
        return self.complete == self.total
