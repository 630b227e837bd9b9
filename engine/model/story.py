"""A story as its story.md shows it."""

from __future__ import annotations

from engine.model.base import Value


class ShownItem(Value):
    """One item of the checklist as it stands in story.md. Own items have an id made of section and text."""

    id: str
    section: str
    text: str
    ticked: bool
    line: int
    own: bool = False


class ShownDecision(Value):
    """One question as it stands in story.md: the options with their lines, what is ticked, and the note."""

    id: str
    heading: str
    line: int
    options: tuple[tuple[str, int], ...]
    ticked: tuple[str, ...]
    note: str = ""


class ShownRow(Value):
    """One row of the log as it stands in story.md."""

    line: int
    cells: tuple[str, ...]


class Story(Value):
    """What story.md says. `state` is None before adoption; `log` holds the step numbers of the log's `rows`.

    `boxes` stand above the questions. `lines` are those of the engine's front-matter keys and of the checklist's
    heading.
    """

    id: str
    path: str
    title: str
    state: str | None = None
    machine: str | None = None
    round: int = 0
    updated: str | None = None
    depends_on: tuple[str, ...] | None = None
    items: tuple[ShownItem, ...] = ()
    decisions: tuple[ShownDecision, ...] = ()
    boxes: tuple[ShownItem, ...] = ()
    rows: tuple[ShownRow, ...] = ()
    lines: dict[str, int] = {}

    @property
    def log(self) -> tuple[int, ...]:
        """The step numbers of the log's rows."""
        return tuple(int(row.cells[0]) for row in self.rows if row.cells[0].isdecimal())

    def line(self, key: str) -> int:
        """The line of a key, 1 where it has none."""
        return self.lines.get(key, 1)

    def item(self, id_: str) -> ShownItem | None:
        """Find an item by its id."""
        return next((item for item in self.items if item.id == id_), None)
