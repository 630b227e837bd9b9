"""The verbs about machine files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine import report
from engine.verbs.common import (
    Json,
    colour,
    machines,
    root_here,
)

if TYPE_CHECKING:
    pass


@machines.command("check")
def machine_check(
    file: Annotated[Path, typer.Argument(help="A machine file, or the name of a machine.")],
    as_json: Json = False,
) -> None:
    """Prove a machine: every path, every exit, every rule. Exit code 3 when something does not hold.

    Example: story machine check machines/story.yaml
    """
    from engine.check import check_machine_at
    from engine.files.machine_file import find_machine

    root = root_here()
    own = root / "machines"
    path = file if file.exists() else find_machine(str(file), own=own)
    problems = check_machine_at(path, own=own if own.is_dir() else None, root=root)
    if as_json:
        data: dict[str, object] = {"problems": [problem.model_dump(mode="json") for problem in problems]}
        typer.echo(report.envelope("machine check", "problems" if problems else "ok", data))
    else:
        for line in report.problem_lines(problems):
            typer.secho(line, fg=colour(report.colour_of(line)))
    raise typer.Exit(3 if problems else 0)


@machines.command("schema")
def machine_schema() -> None:
    """Print the JSON Schema of machine files.

    Example: story machine schema > machines/machine.schema.json
    """
    import json

    from engine.files.machine_file import machine_schema as schema

    typer.echo(json.dumps(schema(), indent=2))


@machines.command("list")
def machine_list() -> None:
    """List the machines that stories can be adopted under.

    Example: story machine list
    """
    from engine.files.machine_file import machine_names

    typer.echo("\n".join(machine_names(own=root_here() / "machines")))
