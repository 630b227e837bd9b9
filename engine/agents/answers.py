"""The forms of an answer as tools of a model take them, and the fenced block that the engine reads. Pure.

They are the engine's own schema, so put that servers with strict schemas take it: a closed list of keys, no maps, and
nothing that only the engine fills in.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from engine.agents.block import InvalidReply, names, parse, split
from engine.model.base import Value
from engine.model.machine import Severity
from engine.model.verdict import Boundary, Counts, Fixes, Outcome, Stand, Work

Returns = Literal["verdict", "fixes", "work"]
KEYS: dict[Returns, str] = {"verdict": "verdict", "fixes": "answers", "work": "files"}
"""What is returned → the key by which its block is known."""


class FoundAnswer(Value):
    """One finding."""

    severity: Severity
    where: str = Field("", description="path:line, or a path.")
    quote: str = Field("", description="What stands there, word for word.")
    text: str = Field(description="What is wrong and what would be right.")
    again: str = Field("", description="The id of the finding that this is, if it was found before and is still open.")
    broken_by: str = Field("", description="The id of the finding whose fix broke this.")


class DisputeAnswer(Value):
    """What you say to a finding of yours that is disputed."""

    finding: str
    answer: Stand
    because: str = Field(description="Evidence, with path:line.")
    severity: Severity | None = Field(None, description="The lighter one, with `partly` only.")


class TcAnswer(Value):
    """The status of one test case."""

    tc: str
    status: Outcome


def _once(tcs: tuple[TcAnswer, ...]) -> tuple[TcAnswer, ...]:
    told = [one.tc for one in tcs]
    twice = sorted({tc for tc in told if told.count(tc) > 1})
    if twice:
        raise ValueError(f"{twice[0]} stands there twice")
    return tcs


def _listed(tcs: object) -> object:
    """The map of the form in the brief says the same as the list of the tool."""
    return [{"tc": tc, "status": status} for tc, status in tcs.items()] if isinstance(tcs, dict) else tcs


class VerdictAnswer(Value):
    """Hand in your verdict. This ends your work; call it once, when everything was looked at."""

    story: str
    round: Annotated[int, Strict()]
    verdict: Literal["PASS", "FAIL"]
    confidence: Literal["high", "medium", "low"]
    reasoning: str
    findings: tuple[FoundAnswer, ...] = ()
    disputes: tuple[DisputeAnswer, ...] = Field((), description="Of a re-validation: what the brief asks about.")
    tcs: Annotated[tuple[TcAnswer, ...], BeforeValidator(_listed), AfterValidator(_once)] = ()
    counts: Counts | None = Field(None, description="Of a verification: how many tests passed and failed.")
    boundaries: tuple[Boundary, ...] | None = Field(None, description="Of a verification: all boundaries.")


class FixesAnswer(Fixes):
    """Hand in an answer to every finding. This ends your work; call it once, when everything is fixed."""


class WorkAnswer(Work):
    """Hand in your report. This ends your work; call it once, when everything is done."""


Form = VerdictAnswer | FixesAnswer | WorkAnswer
FORMS: dict[Returns, type[Form]] = {"verdict": VerdictAnswer, "fixes": FixesAnswer, "work": WorkAnswer}


def as_block(fields: Form | dict[str, object]) -> str:
    """An answer as the one fenced block that the engine reads."""
    said = fields if isinstance(fields, dict) else fields.model_dump(mode="json", exclude_none=True)
    if isinstance(fields, VerdictAnswer):
        said["tcs"] = {one.tc: one.status for one in fields.tcs}
        listed = [one.model_dump(mode="json", exclude_none=True) for one in fields.findings]
        said["findings"] = [{key: value for key, value in one.items() if value != ""} for one in listed]
        if not fields.disputes:
            del said["disputes"]
    return f"```json\n{json.dumps(said, indent=2, ensure_ascii=False)}\n```\n"


def hands_in(text: str, returns: Returns) -> bool:
    """Does a text hold an answer in the form of the brief, right or wrong?"""
    try:
        blocks, _ = split(text)
    except InvalidReply:
        return False
    return any(names(block.body, KEYS[returns]) and parse(block) is not None for block in blocks)
