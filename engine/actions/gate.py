"""Run a gate: real processes, each to its end or its time-out; what they did decides, never what is said of them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from engine.actions.situation import Outcome, Situation
from engine.calls.port import Calls
from engine.errors import UsageError
from engine.files.config import GateConfig
from engine.model.call import CommandRun, GateRun, Reply, TestResult
from engine.model.machine import GateDef

TAIL = 4000
"""Characters of a command's output that the evidence keeps; the whole output stays in the state folder."""
_LISTED = re.compile(r"^````text tests\n(.*?)^````$", re.M | re.S)
_TC = re.compile(r"(?i)\btc[-_ ]?(\d+)[._-](\d+)([a-z](?:[._-]\d+)?)?(?![a-z0-9])")


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
    scratch = situation.scratch / "gates" / re.sub(r"[^\w.-]+", "-", call)
    reply = await calls.submit(call, lambda: _perform(config, situation, scratch))
    if reply.status != "ok":
        return Outcome(status="failed", at=reply.ended, why=f"gate {name}: {reply.why}", body=reply.text)
    ran = GateRun.model_validate_json(reply.text)
    match gate.kind:
        case "red":
            good, why = judge_red(ran, _before(gate, situation))
        case "tests":
            good, why = judge_tests(ran)
        case _:
            good, why = judge_commands(ran)
    return _outcome(name, gate, good, why, reply.ended, _body(ran))


def judge_commands(ran: GateRun) -> tuple[bool, str]:
    """Pass when every command ended with exit code 0."""
    bad = [run for run in ran.runs if run.exit != 0]
    if not bad:
        return True, "exit 0"
    return False, "; ".join(f"`{run.command}` exit {run.exit}" for run in bad)


def judge_tests(ran: GateRun) -> tuple[bool, str]:
    """Pass when the commands passed and at least one test ran and none failed; zero tests are never a pass."""
    tests = ran.tests or ()
    bad = [test for test in tests if test.status in ("failed", "errored")]
    told = _told(tests)
    if not any(test.status == "passed" for test in tests):
        return False, f"no test passed: {told}"
    if bad:
        return False, f"{told}: {', '.join(test.id for test in bad[:3])}"
    good, why = judge_commands(ran)
    return (True, told) if good else (False, f"{told}, but {why}")


def judge_red(ran: GateRun, baseline: Iterable[TestResult]) -> tuple[bool, str]:
    """Expected when there are new tests, all of them fail or error, and every older test still passes."""
    now = {test.id: test.status for test in ran.tests or ()}
    old = {test.id: test.status for test in baseline}
    new = {name: status for name, status in now.items() if name not in old}
    if not new:
        return False, "no new test ran"
    early = [name for name, status in new.items() if status not in ("failed", "errored")]
    if early:
        return False, f"new tests that do not fail: {', '.join(early[:3])}"
    broken = [
        name
        for name, before in old.items()
        if now.get(name) not in ("passed", "skipped" if before == "skipped" else "passed")
    ]
    if broken:
        return False, f"older tests that do not pass any more: {', '.join(broken[:3])}"
    return True, f"{len(new)} new tests fail, {len(old)} older ones pass"


def tcs_in(name: str) -> set[str]:
    """The TC ids in a test's name: `TC-2.1a: lists`, `test_tc_2_1a_lists`."""
    return {
        f"TC-{match[1]}.{match[2]}{(match[3] or '').lower().replace('_', '.').replace('-', '.')}"
        for match in _TC.finditer(name.replace("test_", " "))
    }


def read_tests(body: str) -> tuple[TestResult, ...]:
    """The tests that a gate's evidence lists: its first list, since what follows is the command's own output."""
    listed = _LISTED.search(body)
    rows = re.findall(r"^(passed|failed|errored|skipped) (.+)$", listed[1], re.M) if listed else []
    return tuple(TestResult.model_validate({"id": name, "status": status}) for status, name in rows)


def _before(gate: GateDef, situation: Situation) -> list[TestResult]:
    """The older tests. When Red is tried again, its first tests are in the baseline: they fail there, and name TCs."""
    own = set(situation.claims()[1])
    ran = situation.tests(gate.baseline or "")
    return [test for test in ran if test.status in ("passed", "skipped") or not own & tcs_in(test.id)]


def _judge_counts(name: str, gate: GateDef, situation: Situation) -> Outcome:
    """Compare the tests that ran last with the story's own count and TCs."""
    last = [key for key, known in situation.machine.gates.items() if known.kind == "tests" and key != gate.baseline]
    ran = situation.tests(last[0]) if last else ()
    old = {test.id for test in _before(gate, situation)}
    new = [test for test in ran if test.id not in old]
    wanted, tcs = situation.claims()
    shown = {tc for test in ran if test.status == "passed" for tc in tcs_in(test.id)}
    missing = [tc for tc in tcs if tc not in shown]
    wrong = [f"no passing test names {', '.join(missing)}"] if missing else []
    if wanted is not None and wanted != len(new):
        wrong.append(f"the story names {wanted} tests, {len(new)} new ones ran")
    told = f"{len(new)} new tests, {len(tcs)} TCs, as the story names them"
    return _outcome(name, gate, not wrong, "; ".join(wrong) or told, situation.clock(), _list(ran))


def _outcome(name: str, gate: GateDef, good: bool, why: str, at: str, body: str) -> Outcome:
    outcome = list(gate.outcomes)[0 if good else 1]
    return Outcome(status="ok", at=at, why=f"{name} {outcome}: {why}", facts={f"gate:{name}": outcome}, body=body)


async def _perform(config: GateConfig, situation: Situation, scratch: Path) -> Reply:
    started = situation.clock()
    scratch.mkdir(parents=True, exist_ok=True)
    report = scratch / "report.xml"
    report.unlink(missing_ok=True)
    since = _stamp(scratch / "began")
    seconds = _seconds(config.timeout)
    runs = []
    for number, command in enumerate(config.run):
        line = command.replace("{report}", str(report))
        runs.append(await _command(line, command, situation.root, scratch / f"{number}.log", seconds))
    situation.still()  # what ran in another branch's tree says nothing about this one
    late = [run.command for run in runs if run.exit is None]
    try:
        tests = _merge(config, situation.root, report, since) if _reports(config) else None
    except (JUnitXmlError, SyntaxError, OSError, ValueError, TypeError, NotImplementedError) as err:
        why = f"the JUnit report cannot be read: {err}"
        return Reply(status="failed", text="", why=why, started=started, ended=situation.clock())
    ran = GateRun(runs=tuple(runs), tests=tests)
    if late:
        why = f"`{late[0]}` was killed after {config.timeout}"
        return Reply(status="failed", text=_body(ran), why=why, started=started, ended=situation.clock())
    return Reply(status="ok", text=ran.model_dump_json(), started=started, ended=situation.clock())


async def _command(line: str, shown: str, root: Path, log: Path, seconds: float) -> CommandRun:
    """Run one command in a process group of its own; the group is killed at the time-out and after the end."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            line,
            cwd=root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        code: int | None = None
        try:
            async with asyncio.timeout(seconds):
                code = await process.wait()
        except TimeoutError:
            code = None
        finally:
            _kill_group(process.pid)
            await process.wait()
    tail = log.read_bytes()[-TAIL:].decode("utf-8", "replace")
    return CommandRun(command=shown, exit=code, seconds=round(time.monotonic() - began, 1), output=tail)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _stamp(path: Path) -> int:
    """The time now by the clock that stamps files; it lags behind `time.time_ns` by up to 10 ms."""
    path.unlink(missing_ok=True)
    path.touch()
    return path.stat().st_mtime_ns


def _reports(config: GateConfig) -> bool:
    return bool(config.junit) or any("{report}" in command for command in config.run)


def _merge(config: GateConfig, root: Path, report: Path, since: int) -> tuple[TestResult, ...]:
    """Merge the reports that this run wrote; an older file is somebody else's run and does not count."""
    paths = [report, *(path for pattern in config.junit for path in sorted(root.glob(pattern)))]
    found: dict[str, TestResult] = {}
    for path in paths:
        if path.exists() and path.stat().st_mtime_ns >= since:
            for case in _cases(JUnitXml.fromfile(str(path))):
                result = TestResult(id=_name(case), status=_status(case))
                worse = found.get(result.id)
                if worse is None or worse.status in ("passed", "skipped"):
                    found[result.id] = result
    return tuple(found.values())


def _cases(xml: JUnitXml | TestSuite) -> Iterable[TestCase]:
    for part in xml:
        if isinstance(part, TestCase):
            yield part
        else:
            yield from _cases(part)


def _name(case: TestCase) -> str:
    parts = (" ".join(str(part or "").split()) for part in (case.classname, case.name))
    return "::".join(part for part in parts if part)


def _status(case: TestCase) -> str:
    kinds = {type(result) for result in case.result or ()}
    if Error in kinds:
        return "errored"
    if Failure in kinds:
        return "failed"
    return "skipped" if Skipped in kinds else "passed"


def _told(tests: Sequence[TestResult]) -> str:
    counts = dict.fromkeys(("passed", "failed", "errored", "skipped"), 0)
    for test in tests:
        counts[test.status] += 1
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return told or "no test ran"


def _body(ran: GateRun) -> str:
    parts = [] if ran.tests is None else [_list(ran.tests)]
    for run in ran.runs:
        ended = "killed at its time-out" if run.exit is None else f"exit {run.exit}"
        parts.append(f"`{run.command}`: {ended}\n\n````text\n{run.output.rstrip()}\n````\n")
    return "\n".join(parts)


def _list(tests: Sequence[TestResult]) -> str:
    rows = "\n".join(f"{test.status} {test.id}" for test in sorted(tests, key=lambda test: test.id))
    return f"Tests: {_told(tests)}\n\n````text tests\n{rows}\n````\n"


def _seconds(duration: str) -> float:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]
