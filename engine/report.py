"""Everything the engine says, in words: plain in a pipe, coloured on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Literal

from engine.model.row import Row, Took

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import Console

    from engine.advance import Advanced
    from engine.follow_up import Answered
    from engine.lanes import Ran
    from engine.model.fleet import FleetNow, PackNow
    from engine.model.problem import Problem
    from engine.model.step import Place, Waiting
    from engine.rewind import Back

Outcome = Literal["ok", "moved", "waiting", "refused", "problems", "failed"]
_PUBLIC = ("id", "pack", "title", "machine", "state", "phase", "done", "total", "waiting_for", "path", "took")
_TOOK = ("IN", "CACHED", "OUT", "DOLLARS")
_BAR = 12
_STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


def envelope(command: str, outcome: Outcome, data: dict[str, object]) -> str:
    """The one JSON object that other programs read."""
    return json.dumps({"version": 1, "command": command, "outcome": outcome, "data": data}, ensure_ascii=False)


def status_data(rows: Sequence[Row], problem: str = "") -> dict[str, object]:
    """`status` for other programs; `problem` is there where story.toml cannot be read."""
    stories = list[dict[str, object]]()
    for row in rows:
        whole = asdict(row)
        stories.append({key: whole[key] for key in _PUBLIC} | ({"problem": row.problem} if row.problem else {}))
    took = _took(rows)
    more = {"problem": problem} if problem else {}
    return {"stories": stories, "took": asdict(took) if took else None, **more}


def status_lines(rows: Sequence[Row], problem: str = "") -> list[str]:
    """`status` as plain lines, in columns."""
    several, spent = len({row.pack for row in rows}) > 1, _took(rows)
    table: list[tuple[str, ...]] = [("STORY", "STATE", "DONE", "WAITS FOR", *(_TOOK if spent else ()), "TITLE")]
    for row in rows:
        took = _cells(row.took) if spent else ()
        done = f"{row.done}/{row.total}"
        table.append((_name(row, several), row.state or "-", done, row.waiting_for, *took, row.title))
    if spent:
        table.append(("all", "", "", "", *_cells(spent), ""))
    return [*in_columns(table), *_problems(rows, problem)]


def in_columns(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows as plain lines, in columns."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]) - 1)]
    form = "  ".join(f"{{:<{width}}}" for width in widths) + "  {}"
    return [form.format(*line).rstrip() for line in table]


def show_status(console: Console, rows: Sequence[Row], problem: str = "") -> None:
    """`status` as a coloured table with a bar for each story."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    several, spent = len({row.pack for row in rows}) > 1, _took(rows)
    for title in ("story", "state", "progress", "", "waits for", *(map(str.lower, _TOOK) if spent else ()), "title"):
        table.add_column(title, no_wrap=title != "title", overflow="ellipsis")
    for row in rows:
        colour = {"person": "yellow", "nobody": "green", "adoption": "dim"}.get(row.waiting_for, "cyan")
        bar = ProgressBar(total=max(row.total, 1), completed=row.done, width=_BAR)
        done = f"{row.done}/{row.total}" if row.total else ""
        table.add_row(
            Text(_name(row, several)),
            row.state or "-",
            bar,
            done,
            Text(row.waiting_for, colour),
            *(_cells(row.took) if spent else ()),
            Text(row.title),
        )
    if spent:
        table.add_row("all", "", "", "", "", *_cells(spent))
    console.print(table)
    for line in _problems(rows, problem):
        console.print(Text(line, "red"))


def show_lines(lines: Iterable[Sequence[tuple[str, str]]]) -> None:
    """Lines of pieces, each with its style, on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), no_wrap=True, crop=False, overflow="ignore")


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """`check` as lines: each problem with its echoes, then the sum."""
    lines = []
    for problem in problems:
        lines.append(str(problem))
        lines += [f"    also {echo.file}:{echo.line}: {echo.message}" for echo in problem.echoes]
    return [*lines, counted(problems)]


def counted(problems: Sequence[Problem]) -> str:
    """How many problems of each weight."""
    if not problems:
        return "no problems"
    names = ("error", "warning", "note")
    counts = [(sum(problem.severity.value == name for problem in problems), name) for name in names]
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)


def colour_of(line: str) -> str:
    """The style of a line of `check` on a terminal."""
    for name, style in _STYLES.items():
        if f": {name} " in line:
            return style
    return "dim" if line.startswith("    ") else "bold"


def advanced_data(result: Advanced) -> dict[str, object]:
    """`advance` for other programs; `would` is there in a dry run."""
    steps = [
        {"from": step.source, "to": step.dest, "actions": list(step.actions), "why": step.why} for step in result.steps
    ]
    waiting = result.waiting
    return {
        "steps": steps,
        **({"would": result.would} if result.would else {}),
        "waiting": waiting and waiting_data(waiting),
    }


def waiting_data(waiting: Waiting) -> dict[str, object]:
    """Whom a story waits for, for other programs; `until` is there where it is the clock."""
    until = {"until": waiting.until} if waiting.until else {}
    return {"for": waiting.for_, "items": [item.model_dump() for item in waiting.items], **until}


def advanced_lines(story: str, state: str, result: Advanced, dry: bool) -> list[str]:
    """`advance` in words; the last lines say who must do what, where."""
    lines = [f"story {story}: {step.source} → {step.dest}: {step.why}" for step in result.steps]
    if dry:
        lines += [f"would {line}" for line in result.would] or ["would change nothing"]
    elif not result.steps:
        lines.append(f"story {story} stays {state}")
    return [*lines, *waiting_lines(story, state, result.waiting)] if result.waiting else lines


def waiting_lines(story: str, state: str, waiting: Waiting) -> list[str]:
    """Who must do what, where."""
    whom = {"person": "a person", "dependencies": "other stories", "engine": "another engine"}
    whom["tree"] = "the tree, where one story is executed at a time"
    if waiting.for_ == "nobody":
        return [f"story {story} is {state}: nothing is left to do"]
    if waiting.until:
        return [f"story {story} ({state}) is paused until {wall_time(waiting.until)}:", *place_lines(waiting.items)]
    told = f"story {story} ({state}) waits for {whom.get(waiting.for_, waiting.for_)}:"
    return [told, *place_lines(waiting.items)]


def ran_data(ran: Ran) -> dict[str, object]:
    """`run` for other programs; `left` is most blocking first."""
    return {
        "complete": ran.complete,
        "total": ran.total,
        "steps": [{"story": story, "from": step.source, "to": step.dest, "why": step.why} for story, step in ran.steps],
        "left": [
            {
                "story": left.story,
                "state": left.state,
                "error": left.error,
                "waiting": left.waiting and waiting_data(left.waiting),
            }
            for left in ran.left
        ],
    }


def ran_lines(ran: Ran) -> list[str]:
    """`run` in words: what is left for people, most blocking first, then what was refused."""
    lines = [f"{ran.complete} of {ran.total} stories complete, {len(ran.steps)} steps taken"]
    for left in ran.left:
        if left.error:
            lines.append(f"story {left.story} ({left.state}) was refused: {left.error}")
        elif left.waiting is not None:
            lines += waiting_lines(left.story, left.state, left.waiting)
    return lines


def pack_lines(name: str, now: PackNow) -> list[str]:
    """How a pack stands on Temporal, and what only people can do."""
    looked = now.looked
    dues = [f"  story {due.story} ({due.state}) waits for {due.waiting_for}: {due.text}" for due in looked.due]
    return [f"{name}: {looked.complete} of {looked.total} complete", *dues]


def fleet_lines(now: FleetNow) -> list[str]:
    """What runs where, in columns; then how each pack stands."""
    lines = []
    if now.calls:
        table = [("PACK", "STORY", "STATE", "WHO", "ON", "TRY", "SINCE")]
        for one in now.calls:
            where = one.worker or f"no worker yet: {one.waits_for}"
            table.append((one.pack, one.story, one.state, one.role, where, str(one.attempt), wall_time(one.since)))
        lines += in_columns(table)
    lines += [f"{one.call}: {one.wrong}" for one in now.calls if one.wrong]
    for pack in now.packs:
        lines += pack_lines(pack.pack, pack.now) if pack.now else [f"{pack.pack}: no worker is there to look at it"]
        lines += [f"  the last look failed: {pack.wrong}"] if pack.wrong else []
    return lines or ["no pack of this repository is run on Temporal"]


def wall_time(at: str, zone: tzinfo | None = None) -> str:
    """A time as the clock on the wall shows it, here or in a zone: `15:00 CET on 2026-11-22`."""
    from datetime import datetime

    return datetime.fromisoformat(at).astimezone(zone).strftime("%H:%M %Z on %Y-%m-%d")


def rewound_data(done: Back) -> dict[str, object]:
    """`rewind` for other programs."""
    step = {"from": done.step.source, "to": done.step.dest, "why": done.step.why}
    return {"step": step, "found": done.found, "files": done.files, "kept": done.kept}


def rewound_lines(story: str, done: Back) -> list[str]:
    """`rewind` in words: what was overwritten, which files came back, and what is next."""
    lines = [f"story {story}: {done.step.source} → {done.step.dest}: {done.step.why}"]
    lines += [f"overwritten: {line}" for line in done.found]
    lines += [f"brought back: {path}" for path in done.files]
    if done.kept:
        lines.append(f"the files as they were until now: {done.kept}")
    return [*lines, f"next: `story advance {story}`"]


def asked_data(done: Answered) -> dict[str, object]:
    """`ask` for other programs."""
    return asdict(done)


def asked_lines(done: Answered) -> list[str]:
    """`ask` in words: the answer, and where it is kept; or the brief that a person still has to answer."""
    if done.brief:
        return [f"read {done.brief}, save the reply beside it as .reply.md, and ask the same again"]
    return [done.answer.rstrip(), "", f"kept in {done.evidence}"]


def place_lines(places: Iterable[Place]) -> list[str]:
    """Places as `  file:line: what to do`."""
    return [f"  {place.file}:{place.line}: {place.text}" for place in places]


def _problems(rows: Sequence[Row], problem: str) -> list[str]:
    """What is wrong, each thing once: stories share their machine."""
    return list(dict.fromkeys(said for said in (problem, *(row.problem for row in rows)) if said))


def _took(rows: Sequence[Row]) -> Took | None:
    """What all of them took; None where no agent has run yet."""
    every = [row.took for row in rows if row.took]
    sums = {part.name: sum(getattr(took, part.name) for took in every) for part in fields(Took)}
    return Took(**sums | {"cost": round(sums["cost"], 6)}) if every else None


def _cells(took: Took | None) -> tuple[str, ...]:
    if took is None:
        return "", "", "", ""
    unknown = f" + {took.unpriced} unpriced" if took.unpriced else ""
    return f"{took.input:,}", f"{took.cached:,}", f"{took.output:,}", f"{took.cost:.2f}{unknown}"


def _name(row: Row, several: bool) -> str:
    """A story's id, with its pack where there are several."""
    return f"{row.pack}/{row.id}" if several else row.id
