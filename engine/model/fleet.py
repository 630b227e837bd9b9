"""What engines on several machines hand each other: ids and commits, never a story's state. Git holds the rest."""

from __future__ import annotations

from pydantic import Field

from engine.model.base import Value

VERSION = 1
"""Of these values. A worker refuses orders of another version: docs/distributed.md says how to upgrade."""


class Pace(Value):
    """How a pack is run, in seconds.

    After `looks` looks its workflow continues as a new one, so that its history stays short. After `beat` without a
    heartbeat a worker is dead, and another takes over; after `gone` without taking up a call, the worker that keeps its
    session is gone. After `resync` a pack is looked at again, whether anybody called or not.
    """

    looks: int = Field(200, ge=1)
    beat: float = Field(20, gt=0)
    gone: float = Field(120, gt=0)
    resync: float = Field(600, gt=0)


class PackOrder(Value):
    """A pack to look at, again and again: `fleet` names the repository, `branch` is its main one."""

    fleet: str
    pack: str
    branch: str
    pace: Pace = Pace()
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
    pace: Pace = Pace()
    version: int = VERSION


class Due(Value):
    """A story that does not go on by itself, said to whoever asks: for whom it waits, where, what is to be done."""

    story: str
    state: str
    waiting_for: str
    text: str


class Looked(Value):
    """What a look at a pack came to: the calls that have to run, and for whom stories wait.

    `again` says that there is more to do at once; `pause` are the seconds until the clock lets a story go on. Of the
    `total` stories so many have `ended`, in whatever way, and are at home.
    """

    calls: tuple[CallOrder, ...] = ()
    due: tuple[Due, ...] = ()
    steps: int = 0
    complete: int = 0
    ended: int = 0
    total: int = 0
    again: bool = False
    pause: float | None = None

    @property
    def over(self) -> bool:
        """Does no story go on any more?"""
        return max(self.complete, self.ended) == self.total


class PackNow(Value):
    """What a pack's workflow says of itself: its last look, how many there were, whether it looks or is about to."""

    looked: Looked = Looked()
    looks: int = 0
    looking: bool = False
    called: bool = False

    @property
    def rests(self) -> bool:
        """Does nothing go on before somebody does something?"""
        busy = self.looking or self.called or self.looks == 0
        return not busy and not self.looked.calls and not self.looked.again and self.looked.pause is None


class CallNow(Value):
    """A call that runs on Temporal, or waits for a worker: `worker` has it, "" where none does; `wrong` is why not."""

    pack: str
    story: str
    state: str
    role: str
    call: str
    worker: str = ""
    waits_for: str = ""
    attempt: int = 1
    since: str = ""
    wrong: str = ""


class PackRow(Value):
    """A pack on Temporal; `now` is what it says of itself, None where no worker is there to ask. `wrong` is why."""

    pack: str
    status: str
    now: PackNow | None = None
    wrong: str = ""


class FleetNow(Value):
    """What runs where."""

    packs: tuple[PackRow, ...] = ()
    calls: tuple[CallNow, ...] = ()
