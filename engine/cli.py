"""The command line. Exit codes: 0 moved or waiting, 1 refused or failed, 2 usage, 3 problems found."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, NoReturn

import typer

from engine import __version__, report
from engine.errors import EngineError, UsageError
from engine.live import plain
from engine.verbs import fleet, machines, view, work  # each registers its verbs
from engine.verbs.common import STOPPED, app, colour

VERBS = (work, view, fleet, machines)


def main() -> None:
    """Run the command line; the one place that catches broadly and turns errors into exit codes."""
    try:
        code = app(prog_name="story", standalone_mode=False)
        if code == STOPPED:  # that is how typer tells of a Ctrl-C
            raise KeyboardInterrupt
    except typer.TyperException as err:
        _refuse(" ".join(err.format_message().split()) + " `story --help` lists the verbs, and what each takes.", 2)
    except EngineError as err:
        _refuse(str(err), 2 if isinstance(err, UsageError) else 1)
    except (KeyboardInterrupt, typer.Abort):
        typer.secho("story: stopped; run it again to go on", err=True)
        raise SystemExit(STOPPED) from None
    except OSError as err:
        where = f"{err.filename}: " if err.filename else ""
        full = err.errno in (errno.ENOSPC, errno.EDQUOT)
        what = (
            "Make room and run it again; nothing is lost." if full else "Make it readable and writable, or remove it."
        )
        _refuse(f"{where}{err.strerror or err}. {what}", 1)
    raise SystemExit(code if isinstance(code, int) else 0)


@app.callback()
def version(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=lambda on: _version(on), is_eager=True),
    ] = False,
) -> None:
    """Options of all verbs."""


def _refuse(said: str, code: int) -> NoReturn:
    """Say in one line why nothing was done; other programs get the envelope as well."""
    if "--json" in sys.argv:
        words = [word for word in sys.argv[1:] if not word.startswith("-")]
        command = " ".join(words[: 2 if words[:1] == ["machine"] else 1])
        typer.echo(report.envelope(command, "refused", {"error": said}))
    typer.secho(f"story: {plain(said)}", err=True, fg=colour("red"))
    raise SystemExit(code) from None


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"story {__version__}")
        raise typer.Exit


if __name__ == "__main__":
    main()
