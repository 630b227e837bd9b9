"""The stories of a run, as values: where each stands, what was done, what is left, and whom to tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engine.advance import Advanced
from engine.files.evidence import evidence_folder
from engine.model.machine import Phase
from engine.model.row import Row
from engine.model.step import Place, Step, Waiting
from engine.read_rows import Listed

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Left:
    """A story that does not go on by itself: who must do what, or why it was refused."""

    story: str
    state: str
    waiting: Waiting | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One story as it stands at one moment of a run, as data to be shown.

    `key` is its path in the main tree, wherever it lives; `after` are the stories that it waits for; `rank` says how
    much it blocks.
    """

    name: str
    key: str
    row: Row
    at_work: bool
    after: tuple[str, ...]
    waiting: Waiting | None
    error: str
    rank: float


Now = Callable[[], Sequence[Standing]]


@dataclass(slots=True)
class Ran:
    """What a run of the pipeline did, and what is left, most blocking first. `stopped` says that Ctrl-C ended it."""

    steps: list[tuple[str, Step]] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    complete: int = 0
    total: int = 0
    stopped: bool = False


@dataclass(slots=True)
class Lane:
    """One story in the pipeline: where it stands, and whom it waits for.

    That was found when its file was like `stamp`, and `freed` steps had been taken. `asked` is what a person was told.
    """

    name: str
    listed: Listed
    row: Row
    waiting: Waiting | None = None
    error: str = ""
    stamp: Stamp = (0, 0)
    freed: int = 0
    asked: tuple[tuple[str, str], ...] = ()

    @property
    def over(self) -> bool:
        return self.row.waiting_for == "nobody"

    @property
    def phase(self) -> Phase:
        return "done" if self.row.complete else self.row.phase or "validation"  # type: ignore[return-value]

    def too_long(self) -> Waiting:
        """Whom it waits for when it stopped after the most steps of one run."""
        text = "stopped after as many steps as limits.steps in story.toml says; run it again"
        return Waiting(for_="person", items=(Place(file=self.row.path, line=1, text=text),))

    def own_paths(self) -> Iterator[Path]:
        """The story's folder, or its file and the folder of its evidence; of a tree of its own all."""
        yield from (self.listed.home.root,) if self.listed.home.main else ()
        for file in (self.listed.story.file, self.listed.file):
            yield from (file.parent,) if file.name == "story.md" else (file, evidence_folder(file, "files"))

    @property
    def waits_for_others(self) -> bool:
        """Was it found to wait for what other stories bring about?"""
        return self.waiting is not None and self.waiting.for_ in ("dependencies", "tree")

    def takes_tree(self) -> bool:
        """Would it take a free tree, if what it depends on is complete?"""
        home = self.listed.home
        if not self.row.queued or self.error or (self.waiting is not None and not self.waits_for_others):
            return False
        return not home.isolated(home.chart(str(self.row.machine)).machine)

    def goes_first(self) -> Place:
        """As it is told to those that are less far in front."""
        return Place(file=self.row.path, line=1, text=f"story {self.name} takes the tree first: more waits for it")

    def after(self, other: Lane) -> bool:
        """Is the other one of those that it was found to wait for?"""
        return bool(self.waiting and any(place.file == other.row.path for place in self.waiting.items))

    def asks_anew(self) -> bool:
        """Does it ask a person something that she has not been told of yet, wherever that stands by now?"""
        if self.waiting is None or self.waiting.for_ != "person":
            return False
        before, self.asked = self.asked, tuple((place.file, place.text) for place in self.waiting.items)
        return self.asked != before

    def wake(self) -> None:
        """Let it be looked at again, unless it is over, or paused until a time."""
        if not self.over and not (self.waiting and self.waiting.until):
            self.waiting, self.error = None, ""


@dataclass(frozen=True, slots=True)
class Told:
    """Whom the pipeline tells of what it does: a step, a story that waits for a person, and what is left at rest.

    `shown` is entered as long as it runs, and may ask from any thread how the stories stand.
    """

    step: Callable[[str, Step], None] = lambda _story, _step: None
    waits: Callable[[str, Advanced], None] = lambda _story, _advanced: None
    rests: Callable[[Ran], None] = lambda _ran: None
    wrong: Callable[[str], None] = lambda _why: None
    shown: Callable[[Now], AbstractContextManager[None]] = lambda _now: nullcontext()


def held_up(lane: Lane, needs: Sequence[Lane]) -> Iterator[Left]:
    """What is left of a story that waits for others: nothing where they go on, since each is told by itself."""
    over = [Place(file=one.row.path, line=1, text=f"story {one.name} is {one.row.state}") for one in needs if one.over]
    if over:
        yield Left(lane.name, str(lane.row.state), Waiting(for_="dependencies", items=tuple(over)))


def left_over(lanes: Sequence[Lane], open_needs: Callable[[Lane], Sequence[Lane]]) -> Iterator[Left]:
    """What only a person can do, of stories in this order; the others go on, or are over."""
    for lane in lanes:
        if lane.row.state is None:
            place = Place(file=lane.row.path, line=1, text="not adopted yet: `story adopt`")
            yield Left(lane.name, "raw", Waiting(for_="person", items=(place,)))
        elif lane.row.queued and not lane.error and (open_ := open_needs(lane)):
            yield from held_up(lane, open_)
        elif lane.error or (lane.waiting is not None and not lane.over):
            yield Left(lane.name, lane.row.state, lane.waiting, lane.error)


def seconds_left(lanes: Iterable[Lane], now: str, later: float | None) -> float | None:
    """Until the first story that is paused goes on, or until `later`; None where there is neither."""
    until = [lane.waiting.until for lane in lanes if lane.waiting and lane.waiting.until]
    each = [(datetime.fromisoformat(at) - datetime.fromisoformat(now)).total_seconds() for at in until]
    return min((max(0.0, left) for left in (*each, *(() if later is None else (later,)))), default=None)


def stamp(file: Path) -> Stamp:
    """When a file was saved and how long it is; nothing where it is not there."""
    try:
        stat = file.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


def name_of(listed: Listed, *, several: bool) -> str:
    """What a story is called: its id, with its pack where there are several."""
    return f"{listed.pack}/{listed.story.id}" if several else listed.story.id
