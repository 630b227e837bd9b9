"""The brief of a role: the machine's words with real paths, and the one form in which it answers. Pure."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping, Sequence

from engine.model.machine import AgentAct, Machine, Prompt
from engine.model.pack import Pack, Source, StorySource
from engine.model.verdict import Finding, FixAnswer

EXAMPLE_REASONING = "one or two sentences in your own words"

_FINDING = {
    "severity": "blocker, issue or nit",
    "where": "path/to/file.md:12",
    "quote": "the words that stand there",
    "text": "what is wrong and what would be right",
}
_VERDICT = {
    "story": "<story>",
    "round": "<round>",
    "verdict": "PASS or FAIL",
    "confidence": "high, medium or low",
    "reasoning": EXAMPLE_REASONING,
    "findings": [_FINDING],
    "disputes": [
        {
            "finding": "F1",
            "answer": "concede, partly or hold",
            "severity": "of partly only: issue or nit",
            "because": "evidence for your answer, with path:line",
        }
    ],
    "tcs": {"TC-1.1a": "pass, fail, manual or deferred"},
    "counts": {"passed": "how many tests passed", "failed": "how many failed"},
    "boundaries": [{"name": "what the code talks to outside itself", "status": "stub, mocked or integrated"}],
}
_VERIFYING = ("tcs", "counts", "boundaries")
"""What only a verification answers."""
_AGAIN = {
    "again": "F1, where it is that finding and still open",
    "broken_by": "F1, where the fix of that one broke this",
}
"""What only a re-validation says of a finding; both may be left out."""
_FIXES = {
    "answers": [
        {
            "finding": "F1",
            "answer": "fixed, rejected or needs a person",
            "because": "evidence, with path:line",
        }
    ],
    "files": ["every file you changed"],
}
_WORK = {
    "files": ["every file you created or changed"],
    "deviations": ["where the work differs from spec or prompt, and why"],
    "discoveries": ["what the next story should know"],
}
_FORMS: dict[str, Mapping[str, object]] = {"verdict": _VERDICT, "fixes": _FIXES, "work": _WORK}
EXAMPLES = frozenset(
    {
        "path/to/file.md:12",
        "the words that stand there",
        "what is wrong and what would be right",
        "evidence, with path:line",
        "evidence for your answer, with path:line",
        *_AGAIN.values(),
        "every file you changed",
        "what the code talks to outside itself",
        *(words for listed in _WORK.values() for words in listed),
    }
)
"""What stands in the forms in place of an answer; a reply that holds one of these quotes the form."""
_RULES = {
    "verdict": "FAIL exactly when there is a blocker or an issue. Cite where each finding stands and quote it.",
    "fixes": "Answer every finding of the list. What is rejected or needs a person needs its reason under `because`.",
    "work": "Leave a list empty where there is nothing to say.",
}

_INVENTORY = (
    "List under `boundaries` everything outside the story's code that it talks to (services, stores, devices, the "
    "clock), each as the product has it now; leave the list empty where there is none. A PASS has no stub among them."
)

_REVALIDATE = (
    "A finding from before that is still open says `again` with its id. A new one holds the story up only where it is "
    "a blocker, stands where something was changed since, or says `broken_by` with the id of the finding whose fix "
    "broke it."
)
_DISPUTED = (
    "Answer under `disputes` each of {ids}, once, with evidence: `concede` (you were mistaken: it is closed; do not "
    "list it again), `partly` (it is lighter than you said: give the new `severity`), `hold` (it stands: a person "
    "decides). What you hold, and a `partly` that stays an issue, is open: then the verdict is FAIL."
)


def write_brief(
    machine: Machine,
    act: AgentAct,
    role: str,
    *,
    pack: Pack,
    story: StorySource,
    turn: int,
    words: Mapping[str, str],
    complaint: str = "",
    disputed: Sequence[str] = (),
    tcs: Mapping[str, str] | None = None,
    prior: str = "",
) -> str:
    """Put the brief together. `words` fill the prompt's placeholders; `complaint` says why an answer was refused.

    `disputed` are the ids of the role's own findings that it has to answer, `tcs` the rows that a verifier's TC table
    must have, each with what is to be said of it, `prior` what the role had said in a lost session.
    """
    prompt, who = machine.prompts[act.prompt], machine.roles[role]
    parts = [f"# {who.title}: {act.purpose.replace('_', ' ')}, story {story.id}", ""]
    if who.stance:
        parts += [who.stance, ""]
    if complaint:
        parts += [f"Your last answer could not be accepted: {complaint} Answer again, in the form below.", ""]
    if prior:
        parts += ["You do not remember your earlier session. What was reported and found in it:", "", prior, ""]
    parts += [fill(prompt.text, words).rstrip(), ""]
    told = [source.path for source in story.prompts if fnmatch.fnmatch(_name(source), prompt.file)]
    if told:
        parts += ["Carry out, word for word:", *(f"- {path}" for path in told), ""]
    if prompt.reads:
        parts += ["**Read:**", *(f"- {path}" for path in reads(prompt.reads, pack, story)), ""]
    if tcs:
        rows = [f"- {tc}" + (f": {said}" if said else "") for tc, said in tcs.items()]
        parts += ["**The TC table has a row for each of these:**", *rows, ""]
    if act.writes:
        parts += [f"You may change: {', '.join(_writes(act, pack, story))}. Nothing else.", ""]
    parts += [_form(act, prompt, story.id, turn, disputed)]
    return "\n".join(parts)


def reads(patterns: Iterable[str], pack: Pack, story: StorySource) -> list[str]:
    """The real paths behind globs of the story's prompts, `story.md`, `spec`, `design` and `plan`."""
    shared = {"spec": pack.specs, "design": pack.designs, "plan": pack.plans}
    paths: list[str] = []
    for pattern in patterns:
        if pattern in shared:
            paths += [source.path for source in shared[pattern]]
        elif pattern == "story.md":
            paths.append(story.story.path)
        else:
            paths += [source.path for source in story.prompts if fnmatch.fnmatch(_name(source), pattern)]
    return list(dict.fromkeys(paths))


def fill(text: str, words: Mapping[str, str]) -> str:
    """Fill the placeholders of a prompt, such as `<n>`; unknown ones stay as they are."""
    return re.sub(r"<(\w+)>", lambda match: words.get(match[1], match[0]), text)


def list_findings(findings: Sequence[Finding], notes: Mapping[str, str]) -> str:
    """The fix list as a brief shows it; `notes` holds what a person said to a finding."""
    lines = []
    for finding in findings:
        where = f" `{finding.where}`" if finding.where else ""
        lines.append(f"- {finding.id} ({finding.severity}){where}: {finding.text}")
        if finding.quote:
            lines.append(f"  > {' '.join(finding.quote.split())}")
        if notes.get(finding.id):
            lines.append(f"  A person says: {notes[finding.id]}")
    return "\n".join(lines) or "(nothing)"


def list_answers(
    answers: Sequence[FixAnswer],
    findings: Sequence[Finding],
    challenges: Mapping[str, str] | None = None,
    disputed: Sequence[str] = (),
) -> str:
    """The fixer's answers as the validators see them, and what a person said to a finding that she challenged.

    `disputed` are those that the reader has to answer.
    """
    texts = {finding.id: finding.text for finding in findings}
    said = [(a.finding, a.answer + (f", because {a.because}" if a.because else "")) for a in answers]
    said += [(id_, f"a person challenges it: {' '.join(note.split())}") for id_, note in (challenges or {}).items()]
    lines = []
    for id_, words in said:
        lines.append(f"- {id_} ({texts.get(id_, 'unknown finding')}): {words}")
        if id_ in disputed:
            lines.append("  You found it. Answer it under `disputes`: concede, partly or hold.")
    return "\n".join(lines) or "(no answers)"


def _writes(act: AgentAct, pack: Pack, story: StorySource) -> list[str]:
    """What an action may change, in real paths where there are any."""
    named = {"files": ["the files that the story names"]}
    paths = [named.get(pattern) or reads([pattern], pack, story) or [pattern] for pattern in act.writes]
    return [path for group in paths for path in group]


def _form(act: AgentAct, prompt: Prompt, story_id: str, turn: int, disputed: Sequence[str]) -> str:
    verifies = act.purpose == "verify"
    fields = {key: value for key, value in _FORMS[prompt.returns].items() if verifies or key not in _VERIFYING}
    if not disputed:
        fields.pop("disputes", None)
    if act.purpose == "revalidate":
        fields["findings"] = [{**_FINDING, **_AGAIN}]
    form = json.dumps(fields, indent=2)
    form = form.replace('"<story>"', json.dumps(story_id)).replace('"<round>"', str(turn))
    rules = f"{_RULES[prompt.returns]} {_INVENTORY}" if verifies else _RULES[prompt.returns]
    if act.purpose == "revalidate":
        rules += f" {_REVALIDATE}"
    if disputed:
        rules += f" {_DISPUTED.format(ids=', '.join(disputed))}"
    return f"Answer with exactly one fenced block in this form. {rules}\n\n```json\n{form}\n```\n"


def _name(source: Source) -> str:
    return source.path.rsplit("/", 1)[-1]
