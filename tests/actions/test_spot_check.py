"""Spot checks: what judges cite and claim is held against the files and the tests that really ran."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.actions.spot_check import latest_verdict, spot_check
from engine.model.machine import SpotCheckAct
from engine.model.verdict import Counts, Finding
from tests.life import BUILDER, PEDANT, VERIFIER, Life
from tests.rounds import rounds
from tests.scene import results, scene

SPEC = "# Spec\n\nThe page answers within **two** seconds.\nIt shows `5` rows.\n" + "more\n" * 20
VALIDATORS = SpotCheckAct(spot_check="validators")
VERIFY = SpotCheckAct(spot_check="verifier")


def found(where: str, quote: str, severity: str = "issue") -> Finding:
    return Finding(severity=severity, where=where, quote=quote, text="wrong")


def check(tmp_path: Path, finding: Finding) -> tuple[str, str, str]:
    """The fact, the mark of the finding and the line that says why."""
    life = Life("validating").verdict("builder", BUILDER, "FAIL", findings=(finding,)).to("consolidating")
    situation = scene(tmp_path, life)
    (situation.root / "docs").mkdir(exist_ok=True)
    (situation.root / "docs/spec.md").write_text(SPEC)
    outcome = spot_check(VALIDATORS, situation)
    mark = outcome.findings[0]
    assert mark.sources == (BUILDER,)
    return outcome.facts["claims"], str(mark.check), outcome.body


CITED = [
    ("docs/spec.md:3", "answers within two seconds", "confirmed", "stands there"),
    ("`docs/spec.md:3`", "Answers  within\ntwo", "confirmed", "stands there"),
    ("docs/spec.md:3-4", "two seconds. It shows 5 rows", "confirmed", "stands there"),
    ("docs/spec.md:1", "5 rows", "confirmed", "stands there"),
    ("docs/spec.md", "more more", "confirmed", "stands there"),
    ("./docs/spec.md:3", "two seconds", "confirmed", "stands there"),
    ("docs/spec.md:12", "two seconds", "refuted", "does not stand there"),
    ("docs/spec.md:3", "three seconds", "refuted", "does not stand there"),
    ("docs/spec.md:900", "two seconds", "refuted", "has only 25 lines"),
    ("docs/none.md:1", "x", "refuted", "is not there"),
    ("docs:1", "x", "refuted", "is not there"),
    ("../secret.md:1", "x", "refuted", "lies outside"),
    ("/etc/hostname:1", "x", "refuted", "lies outside"),
    ("docs/link.md:1", "secret", "refuted", "lies outside"),
    ("docs/loop.md:1", "x", "refuted", "cannot be read"),
    ("docs/spec.md:3", "", "uncheckable", "quotes nothing"),
    ("docs/spec.md:3", "``", "uncheckable", "quotes nothing"),
    ("", "two seconds", "uncheckable", "cites no place"),
    ("docs/\0.md:1", "x", "uncheckable", "cites no place"),
    ("one\n- [x] two", "x", "refuted", "one - [x] two is not there"),
    ("docs/spec.md:" + "9" * 5000, "x", "refuted", ""),
    ("x" * 5000, "x", "refuted", ""),
]


@pytest.mark.parametrize(("where", "quote", "mark", "why"), CITED, ids=lambda value: value[:20] or "-")
def test_a_citation_is_confirmed_refuted_or_uncheckable(
    tmp_path: Path, where: str, quote: str, mark: str, why: str
) -> None:
    """A citation holds when the quote stands at its line, give or take three; one that leads out is refuted."""
    (tmp_path / "r/docs").mkdir(parents=True)
    (tmp_path / "secret.md").write_text("secret\n")
    (tmp_path / "r/docs/link.md").symlink_to("../../secret.md")
    (tmp_path / "r/docs/loop.md").symlink_to("loop.md")
    claims, told, body = check(tmp_path, found(where, quote))
    assert told == mark
    assert claims == ("refuted" if mark == "refuted" else "confirmed")
    assert body.startswith(f"- {mark}: {BUILDER}, issue ")
    assert why in body


@settings(max_examples=rounds(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.text(max_size=30), quote=st.text(max_size=10))
def test_no_citation_stops_the_engine(tmp_path: Path, where: str, quote: str) -> None:
    """Whatever an agent cites, it is marked and nothing is raised."""
    assert check(tmp_path, found(where, quote))[1] in ("confirmed", "refuted", "uncheckable")


def test_nothing_claimed_is_nothing_refuted(tmp_path: Path) -> None:
    """Verdicts without findings leave nothing to refute, and roles that never spoke are passed over."""
    life = Life("validating").verdict("builder", BUILDER, "PASS").to("consolidating")
    outcome = spot_check(VALIDATORS, scene(tmp_path, life))
    assert outcome.facts == {"claims": "confirmed"}
    assert outcome.body == "Nothing was claimed that a program can check."


def test_a_tc_claimed_as_passing_must_have_passed(tmp_path: Path) -> None:
    """A TC that the verifier calls passing while no passing test of the last run names it is a refuted blocker."""
    tcs = {"TC-1.1a": "pass", "TC-1.1b": "pass", "TC-1.2a": "manual", "TC-1.3": "pass", "TC-1.4": "fail"}
    life = Life("verifying").verdict("verify", VERIFIER, "PASS", tcs=tcs)
    ran = results(test_tc_1_1a="passed", test_tc_1_1b="failed")
    outcome = spot_check(VERIFY, scene(tmp_path, life, tests={"tests": ran}))
    assert outcome.facts == {"claims": "refuted"}
    assert [f.text.split()[2] for f in outcome.findings] == ["TC-1.1b", "TC-1.3"]
    assert {(f.severity, f.sources, f.check) for f in outcome.findings} == {("blocker", ("spot check",), "refuted")}


TC_CLAIMS = [
    ("pass", {"test_tc_1_1a": "passed"}, "confirmed"),
    ("pass", {"test_tc_1_1a": "failed"}, "refuted"),
    ("pass", {"test_tc_1_1a": "skipped"}, "refuted"),
    ("pass", {"test_tc_1_1a_one": "passed", "test_tc_1_1a_two": "errored"}, "refuted"),
    ("pass", {"test_other": "passed"}, "refuted"),
    ("pass", {}, "refuted"),
    ("fail", {"test_tc_1_1a": "failed"}, "confirmed"),
    ("fail", {"test_tc_1_1a": "passed"}, "refuted"),
    ("fail", {"test_tc_1_1a_one": "passed", "test_tc_1_1a_two": "failed"}, "confirmed"),
    ("fail", {}, "confirmed"),
    ("manual", {"test_tc_1_1a": "failed"}, "uncheckable"),
    ("deferred", {}, "uncheckable"),
]


@pytest.mark.parametrize(("said", "ran", "wanted"), TC_CLAIMS)
def test_each_tc_is_held_against_the_run(tmp_path: Path, said: str, ran: dict[str, str], wanted: str) -> None:
    """What a verifier says of a TC is confirmed, refuted or uncheckable by the tests that name it."""
    life = Life("verifying").verdict("verify", VERIFIER, "PASS", tcs={"TC-1.1a": said})
    outcome = spot_check(VERIFY, scene(tmp_path, life, tests={"tests": results(**ran)}))
    assert outcome.body.startswith(f"- {wanted}: {VERIFIER}, TC-1.1a as ")
    assert outcome.facts["claims"] == ("refuted" if wanted == "refuted" else "confirmed")


@pytest.mark.parametrize(
    ("passed", "failed", "wanted"), [(2, 1, "confirmed"), (3, 0, "refuted"), (2, 0, "refuted"), (13, 1, "refuted")]
)
def test_counts_are_held_against_the_run(tmp_path: Path, passed: int, failed: int, wanted: str) -> None:
    """The tests that a verifier counted are those of the last run; one that errored failed, one skipped is neither."""
    counts = Counts(passed=passed, failed=failed)
    life = Life("verifying").verdict("verify", VERIFIER, "PASS", counts=counts)
    ran = results(a="passed", b="passed", c="errored", d="skipped")
    outcome = spot_check(VERIFY, scene(tmp_path, life, tests={"tests": ran}))
    assert outcome.body == (
        f"- {wanted}: {VERIFIER}, {passed} tests passed and {failed} failed: in the last run 2 passed and 1 failed"
    )
    assert [f.sources for f in outcome.findings] == ([("spot check",)] if wanted == "refuted" else [])


def test_counts_of_no_run_are_uncheckable(tmp_path: Path) -> None:
    """Where no test ran, nobody can say whether a count is right."""
    life = Life("verifying").verdict("verify", VERIFIER, "PASS", counts=Counts(passed=1))
    outcome = spot_check(VERIFY, scene(tmp_path, life))
    assert outcome.body.startswith("- uncheckable: ")
    assert outcome.facts == {"claims": "confirmed"}


def test_the_latest_verdict_counts(tmp_path: Path) -> None:
    """Of a role's verdicts the last one counts, also when a story took more than a hundred calls."""
    life = Life("validating")
    life.calls = 98
    life.verdict("builder", BUILDER, "FAIL").to("revalidating")
    life.calls = 99
    life.verdict("again", BUILDER, "PASS")
    situation = scene(tmp_path, life)
    last = latest_verdict(situation, BUILDER)
    assert last is not None
    assert last.evidence == "100-x.md"
    assert latest_verdict(situation, PEDANT) is None
