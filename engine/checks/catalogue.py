"""Every problem that `story check` can report: code, severity, meaning, remedy; as in docs/checks.md."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.base import Value
from engine.model.problem import Echo, Problem, Severity

E, W = Severity.ERROR, Severity.WARNING


class Rule(Value):
    """One kind of problem. `remedy` may hold `{names}` that are filled in per problem."""

    code: str
    severity: Severity
    meaning: str
    remedy: str


class Place(Value):
    """Where something is said."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_RULES = (
    # files: engine/files/pack.py reports these
    ("C001", E, "A file of the pack cannot be read.", "Make the file readable, or remove it."),
    ("C002", E, "A file of the pack is not UTF-8 text.", "Save the file as UTF-8."),
    ("C003", E, "A symbolic link leads out of the repository.", "Replace the link by the file itself."),
    ("C004", W, "A file is so large that only its beginning is checked.", "Split it, or shorten it."),
    # structure
    ("C101", E, "A story has no text.", "Write the story, or remove it."),
    ("C102", E, "A prompt that the story needs is missing.", "Write {name}."),
    ("C103", W, "A story lacks a section.", 'Add a section "## {name}".'),
    ("C104", W, "A prompt lacks a section.", 'Add a section "## {name}".'),
    ("C105", E, "A title carries another story's or prompt's number.", "Correct the number to {name}."),
    ("C106", E, "Two stories have the same id.", "Give one of them another id."),
    ("C107", E, "`depends_on` names a story that the pack does not have.", "Name one of: {name}."),
    ("C108", E, "Stories depend on each other in a circle.", "Remove one of these dependencies."),
    ("C109", E, "A prompt lies in another story's folder.", "Move it to story {name}, or rename it."),
    ("C110", E, "The front matter cannot be read.", "Correct the YAML between the two --- lines."),
    # traceability
    ("C200", W, "No document defines the ACs and TCs.", "Add the feature spec beside the stories."),
    ("C201", E, "An AC has no TC.", "Write a TC for it, or remove the AC."),
    ("C202", E, "An AC that no story covers.", 'List it under "ACs Covered" of the story that builds it.'),
    ("C203", E, "A TC that no story owns.", "Add it to the test breakdown of the story that builds it."),
    ("C204", W, "A TC that two stories own.", "Leave it to one of them, or map it to both test files."),
    (
        "C205",
        E,
        "A story or prompt names an id that the spec does not define.",
        "Correct the id or define it.",
    ),
    ("C206", E, "A TC of the story is missing from its red prompt.", "Add a test for it to {name}."),
    ("C207", E, "A TC of the story is missing from its verify prompt.", "Add it to {name}."),
    ("C208", E, "A TC is deferred, but no story takes it.", "Add it to {name}, or take it back."),
    ("C209", E, "An id is defined twice.", "Give one of the two another id."),
    ("C210", W, "A document names an id that the spec does not define.", "Correct the id or define it."),
    ("C211", W, "The test plan maps no test to a TC.", "Add a row for it to the mapping."),
    # counts
    ("C301", E, "A story contradicts its own test count.", "Make both say the same."),
    ("C302", E, "A prompt gives another test count than its story.", "Correct the prompt, or the story."),
    (
        "C303",
        W,
        "Another document gives another test count than the story.",
        "Bring it in line with the story.",
    ),
    ("C304", W, "A running total is not the sum of the stories so far.", "Recount it and all that follow."),
    (
        "C305",
        W,
        "The number of earlier tests is not what the earlier stories add up to.",
        "Recount the tests.",
    ),
    (
        "C306",
        W,
        "A file's number of tests is not what the stories add up to.",
        "Add or remove rows, or recount.",
    ),
    ("C307", W, "A document says another number of stories than there are.", "Correct the number to {name}."),
    # order
    (
        "C401",
        E,
        "A story requires one that comes later, or itself.",
        "Reorder the stories, or the prerequisite.",
    ),
    ("C402", W, "The dependency graph disagrees with the stories.", "Redraw the graph."),
    # prompts
    ("C501", W, "A prompt needs another document to be executed.", "Copy what is needed into the prompt."),
    ("C502", W, "A placeholder was left in the text.", "Replace it by the real text."),
    # references
    ("C601", E, "A prompt is named that does not exist.", "Correct the name, or write the prompt."),
    ("C602", W, "A document is named that does not exist.", "Correct the path{name}."),
    ("C603", E, "A file is to be modified that nobody creates.", "List it as new, or correct the path."),
    # marks
    ("C701", W, "A line looks like a task item, but is none.", "Write it as `- [ ] text`."),
    ("C702", W, "A task item has a mark other than a blank or x.", "Write `[ ]` or `[x]`."),
)
CATALOGUE = {
    code: Rule(code=code, severity=severity, meaning=meaning, remedy=remedy)
    for code, severity, meaning, remedy in _RULES
}


def problem(
    code: str,
    place: Place,
    message: str,
    *,
    name: str = "",
    story: str | None = None,
    also: str | None = None,
    echoes: Iterable[Echo] = (),
) -> Problem:
    """Build a problem of the catalogue; `name` fills the remedy's blank."""
    rule = CATALOGUE[code]
    return Problem(
        code=code,
        severity=rule.severity,
        story=story,
        also=also,
        file=place.file,
        line=place.line,
        message=message,
        remedy=rule.remedy.format(name=name),
        echoes=tuple(echoes),
    )


def echo(place: Place, message: str) -> Echo:
    """Build an echo of a problem."""
    return Echo(file=place.file, line=place.line, message=message)
