"""The page of the benchmarks: all parts are there, and the peers are those that the adapters install."""

from __future__ import annotations

import importlib
import random
import re
from itertools import permutations
from pathlib import Path

import pytest

from engine.rules.simulate import random_needs

ROOT = Path(__file__).parent.parent
RESULTS = (ROOT / "benchmarks/RESULTS.md").read_text("utf-8")


def test_every_peer_has_a_row_of_its_pinned_version() -> None:
    """A peer is in the table in the version that `make bench-peers` installs, or with why it was not measured."""
    text = (ROOT / "benchmarks/peers/adapters.py").read_text("utf-8")
    rows = [line for line in RESULTS.partition("## Against peers")[2].splitlines() if line.startswith("| ")]
    pins = re.findall(r'"(@?[\w./-]+?)(?:@|==)(\d+\.\d+\.\d+)"', text)
    assert {name for name, _ in pins} == {"backlog.md", "@fission-ai/openspec", "coga"}
    for name, version in pins:
        [row] = [line for line in rows if name in line]
        assert f"| {version} |" in row or "not measured: " in row


def test_all_parts_name_the_command_that_repeats_them() -> None:
    """Who reads a figure can make it again."""
    for target in ("bench", "bench-schedule", "bench-peers"):
        assert f"Written by `make {target}`" in RESULTS
        assert f"\n{target}: " in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize(("size", "slots"), [(1, (1, 1)), (3, (2, 1)), (4, (2, 2)), (4, (1, 1)), (4, (3, 2))])
def test_the_optimum_is_that_of_all_orders(size: int, slots: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Branch and bound finds what trying every order of validation with every order of execution finds."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    search = importlib.import_module("optimum").Search
    for seed in range(12):
        dice = random.Random(seed)
        needs = random_needs(size, dice)
        first, second = ({story: float(dice.randint(0, 9)) for story in needs} for _ in range(2))
        tried = [
            finish
            for validated in permutations(needs)
            for executed in permutations(needs)
            if (finish := one_after_the_other(needs, first, second, slots, validated, executed)) is not None
        ]
        assert search(needs, first, second, slots, max(tried) + 1).optimum() == min(tried)


def one_after_the_other(
    needs: dict[str, list[str]],
    first: dict[str, float],
    second: dict[str, float],
    slots: tuple[int, int],
    validated: tuple[str, ...],
    executed: tuple[str, ...],
) -> float | None:
    """The makespan of stages that begin in these orders, None where a story comes before one that it needs."""
    free, ready, done = [0.0] * slots[0], dict[str, float](), dict[str, float]()
    for story in validated:
        free.sort()
        ready[story] = free[0] = free[0] + first[story]
    free = [0.0] * slots[1]
    for story in executed:
        if any(need not in done for need in needs[story]):
            return None
        free.sort()
        done[story] = free[0] = max(ready[story], free[0], *(done[need] for need in needs[story])) + second[story]
    return max(done.values())


def test_a_section_is_written_without_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark that is run anew leaves the figures of the others as they are."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    bench = importlib.import_module("run")
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "RESULTS.md")
    bench.write_section("# Benchmarks", "# Benchmarks\n\nA\n")
    bench.write_section("## B", "## B\n\n| b |\n")
    bench.write_section("## C", "## C\n\nc\n")
    bench.write_section("## B", "## B\n\nbb\n")
    assert (tmp_path / "RESULTS.md").read_text() == "# Benchmarks\n\nA\n\n## B\n\nbb\n\n## C\n\nc\n"
