"""The page shows what was measured, and nothing else."""

from __future__ import annotations

from tests.faults.figures import BEGIN, END, PAGE, lock_figures, read_figures, table
from tests.faults.pack import SUITES as PACKS
from tests.faults.test_others import ENGINES, SUITES
from tests.faults.test_whole_story import MODES


def test_the_page_shows_the_figures_of_the_last_long_run() -> None:
    """docs/reliability.md holds the table of benchmarks/faults.json, as it is."""
    with lock_figures():
        shown = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
        assert shown == f"\n{table(read_figures())}"


def test_the_figures_are_of_suites_that_lost_nothing() -> None:
    """Each row is a suite of `make faults`; in none of them anything was lost or doubled."""
    rows = read_figures()
    assert set(rows) <= {*(said for said, _ in MODES.values()), *SUITES, *ENGINES, *(f"a pack, {one}" for one in PACKS)}
    assert all(row["strikes"] and not row["lost"] and not row["doubled"] for row in rows.values())
