"""What a reply says in words: the verdicts stated in its lines, and a report in the method's own form. Pure.

The form is that of the method: Blockers, Issues and Nits, each a list or "None", then `Overall verdict:` and
`Confidence:` with a reasoning. It is read only where nothing is left open; anything else is invalid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from engine.agents.block import HOLE, InvalidReply, names, visible
from engine.agents.vocabulary import CONFIDENCES, DISPUTES, SEVERITIES, STATUSES, VERDICTS, Said, meant
from engine.model.machine import Severity

_LONG = 2000
"""Characters of a line; a report in words has no longer one."""
_WHOLE = 100_000
_BULLET = re.compile(r"\s*(?:#{1,6}|[-*+]|\d{1,3}[.)])\s+")
_ITEM = re.compile(r" {0,1}(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(\S.*)")
_LABEL = re.compile(r"(?i)(?:(?:my|the|overall|final)\s+)*verdict\s*(?:(:|=|—|–|-+>?|→|is\b)\s*(.*))?")
_OTHER = re.compile(
    r"(?i)(?:overall|result|conclusion|recommendation|decision|status|outcome|assessment)\s*[:=]\s*(.*)"
)
_CONFIDENCE = re.compile(r"(?i)confidence(?:\s+level)?\s*[:=—–-]+\s*(\w+)\b\s*(.*)")
_REASONING = re.compile(r"(?i)reasoning\s*[:=—–-]+\s*(.*)")
_WORDS = "|".join(sorted(map(re.escape, VERDICTS), key=len, reverse=True))
_SPOKEN = re.compile(rf"(?i)({_WORDS})(?![\w/])(.*)")
_NAMED = re.compile(
    rf"(?i)(?!.*\b(?:previous|last|earlier|before|old|first)\b)[^:]{{0,60}}\bverdict\b(?:[^:=—–]{{0,40}}[:=—–]\s*|\s+)"
    rf"((?:{_WORDS})(?![\w/]).*)"
)
_GOOD = re.compile(rf"(?i)\b(?:{'|'.join(word for word, said in VERDICTS.items() if said == 'PASS')})\b")
_SURE = r"(?:with )?(?:high|medium|low) confidence|confidence:? (?:high|medium|low)"
_REST = re.compile(
    rf"(?i)(?:[\s,;.:()!—–-]|{_SURE}|no (?:blockers|issues|findings)(?: or issues)?|\d+ nits?|nits only)*"
)
_TITLE = re.compile(
    rf"(?i)({'|'.join(SEVERITIES)})s?(?:\s+(?:found|findings))?\s*(\([^)]*\))?\s*(:)?\s*(\([^)]*\))?\s*(.*)"
)
_NONE = re.compile(r"(?i)(?:none|none found|nothing|nothing found|no (?:blockers|issues|nits)|0|n/a)\.?")
_TC = re.compile(r"[\s|*+-]*[`*]*(TC-\d+\.\d+[a-z]?(?:\.\d+)?|G\d{1,4})[`*]*\s*[|:—–-]\s*[`*]*\s*(\w+)[`*]*[\s|]*")
_PLACE = re.compile(r"`([^`\s]+(?::\d+(?:-\d+)?|\.\w+))`|(?<![\w/`])([\w./-]+\.\w+:\d+(?:-\d+)?)")
_QUOTE = re.compile(r"[\"“]([^\"“”]{3,})[\"”]")
_OPEN = re.compile(
    r"(?i)\b(?<!no )(?:block\w*|critical|major|issues?|fail\w*|problems?|concerns?|bugs?|wrong|broken|missing|must"
    r"|fix\w*|unless|until|provided|except|however|todo)\b"
)
_DISPUTES = re.compile(r"(?i)disputes?(?:\s+answered)?\s*:?")
_SAYS = re.compile(rf"(?i)(F\d{{1,6}})\W+({'|'.join(DISPUTES)})\b(?:\W+({'|'.join(SEVERITIES)})\b)?\W*(.*)")
_NO_BLOCK = "it holds 0 JSON blocks with 'verdict', needs exactly one."


@dataclass(slots=True)
class _Form:
    """What the lines of a report said so far; `rest` are those that belong to no part of the form.

    `stray` tells that an item of a list is among them.
    """

    sections: dict[Severity, list[str]] = field(default_factory=dict)
    none: set[Severity] = field(default_factory=set)
    counted: dict[Severity, int] = field(default_factory=dict)
    verdict: Said | None = None
    confidence: str = ""
    reasoning: list[str] = field(default_factory=list)
    tcs: dict[str, str] = field(default_factory=dict)
    disputes: list[dict[str, object]] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    stray: bool = False


def stated(lines: list[str]) -> Iterator[tuple[str, Said | None]]:
    """The verdicts that the lines of a reply state, each with its words; None where nobody can tell what is meant.

    A line that quotes (`> …`) states nothing.
    """
    for number, raw in enumerate(lines):
        if raw.lstrip().startswith(">"):
            continue
        line = _plain(raw[:_LONG])
        label = _LABEL.fullmatch(line)
        if label and label[2]:
            yield line, _meaning(label[2])
        elif label:
            after = next((lines[n] for n in range(number + 1, len(lines)) if lines[n].strip()), HOLE)
            words = _plain(after[:_LONG])
            if after != HOLE and (label[1] or _SPOKEN.match(words)):
                yield words, _meaning(words)
        elif line.rstrip(".! ").lower() in VERDICTS:
            yield line, VERDICTS[line.rstrip(".! ").lower()]
        elif (other := _OTHER.fullmatch(line)) and (spoken := _SPOKEN.fullmatch(other[1])):
            meaning = VERDICTS[spoken[1].lower()]
            if meaning == "FAIL" or _REST.fullmatch(spoken[2]):
                yield line, meaning
        elif (named := _NAMED.fullmatch(line)) and (":" in line or named[1].rstrip(".! ").lower() in VERDICTS):
            yield line, _meaning(named[1])


def read_form(lines: list[str], story: str, turn: int) -> dict[str, object]:
    """Read a report in the method's own form as the fields of a verdict."""
    if sum(map(len, lines)) > _WHOLE:
        raise InvalidReply(f"it has no block, and more than {_WHOLE} characters.")
    said = [*stated(lines)]
    unclear = next((words for words, meaning in said if meaning is None), None)
    if unclear is not None:
        raise InvalidReply(f"nobody can tell what the verdict {unclear[:80]!r} means.")
    if len({meaning for _, meaning in said}) > 1:
        raise InvalidReply("its words state both PASS and FAIL.")
    if HOLE in lines or any(line.lstrip().startswith("{") or names(line, '"verdict') for line in lines):
        raise InvalidReply(_NO_BLOCK)
    if any(len(line) > _LONG for line in lines):
        raise InvalidReply(f"a line of its words has more than {_LONG} characters.")
    form = _Form()
    _walk(lines, form)
    if form.verdict is None or not {"blocker", "issue"} <= set(form.sections):
        raise InvalidReply(_NO_BLOCK)
    _about(lines, story, turn)
    empty = next((name for name, items in form.sections.items() if not items and name not in form.none), None)
    if empty is not None:
        raise InvalidReply(f"its list of {empty}s is empty; say 'None' where there is none.")
    wrong = next((name for name, number in form.counted.items() if number != len(form.sections[name])), None)
    if wrong is not None:
        raise InvalidReply(f"its list of {wrong}s has not as many as its title says.")
    doubt = next((line for line in [*form.rest, *form.reasoning] if _OPEN.search(visible(line))), None)
    if form.verdict == "PASS" and doubt is not None:
        raise InvalidReply(f"PASS, but {doubt[:80]!r} stands outside the lists of the report.")
    if form.verdict == "PASS" and form.stray:
        raise InvalidReply("PASS, but an item stands in none of the lists of the report.")
    return {
        "story": story,
        "round": turn,
        "verdict": form.verdict,
        "confidence": form.confidence,
        "reasoning": " ".join(form.reasoning),
        "findings": [_finding(severity, item) for severity, items in form.sections.items() for item in items],
        "tcs": form.tcs,
        "disputes": form.disputes,
    }


def _walk(lines: list[str], form: _Form) -> None:
    here: Severity | Literal["dispute"] | None = None
    after = False
    for raw in lines:
        line = _plain(raw)
        title = _TITLE.fullmatch(line) if not raw.startswith("  ") else None
        if title and (title[3] or not title[5]) and (title[3] or _heading(raw)):
            here, after = _open_section(form, title[1].lower(), title[5]), False
            for number in re.findall(r"\d{1,6}", f"{title[2]}{title[4]}"):
                form.counted[here] = int(number)
        elif _DISPUTES.fullmatch(line) and (line.endswith(":") or _heading(raw)):
            here, after = "dispute", False
        elif label := _LABEL.fullmatch(line):
            if not {"blocker", "issue"} <= set(form.sections):
                raise InvalidReply("the verdict stands before the lists of blockers and issues.")
            here, after, form.verdict = None, False, form.verdict or _meaning(label[2] or "")
            sure = re.search(r"(?i)\b(high|medium|low) confidence|confidence:? (high|medium|low)", label[2] or "")
            form.confidence = (sure[1] or sure[2]).lower() if sure else form.confidence
        elif (sure := _CONFIDENCE.fullmatch(line)) and sure[1].lower() in CONFIDENCES:
            here, after, form.confidence = None, True, sure[1].lower()
            form.reasoning += [rest] if (rest := sure[2].strip(" .,;:—–-()")) else []
        elif why := _REASONING.fullmatch(line):
            here, after = None, True
            form.reasoning += [why[1]] if why[1] else []
        elif tc := _TC.fullmatch(raw):
            here = None
            if tc[1] in form.tcs:
                raise InvalidReply(f"{tc[1]} stands twice in its TC table.")
            form.tcs[tc[1]] = tc[2].lower() if tc[2].lower() in STATUSES else tc[2]
        elif here == "dispute" and not _heading(raw):
            _dispute(form, line)
        elif here is not None and here != "dispute" and not _heading(raw):
            _fill(form, here, raw, line)
        elif line:
            form.stray = form.stray or bool(_ITEM.fullmatch(raw.rstrip()))
            word = _SPOKEN.fullmatch(line)
            if form.sections and form.verdict is None and word and not word[2].strip(" .!"):
                form.verdict = VERDICTS[word[1].lower()]
            elif after and not _heading(raw) and not raw.lstrip().startswith("|"):
                form.reasoning.append(line)
            else:
                here, after = None, False
                form.rest.append(line)


def _open_section(form: _Form, word: str, rest: str) -> Severity:
    severity = SEVERITIES[word]
    if severity in form.sections:
        raise InvalidReply(f"it has two lists of {severity}s.")
    if rest and not _NONE.fullmatch(rest):
        raise InvalidReply(f"{rest[:80]!r} is neither a list of {severity}s nor 'None'.")
    form.sections[severity] = []
    if rest:
        form.none.add(severity)
    return severity


def _fill(form: _Form, here: Severity, raw: str, line: str) -> None:
    """Take a line into a section: an item, the rest of one, or "None"."""
    items = form.sections[here]
    item = _ITEM.fullmatch(raw.rstrip())
    if not line:
        return
    if _NONE.fullmatch(line) and not items and here not in form.none:
        form.none.add(here)
    elif here in form.none:
        raise InvalidReply(f"{line[:80]!r} follows the 'None' of its {here}s.")
    elif item:
        items.append(item[1])
    elif items:
        items[-1] += f"\n{raw.strip()}"
    else:
        raise InvalidReply(f"{line[:80]!r} is neither a list of {here}s nor 'None'.")


def _dispute(form: _Form, line: str) -> None:
    """Take a line of the disputes: `F1: partly, nit: because …`."""
    if not line or (_NONE.fullmatch(line) and not form.disputes):
        return
    said = _SAYS.fullmatch(line)
    if said is None:
        raise InvalidReply(f"{line[:80]!r} answers no dispute; write `F1: concede, because …`.")
    partly = meant(said[2], DISPUTES) == "partly"
    because = said[4] if partly or not said[3] else f"{said[3]} {said[4]}"
    form.disputes.append(
        {"finding": said[1].upper(), "answer": said[2], "severity": said[3] if partly else None, "because": because}
    )


def _finding(severity: Severity, item: str) -> dict[str, object]:
    quoted = [line.lstrip("> ") for line in item.split("\n") if line.startswith(">")]
    place, quote = _PLACE.search(item[:_LONG]), _QUOTE.search(item)
    return {
        "severity": severity,
        "where": (place[1] or place[2]) if place else "",
        "quote": " ".join(quoted) if quoted else quote[1] if quote else "",
        "text": " ".join(item.split()),
    }


def _about(lines: list[str], story: str, turn: int) -> None:
    """What the titles of a report name must be this story and this round."""
    for name, wanted in (("story", story), ("round", str(turn))):
        titles = [line for line in lines if _heading(line) or re.match(rf"(?i)\W*{name}\b", line)]
        told = {match.lower() for line in titles for match in re.findall(rf"(?i)\b{name}[\s:*]+(\d+[a-z]?)\b", line)}
        if told and wanted.lower() not in told:
            raise InvalidReply(f"it is about {name} {', '.join(sorted(told))}, not {wanted}.")


def _meaning(tail: str) -> Said | None:
    """What a verdict's words mean: PASS only where nothing is added that could take it back."""
    spoken = _SPOKEN.fullmatch(tail.strip())
    if spoken is None:
        return None
    if VERDICTS[spoken[1].lower()] == "FAIL":
        return None if _GOOD.search(spoken[2]) else "FAIL"
    return "PASS" if _REST.fullmatch(spoken[2]) else None


def _heading(raw: str) -> bool:
    line = raw.strip()
    return line.startswith("#") or bool(re.fullmatch(r"\*\*[^*]+\*\*:?|__[^_]+__:?", line))


def _plain(raw: str) -> str:
    """A line without its marks of markdown; the cells of a table row are parted by a colon."""
    line = visible(raw).strip()
    if line.startswith("|"):
        line = line.strip("| ").replace("|", ":", 1).replace("|", " ")
    line = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
    return " ".join(re.sub(r"[*`\"“”]|(?<!\w)_+|_+(?!\w)", "", line).split())
