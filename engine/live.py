"""What agents and gates do while they run: a line for each that updates in place, or heartbeats in a pipe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

HEARTBEAT = 60.0
"""Seconds between two heartbeats in a pipe."""
_DOING = 100
"""Characters of what somebody does that are shown."""


@dataclass(slots=True)
class Running:
    """One agent or gate at work. `began` is in seconds of a clock that never goes back; `story` is story.md's path."""

    who: str
    began: float
    story: str = ""
    doing: str = ""
    tokens: int = 0
    cost: float | None = None


@dataclass(slots=True)
class Watch:
    """Who is at work now. Safe to be told from any thread."""

    clock: Callable[[], float] = time.monotonic
    running: dict[str, Running] = field(default_factory=dict)

    def began(self, call: str, who: str, story: str = "") -> None:
        """An agent or gate began."""
        self.running[call] = Running(who, self.clock(), story)

    def doing(self, call: str, what: str, tokens: int = 0, cost: float | None = None) -> None:
        """Say what it does now, and what it took so far: tokens and, where the price is known, US dollars."""
        one = self.running.get(call)
        if one is not None:
            one.doing, one.tokens = " ".join(plain(what).split())[:_DOING] or one.doing, max(one.tokens, tokens)
            one.cost = one.cost if cost is None else max(one.cost or 0, cost)

    def ended(self, call: str) -> None:
        """It is over."""
        self.running.pop(call, None)

    def at_work(self, story: str | None = None) -> list[Running]:
        """Those that are at work, for one story or for any."""
        return [one for one in [*self.running.values()] if story in (None, one.story)]

    def lines(self, story: str | None = None, *, took: bool = True) -> list[str]:
        """One line for each that is at work: who, for how long, what it does, what it took."""
        return [_line(one, self.clock() - one.began, took) for one in self.at_work(story)]


def show(watch: Watch, say: Callable[[str], None], *, terminal: bool) -> AbstractContextManager[None]:
    """Show who is at work, on a terminal in place, else by heartbeats."""
    if not terminal:
        return Heart(watch.lines, say)
    from rich.console import Console
    from rich.text import Text

    def drawn() -> Text:
        return Text("\n".join(watch.lines()), style="cyan", no_wrap=True, overflow="ellipsis")

    return Screen(drawn, Console(stderr=True))


class Heart(AbstractContextManager[None]):
    """Says who is at work once in a while, as long as it is entered."""

    def __init__(self, lines: Callable[[], list[str]], say: Callable[[str], None], every: float = HEARTBEAT) -> None:
        self._lines, self._say, self._every, self._over = lines, say, every, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._every):
            for line in self._lines():
                self._say(line)


class Screen(AbstractContextManager[None]):
    """Shows on a terminal what is drawn anew twice a second, and takes it away at the end."""

    def __init__(self, drawn: Callable[[], RenderableType], console: Console) -> None:
        from rich.live import Live

        self._live = Live(console=console, get_renderable=drawn, refresh_per_second=2, transient=True)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._live.stop()


def _line(one: Running, seconds: float, took: bool) -> str:
    tokens = f"{one.tokens:,} tokens" if took and one.tokens else ""
    cost = f"{one.cost:.2f} dollars" if took and one.cost else ""
    return ", ".join(filter(None, [f"{one.who} … {spell(seconds)}", one.doing, tokens, cost]))


def plain(text: str) -> str:
    """A text without anything that steers a terminal: what agents say is data. Lines stay lines."""
    return "".join(mark if mark.isprintable() or mark == "\n" else " " for mark in text)


def spell(seconds: float) -> str:
    """A time as people say it: 42s, 3m 05s, 1h 12m."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"
