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
    flaws = prove(file.machine)
    if flaws:
        where, line = file.where(flaws[0].place)
        more = f" ({len(flaws) - 1} more: run `story machine check {path.name}`)" if len(flaws) > 1 else ""
        message = f"M{flaws[0].code}: {flaws[0].message}"
        raise FormatError(message, path=where, line=line, remedy=f"{flaws[0].remedy}{more}")
    _CHARTS[path, root] = _Known(file.sources, stamps, Statechart(file.machine))
    return _CHARTS[path, root].chart


class _Known(NamedTuple):
    """A proven chart, and the files it was made of as they were then."""

    sources: tuple[Path, ...]
    stamps: tuple[int, ...]
    chart: Statechart


_CHARTS: dict[tuple[Path, Path], _Known] = {}


def _stamps(paths: tuple[Path, ...]) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)
