"""The journal folded into where a story stands: every kind of event, and what outlives a state."""

from __future__ import annotations

import pytest

from engine.model.events import Adopted, Asked, Began, Ended, Event, Stepped, Wrote
from engine.model.machine import ANSWERED, AgentAct
from engine.model.verdict import Finding, FixAnswer
from engine.rules.findings import to_fix
from engine.rules.forgery import impossible
from engine.rules.history import fold, produced, reopened, roles_of
from tests.life import AT, BUILDER, ENGINEER, INPUTS, PEDANT, Life, first_event, machine


def found(id_: str, severity: str = "blocker") -> Finding:
    return Finding(id=id_, severity=severity, text=f"text {id_}", sources=("a",))


def test_an_empty_journal_is_the_beginning() -> None:
    """Without events a story stands at its machine's first state: every item open, all rounds left, no challenge."""
    progress = fold(machine(), [])
    assert (progress.state, progress.steps, progress.calls) == ("drafted", 0, 0)
    left = {("rounds", loop): "left" for loop in machine().loops}
    items = {("item", key): "open" for key in machine().items}
    assert progress.facts == {**left, **items, ("findings", "challenged"): "none"}


def test_an_adoption_may_begin_anywhere() -> None:
    """A story that was done before is adopted in a later state."""
    assert Life("complete").progress.state == "complete"


@pytest.mark.parametrize(
    ("number", "act", "role", "name"),
    [
        (7, "spot_check", "", "07-spot-check.md"),
        (12, "again", "pedant_validator", "12-again-pedant-validator.md"),
        (107, "x", "", "107-x.md"),
    ],
)
def test_evidence_is_named_by_number_action_and_role(number: int, act: str, role: str, name: str) -> None:
    """Files sort by number; action and role are spelled with dashes."""
    assert Began(at=AT, call="c", number=number, act=act, role=role, attempt=1, turn=1).evidence == name


def test_a_call_is_running_until_it_ended() -> None:
    """A call that began is found again with its number and turn, until it ended."""
    life = Life("green").began("impl_green", ENGINEER)
    who = ("impl_green", ENGINEER)
    assert [*life.progress.running] == [who]
    assert (life.progress.calls, life.progress.turns[who]) == (1, 1)
    life.ended()
    assert (life.progress.running, [*life.progress.done]) == ({}, [who])
    assert life.to("gating").to("green").began("impl_green", ENGINEER).progress.turns[who] == 2


def test_who_is_told_of_first_does_not_depend_on_who_answers_first() -> None:
    """What was done in a state is in the order in which it began."""
    life = Life("validating").began("builder", BUILDER)
    first, began = life.events[-1], Began(at=AT, call="p", number=2, act="pedant", role=PEDANT, attempt=1, turn=1)
    assert isinstance(first, Began)
    life.events += [began, *(_ended(one) for one in (began, first))]
    assert [*life.progress.done] == [("builder", BUILDER), ("pedant", PEDANT)]


def _ended(began: Began) -> Ended:
    return Ended(at=AT, call=began.call, status="ok", why="", evidence=began.evidence, sha="")


def test_a_failure_is_neither_done_nor_a_fact() -> None:
    """A failed or invalid call leaves only the failure, and its session."""
    life = Life("validating").began("builder", BUILDER).ended("failed", why="crash", session="s1")
    life.began("builder", BUILDER).ended("invalid", why="prose")
    progress = life.progress
    assert progress.done == {}
    assert [failure.why for failure in progress.failures["builder", BUILDER]] == ["crash", "prose"]
    assert ("verdict", BUILDER) not in progress.facts
    assert progress.sessions["builder", BUILDER] == "s1"


def test_facts_come_with_the_call_and_go_with_the_state_that_asks_anew() -> None:
    """A verdict holds until a state is entered whose action brings it about again."""
    life = Life("validating").verdict("builder", BUILDER, "PASS").verdict("pedant", PEDANT, "FAIL")
    assert life.progress.facts["verdict", BUILDER] == "PASS"
    assert life.progress.judged == {BUILDER: INPUTS, PEDANT: INPUTS}
    life.to("consolidating").to("fixing")
    assert life.progress.facts["verdict", PEDANT] == "FAIL"
    life.to("revalidating")
    assert life.progress.facts["verdict", PEDANT] == "FAIL"  # only who did not pass is asked again
    life.to("refreshing")
    assert ("verdict", PEDANT) not in life.progress.facts


def test_an_action_ticks_its_items_when_all_its_roles_are_done() -> None:
    """The box of an action that two roles carry out is ticked when both have."""
    life = Life("refreshing").verdict("refresh", BUILDER, "PASS")
    assert not life.progress.ticked("se_validated")
    life.verdict("refresh", PEDANT, "FAIL")
    assert life.progress.ticked("se_validated")
    assert life.progress.ticked("codex_validated")


def test_a_step_ticks_and_reopens() -> None:
    """A step ticks its exit's items, then unticks what the next state reopens."""
    life = Life("gating").to("self_review", ticks=("green_passes", "gates_pass"))
    assert life.progress.ticked("gates_pass")
    life.to("code_fixing", unticks=("green_passes", "gates_pass"))
    assert not life.progress.ticked("green_passes")
    assert life.progress.facts["item", "gates_pass"] == "open"


def test_reopening_takes_the_item_and_all_below_it() -> None:
    """Entering a state unticks from its item on, but never what only shows a neighbour."""
    assert reopened(machine(), machine().states["gorilla"]) == (
        "gorilla_done",
        "verify_run",
        "tcs_verified",
        "marked_complete",
    )
    assert reopened(machine(), machine().states["complete"]) == ()


def test_rounds_are_counted_used_up_and_granted_anew() -> None:
    """Each entering counts; at the limit the rounds are used up; a reset grants new ones before it counts."""
    life = Life()
    for number in range(3):
        assert life.progress.facts["rounds", "fix"] == "left"
        life.to("fixing", enters="fix")
        assert life.progress.counts["fix"] == number + 1
    assert life.progress.facts["rounds", "fix"] == "used_up"
    life.to("fixing", enters="fix", resets=("fix",))
    assert (life.progress.counts["fix"], life.progress.facts["rounds", "fix"]) == (1, "left")


def test_the_origin_is_the_state_that_got_stuck() -> None:
    """The failed state remembers where the story came from, also when it is entered again."""
    life = Life("red").to("stuck")
    assert life.progress.origin == "red"
    assert life.to("stuck").progress.origin == "red"
    assert life.to("green").to("stuck").progress.origin == "green"


def test_questions_are_open_until_they_are_decided_or_left() -> None:
    """A question is asked, then decided; leaving the state drops it; numbers are never used twice."""
    life = Life("approving").asked("approve")
    assert [*life.progress.asked] == ["D1"]
    life.decided("approve", "approve")
    progress = life.progress
    assert (progress.asked, progress.decided["D1"].option) == ({}, "approve")
    assert progress.facts["decision", "approve"] == "approve"
    life.to("approving").asked("approve")
    assert [*life.progress.asked] == ["D2"]
    assert ("decision", "approve") not in life.progress.facts
    assert life.to("queued").progress.asked == {}


def test_a_decision_per_finding_is_answered_with_the_last_one() -> None:
    """Only when each of its questions has an answer is the decision answered; the dispositions stay for good."""
    life = Life("consolidating").checked().merged("some", "some", findings=(found("F1"), found("F2"))).to("triage")
    life.asked("triage", "F1").asked("triage", "F2").decided("triage", "defer", finding="F1")
    assert ("decision", "triage") not in life.progress.facts
    life.decided("triage", "not real", finding="F2")
    assert life.progress.facts["decision", "triage"] == ANSWERED
    assert life.progress.facts["findings", "to_fix"] == "none"
    life.to("approving").to("triage")
    assert {finding: event.option for finding, event in life.progress.dispositions.items()} == {
        "F1": "defer",
        "F2": "not real",
    }
    assert ("decision", "triage") not in life.progress.facts


def test_the_effort_changes_what_is_to_fix() -> None:
    """With `blockers only` an issue is not to be fixed; a finding that a person wants fixed is."""
    life = Life("consolidating").checked().merged("some", findings=(found("F1", "issue"),)).to("triage")
    assert life.decided("effort", "blockers only").progress.facts["findings", "to_fix"] == "none"
    life.asked("triage", "F1").decided("triage", "fix", finding="F1")
    assert life.progress.facts["findings", "to_fix"] == "some"


def test_the_fix_list_is_blockers_and_issues_less_what_was_put_aside() -> None:
    """Blockers always, issues unless effort says otherwise, nits never; a person's word outweighs all of it."""
    findings = [found("F1"), found("F2", "issue"), found("F3", "nit")]
    assert [f.id for f in to_fix(findings, {}, "all")] == ["F1", "F2"]
    assert [f.id for f in to_fix(findings, {}, None)] == ["F1", "F2"]
    assert [f.id for f in to_fix(findings, {}, "blockers only")] == ["F1"]
    life = Life("triage")
    for number, option in enumerate(("not real", "defer", "update spec"), 1):
        life.asked("triage", f"F{number}").decided("triage", option, finding=f"F{number}")
    assert [f.id for f in to_fix(findings, life.progress.dispositions, "all")] == ["F3"]


def test_answers_of_the_fixer_stay_until_the_next_list() -> None:
    """What the fixer said is known to the next consolidation, and gone after it."""
    life = Life("consolidating").checked().merged("some", findings=(found("F1"),)).to("fixing")
    answer = FixAnswer(finding="F1", answer="rejected", because="x")
    life.began("fixer", ENGINEER).ended(answers=(answer,)).to("revalidating")
    assert life.progress.answers == (answer,)
    life.checked().merged("some", findings=(found("F1"),))
    assert life.progress.answers == ()
    assert [*life.progress.named] == ["F1"]


def test_a_renamed_session_is_followed_everywhere() -> None:
    """A session that answers under a new name is the old one, for this role and no other."""
    life = Life("red").work("impl", session="s1").to("validating").verdict("builder", BUILDER, "PASS", session="s1")
    life.to("green").began("impl_green", ENGINEER, resumes="s1").ended(session="s2")
    sessions = life.progress.sessions
    assert (sessions["impl", ENGINEER], sessions["impl_green", ENGINEER]) == ("s2", "s2")
    assert sessions["builder", BUILDER] == "s1"


def test_what_is_not_in_story_md_yet_is_unwritten() -> None:
    """Everything since the last `wrote` still has to be shown; calls that only began show nothing."""
    step = Stepped(at=AT, n=1, source="drafted", dest="approving", why="x")
    asked = Asked(at=AT, id="D1", decision="approve")
    adopted = Adopted(at=AT, by="a", machine="story", state="drafted")
    began = Began(at=AT, call="c", number=1, act="x", role="", attempt=1, turn=1)
    ended = Ended(at=AT, call="c", status="ok", why="", evidence="01-x.md", sha="0")
    assert fold(machine(), [adopted, step, asked, began, ended]).unwritten == [adopted, step, asked, ended]
    assert fold(machine(), [adopted, step, Wrote()]).unwritten == []
    assert fold(machine(), [adopted, Wrote(), began]).unwritten == []


def test_ticks_of_a_person_are_facts() -> None:
    """A person's tick and untick are what guards read."""
    life = Life().ticked("human_approved")
    assert life.progress.ticked("human_approved")
    assert not life.ticked("human_approved", ticked=False).progress.ticked("human_approved")


def test_each_action_produces_its_facts() -> None:
    """What an action brings about is known beforehand, and forgotten when its state is entered."""
    acts = {act.id: act for state in machine().states.values() for act in state.acts()}
    assert produced(machine(), acts["tests"]) == {("gate", "tests")}
    assert produced(machine(), acts["approve"]) == {("decision", "approve")}
    assert produced(machine(), acts["consolidate"]) == {("findings", "to_fix"), ("findings", "ambiguous")}
    assert produced(machine(), acts["spot_check"]) == {("claims",)}
    assert produced(machine(), acts["again"]) == {("verdict", BUILDER), ("verdict", PEDANT)}
    assert produced(machine(), acts["self_rev"]) == {("deviations",)}
    assert produced(machine(), acts["impl"]) == set()
    assert isinstance(acts["again"], AgentAct)
    assert roles_of(machine(), acts["again"]) == (BUILDER, PEDANT)
    assert roles_of(machine(), acts["tests"]) == ("",)


def test_the_end_of_a_call_that_another_machine_knew_is_kept() -> None:
    """A call of an action that the state does not have any more leaves its facts and ticks nothing."""
    life = Life("green").began("gone", ENGINEER).ended(gate__tests="pass")
    assert life.progress.facts["gate", "tests"] == "pass"
    assert not life.progress.ticked("green_done")


BROKEN = [
    ("no state 'gone'", [Adopted(at=AT, by="a", machine="story", state="gone")]),
    ("no state 'gone'", [first_event(), Stepped(at=AT, n=1, source="drafted", dest="gone", why="")]),
    ("c9 ended, but", [first_event(), Ended(at=AT, call="c9", status="ok", why="", evidence="01-x.md", sha="")]),
    ("no decision 'gone'", [first_event(), Asked(at=AT, id="D1", decision="gone")]),
]


@pytest.mark.parametrize(("what", "events"), BROKEN, ids=range(4))
def test_a_journal_of_another_machine_is_told(what: str, events: list[Event]) -> None:
    """A journal that names what the machine does not have is told in words with its line, before it is folded."""
    ((line, told),) = impossible(machine(), tuple(events))
    assert line == len(events)
    assert what in told


def test_a_question_in_between_goes_on_with_the_session_and_changes_nothing_else() -> None:
    """What a person asked a role is no action of the state: only the session and the numbering go on."""
    life = Life("validating").verdict("builder", BUILDER, "PASS", session="s1")
    before = life.progress
    began = Began(
        at=AT, call="q", number=2, act="builder", role=BUILDER, attempt=1, turn=9, resumes="s1", question="Why?"
    )
    life.events.append(began)
    assert life.progress.follow_ups == {(BUILDER, "Why?"): began}
    assert (life.progress.running, life.progress.turns) == (before.running, before.turns)
    life.events += [Wrote(), Ended(at=AT, call="q", status="failed", why="x", evidence="02-x.md", sha="", session="s2")]
    after = life.progress
    assert (after.sessions, after.newest) == ({("builder", BUILDER): "s2"}, {BUILDER: "s2"})
    assert (after.facts, after.done, after.failures, after.latest) == (
        before.facts,
        before.done,
        before.failures,
        before.latest,
    )
    assert (after.calls, after.unwritten, after.follow_ups) == (2, [], {})


def test_a_challenge_is_asked_once_and_decides_nothing_itself() -> None:
    """A challenged finding has no disposition yet; the consolidation that follows takes the challenge as answered."""
    life = Life("consolidating").checked().merged("some", "some", findings=(found("F1"),)).to("triage")
    life.asked("triage", "F1").decided("triage", "challenge", finding="F1", note="no")
    progress = life.progress
    assert (progress.dispositions, progress.challenges, progress.challenged) == ({}, {"F1": "no"}, {"F1"})
    assert progress.facts["findings", "challenged"] == "some"
    life.decided("effort", "all").to("answering").checked().merged("some", "some", findings=(found("F1"),))
    assert (life.progress.challenges, life.progress.challenged) == ({}, {"F1"})
    assert life.progress.facts["findings", "challenged"] == "none"


def test_issues_that_are_left_have_somebody_who_left_them() -> None:
    """Whose effort leaves an issue answers for it, until somebody has it fixed after all."""
    life = Life("consolidating").checked().merged("some", findings=(found("F1", "issue"), found("F2"))).to("triage")
    life.decided("effort", "blockers only", by="Ana").to("fixing")
    assert life.progress.accepted == {"F1": "Ana"}
    assert life.to("triage").decided("effort", "all", by="Bo").to("fixing").progress.accepted == {}
