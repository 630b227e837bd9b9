"""An agent's words read as a report. Whatever is unclear or contradicts itself is invalid, never a PASS. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Literal

from pydantic import ValidationError

from engine.agents.brief import EXAMPLE_REASONING, EXAMPLES
from engine.errors import EngineError
from engine.model.verdict import Fixes, Report, Verdict, Work

_FENCE = re.compile(r" {0,3}(`{3,})[ \t]*([^`]*?)[ \t]*\r?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SEVERITIES = {"critical": "blocker", "blocker": "blocker", "major": "issue", "issue": "issue"}
_SEVERITIES |= {"minor": "nit", "nit": "nit"}
_VERDICTS = {
    "pass": "PASS",
    "ship": "PASS",
    "ready": "PASS",
    "fail": "FAIL",
    "revise": "FAIL",
    "block": "FAIL",
}
_VERDICTS |= {"ready with issues": "FAIL"}
LIMIT = 1_000_000
"""Characters of a reply that are read; more is invalid."""


class InvalidReply(EngineError):
    """A reply that cannot be accepted; `str()` says why in words the agent can act on."""


def read_report(
    text: str,
    returns: Literal["verdict", "fixes", "work"],
    *,
    story: str,
    turn: int,
    tcs: Collection[str] = (),
    findings: Collection[str] = (),
    boundaries: bool = False,
) -> Report:
    """Read the one fenced JSON block of a reply.

    `tcs` must all stand in a verdict's table; `findings` must all be answered by a fixer; with `boundaries` a verdict
    must hold the inventory of boundaries, if only an empty one.
    """
    if len(text) > LIMIT:
        raise InvalidReply(f"the answer has {len(text)} characters, more than {LIMIT}.")
    fields = _only_block(text, {"verdict": "verdict", "fixes": "answers", "work": "files"}[returns])
    try:
        match returns:
            case "verdict":
                verdict = _consistent(Verdict.model_validate(_normal(fields)), story, turn, tcs)
                return _inventoried(verdict, boundaries)
            case "fixes":
                return _complete(Fixes.model_validate(fields), findings)
            case "work":
                return Work.model_validate(fields)
    except ValidationError as err:
        fault = err.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the block"
        raise InvalidReply(f"{where}: {fault['msg']}.") from err


def _only_block(text: str, key: str) -> dict[str, object]:
    found = []
    for body in [*_blocks(text)] or [text]:
        try:
            value = json.loads(body, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and key in value:
            found.append(value)
    if len(found) != 1:
        raise InvalidReply(f"it holds {len(found)} JSON blocks with {key!r}, needs exactly one.")
    if _SURROGATE.search(" ".join(_strings(found[0]))):
        raise InvalidReply("it holds a lone surrogate, which is no character.")
    quoted = sorted(EXAMPLES.intersection(_strings(found[0])))
    if quoted:
        raise InvalidReply(f"{quoted[0]!r} is quoted from the example of the form.")
    return found[0]


def _blocks(text: str) -> Iterator[str]:
    """The bodies of the closed fenced blocks that are JSON or say nothing, read line by line as markdown does."""
    fence, wanted, body = "", False, list[str]()
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        if not fence:
            if match:
                fence, wanted, body = match[1], match[2].lower() in ("", "json"), []
        elif match and not match[2] and len(match[1]) >= len(fence):
            if wanted:
                yield "\n".join(body)
            fence = ""
        else:
            body.append(line)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A mapping that says the same thing twice contradicts itself; JSON would let the last one win."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidReply(f"{twice!r} stands twice in one mapping.")
    return fields


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def _normal(fields: dict[str, object]) -> dict[str, object]:
    """Map the vocabularies in use to ours; unknown words stay and are refused by the schema."""
    fields = dict(fields)
    spoken = fields.get("verdict")
    if isinstance(spoken, str):
        fields["verdict"] = _VERDICTS.get(spoken.strip().lower(), spoken)
    findings = fields.get("findings")
    if isinstance(findings, list):
        fields["findings"] = [_normal_finding(finding) for finding in findings]
    return fields


def _normal_finding(finding: object) -> object:
    if not isinstance(finding, dict):
        return finding
    spoken = finding.get("severity")
    known = _SEVERITIES.get(spoken.strip().lower(), spoken) if isinstance(spoken, str) else spoken
    allowed = {key: value for key, value in finding.items() if key in ("where", "quote", "text")}
    unknown = set(finding) - {"severity", "where", "quote", "text"}
    return {**allowed, **{key: finding[key] for key in unknown if key not in _ENGINES}, "severity": known}


_ENGINES = ("id", "sources", "ambiguous", "check")
"""Fields of a finding that only the engine fills in; an agent's are dropped."""


def _consistent(verdict: Verdict, story: str, turn: int, tcs: Collection[str]) -> Verdict:
    if verdict.story != story:
        raise InvalidReply(f"it is about story {verdict.story!r}, not {story!r}.")
    if verdict.round != turn:
        raise InvalidReply(f"it is about round {verdict.round}, not {turn}.")
    if EXAMPLE_REASONING in verdict.reasoning or not verdict.reasoning.strip():
        raise InvalidReply("the reasoning is that of the example, or empty.")
    held = [finding for finding in verdict.findings if finding.severity != "nit"]
    if verdict.verdict == "PASS" and held:
        raise InvalidReply(f"PASS with {len(held)} open blockers or issues contradicts itself.")
    if verdict.verdict == "FAIL" and not held:
        raise InvalidReply("FAIL without a blocker or an issue contradicts itself.")
    missing = sorted(set(tcs) - set(verdict.tcs))
    if missing:
        raise InvalidReply(f"the TC table lacks {', '.join(missing)}.")
    unknown = sorted(set(verdict.tcs) - set(tcs)) if tcs else []
    if unknown:
        raise InvalidReply(f"the TC table names {', '.join(unknown)}, which this story does not have.")
    failed = sorted(tc for tc, status in verdict.tcs.items() if status == "fail")
    if verdict.verdict == "PASS" and failed:
        raise InvalidReply(f"PASS with failing {', '.join(failed)} contradicts itself.")
    return verdict


def _inventoried(verdict: Verdict, demanded: bool) -> Verdict:
    if verdict.boundaries is None and demanded:
        raise InvalidReply("it lacks `boundaries`: what the code talks to outside itself; an empty list says: nothing.")
    listed = verdict.boundaries or ()
    names = [boundary.name.casefold() for boundary in listed]
    twice = sorted({boundary.name for boundary in listed if names.count(boundary.name.casefold()) > 1})
    if twice:
        raise InvalidReply(f"the boundary {twice[0]!r} is listed twice.")
    stubs = [boundary.name for boundary in listed if boundary.status == "stub"]
    if verdict.verdict == "PASS" and stubs:
        raise InvalidReply(f"PASS with a stub at the boundary {', '.join(stubs)} contradicts itself.")
    return verdict


def _complete(fixes: Fixes, findings: Collection[str]) -> Fixes:
    answered = [answer.finding for answer in fixes.answers]
    missing = sorted(set(findings) - set(answered))
    if missing:
        raise InvalidReply(f"it does not answer {', '.join(missing)}.")
    twice = sorted({finding for finding in answered if answered.count(finding) > 1})
    if twice:
        raise InvalidReply(f"it answers {', '.join(twice)} twice.")
    return fixes
