"""`story status`, without the command line around it: building that costs more than a warm status altogether."""

from __future__ import annotations

import sys
from pathlib import Path

from engine import report


def print_status(packs: list[str] | None, *, as_json: bool) -> None:
    """Print where every story stands, of some packs or of all."""
    from engine.files.repository import find_root, state_folder
    from engine.status import read_status

    root = find_root(Path.cwd())
    rows, problem = read_status(root, state_folder(root))
    rows = [row for row in rows if packs is None or row.pack in packs]
    if as_json:
        sys.stdout.write(report.envelope("status", "ok", report.status_data(rows, problem)) + "\n")
    elif not rows:
        sys.stdout.write(f"{problem}\n" if problem else f"no stories in {root}. `story new 1 login` makes one.\n")
    elif sys.stdout.isatty():
        from rich.console import Console

        report.show_status(Console(), rows, problem)
    else:
        sys.stdout.write("\n".join(report.status_lines(rows, problem)) + "\n")
