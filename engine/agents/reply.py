"""An agent's words read as a report. Whatever is unclear or contradicts itself is invalid, never a PASS. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from pydantic import ValidationError

from engine.agents.block import Block, InvalidReply, names, only_block, parse, split, visible
from engine.agents.brief import EXAMPLE_REASONING, EXAMPLES
from engine.agents.prose import read_form, stated
from engine.agents.vocabulary import CONFIDENCES, DISPUTES, SEVERITIES, STATUSES, VERDICTS, meant
from engine.model.machine import Severity
from engine.model.verdict import Dispute, Finding, Fixes, Report, Verdict, Work

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_HEAVY = re.compile(rf"(?i)\W*(?:{'|'.join(word for word, said in SEVERITIES.items() if said != 'nit')})\s*[:—–-]")
LIMIT = 1_000_000
"""Characters of a reply that are read; more is invalid."""


def read_report(
    text: str,
    returns: Literal["verdict", "fixes", "work"],
    *,
    story: str,
    turn: int,
    tcs: Collection[str] = (),
    others: Mapping[str, str] | None = None,
    gates: Mapping[str, str] | None = None,
    given: Collection[str] = (),
    findings: Collection[str] = (),
    boundaries: bool = False,
    disputed: Mapping[str, Finding] | None = None,
    known: Collection[str] = (),
) -> Report:
    """Read the one block of a reply, or a verdict in the method's own form.

    `tcs` must all stand in a verdict's table, `others` are the TCs that the story tests by hand or defers, `gates`
    those that ran in this round and did not pass, with their outcomes. `given` are the documents that the agent
    read: a verdict that stands in one of them is none. `findings` must all be answered by a fixer; with `boundaries`
    a verdict must hold the inventory of boundaries, if only an empty one. `disputed` are the findings of its own that
    a validator has to answer, `known` the ids that its findings may name.
    """
    if len(text) > LIMIT:
        raise InvalidReply(f"the answer has {len(text)} characters, more than {LIMIT}.")
    try:
        match returns:
            case "verdict":
                verdict = Verdict.model_validate(_normal(_verdict_fields(text, story, turn, given)))
                _answered(verdict, disputed or {}, known)
                return _inventoried(_consistent(verdict, story, turn, tcs, others or {}, gates or {}), boundaries)
            case "fixes":
                return _complete(Fixes.model_validate(_fields(text, "answers")), findings)
            case "work":
                return Work.model_validate(_fields(text, "files"))
    except ValidationError as err:
        fault = err.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the block"
        raise InvalidReply(f"{' '.join(where.split())[:80]}: {fault['msg']}.") from err


def _fields(text: str, key: str) -> dict[str, object]:
    """The fields of a reply that is a block, or nothing but JSON."""
    blocks, _ = split(text)
    return _own_words(only_block(blocks or [Block("json", text)], key, guarded=False)[0])


def _verdict_fields(text: str, story: str, turn: int, given: Collection[str]) -> dict[str, object]:
    """The fields of a verdict, of which a reply has one reading, or none."""
    blocks, prose = split(text)
    if any("<!--" in re.sub(r"`[^`]*`", "", line) for line in prose):
        raise InvalidReply("it holds an HTML comment, which nobody sees.")
    if not blocks and parse(Block("json", text)) is not None:
        blocks, prose = [Block("json", text)], []
    if not any(names(block.body, "verdict") for block in blocks):
        said = _own_words(read_form([line.rstrip("\r") for line in prose], story, turn))
        _not_quoted("".join(prose), given)
        return said
    fields, body = only_block(blocks, "verdict", guarded=True)
    fields = _own_words(fields)
    _not_quoted(body, given)
    if any(re.search(r"(?i)[\"'“]verdict[\"'”]\s*:", visible(line)) for line in prose):
        raise InvalidReply("a verdict stands outside of its block, too.")
    reasoning = fields.get("reasoning")
    told = [*stated(prose), *stated(reasoning.split("\n") if isinstance(reasoning, str) else [])]
    for words, meaning in told:
        if meaning != meant(fields["verdict"], VERDICTS):
            raise InvalidReply(f"its words say {words[:80]!r}, its block says {str(fields['verdict'])[:20]!r}.")
    return fields


def _own_words(fields: dict[str, object]) -> dict[str, object]:
    """Refuse what is no text, and what is quoted from the form."""
    if _SURROGATE.search(" ".join(_strings(fields))):
        raise InvalidReply("it holds a lone surrogate, which is no character.")
    quoted = sorted(EXAMPLES.intersection(_strings(fields)))
    if quoted:
        raise InvalidReply(f"{quoted[0]!r} is quoted from the example of the form.")
    return fields


def _not_quoted(words: str, given: Collection[str]) -> None:
    """What the agent was given to read is no answer, however it is set."""
    bare = "".join(words.split())
    if bare and any(bare in "".join(text.replace("\n>", "\n").split()) for text in given):
        raise InvalidReply("its verdict stands word for word in a document that it was given to read.")


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
    for key, table in (("verdict", VERDICTS), ("confidence", CONFIDENCES)):
        if key in fields:
            fields[key] = meant(fields[key], table)
    findings, tcs = fields.get("findings"), fields.get("tcs")
    if isinstance(findings, list):
        fields["findings"] = [_normal_finding(finding) for finding in findings]
    if isinstance(tcs, dict):
        fields["tcs"] = {tc: meant(status, STATUSES) for tc, status in tcs.items()}
    disputes = fields.get("disputes")
    if isinstance(disputes, list):
        fields["disputes"] = [_normal_dispute(dispute) for dispute in disputes]
    return fields


def _normal_finding(finding: object) -> object:
    if not isinstance(finding, dict):
        return finding
    known = {key: value for key, value in finding.items() if key not in _ENGINES}
    return {**known, "severity": meant(finding.get("severity"), SEVERITIES)}


def _normal_dispute(dispute: object) -> object:
    if not isinstance(dispute, dict):
        return dispute
    known = {key: value for key, value in dispute.items() if key not in _ENGINES}
    said = {"answer": meant(dispute.get("answer"), DISPUTES)}
    revised = {"severity": meant(dispute["severity"], SEVERITIES)} if dispute.get("severity") else {"severity": None}
    return {**known, **said, **revised}


_ENGINES = ("id", "sources", "ambiguous", "check", "saw", "late", "end", "disputes", "by", "was")
"""Fields of a finding or a dispute that only the engine fills in; an agent's are dropped."""
_LIGHTER: Mapping[Severity, tuple[Severity, ...]] = {"blocker": ("issue", "nit"), "issue": ("nit",), "nit": ()}


def _consistent(
    verdict: Verdict,
    story: str,
    turn: int,
    tcs: Collection[str],
    others: Mapping[str, str],
    gates: Mapping[str, str],
) -> Verdict:
    """Hold a verdict against itself and against what the engine knows; its own verdict must be the same."""
    if verdict.story != story:
        raise InvalidReply(f"it is about story {verdict.story[:40]!r}, not {story!r}.")
    if verdict.round != turn:
        raise InvalidReply(f"it is about round {str(verdict.round)[:20]}, not {turn}.")
    if EXAMPLE_REASONING in verdict.reasoning or not visible(verdict.reasoning).strip():
        raise InvalidReply("the reasoning is that of the example, or empty.")
    if not all(visible(finding.text).strip() for finding in verdict.findings):
        raise InvalidReply("a finding has no words.")
    if any(finding.severity == "nit" and _HEAVY.match(finding.text) for finding in verdict.findings):
        raise InvalidReply("a nit calls itself a blocker or an issue in its text.")
    _table(verdict, tcs, others)
    held = sum(finding.severity != "nit" for finding in verdict.findings)
    held += sum(dispute.answer == "hold" or dispute.severity in ("blocker", "issue") for dispute in verdict.disputes)
    if verdict.verdict == "FAIL" and not held:
        raise InvalidReply("FAIL without a blocker or an issue contradicts itself.")
    why = [f"{held} open blockers or issues"] if held else []
    failed = sorted(tc for tc, status in verdict.tcs.items() if status == "fail")
    why += [f"failing {', '.join(failed)}"] if failed else []
    counts = verdict.counts
    if counts is not None and (counts.failed or not counts.passed):
        why.append(f"{str(counts.passed)[:20]} tests that pass and {str(counts.failed)[:20]} that fail")
    why += [f"gate {name} being {outcome!r}" for name, outcome in gates.items()]
    if verdict.verdict == "PASS" and why:
        raise InvalidReply(f"PASS with {' and '.join(why)} contradicts itself.")
    return verdict


def _table(verdict: Verdict, tcs: Collection[str], others: Mapping[str, str]) -> None:
    """The TC table names the story's TCs, each with a status that the story allows."""
    missing = sorted(set(tcs) - set(verdict.tcs))
    if missing:
        raise InvalidReply(f"the TC table lacks {', '.join(missing)}.")
    unknown = sorted(set(verdict.tcs) - set(tcs) - set(others)) if tcs or others else []
    if unknown:
        raise InvalidReply(f"the TC table names {', '.join(unknown)[:200]}, which this story does not have.")
    for tc, status in verdict.tcs.items():
        known = others.get(tc)
        if known is not None and status not in (known, "fail"):
            raise InvalidReply(f"{tc} is {status!r}, but the story says that it is {known}.")
        if known is None and tcs and status in ("manual", "deferred"):
            raise InvalidReply(f"{tc} is {status!r}, but the story tests it.")


def _answered(verdict: Verdict, disputed: Mapping[str, Finding], known: Collection[str]) -> None:
    """Each disputed finding of its own has one answer, which the rest of the verdict does not take back."""
    for finding in verdict.findings:
        for key, named in (("again", finding.again), ("broken_by", finding.broken_by)):
            if named and named not in known:
                raise InvalidReply(f"{key} names {named[:40]!r}; the findings that it may name: {_listed(known)}.")
    told = [dispute.finding for dispute in verdict.disputes]
    missing = [id_ for id_ in disputed if id_ not in told]
    if missing:
        raise InvalidReply(f"`disputes` does not answer {', '.join(missing)}: concede, partly or hold.")
    for dispute in verdict.disputes:
        named = dispute.finding
        if named not in disputed:
            raise InvalidReply(f"`disputes` answers {named[:40]!r}; what is disputed: {_listed(disputed)}.")
        if told.count(named) > 1:
            raise InvalidReply(f"`disputes` answers {named} twice.")
        if not visible(dispute.because).strip():
            raise InvalidReply(f"`disputes` says {dispute.answer} to {named} without evidence.")
        _same_answer(dispute, disputed[named], verdict)


def _same_answer(dispute: Dispute, finding: Finding, verdict: Verdict) -> None:
    named, lighter = dispute.finding, _LIGHTER[finding.severity]
    if dispute.answer == "partly" and dispute.severity not in lighter:
        raise InvalidReply(f"partly, for {named}, needs a `severity` lighter than {finding.severity}.")
    if dispute.answer != "partly" and dispute.severity is not None:
        raise InvalidReply(f"{dispute.answer}, for {named}, revises no severity.")
    listed = [other for other in verdict.findings if other.again == named or other.words == finding.words]
    if dispute.answer == "concede" and listed:
        raise InvalidReply(f"it concedes {named} and lists it again as open.")
    if dispute.answer == "partly" and any(other.severity != dispute.severity for other in listed):
        raise InvalidReply(f"it revises {named} to {dispute.severity} and lists it as something else.")


def _listed(ids: Collection[str]) -> str:
    return ", ".join(ids) or "none"


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
    for answer in fixes.answers:
        if answer.answer != "fixed" and not visible(answer.because).strip():
            raise InvalidReply(f"{answer.finding[:40]} is {answer.answer!r} without a reason under `because`.")
    return fixes
