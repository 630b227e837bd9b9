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


class Story(Value):
    """What story.md says. `state` is None before adoption; `log` holds the step numbers of the log's rows."""

    id: str
    path: str
    title: str
    state: str | None = None
    machine: str | None = None
    round: int = 0
    depends_on: tuple[str, ...] | None = None
    items: tuple[ShownItem, ...] = ()
    decisions: tuple[ShownDecision, ...] = ()
    log: tuple[int, ...] = ()

    def item(self, id_: str) -> ShownItem | None:
        """Find an item by its id."""
        return next((item for item in self.items if item.id == id_), None)
