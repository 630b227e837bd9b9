"""decide, walked through every state of the shipped machine: facts in, Fire, Run or Wait out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.model.facts import Fact
from engine.model.step import Fire, Run, Wait
from engine.rules.decide import next_question, unticks, why_not
from tests.life import BUILDER, ENGINEER, INPUTS, PEDANT, VERIFIER, Life, chart, machine, told

World = dict[Fact, str]
Told = Callable[[Life], object]

USED_UP: World = {("rounds", loop): "used_up" for loop in ("fix", "red", "code", "verify", "outside")}
BLOCKED: World = {("dependencies",): "open"}
NO_FILES: World = {("files",): "missing"}


def both(one: str, other: str, act: tuple[str, str] = ("builder", "pedant")) -> Told:
    return lambda life: life.verdict(act[0], BUILDER, one).verdict(act[1], PEDANT, other)


def judged(to_fix: str, ambiguous: str, claims: str, one: str = "FAIL", other: str = "FAIL") -> Told:
    """Verdicts of an earlier state, then spot check and consolidation in this one."""

    def tell(life: Life) -> None:
        state = life.progress.state
        life.to("validating")
        both(one, other)(life)
        life.to(state)
        if state == "revalidating":
            inputs = dict.fromkeys((BUILDER, PEDANT), INPUTS)
            for role, said in ((BUILDER, one), (PEDANT, other)):
                if said == "FAIL":
                    life.verdict("again", role, "FAIL", inputs=inputs[role])
        if state == "spec_validating":
            both(one, other, ("spec_again", "spec_again"))(life)
        life.checked(claims).merged(to_fix, ambiguous)

    return tell


def gates(*, red: str = "expected", typecheck: str = "pass", lint: str = "pass", work: str = "impl") -> Told:
    def tell(life: Life) -> None:
        if work == "impl":
            life.gate("baseline", "pass")
        life.work(work).gate("red_tests", red).gate("typecheck", typecheck).gate("lint", lint)

    return tell


def gating(*, tests: str = "pass", typecheck: str = "pass", lint: str = "pass", counts: str = "match") -> Told:
    return lambda life: life.gate("tests", tests).gate("typecheck", typecheck).gate("lint", lint).gate("counts", counts)


def verified(
    said: str, *, tests: str = "pass", claims: str = "confirmed", to_fix: str = "none", ambiguous: str = "none"
) -> Told:
    return lambda life: (
        life.verdict("verify", VERIFIER, said).gate("tests", tests).checked(claims).merged(to_fix, ambiguous)
    )


def triaged(effort: str, to_fix: str, **gate: str) -> Told:
    """The state's two questions answered; what is to fix stands as the consolidation left it."""

    def tell(life: Life) -> None:
        state = life.progress.state
        life.to("consolidating").checked().merged(to_fix)
        if gate:
            life.to("gating").gate("tests", gate["tests"])
        life.to(state).decided("triage", "answered", by="").decided("effort", effort)

    return tell


def answered(decision: str, option: str, box: str = "") -> Told:
    def tell(life: Life) -> None:
        life.asked(decision)
        if box:
            life.ticked(box)
        life.decided(decision, option)

    return tell


def nothing(_: Life) -> None:
    return None


def challenged(life: Life) -> None:
    triaged("all", "some")(life)
    life.decided("triage", "challenge", finding="F1", note="it is not so")


VALIDATED = ("se_validated", "codex_validated", "consolidated", "blockers_fixed", "revalidated", "human_approved")


def ready(life: Life) -> None:
    state = life.progress.state
    both("PASS", "PASS")(life.to("validating"))
    life.to(state, ticks=VALIDATED)


def earned(*items: str) -> Told:
    return lambda life: life.to(life.progress.state, ticks=items)


PASSED = "+blockers_fixed +revalidated"
WALK: list[tuple[str, Told, World, str]] = [
    ("drafted", nothing, {}, "→ validating"),
    ("drafted", nothing, NO_FILES, "wait files"),
    # validating: both validators side by side, whatever they say
    ("validating", nothing, {}, f"run builder as {BUILDER}, pedant as {PEDANT}"),
    ("validating", lambda life: life.verdict("builder", BUILDER, "PASS"), {}, f"run pedant as {PEDANT}"),
    ("validating", both("FAIL", "PASS"), {}, "→ consolidating"),
    # consolidating: claims are checked first, then merged
    ("consolidating", nothing, {}, "run spot_check"),
    ("consolidating", lambda life: life.checked(), {}, "run consolidate"),
    ("consolidating", judged("none", "none", "confirmed", "PASS", "PASS"), {}, f"→ approving {PASSED}"),
    ("consolidating", judged("some", "none", "confirmed"), {}, "→ fixing *fix"),
    ("consolidating", judged("some", "some", "confirmed"), {}, "→ triage"),
    ("consolidating", judged("some", "none", "refuted"), {}, "→ triage"),
    ("consolidating", judged("none", "none", "refuted", "PASS", "PASS"), {}, "→ triage"),
    ("consolidating", judged("none", "none", "confirmed", "PASS", "FAIL"), {}, "→ triage"),
    # triage: two questions; the fix list decides where it goes
    ("triage", nothing, {}, "ask triage"),
    ("triage", lambda life: life.asked("triage", "F1"), {}, "ask effort"),
    ("triage", lambda life: life.asked("triage", "F1").asked("effort"), {}, "wait person"),
    ("triage", triaged("all", "some"), {}, "→ fixing *fix -fix"),
    ("triage", triaged("blockers only", "none"), {}, f"→ approving {PASSED}"),
    ("triage", challenged, {}, "→ answering"),
    # answering: only the validator whose finding is challenged, in the session that found it
    ("answering", nothing, {}, "run spot_check"),
    ("answering", judged("none", "none", "confirmed", "PASS", "PASS"), {}, f"→ approving {PASSED}"),
    ("answering", judged("some", "none", "confirmed"), {}, "→ fixing *fix"),
    ("answering", judged("some", "some", "confirmed"), {}, "→ triage"),
    # fixing
    ("fixing", nothing, {}, f"run fixer as {ENGINEER}"),
    ("fixing", lambda life: life.work("fixer"), {}, "→ revalidating"),
    # revalidating
    ("revalidating", nothing, {}, f"run again as {BUILDER}, again as {PEDANT}"),
    ("revalidating", judged("none", "none", "confirmed", "PASS", "PASS"), {}, f"→ approving {PASSED}"),
    ("revalidating", judged("some", "none", "confirmed"), {}, "→ fixing *fix"),
    ("revalidating", judged("some", "none", "confirmed"), USED_UP, "→ triage"),
    ("revalidating", judged("some", "none", "refuted"), {}, "→ triage"),
    ("revalidating", judged("some", "some", "confirmed"), {}, "→ triage"),
    # approving: the box and the answer
    ("approving", nothing, {}, "ask approve"),
    ("approving", lambda life: life.asked("approve"), {}, "wait person"),
    ("approving", answered("approve", "approve", "human_approved"), {}, "→ queued -outside"),
    ("approving", answered("approve", "approve"), {}, "wait person"),
    ("approving", answered("approve", "send back"), {}, "→ triage"),
    ("approving", answered("approve", "abandon"), {}, "→ abandoned"),
    # queued: the stories before it and the whole section
    ("queued", ready, {}, "→ red"),
    ("queued", ready, BLOCKED, "wait dependencies"),
    ("queued", nothing, {}, "wait person"),
    # refreshing
    ("refreshing", nothing, {}, f"run refresh as {BUILDER}, refresh as {PEDANT}"),
    ("refreshing", both("PASS", "PASS", ("refresh", "refresh")), {}, "→ consolidating"),
    # red: the old tests first, then the engineer, then three gates side by side
    ("red", nothing, {}, "run baseline"),
    ("red", lambda life: life.gate("baseline", "pass"), {}, f"run impl as {ENGINEER}"),
    ("red", lambda life: life.gate("baseline", "fail"), {}, f"run impl as {ENGINEER}"),
    ("red", lambda life: life.gate("baseline", "pass").work("impl"), {}, "run red_tests, typecheck, lint"),
    (
        "red",
        lambda life: life.gate("baseline", "pass").work("impl").gate("typecheck", "pass"),
        {},
        "run red_tests, lint",
    ),
    ("red", gates(), {}, "→ green +red_errors"),
    ("red", gates(red="unexpected"), {}, "→ red_fixing *red"),
    ("red", gates(lint="fail"), {}, "→ red_fixing *red"),
    ("red", gates(typecheck="fail"), USED_UP, "→ stuck"),
    ("red_fixing", nothing, {}, f"run red_fix as {ENGINEER}"),
    ("red_fixing", gates(work="red_fix"), {}, "→ green +red_errors"),
    ("red_fixing", gates(red="unexpected", work="red_fix"), {}, "→ red_fixing *red"),
    ("red_fixing", gates(red="unexpected", work="red_fix"), USED_UP, "→ stuck"),
    ("green", nothing, {}, f"run impl_green as {ENGINEER}"),
    ("green", lambda life: life.work("impl_green"), {}, "→ gating"),
    # gating: tests, then typecheck and lint side by side, then the counts
    ("gating", nothing, {}, "run tests"),
    ("gating", lambda life: life.gate("tests", "fail"), {}, "run typecheck, lint"),
    (
        "gating",
        lambda life: life.gate("tests", "pass").gate("typecheck", "pass").gate("lint", "pass"),
        {},
        "run counts",
    ),
    ("gating", gating(), {}, "→ self_review +green_passes +gates_pass"),
    ("gating", gating(counts="mismatch"), {}, "→ counting"),
    ("gating", gating(tests="fail"), {}, "→ code_fixing *code"),
    ("gating", gating(tests="fail", counts="mismatch"), {}, "→ code_fixing *code"),
    ("gating", gating(lint="fail"), USED_UP, "→ stuck"),
    ("counting", nothing, {}, "ask counts"),
    ("counting", answered("counts", "story is right"), {}, "→ code_fixing -code"),
    ("counting", answered("counts", "spec is right"), {}, "→ code_fixing -code"),
    ("counting", answered("counts", "run is right"), {}, "→ self_review +green_passes +gates_pass"),
    ("code_fixing", nothing, {}, f"run code_fix as {ENGINEER}"),
    ("code_fixing", lambda life: life.work("code_fix"), {}, "→ gating"),
    ("self_review", nothing, {}, f"run self_rev as {ENGINEER}"),
    ("self_review", lambda life: life.work("self_rev", deviations="none"), {}, "→ gorilla"),
    ("self_review", lambda life: life.work("self_rev", deviations="some"), {}, "→ conflict"),
    ("conflict", nothing, {}, "ask spec_conflict"),
    ("conflict", answered("spec_conflict", "update spec"), {}, "→ spec_updating"),
    ("conflict", answered("spec_conflict", "fix code"), {}, "→ code_fixing -code"),
    ("conflict", answered("spec_conflict", "no conflict"), {}, "→ gorilla"),
    ("spec_updating", nothing, {}, f"run spec_update as {ENGINEER}"),
    ("spec_updating", lambda life: life.work("spec_update"), {}, "→ spec_validating"),
    ("spec_validating", nothing, {}, f"run spec_again as {BUILDER}, spec_again as {PEDANT}"),
    ("spec_validating", judged("none", "none", "confirmed", "PASS", "PASS"), {}, f"→ spec_agreed {PASSED}"),
    ("spec_validating", judged("some", "none", "confirmed"), {}, "→ spec_fixing *fix"),
    ("spec_validating", judged("some", "none", "confirmed"), USED_UP, "→ spec_triage"),
    ("spec_validating", judged("none", "none", "refuted", "PASS", "PASS"), {}, "→ spec_triage"),
    ("spec_triage", nothing, {}, "ask triage"),
    ("spec_triage", triaged("all", "some"), {}, "→ spec_fixing *fix -fix"),
    ("spec_triage", triaged("all", "none"), {}, f"→ spec_agreed {PASSED}"),
    ("spec_fixing", nothing, {}, f"run spec_fix as {ENGINEER}"),
    ("spec_fixing", lambda life: life.work("spec_fix"), {}, "→ spec_validating"),
    ("spec_triage", challenged, {}, "→ spec_answering"),
    ("spec_answering", judged("none", "none", "confirmed", "PASS", "PASS"), {}, f"→ spec_agreed {PASSED}"),
    ("spec_answering", judged("some", "none", "confirmed"), {}, "→ spec_fixing *fix"),
    ("spec_answering", judged("some", "none", "refuted"), {}, "→ spec_triage"),
    # spec_agreed: on to the first item that is not earned
    ("spec_agreed", nothing, {}, "→ gating"),
    ("spec_agreed", earned("green_passes"), {}, "→ gating"),
    ("spec_agreed", earned("green_passes", "gates_pass"), {}, "→ self_review"),
    ("spec_agreed", earned("green_passes", "gates_pass", "self_reviewed"), {}, "→ gorilla"),
    ("spec_agreed", earned("green_passes", "gates_pass", "self_reviewed", "gorilla_done"), {}, "→ verifying"),
    ("gorilla", nothing, {}, "ask gorilla"),
    ("gorilla", answered("gorilla", "feels right", "gorilla_done"), {}, "→ verifying -outside"),
    ("gorilla", answered("gorilla", "feels right"), {}, "wait person"),
    ("gorilla", answered("gorilla", "feels wrong"), {}, "→ code_fixing -code"),
    ("gorilla", answered("gorilla", "bug"), {}, "→ bug_fixing"),
    ("gorilla", answered("gorilla", "conflicts with spec"), {}, "→ conflict"),
    ("bug_fixing", nothing, {}, f"run bug_fix as {ENGINEER}"),
    ("bug_fixing", lambda life: life.work("bug_fix"), {}, "→ gating"),
    # verifying: the verifier, the tests again, its claims, one list
    ("verifying", nothing, {}, f"run verify as {VERIFIER}"),
    ("verifying", lambda life: life.verdict("verify", VERIFIER, "PASS"), {}, "run tests"),
    ("verifying", verified("PASS"), {}, "→ accepting +tcs_verified"),
    ("verifying", verified("PASS", tests="fail"), {}, "→ verify_fixing *verify"),
    ("verifying", verified("FAIL", to_fix="some"), {}, "→ verify_fixing *verify"),
    ("verifying", verified("FAIL", to_fix="some"), USED_UP, "→ verify_triage"),
    ("verifying", verified("PASS", tests="fail"), USED_UP, "→ verify_triage"),
    ("verifying", verified("PASS", claims="refuted"), {}, "→ verify_triage"),
    ("verifying", verified("FAIL", to_fix="some", ambiguous="some"), {}, "→ verify_triage"),
    ("verify_triage", nothing, {}, "ask triage"),
    ("verify_triage", triaged("all", "some", tests="pass"), {}, "→ verify_fixing *verify -verify"),
    ("verify_triage", triaged("all", "none", tests="fail"), {}, "→ verify_fixing *verify -verify"),
    ("verify_triage", triaged("all", "none", tests="pass"), {}, "→ accepting +tcs_verified"),
    ("verify_fixing", nothing, {}, f"run verify_fix as {ENGINEER}"),
    ("verify_fixing", lambda life: life.work("verify_fix"), {}, "→ gating"),
    ("accepting", nothing, {}, "ask accept"),
    ("accepting", answered("accept", "ship it", "marked_complete"), {}, "→ complete"),
    ("accepting", answered("accept", "ship it"), {}, "wait person"),
    ("accepting", answered("accept", "send back"), {}, "→ code_fixing -code"),
    ("stuck", nothing, {}, "ask stuck"),
    ("stuck", answered("stuck", "revalidate"), {}, "→ validating -fix,red,code,verify,outside"),
    ("stuck", answered("stuck", "abandon"), {}, "→ abandoned"),
    ("complete", nothing, {}, "wait nobody"),
    ("abandoned", nothing, {}, "wait nobody"),
]


@pytest.mark.parametrize(
    ("state", "tell", "world", "wanted"), WALK, ids=[f"{n}-{row[0]}-{row[3]}" for n, row in enumerate(WALK)]
)
def test_each_state_answers_what_the_machine_says(state: str, tell: Told, world: World, wanted: str) -> None:
    """In each state the facts lead to exactly the exit, the actions or the waiting that the machine declares."""
    life = Life(state)
    tell(life)
    assert life.progress.state == state
    assert told(life.decide(world)) == wanted


def test_the_walk_visits_every_state_and_takes_every_exit() -> None:
    """The table leaves out no state of the machine, and no exit but the way back from `stuck`."""
    assert {row[0] for row in WALK} == set(machine().states)
    taken = {(state, wanted.split()[1]) for state, _, _, wanted in WALK if wanted.startswith("→")}
    declared = {(name, exit_.to) for name, state in machine().states.items() for exit_ in state.exits}
    assert declared - taken == {("stuck", "origin")}


@pytest.mark.parametrize(("state", "wanted"), [("red", "→ red"), ("verifying", "→ verifying")])
def test_stuck_leads_back_to_where_it_came_from(state: str, wanted: str) -> None:
    """`try again` returns to the state in which the story got stuck, with new rounds."""
    life = Life(state).to("stuck")
    answered("stuck", "try again")(life)
    assert told(life.decide()) == f"{wanted} -fix,red,code,verify,outside"


def test_only_the_validator_that_did_not_pass_validates_again() -> None:
    """A validator that passed on the very same inputs is not paid twice; after a change it is."""
    life = Life("validating")
    both("PASS", "FAIL")(life)
    life.to("revalidating")
    assert told(life.decide()) == f"run again as {PEDANT}"
    changed = {**INPUTS, "story": "z"}
    assert told(life.decide(inputs=changed)) == f"run again as {BUILDER}, again as {PEDANT}"


def test_a_later_pass_of_the_same_state_does_not_run_again() -> None:
    """Within one visit a role that answered is done, whatever the inputs are by then."""
    life = Life("validating")
    both("FAIL", "FAIL")(life)
    life.to("revalidating").verdict("again", BUILDER, "FAIL").verdict("again", PEDANT, "PASS")
    assert told(life.decide(inputs={})) == "run spot_check"


def resumed(life: Life) -> dict[str, str | None]:
    decision = life.decide()
    assert isinstance(decision, Run)
    return {todo.role: todo.resumes for todo in decision.todo}


def test_each_validator_goes_on_with_its_own_session() -> None:
    """Re-validation, refreshing and validation of a changed spec resume each validator's own session."""
    for state in ("revalidating", "refreshing", "spec_validating"):
        life = Life("validating")
        life.verdict("builder", BUILDER, "FAIL", session="s1").verdict("pedant", PEDANT, "FAIL", session="s2")
        life.to(state)
        assert resumed(life) == {BUILDER: "s1", PEDANT: "s2"}


def test_a_session_that_gets_a_new_name_is_followed() -> None:
    """Where a provider renames a session on resuming, the next one goes on with the new name."""
    life = Life("validating").verdict("builder", BUILDER, "FAIL", session="s1")
    life.verdict("pedant", PEDANT, "FAIL", session="s2").to("revalidating")
    life.began("again", BUILDER, resumes="s1").ended(session="s1b", verdict__builder_validator="FAIL")
    life.verdict("again", PEDANT, "FAIL", session="s2").to("fixing").to("revalidating")
    assert resumed(life) == {BUILDER: "s1b", PEDANT: "s2"}


def test_the_engineer_reviews_in_the_session_that_implemented() -> None:
    """Green, code fixes and self-review resume Red's session; Red itself and the verifier start fresh."""
    life = Life("red").gate("baseline", "pass").work("impl", session="e1")
    for state in ("green", "code_fixing", "self_review", "bug_fixing", "verify_fixing", "red_fixing"):
        assert resumed(life.to(state)) == {ENGINEER: "e1"}
    assert resumed(life.to("verifying")) == {VERIFIER: None}
    assert resumed(life.to("red").gate("baseline", "pass")) == {ENGINEER: None}
    assert resumed(life.to("validating")) == {BUILDER: None, PEDANT: None}
    assert resumed(life.to("fixing")) == {ENGINEER: None}


def test_an_invalid_answer_is_asked_for_once_more_in_the_same_session() -> None:
    """After one invalid answer the same session is asked again, as the next attempt and turn."""
    life = Life("validating").began("builder", BUILDER).ended("invalid", session="s1", why="no block")
    decision = life.decide()
    assert isinstance(decision, Run)
    mine = decision.todo[0]
    assert (mine.role, mine.resumes, mine.attempt, mine.turn) == (BUILDER, "s1", 2, 2)


def test_an_invalid_answer_is_asked_for_again_also_after_a_crash() -> None:
    """A crash between two tries does not turn the repeated question into a fresh session."""
    life = Life("validating").began("builder", BUILDER).ended("invalid", session="s1", why="no block")
    life.began("builder", BUILDER, resumes="s1").ended("failed", why="crash")
    assert resumed(life)[BUILDER] == "s1"


def test_two_invalid_answers_end_at_a_person() -> None:
    """After the second invalid answer nobody is asked again: the story is stuck."""
    life = Life("validating")
    for _ in range(2):
        life.began("builder", BUILDER).ended("invalid", why="no block")
    decision = life.decide()
    assert isinstance(decision, Fire)
    assert (decision.dest, decision.why) == ("stuck", "Senior Engineer failed 2 times: no block")


def test_technical_failures_are_retried_as_often_as_the_machine_says() -> None:
    """A crash is tried again `retries` times, then the story is stuck; it is never read as a verdict."""
    life = Life("green")
    for attempt in range(1, machine().defaults.retries + 2):
        decision = life.decide()
        assert isinstance(decision, Run)
        assert decision.todo[0].attempt == attempt
        life.began("impl_green", ENGINEER).ended("failed", why="crash")
    assert told(life.decide()) == "→ stuck"


def test_failures_of_one_visit_do_not_count_in_the_next() -> None:
    """A person who says `try again` grants all the tries anew."""
    life = Life("green")
    for _ in range(3):
        life.began("impl_green", ENGINEER).ended("failed", why="crash")
    life.to("stuck").to("green")
    assert told(life.decide()) == f"run impl_green as {ENGINEER}"


def test_a_call_that_was_begun_is_found_again() -> None:
    """A killed engine goes on with the call it had minted, with its turn and session."""
    life = Life("red").gate("baseline", "pass").began("impl", ENGINEER, resumes="e0")
    decision = life.decide()
    assert isinstance(decision, Run)
    mine = decision.todo[0]
    assert (mine.call, mine.turn, mine.resumes) == ("c2", 1, "e0")


def test_own_items_guard_the_end_of_their_phase() -> None:
    """An item that the story added to a phase must be ticked before the story leaves that phase onward."""
    mine: World = {("own", "Validation", "Ask the designer"): "open"}
    life = Life("approving")
    answered("approve", "approve", "human_approved")(life)
    decision = life.decide(mine)
    assert decision == Wait(for_="person", why=("item not ticked: 'Ask the designer' (Validation)",))
    assert told(life.decide({("own", "Validation", "Ask the designer"): "ticked"})) == "→ queued -outside"


def test_own_items_of_a_later_phase_or_on_the_way_back_hold_nobody_up() -> None:
    """Own items neither block a phase before theirs, nor the way back, nor giving up."""
    later: World = {("own", "Verification", "Show it"): "open", ("own", "Ready for Next", "Rest"): "open"}
    life = Life("approving")
    answered("approve", "approve", "human_approved")(life)
    assert told(life.decide(later)) == "→ queued -outside"
    earlier: World = {("own", "Implementation", "Document it"): "open"}
    back = Life("gorilla")
    answered("gorilla", "feels wrong")(back)
    assert told(back.decide(earlier)) == "→ code_fixing -code"
    gone = Life("approving")
    answered("approve", "abandon")(gone)
    assert told(gone.decide({("own", "Validation", "Ask"): "open"})) == "→ abandoned"
    last = Life("accepting")
    answered("accept", "ship it", "marked_complete")(last)
    assert told(last.decide(later)) == "wait person"
    assert told(last.decide({("own", "Ready for Next", "Rest"): "open"})) == "→ complete"


def test_why_a_step_was_taken_names_results_and_people() -> None:
    """The reason of a step holds what the actions said, who decided what, and the note."""
    life = Life("green").began("impl_green", ENGINEER).ended(why="Senior Engineer: implement done")
    decision = life.decide()
    assert isinstance(decision, Fire)
    assert decision.why == "Senior Engineer: implement done"
    person = Life("gorilla").asked("gorilla").decided("gorilla", "feels wrong", note="the button\nis red")
    decision = person.decide()
    assert isinstance(decision, Fire)
    assert decision.why == "gorilla: feels wrong (Ana): the button is red"
    assert isinstance(first := Life("drafted").decide(), Fire)
    assert "are there" in first.why


def test_an_exit_without_a_guard_says_so() -> None:
    """Where nothing was said and the exit asks nothing, the reason is that there is nothing to wait for."""
    life = Life("validating").verdict("builder", BUILDER, "PASS").verdict("pedant", PEDANT, "PASS")
    decision = life.decide()
    assert isinstance(decision, Fire)
    assert decision.why == "there is nothing to wait for"


def test_waiting_names_every_open_question_once() -> None:
    """Whoever waits is told each guard's question that does not answer yes."""
    decision = Life("queued").decide({("dependencies",): "open"})
    assert isinstance(decision, Wait)
    assert "dependencies is open, needs complete" in decision.why
    assert "item not ticked: 'Human approved'" in decision.why
    assert len(set(decision.why)) == len(decision.why)


def test_why_not_tells_each_exit_with_its_reasons() -> None:
    """For each exit: open, closed or not known yet, and for `otherwise` what stands in its way."""
    facts = {("verdict", BUILDER): "PASS"}
    rows = why_not(chart(), "consolidating", facts)
    assert [(exit_.to, answer) for exit_, answer, _ in rows] == [
        ("approving", None),
        ("fixing", None),
        ("triage", None),
    ]
    assert rows[2][2] == ["another exit may still open"]
    open_ = {("findings", "to_fix"): "some", ("findings", "ambiguous"): "none", ("claims",): "confirmed"}
    rows = why_not(chart(), "consolidating", open_)
    assert [answer for _, answer, _ in rows] == [False, True, False]
    assert rows[2][2] == ["another exit is open"]
    assert why_not(chart(), "consolidating", {**open_, ("claims",): "refuted"})[2][1:] == (True, [])


def test_the_next_question_comes_after_the_work() -> None:
    """A question is put only when nothing else is to be done before it, and only once."""
    assert next_question(machine(), Life("validating").progress) is None
    first = next_question(machine(), Life("triage").progress)
    assert first is not None
    assert first.ask == "triage"
    second = next_question(machine(), Life("triage").asked("triage", "F1").progress)
    assert second is not None
    assert second.ask == "effort"
    assert next_question(machine(), Life("approving").asked("approve").progress) is None
    assert next_question(machine(), Life("complete").progress) is None


def test_an_exit_unticks_what_the_next_state_reopens() -> None:
    """Of the items that the next state reopens, only those that are ticked are unticked; also what it just ticked."""
    life = Life("gating").to("gating", ticks=("red_done", "green_done", "self_reviewed", "gorilla_done"))
    gating(tests="fail")(life)
    decision = life.decide()
    assert isinstance(decision, Fire)
    assert unticks(machine(), life.progress, decision) == ("self_reviewed", "gorilla_done")
    back = decision.model_copy(update={"exit": decision.exit.model_copy(update={"ticks": ("green_passes",)})})
    assert unticks(machine(), life.progress, back)[0] == "green_passes"
