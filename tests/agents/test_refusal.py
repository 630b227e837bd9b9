"""What a refusal means: another try or none, and when."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from engine.agents.refusal import Refusal, read_refusal, stamp

NOW = "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    "words",
    [
        "unexpected status 401 Unauthorized: Incorrect API key provided., url: http://127.0.0.1:4/v1/responses",
        "Not logged in · Please run /login",
        "Invalid API key · Fix external API key",
        "OAuth token has expired",
        "Your access token could not be refreshed because your refresh token has expired. Please log in again.",
    ],
)
def test_who_is_not_logged_in_has_to_log_in(words: str) -> None:
    """A missing or wrong login does not pass by itself."""
    assert read_refusal(words, now=NOW) == Refusal(login=True)


@pytest.mark.parametrize(
    "words",
    [
        "Quota exceeded. Check your plan and billing details.",
        "Credit balance is too low",
        "There's an issue with the selected model (x). It may not exist or you may not have access to it.",
        "Reached maximum number of turns (20)",
        "Incomplete response returned, reason: max_output_tokens",
        "API Error: Claude Code is unable to respond to this request, which appears to violate our Usage Policy",
        "it broke",
        "",
    ],
)
def test_what_does_not_pass_is_not_tried_again(words: str) -> None:
    """Money that is spent, a model that is not there, a refusal and the unknown end at a person."""
    assert read_refusal(words, now=NOW) == Refusal()


@pytest.mark.parametrize(
    "words",
    [
        "exceeded retry limit, last status: 429 Too Many Requests, request id: req_1",
        "API Error: 529 Overloaded. This is a server-side issue, usually temporary — try again in a moment.",
        "We’re currently experiencing high demand, which may cause temporary errors.",
        "stream disconnected before completion: stream closed before response.completed",
        "API Error: Request rejected (429) · rate limited",
        "API Error: Connection error.",
        "You’ve hit your usage limit. Try again later.",
    ],
)
def test_what_passes_is_worth_another_try(words: str) -> None:
    """Overload, a cut stream and a limit without a time pass at a time that nobody knows."""
    assert read_refusal(words, now=NOW) == Refusal(passes=True)


@pytest.mark.parametrize(
    ("words", "until"),
    [
        ("You've hit your limit · resets 3pm (UTC)", "2026-11-22T15:00:00Z"),
        ("You've hit your limit · resets 3:45pm (Europe/Berlin)", "2026-11-22T14:45:00Z"),
        ("You've hit your session limit · resets 11am (UTC)", "2026-11-23T11:00:00Z"),
        ("You've hit your weekly limit · resets Nov 25 at 3pm (UTC)", "2026-11-25T15:00:00Z"),
        ("Claude AI usage limit reached|1795359600", "2026-11-22T15:00:00Z"),
        ("You've hit your usage limit. Upgrade to Pro, or try again at 3:05 PM.", "2026-11-22T13:05:00Z"),
        ("You've hit your usage limit. Try again at Nov 25th, 2026 3:05 PM.", "2026-11-25T13:05:00Z"),
        ("You've hit your usage limit. Try again in 2 days 3 hours 5 minutes.", "2026-11-24T15:05:00Z"),
        (
            "You've hit your usage limit. Visit billing to buy credits or try again in 30 minutes.",
            "2026-11-22T12:30:00Z",
        ),
        ("Rate limit reached. Please try again in 20s.", "2026-11-22T12:00:20Z"),
        ("You've hit your limit · resets 3pm (Nowhere/City)", None),
        ("You've hit your limit · resets 25:99pm (UTC)", None),
        ("You've hit your limit · resets Feb 31 at 3pm (UTC)", None),
        ("You've hit your limit · resets 3", None),
    ],
)
def test_a_limit_says_when_it_ends(words: str, until: str | None) -> None:
    """Spans, clocks with and without a zone and dates are read; what is no time is none."""
    here = timezone(timedelta(hours=2))
    assert read_refusal(words, now=NOW, zone=here) == Refusal(passes=True, until=until)


def test_a_stamp_is_a_time_as_the_engine_writes_it() -> None:
    """Seconds since 1970 become a time in UTC."""
    assert stamp(0) == "1970-01-01T00:00:00Z"
