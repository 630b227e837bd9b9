"""Measure packs on Temporal: stories a minute against the same git work without an engine, and what each story costs.

make bench-fleet   (or: python benchmarks/fleet.py [--stories 10 100 1000] [--runs 3])

Two workers, Temporal's dev server with its database on disk, a bare repository on disk as the remote, scripted agents,
packs of at most 20 stories, three calls a story, one person who accepts. The other side (bare_worker.py) runs the
engine's own workflows with activities that do git work and nothing else: as many git commands, by the same functions.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from run import write_section

from tests.fleet.crowd import ENGINE, Crowd, Took
from tests.fleet.many import CALLS
from tests.fleet.server import Server

HEADING = "## Packs on Temporal"
BARE = ("-m", "benchmarks.bare_worker")
PACK = 20
"""Stories of a pack, at most."""
GOAL = 1.5
PATIENCE = 7200.0


def main() -> None:
    """Measure, print, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--runs", type=int, default=3, help="of both sides in turn; one at 1,000 stories and more")
    asked = parser.parse_args()
    lines = [
        *str(__doc__).split("\n\n")[2].splitlines(),
        "",
        "| Stories | Runs | Stories a minute | Bare workflow | Ratio of times | Goal | Reached |",
        "|---|---|---|---|---|---|---|",
    ]
    costs = [
        "| Stories | Looks a story | Events a story: packs | calls | Bytes a story: packs | calls |",
        "|---|---|---|---|---|---|",
    ]
    for stories in asked.stories:
        runs = 1 if stories >= 1000 else asked.runs
        both = [(measure(stories, ENGINE), measure(stories, BARE)) for _ in range(runs)]
        ratio = statistics.median(ours.seconds / bare.seconds for ours, bare in both)
        minutes = [statistics.median(side[at].seconds for side in both) / 60 for at in (0, 1)]
        speeds = [f"{stories / each:.1f}" for each in minutes]
        reached = "yes" if ratio <= GOAL else "not reached"
        lines.append(f"| {stories:,} | {runs} | {speeds[0]} | {speeds[1]} | {ratio:.2f} | ≤ {GOAL} | {reached} |")
        costs.append(_cost(stories, both[-1][0]))
        print(lines[-1], costs[-1], sep="\n", flush=True)
    write_section(HEADING, "\n".join([HEADING, "", *lines, "", *costs]))


def measure(stories: int, program: tuple[str, ...]) -> Took:
    """Run so many stories once, on a server of its own."""
    packs = max(1, stories // PACK)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "server").start()
        try:
            with Crowd(Path(folder), server, packs, stories // packs, program=program) as crowd:
                took = crowd.run(PATIENCE)
                if program is ENGINE:
                    assert crowd.accepted() == stories, f"{crowd.accepted()} of {stories} are complete"
        finally:
            server.kill()
    assert took.calls == stories * sum(CALLS), f"{took.calls} calls for {stories} stories"
    return took


def _cost(stories: int, took: Took) -> str:
    pack, call = "story-pack", "story-call"
    events = [f"{took.events[kind] / stories:.0f}" for kind in (pack, call)]
    size = [f"{took.bytes[kind] / stories:,.0f}" for kind in (pack, call)]
    return f"| {stories:,} | {took.looks / stories:.2f} | {events[0]} | {events[1]} | {size[0]} | {size[1]} |"


if __name__ == "__main__":
    main()
