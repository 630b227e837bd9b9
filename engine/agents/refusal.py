"""What a program or provider that refused meant: is it worth another try, and from when on? Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_LOGIN = re.compile(r"(?i)\b40[13]\b|log ?in\b|logged (?:in|out)|api key|authenticat|unauthorized|oauth|token.*expired")
_MONEY = re.compile(r"(?i)quota|credit balance|billing|payment")
_LIMIT = re.compile(r"(?i)\blimit\b.*\b(?:reach|reset|again)|hit your\b.*\blimit|usage limit")
_PASSES = re.compile(
    r"(?i)\b(?:408|409|429|5\d\d)\b|rate.?limit|overload|high demand|try again|time[d ]?.?out|disconnect|connect"
    r"|network|temporar"
)
_IN = re.compile(
    r"(?i)\bin\s+((?:(?:about|and|,)?\s*\d+\s*(?:days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|[dhms])\b\s*)+)"
)
_PART = re.compile(r"(?i)(\d+)\s*([dhms])")
_AT = re.compile(
    r"(?i)\b(?:resets?|again)(?:\s+(?:at|on))?\s+(?:([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(?:(\d{4}),?\s+)?"
    r"(?:at\s+)?)?(\d{1,2})(?::(\d\d))?\s*(am|pm)?(?:\s*\(([\w+-]+(?:/[\w+-]+)*)\))?"
)
_STAMP = re.compile(r"\|(\d{10})\b")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`passes`: worth another try, `until` says from when on; `login`: somebody has to log in or give a key first."""

    passes: bool = False
    until: str | None = None
    login: bool = False


def read_refusal(words: str, *, now: str, zone: tzinfo | None = None) -> Refusal:
    """What a refusal says in words; what cannot be read is not tried again. `zone` is that of clocks on the wall."""
    if not _LIMIT.search(words):
        if _MONEY.search(words):
            return Refusal()
        if _LOGIN.search(words):
            return Refusal(login=True)
        if not _PASSES.search(words):
            return Refusal()
    return Refusal(passes=True, until=_until(words, datetime.fromisoformat(now), zone))


def stamp(seconds: float) -> str:
    """A time in seconds since 1970 as the engine writes times."""
    return _written(datetime.fromtimestamp(seconds, UTC))


def _until(words: str, now: datetime, zone: tzinfo | None) -> str | None:
    if told := _STAMP.search(words):
        return stamp(int(told[1]))
    if told := _IN.search(words):
        parts = _PART.findall(told[1])
        return _written(now + timedelta(seconds=sum(int(n) * _UNITS[unit.lower()] for n, unit in parts)))
    told = _AT.search(words)
    return _clock(told, now, zone) if told and (told[5] or told[6]) else None


def _clock(told: re.Match[str], now: datetime, zone: tzinfo | None) -> str | None:
    """A clock on the wall, such as `3pm`, `Nov 25, 3:05 PM` or `3:45pm (Europe/Berlin)`: its next time."""
    month, day, year, hour, minute, half, named = told.groups()
    try:
        there = now.astimezone(ZoneInfo(named) if named else zone)
        hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)
        at = there.replace(hour=hours, minute=int(minute or 0), second=0, microsecond=0)
        if month:
            at = at.replace(year=int(year or at.year), month=_MONTHS.index(month.lower()) + 1, day=int(day))
        elif at <= there:
            at += timedelta(days=1)
    except (ValueError, KeyError, OSError):  # no such time or zone: nothing is known
        return None
    return _written(at) if at > there else None


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
