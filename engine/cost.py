"""`story cost`: what agents took, per run, round, story and pack, from the journals alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.files.journal import journal_of, read_journal
from engine.files.pack import list_stories
from engine.look import Repository
from engine.model.base import Value
from engine.rules.spending import Run, Spent, agent_runs, total


class Cost(Value):
    """What one story's agents took: each run, the sums by round, and the sum of all."""

    pack: str
    story: str
    runs: tuple[Run, ...]
    rounds: dict[int, Spent]
    total: Spent


def costs(repository: Repository, folders: Sequence[Path], story: str | None = None) -> list[Cost]:
    """The cost of each story that has had agents, or of the named one."""
    found = []
    for folder in folders:
        for listed in list_stories(repository.root, folder):
            if story not in (None, listed.id):
                continue
            path = journal_of(listed.file)
            runs = tuple(agent_runs(read_journal(path, path.relative_to(repository.root).as_posix())))
            if runs or story:
                pack = folder.relative_to(repository.root).as_posix()
                turns = sorted({run.turn for run in runs})
                rounds = {turn: total(run for run in runs if run.turn == turn) for turn in turns}
                found.append(Cost(pack=pack, story=listed.id, runs=runs, rounds=rounds, total=total(runs)))
    return found


def cost_rows(found: Sequence[Cost], *, each: bool) -> list[tuple[str, ...]]:
    """The table: a row a story, the sum last; with `each` a row a run and a round as well."""
    rows: list[tuple[str, ...]] = [("STORY", "RUN", "ROUND", "RUNS", "TIME", "IN", "CACHED", "OUT", "DOLLARS")]
    for cost in found:
        if each:
            rows += [(cost.story, f"{run.act} as {run.role}", str(run.turn), *_cells(run.spent)) for run in cost.runs]
            rows += [(cost.story, "all", str(turn), *_cells(spent)) for turn, spent in cost.rounds.items()]
        rows.append((cost.story, "all", "all", *_cells(cost.total)))
    for pack in dict.fromkeys(cost.pack for cost in found):
        spent = sum((cost.total for cost in found if cost.pack == pack), Spent())
        rows.append((pack, "all", "all", *_cells(spent)))
    return rows


def _cells(spent: Spent) -> tuple[str, ...]:
    unknown = f" + {spent.unpriced} unpriced" if spent.unpriced else ""
    minutes = f"{spent.seconds / 60:.1f}m"
    return (
        *(str(spent.calls), minutes, f"{spent.input:,}", f"{spent.cached:,}", f"{spent.output:,}"),
        f"{spent.cost:.2f}{unknown}",
    )
