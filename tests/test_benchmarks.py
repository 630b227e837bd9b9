"""The page of the benchmarks: both parts are there, and the peers are those that the adapters install."""

from __future__ import annotations

import re
from pathlib import Path

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


def test_both_parts_name_the_command_that_repeats_them() -> None:
    """Who reads a figure can make it again."""
    for target in ("bench", "bench-peers"):
        assert f"Written by `make {target}`" in RESULTS
        assert f"\n{target}: " in (ROOT / "Makefile").read_text("utf-8")
