"""What all verbs share: the command line itself, its words for stories and packs, and how things are said."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine import report
from engine.live import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.look import Repository
    from engine.report import Outcome
    from engine.target import Target

STOPPED = 130
"""The exit code after Ctrl-C."""
HELP = """Every story is a state machine over its markdown checklist.

Examples:  story status ·  story check ·  story advance 4 ·  story explain 4 ·  story graph 4
"""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
machines = typer.Typer(help="Machine files: check, print the schema, list.", no_args_is_help=True)
app.add_typer(machines, name="machine")

Story = Annotated[str, typer.Argument(help="A story: its id (4), its pack and id (01/4), or a path.")]
AnyPack = Annotated[str | None, typer.Argument(help="A pack: its folder, or a part of its path (01).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def tell(line: str) -> None:
    """Say on stderr what goes on."""
    typer.secho(plain(line), err=True, dim=sys.stderr.isatty())


def say(command: str, outcome: Outcome, data: dict[str, object], lines: Sequence[str], as_json: bool) -> None:
    """Say what was done: in lines, or to other programs."""
    typer.echo(report.envelope(command, outcome, data) if as_json else plain("\n".join(lines)))


def root_here() -> Path:
    """The root of the repository around the current folder."""
    from engine.files.repository import find_root

    return find_root(Path.cwd())


def repository_here() -> Repository:
    """The repository around the current folder."""
    from engine.files.repository import state_folder
    from engine.look import open_repository

    root = root_here()
    return open_repository(root, state_folder(root))


def lives(spoken: str) -> tuple[Repository, Target]:
    """The repository in which a story lives, its main tree or its own worktree, and the story there."""
    from engine.homes import home_of, inside
    from engine.target import Target, find_story

    main = repository_here()
    found = find_story(main, spoken)
    home = home_of(main, found.folder, found.id)
    return home, Target(inside(home, found.folder), found.id)


def packs_of(repository: Repository, spoken: str | None) -> list[Path]:
    """The folders of the packs that are meant."""
    from engine.target import find_pack

    return find_pack(repository, spoken)


class Where(StrEnum):
    """Where stories are run."""

    here = "here"
    temporal = "temporal"


On = Annotated[
    Where,
    typer.Option("--on", help="Where: here, or on Temporal (needs the extra `temporal`; --temporal says so, too)."),
]


class _Ansi(StrEnum):
    """The styles of the reports as terminal colours."""

    red = "red"
    yellow = "yellow"
    cyan = "cyan"


def colour(style: str) -> str | None:
    """A style of the reports as a colour of the terminal, None where there is to be none."""
    allowed = style in _Ansi.__members__ and not os.environ.get("NO_COLOR")
    return style if allowed else None
