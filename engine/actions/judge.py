"""Judge a gate by what its commands did: exit codes, JUnit reports, and the tests that ran before. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from engine.actions.integrity import is_test_file
from engine.actions.junit import count_tests, tcs_in
from engine.model.call import GateRun, TestResult

Judged = tuple[bool, str]
"""Is it good, and why."""
BAD = ("failed", "errored")


def judge_commands(ran: GateRun) -> Judged:
    """Pass when every command ended with exit code 0."""
    bad = [run for run in ran.runs if run.exit != 0]
    if not bad:
        return True, "exit 0"
    return False, "; ".join(f"`{run.command}` exit {run.exit}" for run in bad)


def judge_tests(ran: GateRun, older: Iterable[TestResult] | None = ()) -> Judged:
    """Pass when the commands passed and at least one test ran, none failed, and no older one is gone.

    `older` are the tests that were there before the story; None where all of them are (a baseline). A test that
    failed once and passed once is told; among the new ones it does not pass.
    """
    tests, flaky = settle(ran)
    told = count_tests(tests)
    if not any(test.status == "passed" for test in tests):
        return False, f"no test passed: {told}"
    now = {test.id: test.status for test in tests}
    old = {test.id: test.status for test in older} if older is not None else now
    bad = [test.id for test in tests if test.status in BAD]
    worse = [name for name, before in old.items() if before == "passed" and now.get(name, "passed") != "passed"]
    found = [f"{told}: {', '.join(bad[:3])}"] if bad else []
    found += _named("older tests that do not pass any more", worse)
    found += _named("tests that vanished since the baseline", [name for name in old if name not in now])
    found += _named("new tests that are flaky", [name for name in flaky if name not in old])
    if found:
        return False, "; ".join(found)
    good, why = judge_commands(ran)
    if not good and not _excused(ran, flaky):
        return False, f"{told}, but {why}"
    return True, "; ".join([told, *_named("flaky", flaky)])


def judge_red(ran: GateRun, baseline: Iterable[TestResult], own: Collection[str] = ()) -> Judged:
    """Expected when there are new tests, all of them fail or error, and every older test still passes.

    `own` are the TCs of the story: an error in place of the tests that name them is no Red.
    """
    tests, flaky = settle(ran)
    now = {test.id: test.status for test in tests}
    old = {test.id: test.status for test in baseline}
    new = {name: status for name, status in now.items() if name not in old}
    if not new:
        return False, "no new test ran"
    hidden = [tc for tc in own if not any(tc in tcs_in(name) for name in now)]
    errors = [name for name in new if not tcs_in(name).intersection(own) and _instead_of_tests(name, new[name])]
    if hidden and errors:
        return False, f"{errors[0]} is an error in place of the tests of {', '.join(hidden[:3])}"
    early = [name for name, status in new.items() if status not in BAD]
    if early:
        return False, "; ".join([*_named("new tests that do not fail", early), *_named("flaky", flaky)])
    broken = [
        name
        for name, before in old.items()
        if now.get(name) not in ("passed", "skipped" if before == "skipped" else "passed")
    ]
    if broken:
        return False, f"older tests that do not pass any more: {', '.join(broken[:3])}"
    return True, "; ".join([f"{len(new)} new tests fail, {len(old)} older ones pass", *_named("flaky", flaky)])


def settle(ran: GateRun) -> tuple[tuple[TestResult, ...], tuple[str, ...]]:
    """The tests of both rounds as one, and the flaky ones among them, which count as passed."""
    if ran.earlier_tests is None:
        return ran.tests or (), ()
    rounds = ({test.id: test for test in ran.earlier_tests}, {test.id: test for test in ran.tests or ()})
    settled, flaky = [], []
    for name in {**rounds[0], **rounds[1]}:
        seen = [tests[name] for tests in rounds if name in tests]
        bad = next((test for test in seen if test.status in BAD), None)
        good = next((test for test in seen if test.status == "passed"), None)
        if bad and good:
            flaky.append(name)
        settled.append(good or bad or seen[-1])
    return tuple(settled), tuple(flaky)


def _excused(ran: GateRun, flaky: Sequence[str]) -> bool:
    """Do flaky tests explain the exit codes of the last round?"""
    last = [test.id for test in ran.tests or () if test.status in BAD]
    fine = {run.command for run in ran.earlier if run.exit == 0}
    commands = all(run.exit == 0 or run.command in fine or len(ran.runs) == 1 for run in ran.runs)
    return bool(last) and set(last) <= set(flaky) and commands


def _instead_of_tests(name: str, status: str) -> bool:
    """Is it what a runner reports for a file that it could not read: an error, or a failure named as the file?"""
    return status == "errored" or (status == "failed" and is_test_file(name.rsplit("::", 1)[-1]))


def _named(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what}: {', '.join(names[:3])}"] if names else []
