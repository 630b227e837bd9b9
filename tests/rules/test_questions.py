"""What a state asks a person, and what needs no asking."""

from __future__ import annotations

from engine.model.events import Asked, Decided, Event
from engine.model.machine import AskAct
from engine.model.verdict import Finding
from engine.rules.questions import NOBODY, STANDING, ask_about
from tests.life import AT, Life, machine

TRIAGE, EFFORT, APPROVE = AskAct(ask="triage"), AskAct(ask="effort"), AskAct(ask="approve")


def found(id_: str, severity: str = "blocker", ambiguous: str = "") -> Finding:
    return Finding(id=id_, severity=severity, text=f"text {id_}", sources=("a",), ambiguous=ambiguous)


def life(*findings: Finding, ambiguous: str = "some", state: str = "triage") -> Life:
    return Life("consolidating").checked().merged("some", ambiguous, findings=findings).to(state)


def ask(one: Life, act: AskAct = TRIAGE, **standing: str) -> list[Event]:
    return ask_about(machine(), one.progress, act, standing=standing, at=AT)


def test_each_ambiguous_finding_is_a_question_of_its_own() -> None:
    """Only what is ambiguous is asked about, one question a finding, numbered on through the story."""
    one = life(found("F1", ambiguous="refuted"), found("F2"), found("F3", "issue", "the severities differ"))
    one.events.insert(1, Asked(at=AT, id="D1", decision="approve"))
    assert ask(one) == [
        Asked(at=AT, id="D2", decision="triage", finding="F1"),
        Asked(at=AT, id="D3", decision="triage", finding="F3"),
    ]


def test_a_finding_that_was_decided_is_not_asked_about_again() -> None:
    """A person's answer about a finding stays, also where the finding is ambiguous once more."""
    one = life(found("F1", ambiguous="refuted"), found("F2", ambiguous="refuted"))
    one.decided("triage", "defer", finding="F1").to("triage")
    assert [event.finding for event in ask(one) if isinstance(event, Asked)] == ["F2"]


def test_where_nothing_is_ambiguous_the_whole_fix_list_is_asked_about() -> None:
    """When the rounds are used up or a claim was refuted, everything that is still to fix is asked about."""
    one = life(found("F1"), found("F2", "issue"), found("F3", "nit"), ambiguous="none")
    assert [event.finding for event in ask(one) if isinstance(event, Asked)] == ["F1", "F2"]


def test_nothing_to_decide_is_answered_by_nobody() -> None:
    """Without findings the question answers itself, and nobody is named for it."""
    assert ask(life(ambiguous="none")) == [Decided(at=AT, id=NOBODY, decision="triage", option="answered", by=NOBODY)]
    only_issues = life(found("F1", "issue"))
    assert ask(only_issues)[0].event == "decided"


def test_a_standing_answer_is_taken_from_the_configuration() -> None:
    """What story.toml answers once for all is not asked, and the log says whose answer it is."""
    one = life(found("F1", "issue"))
    assert ask(one, EFFORT, effort="blockers only") == [
        Decided(at=AT, id=NOBODY, decision="effort", option="blockers only", by=STANDING)
    ]


def test_effort_is_asked_about_only_for_issues_without_a_question() -> None:
    """Effort concerns issues that no question of their own was asked about; else the first option holds."""
    assert ask(life(found("F1", "issue")), EFFORT) == [Asked(at=AT, id="D1", decision="effort")]
    first = [Decided(at=AT, id=NOBODY, decision="effort", option="all", by=NOBODY)]
    assert ask(life(found("F1"), found("F2", "nit")), EFFORT) == first
    one = life(found("F1", "issue", "refuted")).asked("triage", "F1")
    assert ask(one, EFFORT) == first
    assert ask(one.decided("triage", "fix", finding="F1"), EFFORT) == first


def test_a_plain_question_is_always_asked() -> None:
    """Approval is never standing and never answered by itself."""
    assert ask(Life("approving"), APPROVE, approve="approve") == [Asked(at=AT, id="D1", decision="approve")]
