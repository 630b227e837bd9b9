"""How people write numbers of tests."""

from __future__ import annotations

import re

_RANGE = r"\s*(?:[-–]|through|to)\s*"
# which story a line or section speaks of
STORY_TITLE = re.compile(rf"\bStory\s+(\d+[a-z]?)\b(?!{_RANGE}\d)", re.I)
UP_TO = re.compile(rf"\bstories\s*\(?\s*\d+[a-z]?{_RANGE}(\d+[a-z]?)\b", re.I)
COMPLETE = re.compile(r"\s*(?:[-*+]\s+(?:\[[ x]\]\s+)?)?story:(\d+[a-z]?) (?:is )?(?:complete|done|finished)", re.I)
ONE = re.compile(r"\bstory (\d+[a-z]?)\b", re.I)
MANY = re.compile(r"\bstories (?:\d+[a-z]?)(?:\s*(?:[-–,/&+]|and|through|to)\s*\d+[a-z]?\b)*", re.I)
# "commonly 17 tests"
HEDGE = re.compile(
    r"\b(?:if|optional|optionally|or|depends|dependent|depending|commonly|often|may|might|either|parallel|"
    r"approximately|about|around|at least|minimum|estimated?|roughly)\b|~\d",
    re.I,
)
_NUMBER = r"(?<![\w.~#/:–-])\+?(\d{1,5})"
# a number, the words between, and "tests"
TESTS = re.compile(
    rf"{_NUMBER}\s+((?:[A-Za-z][\w/':-]*\s+){{0,4}}?)(?:tests?|TESTS)\b(?!-)"
    r"(?!\s+(?:files?|suites?|fixtures?|phases?|plans?|names?|steps?|runs?\s+in|doubles?|data)\b)"
)
# statements with words of their own; what they match is read no other way
LABELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("total", re.compile(r"\btotal\s+test count(?:\s*:|\s+(?:is|to|of|at|becomes))\s*(\d{1,5})\b", re.I)),
    ("own", re.compile(r"(?<!total )\btest count(?:\s*:|\s+(?:is|to|of|at|becomes))\s*(\d{1,5})\b", re.I)),
    ("own", re.compile(r"\bstory(?::\w+)? total(?:\s*:|\s+is)\s*(\d{1,5})\s+tests?\b", re.I)),
    ("total", re.compile(r"\b(?:running|cumulative)(?:\s+test)?\s+total(?:\s+is|\s+of)?:?\s+(\d{1,5})\b", re.I)),
    ("either", re.compile(r"(?<!running )(?<!cumulative )(?<!story )\btotal:\s*(\d{1,5})\s+(?:tests?|pass)", re.I)),
    ("prior", re.compile(r"\b(\d{1,5})-test\b[^.]{0,30}\bbaseline\b", re.I)),
)
PLAIN_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("prior", re.compile(r"\b(?:previous|prior)(?:\s+tests?)?:?\s+(\d{1,5})\s+(?:pass|tests?)", re.I)),
    ("prior", re.compile(rf"{_NUMBER}\s+(?:prior|previous|existing|earlier)\b(?!\s+(?:[\w-]+\s+)?tests?)", re.I)),
    ("own", re.compile(rf"{_NUMBER}\s+new\b(?!\s+[\w-])", re.I)),
)
INSIDE = re.compile(r"(?:\s+\w+)?\s+in\s+`([^`]+)`")
GRAPH = re.compile(r"\bStory (\d+[a-z]?)\b.*\[\+?(\d{1,5}) tests?\]")
# words between a number and "tests"
PRIOR_WORDS = {"prior", "previous", "existing", "earlier"}
OWN_WORDS = {"new", "failing", "red"}
NEUTRAL = {"total", "automated", "passing", "pass", "unit", "of", "the", "all", "vitest", "pytest", "tdd", "green"}
MOST = 2_000  # characters of a line that are read
DIGIT = re.compile(r"\d")
WORTH = re.compile(r"test|total|prior|previous|existing|earlier|new\b|baseline", re.I)
SOME = ("first", "last", "other", "least", "remaining")
