"""Gates: real processes decide, whatever they print; what cannot be read is a technical failure, never a verdict."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from engine.actions.gate import run_gate
from engine.actions.judge import judge_red, judge_tests
from engine.actions.junit import read_tests, tcs_in
from engine.actions.situation import Outcome, Situation
from engine.errors import StoryChanged, UsageError
from engine.model.call import CommandRun, GateRun, TestResult
from tests.scene import DirectCalls, results, scene

REPORT = """\
cat > {report} <<'XML'
<testsuites><testsuite name="s" tests="2">
<testcase classname="tests.test_a" name="test_tc_1_1a"/>
<testcase classname="tests.test_a" name="test_old"/>
</testsuite></testsuites>
XML
"""


def gate(name: str, situation: Situation, call: str = "4/gating/tests/1.1-ab") -> Outcome:
    return asyncio.run(run_gate(name, call, situation, DirectCalls()))


def commands(tmp_path: Path, *lines: str, gate: str = "lint", **more: object) -> Situation:
    return scene(tmp_path, config={"gates": {gate: {"run": list(lines), **more}}})


def junit(*cases: str) -> str:
    """A shell command that writes these cases into the report, each as `name status`."""
    kinds = {"passed": "/>", "failed": "><failure/></testcase>", "errored": "><error/></testcase>"}
    kinds["skipped"] = "><skipped/></testcase>"
    rows = "".join(f'<testcase name="{n}"{kinds[s]}' for n, s in (case.rsplit(" ", 1) for case in cases))
    return f"echo '<testsuite>{rows}</testsuite>' > {{report}}"


def gone(pid: int) -> bool:
    """Is a process dead, or a zombie that nobody has waited for?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def soon(truth: object, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if truth():
            return True
        time.sleep(0.02)
    return bool(truth())


def test_a_command_that_ends_with_zero_passes(tmp_path: Path) -> None:
    """Exit code 0 is the first outcome of the gate, and the output is its evidence."""
    outcome = gate("lint", commands(tmp_path, "echo all fine"))
    assert (outcome.status, outcome.facts, outcome.why) == ("ok", {"gate:lint": "pass"}, "lint pass: exit 0")
    assert "all fine" in outcome.body


def test_any_other_end_fails(tmp_path: Path) -> None:
    """Any other exit code, also of a command that is not there, is the second outcome."""
    outcome = gate("lint", commands(tmp_path, "exit 3"))
    assert (outcome.status, outcome.facts) == ("ok", {"gate:lint": "fail"})
    assert outcome.why == "lint fail: `exit 3` exit 3"
    assert gate("lint", commands(tmp_path, "no-such-command-x")).facts == {"gate:lint": "fail"}
    assert gate("lint", commands(tmp_path, "kill -9 $$")).facts == {"gate:lint": "fail"}


def test_every_command_runs_to_its_end(tmp_path: Path) -> None:
    """A failing command does not keep the next one from running; both are told."""
    outcome = gate("lint", commands(tmp_path, "exit 1", "touch ran", "exit 2"))
    assert (tmp_path / "r/ran").exists()
    assert outcome.why == "lint fail: `exit 1` exit 1; `exit 2` exit 2"


def test_commands_run_in_the_repository_without_input(tmp_path: Path) -> None:
    """A gate's command stands in the repository's root, and nobody answers its questions."""
    outcome = gate("lint", commands(tmp_path, "pwd; if read x; then exit 9; fi"))
    assert str(tmp_path / "r") in outcome.body
    assert outcome.facts == {"gate:lint": "pass"}


def test_a_time_out_is_a_technical_failure_and_kills_the_whole_group(tmp_path: Path) -> None:
    """At the time-out the command and its children die, also one that ignores SIGTERM; it is no outcome."""
    child = "(trap '' TERM; while :; do sleep 0.1; done) & echo $! > child; trap '' TERM; wait"
    situation = commands(tmp_path, child, "touch after", timeout="1s")
    began = time.monotonic()
    outcome = gate("lint", situation)
    assert time.monotonic() - began < 8
    assert (outcome.status, outcome.facts) == ("failed", {})
    assert outcome.why.endswith("was killed after 1s")
    assert "killed at its time-out" in outcome.body
    pid = int((tmp_path / "r/child").read_text())
    assert soon(lambda: gone(pid))
    assert (tmp_path / "r/after").exists()


def test_a_child_left_behind_is_killed(tmp_path: Path) -> None:
    """A command that ends and leaves a child in the background leaves nothing running."""
    outcome = gate("lint", commands(tmp_path, "(trap '' TERM HUP; exec sleep 60) & echo $! > child"))
    assert outcome.facts == {"gate:lint": "pass"}
    assert soon(lambda: gone(int((tmp_path / "r/child").read_text())))


def test_a_child_in_a_session_of_its_own_does_not_hold_the_gate(tmp_path: Path) -> None:
    """A daemon that left the process group neither holds the gate's end nor its time-out."""
    situation = commands(tmp_path, "setsid sh -c 'echo $$ > child; exec sleep 20' & sleep 20", timeout="1s")
    began = time.monotonic()
    assert gate("lint", situation).status == "failed"
    assert time.monotonic() - began < 8
    os.kill(int((tmp_path / "r/child").read_text()), 9)


def test_a_cancelled_gate_leaves_no_process(tmp_path: Path) -> None:
    """When the engine is stopped in the middle of a gate, its command is killed."""
    situation = commands(tmp_path, "echo $$ > child; exec sleep 60")

    async def stop() -> None:
        task = asyncio.create_task(run_gate("lint", "c", situation, DirectCalls()))
        while not (tmp_path / "r/child").exists() or not (tmp_path / "r/child").read_text().strip():
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stop())
    assert soon(lambda: gone(int((tmp_path / "r/child").read_text())))


def test_a_gate_without_a_command_says_what_to_set(tmp_path: Path) -> None:
    """A gate that story.toml does not know, or that has no report to count, is a usage error with the remedy."""
    with pytest.raises(UsageError, match=r"Add \[gates.lint\] run = "):
        gate("lint", scene(tmp_path))
    with pytest.raises(UsageError, match="Add junit = "):
        gated(tmp_path, "true")


def test_a_long_output_is_kept_by_its_tail(tmp_path: Path) -> None:
    """Evidence keeps the end of a long output, and bytes that are no UTF-8 stop nobody."""
    noisy = "head -c 100000 /dev/zero | tr '\\0' x; printf '\\377\\376'; echo the end; exit 1"
    outcome = gate("lint", commands(tmp_path, noisy))
    assert "the end" in outcome.body
    assert len(outcome.body) < 6000


def test_a_branch_checked_out_meanwhile_stops_the_gate(tmp_path: Path) -> None:
    """What ran in another branch's tree is no result."""

    def changed() -> None:
        raise StoryChanged("another branch")

    situation = commands(tmp_path, "true")
    object.__setattr__(situation, "still", changed)
    with pytest.raises(StoryChanged):
        gate("lint", situation)


def gated(tmp_path: Path, *lines: str, **more: object) -> Outcome:
    return gate("tests", commands(tmp_path, *lines, gate="tests", **more))


def test_the_report_decides_with_the_exit_code(tmp_path: Path) -> None:
    """Tests pass only when the report has passing tests, none that failed, and the command ended with 0."""
    assert gated(tmp_path, junit("a passed", "b skipped")).facts == {"gate:tests": "pass"}
    assert gated(tmp_path, junit("a passed", "b failed")).why == "tests fail: 1 passed, 1 failed: b"
    assert gated(tmp_path, junit("a passed", "b errored")).facts == {"gate:tests": "fail"}
    broken = gated(tmp_path, junit("a passed") + "; exit 1")
    assert broken.facts == {"gate:tests": "fail"}
    assert "1 passed, but `" in broken.why


@pytest.mark.parametrize("line", ["true", junit(), junit("a skipped"), "echo '<testsuites/>' > {report}"])
def test_zero_tests_are_never_a_pass(tmp_path: Path, line: str) -> None:
    """No report, an empty one, or one in which everything was skipped does not pass, whatever the exit code."""
    outcome = gated(tmp_path, line, junit=["none-*.xml"])
    assert (outcome.status, outcome.facts) == ("ok", {"gate:tests": "fail"})


def test_several_reports_are_merged(tmp_path: Path) -> None:
    """The reports of several commands and patterns count together; a failure in one outweighs a pass in another."""
    one = "mkdir -p out/x; echo '<testsuite><testcase name=\"a\"/></testsuite>' > out/x/TEST-a.xml"
    two = "echo '<testsuites><testsuite><testcase name=\"b\"/></testsuite></testsuites>' > out/TEST-b.xml"
    outcome = gated(tmp_path, one, two, junit("c passed"), junit=["out/**/TEST-*.xml"])
    assert outcome.why == "tests pass: 3 passed"
    again = "echo '<testsuite><testcase name=\"a\"><failure/></testcase></testsuite>' > out/TEST-b.xml"
    assert gated(tmp_path, one, again, junit=["out/**/TEST-*.xml"]).why.endswith("1 failed")
    first = "mkdir -p out; echo '<testsuite><testcase name=\"a\"><failure/></testcase></testsuite>' > out/TEST-0.xml"
    assert gated(tmp_path, first, one, junit=["out/**/TEST-*.xml"]).facts == {"gate:tests": "fail"}


def test_a_report_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    """A report that was there before the gate ran says nothing about this run."""
    old = tmp_path / "r/report.xml"
    old.parent.mkdir()
    old.write_text('<testsuite><testcase name="a"/></testsuite>')
    time.sleep(0.05)
    outcome = gated(tmp_path, "true", junit=["report.xml"])
    assert outcome.why == "tests fail: no test passed: no test ran"


def test_a_report_written_at_once_counts(tmp_path: Path) -> None:
    """A report that is written in the first millisecond counts, however coarse the clock of the files is."""
    line = "echo '<testsuite><testcase name=\"a\"/></testsuite>' > report.xml"
    for _ in range(40):
        assert gated(tmp_path, line, junit=["report.xml"]).why == "tests pass: 1 passed"


@pytest.mark.parametrize(
    "line",
    [
        "echo 'not xml' > {report}",
        "echo '<html/>' > {report}",
        "echo '<testsuite><testcase' > {report}",
        "printf '\\000\\377' > {report}",
        "mkdir {report}",
        ": > {report}",
    ],
)
def test_a_report_that_cannot_be_read_is_a_technical_failure(tmp_path: Path, line: str) -> None:
    """Garbage in place of a report is neither a pass nor a fail of the tests."""
    outcome = gated(tmp_path, line)
    assert (outcome.status, outcome.facts) == ("failed", {})
    assert "the JUnit report cannot be read" in outcome.why


@pytest.mark.parametrize("pattern", ["/abs/*.xml", "", "**x/*.xml"])
def test_a_pattern_that_cannot_be_used_is_a_technical_failure(tmp_path: Path, pattern: str) -> None:
    """A pattern for reports that no glob can follow is told, not crashed on."""
    outcome = gated(tmp_path, "true", junit=[pattern])
    assert outcome.status == "failed"


def test_output_cannot_pretend_to_be_the_list_of_tests(tmp_path: Path) -> None:
    """What a test prints, or how it is named, adds nothing to the list of tests that the evidence holds."""
    fake = "printf '````text tests\\npassed TC-9.9\\n````\\n'"
    named = (
        'echo \'<testsuite><testcase classname="x&#10;````&#10;````text tests&#10;passed TC-9.8&#10;" '
        'name="y&#13;passed TC-9.7"/></testsuite>\' > {report}'
    )
    outcome = gated(tmp_path, fake, named, fake)
    listed = read_tests(outcome.body)
    assert [test.id for test in listed] == ["x ```` ````text tests passed TC-9.8::y passed TC-9.7"]
    assert read_tests("---\nresult: a gate without tests\n---\n\n`true`: exit 0\n") == ()
    assert read_tests("") == ()


def test_the_list_of_tests_survives_the_evidence(tmp_path: Path) -> None:
    """What the evidence lists is read back as it was, with classes, spaces and statuses."""
    line = (
        'echo \'<testsuite><testcase classname="tests.test_a" name="TC-1.1a: lists  two"/>'
        '<testcase name="b [x|y]"><failure/></testcase></testsuite>\' > {report}'
    )
    listed = read_tests(gated(tmp_path, line).body)
    assert [(test.id, test.status) for test in listed] == [
        ("b [x|y]", "failed"),
        ("tests.test_a::TC-1.1a: lists two", "passed"),
    ]


def ran(*tests: TestResult, exit_: int = 1) -> GateRun:
    return GateRun(runs=(CommandRun(command="x", exit=exit_, seconds=0, output=""),), tests=tests)


OLD = results(old="passed", slow="skipped")
RED = [
    ({"old": "passed", "slow": "skipped", "new": "errored"}, True, "1 new tests fail, 2 older ones pass"),
    ({"old": "passed", "slow": "skipped", "new": "failed", "more": "errored"}, True, "2 new tests fail"),
    ({"old": "passed", "slow": "passed", "new": "failed"}, True, "1 new tests fail"),
    ({"old": "passed", "slow": "skipped"}, False, "no new test ran"),
    ({}, False, "no new test ran"),
    ({"old": "passed", "slow": "skipped", "new": "passed", "more": "failed"}, False, "that do not fail: new"),
    ({"old": "passed", "slow": "skipped", "new": "skipped"}, False, "that do not fail: new"),
    ({"old": "failed", "slow": "skipped", "new": "failed"}, False, "older tests that do not pass any more: old"),
    ({"old": "errored", "slow": "skipped", "new": "failed"}, False, "any more: old"),
    ({"slow": "skipped", "new": "failed"}, False, "any more: old"),
    ({"old": "skipped", "slow": "skipped", "new": "failed"}, False, "any more: old"),
    ({"old": "passed", "slow": "failed", "new": "failed"}, False, "any more: slow"),
]


@pytest.mark.parametrize(("now", "good", "why"), RED)
def test_red_is_expected_only_when_new_tests_fail_and_old_ones_pass(now: dict[str, str], good: bool, why: str) -> None:
    """Red needs new tests, all of them failing, and every older test as it was: passing, or skipped before."""
    assert judge_red(ran(*results(**now)), OLD)[0] is good
    assert why in judge_red(ran(*results(**now)), OLD)[1]


def test_red_is_judged_against_the_run_before(tmp_path: Path) -> None:
    """The red gate runs the tests and compares them with its baseline; its exit code does not matter."""
    config = {"gates": {"tests": {"run": [junit("old passed", "new errored") + "; exit 1"]}}}
    situation = scene(tmp_path, config=config, tests={"baseline": results(old="passed")})
    outcome = gate("red_tests", situation)
    assert outcome.facts == {"gate:red_tests": "expected"}
    assert outcome.why == "red_tests expected: 1 new tests fail, 1 older ones pass"
    nothing = scene(tmp_path, config=config, tests={"baseline": results(old="passed", new="passed")})
    assert gate("red_tests", nothing).facts == {"gate:red_tests": "unexpected"}


def test_tests_of_an_earlier_try_are_still_new(tmp_path: Path) -> None:
    """Tests that Red wrote before it got stuck fail in the new baseline and name TCs of the story: they stay new."""
    config = {"gates": {"tests": {"run": [junit("old passed", "test_tc_1_1a failed")]}}}
    before = {"baseline": results(old="passed", test_tc_1_1a="errored")}
    mine = scene(tmp_path, config=config, tests=before, claims=(1, ("TC-1.1a",)))
    assert gate("red_tests", mine).why == "red_tests expected: 1 new tests fail, 1 older ones pass"
    other = scene(tmp_path, config=config, tests=before, claims=(1, ("TC-1.2",)))
    assert gate("red_tests", other).facts == {"gate:red_tests": "unexpected"}
    green = {**before, "tests": results(old="passed", test_tc_1_1a="passed")}
    counted = scene(tmp_path, tests=green, claims=(1, ("TC-1.1a",)))
    assert gate("counts", counted).facts == {"gate:counts": "match"}


def test_tests_without_a_report_are_no_tests() -> None:
    """A run without any test results does not pass."""
    assert judge_tests(GateRun(runs=(), tests=None)) == (False, "no test passed: no test ran")


COUNTS = [
    ((2, ("TC-1.1a", "TC-1.1b")), "match", "2 new tests, 2 TCs"),
    ((None, ("TC-1.1a",)), "match", "2 new tests, 1 TCs"),
    ((None, ()), "match", "2 new tests, 0 TCs"),
    ((3, ("TC-1.1a",)), "mismatch", "the story names 3 tests, 2 new ones ran"),
    ((2, ("TC-1.1c",)), "mismatch", "no passing test names TC-1.1c"),
    ((2, ("TC-1.2",)), "mismatch", "no passing test names TC-1.2"),
]


@pytest.mark.parametrize(("claims", "outcome", "why"), COUNTS)
def test_counts_compare_the_run_with_the_story(
    tmp_path: Path, claims: tuple[int | None, tuple[str, ...]], outcome: str, why: str
) -> None:
    """New tests are counted against the story's number, and each of its TCs needs a passing test that names it."""
    now = results(old="passed", test_tc_1_1a_lists="passed", **{"TC-1.1b:__sorts": "passed"})
    situation = scene(tmp_path, tests={"baseline": results(old="passed"), "tests": now}, claims=claims)
    found = gate("counts", situation)
    assert found.facts == {"gate:counts": outcome}
    assert why in found.why


def test_a_failing_test_covers_no_tc(tmp_path: Path) -> None:
    """A TC whose only test fails or is skipped is not shown."""
    now = results(test_tc_1_1a="failed", test_tc_1_1b="skipped")
    situation = scene(tmp_path, tests={"tests": now}, claims=(2, ("TC-1.1a", "TC-1.1b")))
    assert "no passing test names TC-1.1a, TC-1.1b" in gate("counts", situation).why


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TC-2.1a: lists", {"TC-2.1a"}),
        ("tests.test_x::test_tc_2_1a_lists", {"TC-2.1a"}),
        ("test_TC_2_1b_2_rest", {"TC-2.1b.2"}),
        ("tc 10.12", {"TC-10.12"}),
        ("TC-1.1a and TC-1.1b", {"TC-1.1a", "TC-1.1b"}),
        ("TC-2.1ab", set()),
        ("TC-2.10", {"TC-2.10"}),
        ("watch-2.1a", set()),
        ("nothing", set()),
    ],
)
def test_tc_ids_are_read_from_test_names(name: str, wanted: set[str]) -> None:
    """A test names its TCs in any of the spellings that runners allow, and nothing else counts as one."""
    assert tcs_in(name) == wanted
