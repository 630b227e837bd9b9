"""Machines as charts: proven before they run, and kept while their files stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.errors import FormatError
from engine.files.machine_file import read_machine
from engine.rules.prove import prove
from engine.rules.statechart import Statechart


def proven_chart(path: Path, root: Path) -> Statechart:
    """Machines are proven before they run, and read again when their file or one that it extends was saved."""
    known = _CHARTS.get((path, root))
    if known is not None and known.stamps == _stamps(known.sources):
        return known.chart
    file = read_machine(path, own=root / "machines", root=root)
    stamps = _stamps(file.sources)
    chart = _PROVEN.get(file.sha)
    if chart is None and (flaws := prove(file.machine)):
        where, line = file.where(flaws[0].place)
        more = f" ({len(flaws) - 1} more: run `story machine check {path.name}`)" if len(flaws) > 1 else ""
        message = f"M{flaws[0].code}: {flaws[0].message}"
        raise FormatError(message, path=where, line=line, remedy=f"{flaws[0].remedy}{more}")
    chart = _PROVEN.setdefault(file.sha, chart or Statechart(file.machine))
    _CHARTS[path, root] = _Known(file.sources, stamps, chart)
    return chart


class _Known(NamedTuple):
    """A proven chart, and the files it was made of as they were then."""

    sources: tuple[Path, ...]
    stamps: tuple[int, ...]
    chart: Statechart


_CHARTS: dict[tuple[Path, Path], _Known] = {}
_PROVEN: dict[str, Statechart] = {}  # by what their files hold: each worktree of a story reads the same machine


def _stamps(paths: tuple[Path, ...]) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)
