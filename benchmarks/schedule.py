"""Measure the scheduler: runs against what no order could beat, against the exact optimum, its own time and memory.

make bench-schedule   (or: python benchmarks/schedule.py [--quick])

All runs are simulated (docs/pipeline.md) with the shipped machine and the shipped durations; their seeds are 0, 1, 2, …
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from optimum import GaveUp, Search
from run import MACHINE, median, ms, write_section

from engine.files.durations import SHIPPED, read_durations
from engine.model.machine import AgentAct, Phase
from engine.model.step import Todo
from engine.rules.schedule import Wanted, choose, order, ranks, wanted
from engine.rules.simulate import Played, random_needs, simulate
from engine.rules.statechart import Statechart
from engine.rules.walk import Kind, Stage, Walk, Walker

HEADING = "## Scheduling"
DURATIONS = read_durations(SHIPPED)
PHASES: tuple[Phase, ...] = ("validation", "ready", "execution", "verification", "done")


@dataclass(frozen=True)
class Setting:
    """What many stories may do at once."""

    name: str
    slots: int = 1
    validation: int = 3
    people: int | None = None
    chain: bool = False

    def walker(self) -> Walker:
        """Walks stories that are held to it."""
        tree = self.slots == 1
        limits = {"validation": self.validation, "execution": self.slots, "verification": self.slots}
        isolation = {} if tree else dict.fromkeys(("execution", "verification"), "worktree")
        pipeline = MACHINE.pipeline.model_copy(update={"concurrency": limits, "isolation": isolation})
        chart = Statechart(MACHINE.model_copy(update={"pipeline": pipeline}))
        return Walker(chart, [DURATIONS], people=self.people)


SETTINGS = [
    Setting("one tree, as the shipped machine says; each story needs the one before it", chain=True),
    Setting("one tree, as the shipped machine says"),
    Setting("one tree, and one person to be asked", people=1),
    Setting("worktrees: 2 stories executed, 6 validated", slots=2, validation=6),
    Setting("worktrees: 4 stories executed, 6 validated", slots=4, validation=6),
    Setting("worktrees: 4 executed, 6 validated, one person to be asked", slots=4, validation=6, people=1),
]
SIZES = {10: 40, 30: 20, 100: 10, 300: 3, 1_000: 1}
"""Stories in a pack, and how many packs of that size."""


def main() -> int:
    """Write the section of RESULTS.md; exit code 0 whatever it says, since not reaching a goal is a result too."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and smaller packs; for trying it out")
    quick = parser.parse_args().quick
    sizes = {10: 5, 30: 2} if quick else SIZES
    text = report(bound_rows(sizes), optimum_rows(4 if quick else 20), own_rows(quick=quick))
    if not quick:
        write_section(HEADING, text)
    print(text)
    return 0


def bound_rows(sizes: dict[int, int]) -> list[str]:
    """Makespan against the lower bound, and how long anybody waited for a validation."""
    rows = []
    for setting in SETTINGS:
        walker = setting.walker()
        for size, packs in sizes.items():
            played = [play(walker, size, seed, chain=setting.chain) for seed in range(packs)]
            ratios = [one.ratio for one in played]
            waited = [one.unvalidated / one.makespan for one in played]
            idle = max(one.idle / one.makespan for one in played)
            middle = statistics.median(ratios)
            rows.append(
                f"| {setting.name} | {size:,} | {packs} | {middle:.3f} | {max(ratios):.3f} | {reached(middle <= 1.05)} "
                f"| {statistics.median(waited):.1%} | {max(waited):.1%} | {idle:.1%} |"
            )
    return rows


def play(walker: Walker, size: int, seed: int, *, chain: bool) -> Played:
    """One random pack."""
    dice = Random(seed)
    names = [str(number) for number in range(size)]
    needs = {name: names[max(0, n - 1) : n] for n, name in enumerate(names)} if chain else random_needs(size, dice)
    return simulate(needs, {story: walker.walk(dice) for story in needs})


def optimum_rows(packs: int) -> list[str]:
    """Makespan against the exact optimum, which knows all durations beforehand."""
    rows = []
    for slots in ((3, 1), (3, 2), (2, 2)):
        for size in range(3, 9):
            ratios, unknown = [], 0
            for seed in range(packs):
                try:
                    ratios.append(against_optimum(size, seed, slots))
                except GaveUp:
                    unknown += 1
            exact = sum(ratio < 1 + 1e-9 for ratio in ratios)
            where = "one tree" if slots[1] == 1 else f"{slots[1]} worktrees"
            rows.append(
                f"| {where}, {slots[0]} validated at once | {size} | {len(ratios)} | {statistics.median(ratios):.3f} "
                f"| {max(ratios):.3f} | {exact} | {unknown} |"
            )
    return rows


def against_optimum(size: int, seed: int, slots: tuple[int, int]) -> float:
    """A small pack, each story of which is two stages as long as a walk through the machine."""
    dice = Random(seed)
    needs = random_needs(size, dice)
    validated = Wanted("", {"phase validation": 1}, {"phase validation": slots[0]})
    executed = Wanted("", {"phase execution": 1}, {"phase execution": slots[1]})
    walker = Setting("").walker()
    walks = {}
    for story in needs:
        through = walker.walk(dice)
        minutes = [stage.notice + stage.minutes for stage in through.stages]
        split = through.split()
        stages = [
            Stage(Kind("validation", validated), sum(minutes[:split])),
            Stage(Kind("execution", executed), sum(minutes[split:])),
        ]
        walks[story] = Walk(stages, in_tree=slots[1] == 1)
    played = simulate(needs, walks)
    first, second = ({story: walk.stages[n].minutes for story, walk in walks.items()} for n in (0, 1))
    return played.makespan / Search(needs, first, second, slots, played.makespan).optimum()


def own_rows(*, quick: bool) -> list[str]:
    """What the scheduler itself takes."""
    dice = Random(0)
    needs = random_needs(1_000, dice)
    after, phases = order(needs), {story: dice.choice(PHASES) for story in needs}
    acts = [act for act in MACHINE.states["validating"].acts() if isinstance(act, AgentAct)]
    one = wanted("", MACHINE, "validating", [Todo(act=act, role=act.agent) for act in acts], {})
    waiting = [replace(one, story=story) for story in needs]
    ranked = ranks(after, phases)
    times = [median(lambda: ranks(after, phases), 50), median(lambda: choose(waiting, {}, ranked), 50)]
    step = sum(times) * 1e3
    stories = 300 if quick else 10_000
    seconds, megabytes = whole_process(stories)
    return [
        f"| one step at 1,000 stories that all wait: `ranks` {ms(times[0])}, `choose` {ms(times[1])} "
        f"| {step:.2f} ms | < 5 ms | {reached(step < 5)} |",
        f"| peak memory of `story simulate --stories {stories}` | {megabytes:.0f} MB | < 300 MB "
        f"| {reached(megabytes < 300)} |",
        f"| time of the same, as a whole process | {seconds:.1f} s | none | - |",
    ]


def whole_process(stories: int) -> tuple[float, float]:
    """Seconds of processor time and megabytes of a simulation as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".git").mkdir()
        command = [sys.executable, "-m", "engine", "simulate", "--stories", str(stories)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    kilobytes = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return used.ru_utime + used.ru_stime, kilobytes / 1024


def reached(yes: bool) -> str:
    """As the tables say it."""
    return "yes" if yes else "not reached"


def report(bound: list[str], optimum: list[str], own: list[str]) -> str:
    """The section."""
    lines = [
        HEADING,
        "",
        "Written by `make bench-schedule`: simulated runs ([what is simulated](../docs/pipeline.md#simulation)) of",
        "random packs, with the shipped machine and durations, and as many people as are asked unless a row says",
        "otherwise. The lower bound is the larger of critical path and scarcest resource; no order beats it, and often",
        "none reaches it. The goal is a median of at most 1.05. *Waited*: the time in which any story was not",
        "validated although all that it needs were complete, against the makespan. *Idle*: of that, the time in which",
        "there was room to execute it.",
        "",
        "| Room | Stories | Packs | Median | Worst | Goal reached | Waited, median | Worst | Idle, worst |",
        "|---|---|---|---|---|---|---|---|---|",
        *bound,
        "",
        "Against the exact optimum, by branch and bound with all durations known beforehand; a story is one stage of",
        "validation and one of execution.",
        "",
        "| Room | Stories | Packs | Median | Worst | Optimal | Given up |",
        "|---|---|---|---|---|---|---|",
        *optimum,
        "",
        "What the scheduler takes itself:",
        "",
        "| What | Engine | Goal | Reached |",
        "|---|---|---|---|",
        *own,
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
