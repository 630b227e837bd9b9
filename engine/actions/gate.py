"""Run a gate: real processes, each to its end or its time-out; what they did decides, never what is said of them."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from engine.actions.frozen import list_base, list_frozen
from engine.actions.integrity import Held, amended_tests, baseline_of, faults, hold, notes, see, see_again
from engine.actions.judge import BAD, Judged, judge_commands, judge_red, judge_tests, settle
from engine.actions.junit import UNREADABLE, list_tests, merge_reports, tcs_in
from engine.actions.situation import Outcome, Situation
from engine.cage import Cage
from engine.calls.port import Calls
from engine.errors import CallFailed, UsageError
from engine.files.config import GateConfig, seconds
from engine.model.call import CommandRun, GateRun, Reply, TestResult, Tree
from engine.model.machine import GateDef
from engine.process import Deadlines, run_process

TAIL = 4000
"""Characters of a command's output that the evidence keeps; the whole output stays in the state folder."""
Again = Callable[[tuple[TestResult, ...]], bool]


async def run_gate(name: str, call: str, situation: Situation, calls: Calls) -> Outcome:
    """Run a gate by its name and judge what happened by its kind."""
    gate = situation.machine.gates[name]
    if gate.kind == "counts":
        return _judge_counts(name, gate, situation)
    command = gate.command or name
    config = situation.config.gates.get(command)
    if config is None:
        raise UsageError(f'gate {command!r} has no command. Add [gates.{command}] run = ["…"] to story.toml.')
    if gate.kind != "command" and not _reports(config):
        raise UsageError(
            f'gate {command!r} counts tests but names no JUnit report. Add junit = ["path"] to [gates.{command}] '
            "in story.toml, or use {report} in its command."
        )
    held = hold(name, gate, situation)
    older = _older(name, gate, situation)
    reply = await calls.submit(call, lambda: _perform(config, situation, call, held, _again(gate, older)))
    if reply.status != "ok":
        return Outcome(status=reply.status, at=reply.ended, why=f"gate {name}: {reply.why}", body=reply.text)
    ran = GateRun.model_validate_json(reply.text)
    match gate.kind:
        case "red":
            good, why = judge_red(ran, older or (), situation.claims()[1])
        case "tests":
            good, why = judge_tests(ran, older)
        case _:
            good, why = judge_commands(ran)
    if held is None or ran.tree is None:
        return _outcome(name, gate, good, why, reply.ended, _body(ran))
    good, why = _with_faults((good, why), held, ran.tree)
    outcome = _outcome(name, gate, good, why, reply.ended, _body(ran, _kept(held, ran.tree, good)))
    return outcome.model_copy(update={"freezes": _freezes(held, good)})


def _with_faults(judged: Judged, held: Held, tree: Tree) -> Judged:
    """What the run says and what the tree says, in one sentence; a fault of the tree outweighs any pass."""
    found = faults(held, tree)
    return judged[0] and not found, "; ".join([*found, judged[1], *notes(held)])


def _freezes(held: Held, good: bool) -> bool:
    """Does this run's evidence say from here on which tests may not change?"""
    return (held.kind == "red" and good) or bool(held.amending)


def _kept(held: Held, tree: Tree, good: bool) -> str:
    """What the evidence keeps of the tree, for the gates that follow."""
    if held.kind == "baseline":
        return list_base(tree, held.owned)
    return list_frozen(tree.tests, amended_tests(held, tree)) if _freezes(held, good) else ""


def _again(gate: GateDef, older: list[TestResult] | None) -> Again | None:
    """When are the commands run once more? When a test failed; in Red, where new ones must, when an older one did."""
    match gate.kind:
        case "tests":
            return lambda tests: any(test.status in BAD for test in tests)
        case "red":
            old = {test.id for test in older or () if test.status == "passed"}
            return lambda tests: any(test.status in BAD and test.id in old for test in tests)
        case _:
            return None


def _older(name: str, gate: GateDef, situation: Situation) -> list[TestResult] | None:
    """The tests that were there before the story; None for a baseline, whose tests all are."""
    if gate.kind not in ("red", "tests"):
        return []
    if name in {other.baseline for other in situation.machine.gates.values()}:
        return None
    return _before(baseline_of(name, situation), situation)


def _before(baseline: str | None, situation: Situation) -> list[TestResult]:
    """The older tests. When Red is tried again, its first tests are in the baseline: they fail there, and name TCs."""
    own = set(situation.claims()[1])
    ran = situation.tests(baseline or "")
    return [test for test in ran if test.status in ("passed", "skipped") or not own & tcs_in(test.id)]


def _judge_counts(name: str, gate: GateDef, situation: Situation) -> Outcome:
    """Compare the tests that ran last with the story's own count and TCs."""
    last = [key for key, known in situation.machine.gates.items() if known.kind == "tests" and key != gate.baseline]
    ran = situation.tests(last[0]) if last else ()
    old = {test.id for test in _before(gate.baseline, situation)}
    new = [test for test in ran if test.id not in old]
    wanted, tcs = situation.claims()
    shown = {tc for test in ran if test.status == "passed" for tc in tcs_in(test.id)}
    bugs = situation.progress.bugs
    missing = [name for name in (*tcs, *bugs) if name not in shown]
    wanted = None if wanted is None else wanted + len(situation.progress.uncounted)
    wrong = [f"no passing test names {', '.join(missing)}"] if missing else []
    if wanted is not None and wanted != len(new):
        wrong.append(f"the story names {wanted} tests, {len(new)} new ones ran")
    found = ", ".join([f"{len(new)} new tests", f"{len(tcs)} TCs", *bugs])
    told = f"{found}, as the story {'and a person name' if bugs else 'names'} them"
    return _outcome(name, gate, not wrong, "; ".join(wrong) or told, situation.clock(), list_tests(new))


def _outcome(name: str, gate: GateDef, good: bool, why: str, at: str, body: str) -> Outcome:
    outcome = list(gate.outcomes)[0 if good else 1]
    return Outcome(status="ok", at=at, why=f"{name} {outcome}: {why}", facts={f"gate:{name}": outcome}, body=body)


async def _perform(
    config: GateConfig, situation: Situation, call: str, held: Held | None, again: Again | None
) -> Reply:
    """Run the commands to their end; once more where `again` says so. The tree is looked at before and after."""
    started = situation.clock()
    scratch = situation.scratch / "gates" / re.sub(r"[^\w.-]+", "-", call)
    tree = see(held, situation.root, scratch) if held else None
    try:
        ran = await run_commands(config, situation, scratch, call)
        if again and again(ran.tests or ()) and not _late(ran):
            first, ran = ran, await run_commands(config, situation, scratch, call)
            ran = ran.model_copy(update={"earlier": first.runs, "earlier_tests": first.tests})
    except (*UNREADABLE, CallFailed) as err:
        why = str(err) if isinstance(err, CallFailed) else f"the JUnit report cannot be read: {err}"
        return Reply(status="failed", text="", why=why, started=started, ended=situation.clock())
    if _late(ran):
        why = f"`{_late(ran)}` was killed after {config.timeout}"
        return Reply(status="failed", text=_body(ran), why=why, started=started, ended=situation.clock())
    if held and tree:
        ran = ran.model_copy(update={"tree": see_again(held, tree, situation.root, scratch)})
    return Reply(status="ok", text=ran.model_dump_json(), started=started, ended=situation.clock())


async def run_commands(config: GateConfig, situation: Situation, scratch: Path, call: str) -> GateRun:
    """Run every command once and read the reports."""
    report = scratch / "reports" / "report.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    since = _stamp(scratch / "began")
    deadlines, cage = Deadlines(seconds(config.timeout)), situation.cage(report.parent)
    free = [path for path in cage.protected if not path.exists()] if cage else []
    runs = []
    for number, command in enumerate(config.run):
        line = command.replace("{report}", str(report))
        situation.watch.doing(call, command)
        runs.append(await _command(line, command, situation.root, scratch / f"{number}.log", deadlines, cage))
    _put_aside([path for path in free if path.exists()], situation.root, scratch / "put-aside")
    situation.still()  # what ran in another branch's tree says nothing about this one
    ran = GateRun(runs=tuple(runs))
    if _late(ran) or not _reports(config):  # what was killed left half a report at best
        return ran
    return ran.model_copy(update={"tests": merge_reports(config, situation.root, report, since)})


def _put_aside(made: list[Path], root: Path, folder: Path) -> None:
    """What was not there could not be mounted read-only: what a caged gate made there is not left to pass for ours."""
    for path in made:
        place = folder / str(time.time_ns()) / path.name
        place.parent.mkdir(parents=True)
        shutil.move(path, place)
    if made:
        named = ", ".join(path.relative_to(root).as_posix() for path in made)
        raise CallFailed(f"what it ran made {named}, which only the engine or a person may; it was moved to {folder}")


def _late(ran: GateRun) -> str:
    """The command that was killed at its time-out, "" where none was."""
    return next((run.command for run in ran.runs if run.exit is None), "")


async def _command(line: str, shown: str, root: Path, log: Path, deadlines: Deadlines, cage: Cage | None) -> CommandRun:
    """Run one command to its end, caged where agents wrote what it runs."""
    began = time.monotonic()
    words = ["/bin/sh", "-c", line]
    code, _ = await run_process(cage.argv(words) if cage else words, cwd=root, raw=log, deadlines=deadlines)
    tail = log.read_bytes()[-TAIL:].decode("utf-8", "replace")
    return CommandRun(command=shown, exit=code, seconds=round(time.monotonic() - began, 1), output=tail)


def _stamp(path: Path) -> int:
    """The time now by the clock that stamps files; it lags behind `time.time_ns` by up to 10 ms."""
    path.unlink(missing_ok=True)
    path.touch()
    return path.stat().st_mtime_ns


def _reports(config: GateConfig) -> bool:
    return bool(config.junit) or any("{report}" in command for command in config.run)


def _body(ran: GateRun, kept: str = "") -> str:
    """The evidence: our own lists first, so that nothing a command prints can stand in for them."""
    tests, flaky = settle(ran)
    parts = [] if ran.tests is None else [list_tests(tests)]
    parts += [kept] if kept else []
    parts += [f"Flaky, failed once and passed once: {', '.join(flaky)}\n"] if flaky else []
    for number, run in enumerate((*ran.earlier, *ran.runs)):
        ended = "killed at its time-out" if run.exit is None else f"exit {run.exit}"
        which = "" if not ran.earlier else " (first run)" if number < len(ran.earlier) else " (run again)"
        parts.append(f"`{run.command}`: {ended}{which}\n\n````text\n{run.output.rstrip()}\n````\n")
    return "\n".join(parts)
