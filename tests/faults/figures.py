"""The figures of the long run, kept in benchmarks/faults.json and shown in docs/reliability.md."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[2]
KEPT, PAGE = ROOT / "benchmarks/faults.json", ROOT / "docs/reliability.md"
BEGIN, END = "<!-- figures: written by `make faults` -->", "<!-- end of the figures -->"


def keep(what: str, *, runs: int, strikes: int, lost: int, doubled: int) -> None:
    """Keep the figures of one suite, and bring the page up to them."""
    with lock_figures():
        rows = read_figures()
        rows[what] = {"runs": runs, "strikes": strikes, "lost": lost, "doubled": doubled}
        KEPT.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n")
        show()


def show() -> None:
    """Bring the page up to the figures that are kept."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{table(read_figures())}{END}{rest.partition(END)[2]}", "utf-8")


def lock_figures() -> FileLock:
    """Nobody else reads or writes the figures meanwhile; the file is not in the tree."""
    return FileLock(Path(tempfile.gettempdir()) / "story-faults.lock", timeout=60)


def keep_wrong(what: str, runs: int, strikes: int, wrong: list[str]) -> None:
    """Keep the figures of one suite by what was wrong in it: a call asked again is doubled, all else is lost."""
    again = sum("again" in line for line in wrong)
    keep(what, runs=runs, strikes=strikes, lost=len(wrong) - again, doubled=again)


def read_figures() -> dict[str, dict[str, int]]:
    """What the last long run found, by suite."""
    return dict(json.loads(KEPT.read_text())) if KEPT.exists() else {}


def table(rows: dict[str, dict[str, int]]) -> str:
    """The figures as a table, with their sum; "" while there are none."""
    if not rows:
        return ""
    heads = ("runs", "strikes", "lost", "doubled")
    lines = [f"| What happens | {' | '.join(head.capitalize() for head in heads)} |", "|---|---:|---:|---:|---:|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{row[head]:,}' for head in heads)} |")
    sums = (f"**{sum(row[head] for row in rows.values()):,}**" for head in heads)
    return "\n".join([*lines, f"| **All** | {' | '.join(sums)} |"]) + "\n"
