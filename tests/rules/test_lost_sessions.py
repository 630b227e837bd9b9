"""A session that is lost: run again in a new one, or put to a person, as the machine says."""

from __future__ import annotations

from engine.model.step import Fire, Run
from tests.life import AT, BUILDER, ENGINEER, PEDANT, Life, machine, told


def sessions(life: Life) -> dict[str, str | None]:
    decision = life.decide()
    assert isinstance(decision, Run)
    return {todo.role: todo.resumes for todo in decision.todo}


def green() -> Life:
    """Green goes on with the session of Red, `if_stale: fresh`."""
    return Life("red").gate("baseline", "pass").work("impl", session="e1").to("green")


def again() -> Life:
    """Re-validation goes on with the validators' sessions, `if_stale: ask`."""
    life = Life("validating")
    life.verdict("builder", BUILDER, "FAIL", session="s1").verdict("pedant", PEDANT, "FAIL", session="s2")
    return life.to("revalidating")


def test_where_the_machine_says_fresh_a_new_session_is_begun() -> None:
    """The lost session is forgotten, the next try has none, and no other action goes on with it either."""
    life = green()
    assert sessions(life) == {ENGINEER: "e1"}
    life.began("impl_green", ENGINEER, resumes="e1").ended("failed", lost="e1", why="session e1 is gone")
    assert sessions(life) == {ENGINEER: None}
    life.began("impl_green", ENGINEER).ended(session="e2")
    assert sessions(life.to("code_fixing")) == {ENGINEER: None}


def test_a_lost_session_is_no_try_of_the_work() -> None:
    """What was lost did not fail: all tries of the machine are still there."""
    life = green().began("impl_green", ENGINEER, resumes="e1").ended("failed", lost="e1", why="gone")
    for _ in range(machine().defaults.retries):
        life.began("impl_green", ENGINEER).ended("failed", why="crash")
    assert told(life.decide()) == f"run impl_green as {ENGINEER}"
    assert told(life.began("impl_green", ENGINEER).ended("failed", why="crash").decide()) == "→ stuck"


def test_where_the_machine_says_ask_a_person_decides_at_once() -> None:
    """No retry: the story is stuck with the reason; the sibling's session is still there."""
    life = again().began("again", BUILDER, resumes="s1").ended("failed", lost="s1", why="session s1 is gone.")
    decision = life.decide()
    assert isinstance(decision, Fire)
    assert (decision.dest, decision.why) == ("stuck", "session s1 is gone.")


def test_a_person_who_says_try_again_gets_a_new_session() -> None:
    """Going back does not run into the same loss again; the sibling goes on with its own session."""
    life = again().began("again", BUILDER, resumes="s1").ended("failed", lost="s1", why="session s1 is gone.")
    assert sessions(life.to("stuck").to("revalidating")) == {BUILDER: None, PEDANT: "s2"}


def test_a_session_lost_between_two_tries_of_an_answer_is_not_asked_again() -> None:
    """An invalid answer is asked for again in its session, unless just that is lost."""
    life = Life("validating").began("builder", BUILDER).ended("invalid", session="s1", why="no block")
    assert sessions(life)[BUILDER] == "s1"
    life.began("builder", BUILDER, resumes="s1").ended("failed", lost="s1", why="gone")
    assert sessions(life)[BUILDER] is None


def test_what_failed_technically_goes_on_in_the_session_that_it_had_begun() -> None:
    """What was answered there is paid for; a try that never had a session, or lost it, is begun anew."""
    life = Life("red").gate("baseline", "pass")
    life.began("impl", ENGINEER).ended("failed", why="no connection")
    assert sessions(life) == {ENGINEER: None}
    life.began("impl", ENGINEER).ended("failed", session="e1", why="nothing came for 300 seconds")
    assert sessions(life) == {ENGINEER: "e1"}
    life.began("impl", ENGINEER, resumes="e1").ended("failed", lost="e1", why="session e1 is gone")
    assert sessions(life) == {ENGINEER: None}


def test_a_stop_at_the_limit_of_money_uses_up_no_try() -> None:
    """It may be tried again at once, as often as a person raises the limit."""
    life = Life("red").gate("baseline", "pass")
    for number in range(5):
        life.began("impl", ENGINEER).ended("failed", session=f"e{number}", until=AT, why="it was stopped")
    assert sessions(life) == {ENGINEER: "e4"}
