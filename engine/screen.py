"""The live view of `story run`: stories and phases in one table that updates in place; heartbeats in a pipe.

show_run
├── beats      in a pipe: who is at work on which story
└── drawn      on a terminal: the table, the sums, and what waits for a person, in as many lines as there are
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.lanes import Now, Ran, Standing
from engine.live import Heart, Screen, Watch, plain, spell
from engine.report import place_lines, ran_lines, wall_time

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_BAR = 6
_PEOPLE = 3
"""What waits for people may take one line of so many."""


def show_run(now: Now, watch: Watch, say: Callable[[str], None], *, terminal: bool) -> AbstractContextManager[None]:
    """Show how the stories of a run stand, as long as it is entered."""
    if not terminal:
        return Heart(lambda: beats(now(), watch), say)
    from rich.console import Console

    console, began = Console(stderr=True), watch.clock()
    return Screen(lambda: drawn(now(), watch, watch.clock() - began, console.height), console)


@dataclass(slots=True)
class AtRest:
    """Says in a pipe what is left when nothing moves without a person, each time that it is something else."""

    say: Callable[[str], None] | None
    told: list[str] = field(default_factory=list)

    def __call__(self, ran: Ran) -> None:
        lines = ran_lines(ran)[1:]
        if self.say and lines != self.told:
            for line in [*lines, "waiting for a file to be saved …"]:
                self.say(line)
        self.told = lines


def beats(standings: Sequence[Standing], watch: Watch) -> list[str]:
    """A line for each agent and gate at work, with its story."""
    return [f"story {one.name}: {line}" for one in standings for line in watch.lines(one.key)]


def drawn(standings: Sequence[Standing], watch: Watch, seconds: float, height: int) -> RenderableType:
    """The whole screen, in at most so many lines."""
    from rich.console import Group
    from rich.text import Text

    people = [Text(line, "yellow", no_wrap=True, overflow="ellipsis") for line in waits(standings)]
    most = max(2, height // _PEOPLE)
    if len(people) > most:
        people[most - 1 :] = [Text(f"  … and {len(people) - most + 1} more", "yellow")]
    rows, hidden = _fitting(standings, watch, height - len(people) - 4)
    more = [Text(f"… and {hidden} more stories", "dim")] if hidden else []
    sums = Text(_sums(standings, watch, seconds), "dim")
    return Group(_table(rows, watch, bool(_took(standings, watch)[0])), *more, Text(""), sums, *people)


def waits(standings: Sequence[Standing]) -> list[str]:
    """What waits for a person and what was refused, most blocking first."""
    lines = []
    for one in sorted(standings, key=lambda one: -one.rank):
        if one.error and not one.at_work:
            lines.append(f"  story {one.name} was refused: {one.error}")
        elif _asks(one) and one.waiting:
            lines += place_lines(one.waiting.items)
    return ["waits for a person, most blocking first:", *map(plain, lines)] if lines else []


def _fitting(standings: Sequence[Standing], watch: Watch, lines: int) -> tuple[list[Standing], int]:
    """The stories that there is room for, in their order: those at work first, then those that wait for a person."""
    chosen = set[str]()
    for one in sorted(standings, key=lambda one: (-one.at_work, -_asks(one), one.row.complete, -one.rank)):
        lines -= max(1, len(watch.at_work(one.key)))
        if lines < 0 and chosen:
            break
        chosen.add(one.key)
    return [one for one in standings if one.key in chosen], len(standings) - len(chosen)


def _table(standings: Sequence[Standing], watch: Watch, spent: bool) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    phases = list(dict.fromkeys(title for one in standings for title, _, _ in one.row.parts))
    for title in ("story", *phases, "state"):
        table.add_column(Text(plain(title)), no_wrap=True)
    table.add_column("now", no_wrap=True, overflow="ellipsis", ratio=1)
    for title in ("tokens", "dollars") if spent else ():
        table.add_column(title, no_wrap=True, justify="right")
    for one in standings:
        parts = {title: (done, total) for title, done, total in one.row.parts}
        tokens, cost = _took([one], watch)
        took = (f"{tokens:,}" if tokens else "", f"{cost:.2f}" if cost else "") if spent else ()
        bars = [_bar(*parts[title]) if title in parts else "" for title in phases]
        table.add_row(Text(one.name), *bars, one.row.state or "-", _doing(one, watch), *took)
    return table


def _bar(done: int, total: int) -> Text:
    from rich.text import Text

    full = done * _BAR // total
    style = "green" if done == total else "cyan" if done else "dim"
    return Text(f"{'━' * full}{'╌' * (_BAR - full)} {done}/{total}", style)


def _doing(one: Standing, watch: Watch) -> Text:
    """What is done for a story now, or whom it waits for."""
    from rich.text import Text

    waiting = one.waiting
    if one.at_work:
        return Text("\n".join(watch.lines(one.key, took=False)) or "…", "cyan")
    if one.error:
        return Text(f"refused: {plain(one.error)}", "red")
    if one.row.waiting_for == "nobody":
        return Text("over", "green" if one.row.complete else "dim")
    if waiting is not None and waiting.until:
        return Text(f"paused until {wall_time(waiting.until)}", "yellow")
    if _asks(one):
        return Text("waits for a person", "yellow")
    if one.after:
        return Text(f"waits for story {', '.join(one.after)}", "dim")
    return Text(f"waits for {'the tree' if waiting and waiting.for_ == 'tree' else one.row.waiting_for}", "dim")


def _asks(one: Standing) -> bool:
    """Does a story wait for a person now?"""
    return bool(one.waiting and one.waiting.for_ == "person" and not one.waiting.until and not one.at_work)


def _took(standings: Sequence[Standing], watch: Watch) -> tuple[int, float]:
    """Tokens and dollars until now, those of agents at work as well."""
    took = [one.row.took for one in standings if one.row.took]
    running = [run for one in standings for run in watch.at_work(one.key)]
    tokens = sum(one.input + one.output for one in took) + sum(run.tokens for run in running)
    return tokens, sum(one.cost for one in took) + sum(run.cost or 0 for run in running)


def _sums(standings: Sequence[Standing], watch: Watch, seconds: float) -> str:
    tokens, cost = _took(standings, watch)
    complete = sum(one.row.complete for one in standings)
    told = [spell(seconds), f"{complete} of {len(standings)} stories complete"]
    told += [f"{tokens:,} tokens"] if tokens else []
    return " · ".join([*told, *([f"{cost:.2f} dollars"] if cost else [])])
