"""Judging runs: two rounds are one result, older tests stay, and an error is no test."""

from __future__ import annotations

import pytest

from engine.actions.frozen import list_base, list_frozen, read_base, read_frozen
from engine.actions.integrity import is_test_file
from engine.actions.judge import judge_red, judge_tests, settle
from engine.checks.expected import OwnedFiles
from engine.model.call import CommandRun, GateRun, Tree
from tests.scene import results


def ran(last: dict[str, str], first: dict[str, str] | None = None, *, exits: tuple[int, ...] = (0,)) -> GateRun:
    """A run with its last round, and the one before it where there were two."""
    runs = tuple(CommandRun(command=f"c{n}", exit=code, seconds=0, output="") for n, code in enumerate(exits))
    if first is None:
        return GateRun(runs=runs, tests=tuple(results(**last)))
    earlier = tuple(run.model_copy(update={"exit": 1}) for run in runs)
    return GateRun(runs=runs, tests=tuple(results(**last)), earlier=earlier, earlier_tests=tuple(results(**first)))


def test_two_rounds_are_one_result() -> None:
    """Failed once and passed once is flaky; failed and then gone is failed; passed and then gone has passed."""
    first = {"a": "failed", "b": "passed", "c": "failed", "d": "passed", "e": "errored", "f": "skipped"}
    tests, flaky = settle(ran({"a": "passed", "b": "failed", "e": "failed", "f": "skipped"}, first))
    assert flaky == ("a", "b")
    assert {test.id: test.status for test in tests} == {
        "a": "passed",
        "b": "passed",
        "c": "failed",
        "d": "passed",
        "e": "errored",
        "f": "skipped",
    }


JUDGED = [
    ({"a": "passed"}, {"a": "failed"}, (0,), {"a": "passed"}, True, "1 passed; flaky: a"),
    ({"a": "passed"}, {"a": "failed"}, (0,), {}, False, "new tests that are flaky: a"),
    ({"a": "passed"}, {"a": "failed"}, (0,), None, True, "flaky: a"),
    ({"a": "passed", "b": "failed"}, {"a": "failed", "b": "passed"}, (1,), None, True, "flaky: a, b"),
    ({"a": "passed", "b": "failed"}, {"a": "failed", "b": "passed"}, (1, 1), None, False, "but `c0` exit 1"),
    ({"a": "passed"}, {"a": "failed"}, (1,), None, False, "but `c0` exit 1"),
    ({"a": "failed"}, {"a": "failed", "b": "passed"}, (1,), None, False, "1 passed, 1 failed: a"),
    ({"a": "passed"}, None, (0,), {"a": "passed", "b": "passed"}, False, "vanished since the baseline: b"),
    ({"a": "passed", "b": "skipped"}, None, (0,), {"b": "passed"}, False, "do not pass any more: b"),
    ({"a": "passed", "b": "failed"}, None, (1,), {"b": "passed"}, False, "1 failed: b; older tests that do not pass"),
    ({"a": "passed", "b": "skipped"}, None, (0,), {"b": "skipped"}, True, "1 passed, 1 skipped"),
    ({"a": "passed"}, None, (0,), {"b": "skipped"}, False, "vanished since the baseline: b"),
]


@pytest.mark.parametrize(("last", "first", "exits", "older", "good", "why"), JUDGED)
def test_tests_are_judged_with_both_rounds_and_the_older_ones(
    last: dict[str, str],
    first: dict[str, str] | None,
    exits: tuple[int, ...],
    older: dict[str, str] | None,
    good: bool,
    why: str,
) -> None:
    """Flaky is told, and fails a new test only; an older test may neither vanish nor stop passing."""
    judged = judge_tests(ran(last, first, exits=exits), None if older is None else results(**older))
    assert judged[0] is good
    assert why in judged[1]


RED = [
    ({"tests.test_x": "errored"}, "tests.test_x is an error in place of the tests of TC-1.1a"),
    ({"test_tc_1_1b": "failed", "tests.test_x": "errored"}, "in place of the tests of TC-1.1a"),
    ({"src/a.test.ts": "failed"}, "src/a.test.ts is an error in place of"),
    ({"test_tc_1_1a": "failed", "tests.test_x": "errored"}, "2 new tests fail"),
    ({"test_tc_1_1a": "errored"}, "1 new tests fail"),
    ({"test_other": "failed"}, "1 new tests fail"),
]


@pytest.mark.parametrize(("now", "why"), RED)
def test_an_error_in_place_of_tests_is_no_red(now: dict[str, str], why: str) -> None:
    """Where a TC of the story is in no test's name, an error that names none hides it."""
    assert why in judge_red(ran(now), (), ("TC-1.1a",))[1]


def test_a_flaky_new_test_is_no_red() -> None:
    """A new test that passes once does not fail."""
    judged = judge_red(
        ran({"new": "passed", "old": "passed"}, {"new": "failed", "old": "failed"}), results(old="passed")
    )
    assert judged == (False, "new tests that do not fail: new; flaky: new, old")


SHA = "a" * 64


@pytest.mark.parametrize("head", [None, "", "b" * 40])
def test_a_tree_is_read_back_as_it_was_written(head: str | None) -> None:
    """Commit, dirty files, gone files, what the commands make, and the files of the story."""
    tree = Tree(head=head, dirty={"a b": SHA, "gone": ""}, made=("out/x y",))
    owned = OwnedFiles(new=("src/*",), modified=("b",), tests=("tests/c",))
    base = read_base(list_base(tree, owned) + "````text tree\nhead other\n````\n")
    assert base is not None
    assert (base.head, base.dirty, base.made, base.owned) == (head, tree.dirty, {"out/x y"}, owned)
    assert read_base("nothing") is None
    assert read_base("````text tree\nhed x\n````\n") is None


def test_a_dirty_row_without_a_path_excuses_nothing() -> None:
    """A row that is none is passed over, so that it lets no file change."""
    base = read_base("````text tree\nhead none\ndirty gone\ndirty gone a\n````\n")
    assert base is not None
    assert base.dirty == {"a": ""}


def test_frozen_tests_are_read_back_as_they_were_written() -> None:
    """The first list counts; whatever else looks like a row does not."""
    frozen = read_frozen(list_frozen({"a b": SHA, "c": SHA}, {"c"}) + list_frozen({"d": SHA}))
    assert frozen.tests == {"a b": SHA, "c": SHA}
    assert frozen.amended == {"c"}
    assert read_frozen("````text frozen\nfrozen 12 a\nthawed x\n````\n").tests == {}


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        *((path, True) for path in ("test_a.py", "src/test_a.py", "src/a_test.go", "tests/data/a.json", "x/tests/b")),
        *(
            (path, True)
            for path in ("a.test.ts", "src/a.spec.tsx", "src/__tests__/a.js", "conftest.py", "x/conftest.py")
        ),
        *(
            (path, False)
            for path in ("src/a.py", "contest.py", "latest.py", "test.md", "a.spec.md", "mytests/a", "tests")
        ),
    ],
)
def test_test_files_are_known_by_their_names(path: str, is_test: bool) -> None:
    """What runners take for tests, and what tests stand on."""
    assert is_test_file(path) is is_test
