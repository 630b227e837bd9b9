"""Measure `story status` against the status of its peers, each as a whole process over the same 200 stories.

make bench-peers      (or: python benchmarks/peers/measure.py [--install] [--runs N])

The commands take turns, so that all of them meet the same machine. The section in RESULTS.md is written anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from adapters import INSTALL, PEERS, TOOLS, Peer
from run import make_stories, ms, story_text, write_section

HEADING = "## Against peers"
COUNT = 200
HELP = "`make bench-peers`"
Key = tuple[str, str, str]
"""(name, version, command)"""


@dataclass(frozen=True)
class Measured:
    """One command: who it is, what was typed, and its times in seconds."""

    name: str
    version: str
    command: str
    times: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.times)


def main() -> int:
    """Measure all that is installed; exit code 0 whatever comes out, since not being ahead is a result too."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--install", action="store_true", help="install the peers into .tools/peers first")
    parser.add_argument("--runs", type=int, default=12, help="runs of each command")
    told = parser.parse_args()
    missing = install() if told.install else {}
    with tempfile.TemporaryDirectory() as folder:
        measured, missing = measure(Path(folder), told.runs, missing)
    text = report(measured, missing, told.runs)
    write_section(HEADING, text)
    print(text)
    return 0


def install() -> dict[str, str]:
    """Install what is not there yet; why it cannot be, by what it brings."""
    failed = {}
    TOOLS.mkdir(parents=True, exist_ok=True)
    for command in INSTALL:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as err:
            failed["npm" if command[0] == "npm" else "PyPI"] = f"`{command[0]}` failed: {err}"
    return failed


def measure(folder: Path, runs: int, failed: dict[str, str]) -> tuple[list[Measured], dict[str, str]]:
    """The times of all commands, the engine's first, and why peers are missing."""
    root = make_stories(folder / "story", COUNT)
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}

    def warm() -> None:
        command = [sys.executable, "-m", "engine", "status"]
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def cold() -> None:
        shutil.rmtree(folder / "state", ignore_errors=True)
        warm()

    commands: dict[Key, Callable[[], object]] = {}
    missing: dict[str, str] = {}
    texts = [story_text(number) for number in range(1, COUNT + 1)]
    for peer in PEERS:
        if not peer.program.exists():
            missing[peer.name] = failed.get(peer.origin, "it is not installed; run " + HELP)
            continue
        try:
            version, home = prepare(peer, folder / peer.name.replace("/", "-"), texts)
        except (OSError, ValueError, subprocess.CalledProcessError) as err:
            missing[peer.name] = f"it cannot be measured: {err}"
            continue
        typed = " ".join((peer.program.name, *peer.command))
        commands[f"{peer.name} ({peer.origin})", version, typed] = lambda peer=peer, home=home: peer.show(home)
    time.sleep(2.1)  # the memory trusts only files that are older than its racy window
    engine = {
        ("story engine, its memory deleted before", "this", "story status"): cold,
        ("story engine", "this", "story status"): warm,
    }
    found = [Measured(*key, times=tuple(each)) for key, each in in_turn({**engine, **commands}, runs).items()]
    return found, missing


def prepare(peer: Peer, root: Path, texts: list[str]) -> tuple[str, Path]:
    """A peer's version and its repository, in which it shows every task."""
    root.mkdir(parents=True)
    peer.make(peer, root, texts)
    shown = peer.show(root)
    told = {int(number) for number in re.findall(r"part[- ](\d+)", shown.lower())}
    if told != {*range(1, COUNT + 1)}:
        raise ValueError(f"it shows {len(told)} of {COUNT} tasks")
    return peer.run(root, "--version").stdout.split()[-1], root


def in_turn(
    commands: dict[tuple[str, str, str], Callable[[], object]], runs: int
) -> dict[tuple[str, str, str], list[float]]:
    """The times of some commands that take turns, after one run of each that does not count."""
    times: dict[Key, list[float]] = {key: [] for key in commands}
    for turn in range(runs + 1):
        for key, command in commands.items():
            began = time.perf_counter()
            command()
            if turn:
                times[key].append(time.perf_counter() - began)
    return times


def report(measured: list[Measured], missing: dict[str, str], runs: int) -> str:
    """The section of RESULTS.md."""
    cold, mine, *others = measured
    lines = [
        HEADING,
        "",
        f"Written by {HELP}: `status` as a whole process over {COUNT} stories, against the peers' own way to show",
        "where every task stands; their tasks have the same words and checklists.",
        f"{runs} runs each, which take turns; the ratio is of medians, above 1 where the engine is faster.",
        "The engine remembers what it read between runs; with that deleted before each run",
        f"it takes {ms(cold.median)}, {_beside(cold, others)}.",
        "",
        "| Tool | Version | Command | Min | Median | Ratio | Engine ahead |",
        "|---|---|---|---|---|---|---|",
        f"| {mine.name} | {mine.version} | `{mine.command}` | {ms(min(mine.times))} | {ms(mine.median)} | 1 | - |",
    ]
    for one in (cold, *others):
        ratio = one.median / mine.median
        ahead = "-" if one.version == mine.version else "yes" if ratio > 1 else "no"
        times = f"{ms(min(one.times))} | {ms(one.median)}"
        lines.append(f"| {one.name} | {one.version} | `{one.command}` | {times} | {ratio:.2f} | {ahead} |")
    lines += [f"| {name} | - | - | - | - | - | not measured: {why} |" for name, why in missing.items()]
    return "\n".join([*lines, ""])


def _beside(cold: Measured, others: list[Measured]) -> str:
    """Which peers are faster than the engine where it remembers nothing."""
    faster = [one.name for one in others if one.median < cold.median]
    return f"which is slower than {' and '.join(faster)}" if faster else "which is less than any of them"


if __name__ == "__main__":
    sys.exit(main())
