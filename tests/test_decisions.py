"""The six decision points of the method: by a box in story.md and by `story decide`, and every wrong answer told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.answer import answer, answer_rest
from engine.errors import UsageError
from engine.model.events import Decided
from tests.life import AT
from tests.repo import CHECK, CONFIG, Repo, finding, new_folder, verdict

WHO = "Ana Person <ana@example.org>"
ASKS = CONFIG.replace('[standing]\neffort = "all"\n', "")
ISSUE = finding("says two words, tests one")
DOUBTED = finding("says three", "in three words")
TWO = [DOUBTED, finding("says nothing of tone", "in a high voice")]
DEVIATES = {"act": "self_rev", "turn": 1, "reply": {"files": [], "deviations": ["it says hello in one word"]}}
HALF = {"act": "impl", "files": {"tests/tc_1_1a.sh": CHECK}, "reply": {"files": []}}
LOUD = {"act": "bug_fix", "files": {"tests/tc_g1.sh": "test -e src/greet\n"}, "reply": {"files": []}}


@dataclass(frozen=True)
class Point:
    """One decision point: how a story comes to it, an option with a note, and where that leads."""

    decision: str
    option: str
    to: str
    note: str = ""
    state: str = ""
    script: tuple[dict[str, object], ...] = ()
    config: str = CONFIG
    ticks: tuple[str, ...] = ()
    finding: str | None = None

    def reach(self, folder: Path) -> Repo:
        """The story at the question: lived once for all tests that begin there, then copied."""
        way = repr((self.script, self.config, self.ticks))
        if way not in REACHED:
            repo = Repo(new_folder(), *self.script, config=self.config)
            repo.advance()
            for tick in self.ticks:
                repo.tick(tick).advance()
            REACHED[way] = repo.packed()
        assert REACHED[way].at == self.state
        return REACHED[way].copy(folder, *self.script)


REACHED: dict[str, Repo] = {}
"""Stories at their questions, by the way there."""


def builder(*findings: dict[str, str]) -> dict[str, object]:
    return {"act": "builder", "reply": verdict("FAIL", *findings)}


APPROVED = ("Human approved",)
TRIED = (*APPROVED, "Gorilla testing done (human)")
TRIAGE = {"decision": "triage", "state": "triage", "script": (builder(DOUBTED),), "finding": "F1"}
POINTS = [
    Point(option="fix", to="fixing", note="do it", **TRIAGE),
    Point(option="defer", to="approving", note="later", **TRIAGE),
    Point(option="not real", to="approving", note="it is not so", **TRIAGE),
    Point(option="update spec", to="fixing", note="the spec is old", **TRIAGE),
    Point(option="challenge", to="answering", note="look again", **TRIAGE),
    Point("effort", "all", "fixing", "thorough", "triage", (builder(ISSUE),), ASKS),
    Point("effort", "blockers only", "approving", "quick", "triage", (builder(ISSUE),), ASKS),
    Point(
        "spec_conflict", "update spec", "spec_updating", "one word is better", "conflict", (DEVIATES,), ticks=APPROVED
    ),
    Point("spec_conflict", "fix code", "code_fixing", "two words", "conflict", (DEVIATES,), ticks=APPROVED),
    Point("spec_conflict", "no conflict", "gorilla", "the same", "conflict", (DEVIATES,), ticks=APPROVED),
    Point("counts", "story is right", "code_fixing", "write it", "counting", (HALF,), ticks=APPROVED),
    Point("counts", "spec is right", "code_fixing", "see the spec", "counting", (HALF,), ticks=APPROVED),
    Point("counts", "run is right", "self_review", "one will do", "counting", (HALF,), ticks=APPROVED),
    Point("gorilla", "feels right", "verifying", "I tried it", "gorilla", ticks=APPROVED),
    Point("gorilla", "feels wrong", "code_fixing", "too quiet", "gorilla", ticks=APPROVED),
    Point("gorilla", "bug", "bug_fixing", "G1: it is not loud", "gorilla", (LOUD,), ticks=APPROVED),
    Point("gorilla", "conflicts with spec", "conflict", "see AC-1.1", "gorilla", ticks=APPROVED),
    Point("accept", "ship it", "complete", "well done", "accepting", ticks=TRIED),
    Point("accept", "send back", "code_fixing", "too slow", "accepting", ticks=TRIED),
]
FIRST = [next(p for p in POINTS if p.decision == d) for d in dict.fromkeys(p.decision for p in POINTS)]


def question(repo: Repo, point: Point) -> str:
    """The id of the question."""
    return next(id_ for id_, asked in repo.look().progress.asked.items() if asked.decision == point.decision)


def by_box(repo: Repo, point: Point) -> None:
    """Tick the option, or the item that stands for it, and write the note under the question."""
    decision = repo.look().machine.decisions[point.decision]
    boxed = {option: item for item, option in decision.box.items()}
    if point.option in boxed:
        repo.tick(repo.look().machine.items[boxed[point.option]].text)
    else:
        repo.tick(f"{point.option}: ")
    head, mark, rest = repo.text.partition(f"#### {question(repo, point)}")
    repo.story.write_text(head + mark + re.sub(r"^(Note.*:)$", rf"\1 {point.note}", rest, count=1, flags=re.M))


def by_shell(repo: Repo, point: Point) -> None:
    """Answer as `story decide` does."""
    answer(repo.repository, repo.pack, "1", question(repo, point), point.option, point.note)


@pytest.mark.parametrize("how", [by_box, by_shell])
@pytest.mark.parametrize("point", POINTS, ids=lambda p: f"{p.decision}-{p.option}".replace(" ", "-"))
def test_an_answer_moves_the_story_and_is_kept(tmp_path: Path, point: Point, how: Callable[..., None]) -> None:
    """Author, time, option and note stand in the journal, author, option and note in the log, and the story goes on."""
    repo = point.reach(tmp_path)
    id_ = question(repo, point)
    how(repo, point)
    assert repo.steps(repo.advance(one_step=True)) == [point.to]
    (decided,) = [event for event in repo.events if isinstance(event, Decided) and event.id == id_]
    assert (decided.at, decided.by, decided.option, decided.note) == (AT, WHO, point.option, point.note)
    assert (decided.decision, decided.finding) == (point.decision, point.finding)
    row = next(line for line in repo.text.splitlines() if f"{point.state} → {point.to}" in line)
    named = f"{point.decision}{' ' + point.finding if point.finding else ''}"
    assert f"{named}: {point.option} ({WHO}): {point.note}" in row
    assert f"#### {id_}:" not in repo.text


def test_the_six_points_are_all_there() -> None:
    """Triage, spec against implementation, effort, test counts, Gorilla testing, acceptance: with all their options."""
    from tests.life import machine

    for point in FIRST:
        options = {p.option for p in POINTS if p.decision == point.decision}
        assert options == set(machine().decisions[point.decision].options)
    assert {p.decision for p in FIRST} == {"triage", "effort", "spec_conflict", "counts", "gorilla", "accept"}


def options(repo: Repo, point: Point) -> list[int]:
    """The lines of a question's options."""
    return [n for shown in repo.look().shown.decisions if shown.id == question(repo, point) for _, n in shown.options]


def change(repo: Repo, line: int, old: str, new: str) -> None:
    """A person edits one line."""
    lines = repo.text.split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    repo.story.write_text("\n".join(lines))


def two_ticked(repo: Repo, point: Point) -> tuple[int, str]:
    by_box(repo, point)
    line = next(n for n in options(repo, point) if "[ ]" in repo.text.split("\n")[n - 1])
    change(repo, line, "[ ]", "[x]")
    return repo.line(f"#### {question(repo, point)}"), "tick one option, not 2 ("


def none_ticked(repo: Repo, point: Point) -> tuple[int, str]:
    boxes = [repo.look().machine.items[item].text for item in repo.look().machine.decisions[point.decision].box]
    return repo.line(boxes[0] if boxes else f"#### {question(repo, point)}"), repo.look().machine.decisions[
        point.decision
    ].title


def reworded(repo: Repo, point: Point) -> tuple[int, str]:
    line = options(repo, point)[0]
    change(repo, line, "- [ ] ", "- [x] I think that ")
    return line, "the options were reworded; they are: "


def removed(repo: Repo, point: Point) -> tuple[int, str]:
    lines = repo.text.split("\n")
    del lines[options(repo, point)[-1] - 1]
    repo.story.write_text("\n".join(lines))
    return repo.line(f"#### {question(repo, point)}"), "the options were reworded; they are: "


WRONG = [two_ticked, none_ticked, reworded, removed]


@pytest.mark.parametrize("point", FIRST, ids=lambda p: p.decision)
def test_a_wrong_answer_is_told_with_its_line_and_nothing_moves(tmp_path: Path, point: Point) -> None:
    """Two ticked, none, an option reworded or gone: each names file and line; no event, no step, no byte follows."""
    repo = point.reach(tmp_path)
    clean, events = repo.text, len(repo.events)
    for wrong in WRONG:
        repo.story.write_text(clean)
        line, said = wrong(repo, point)
        before = repo.text
        result = repo.advance()
        assert result.waiting is not None
        places = [(p.file, p.line) for p in result.waiting.items if said in p.text]
        assert places == [(repo.story.relative_to(repo.root).as_posix(), line)], (wrong.__name__, result.waiting.items)
        assert (repo.steps(result), repo.at, repo.text) == ([], point.state, before)
        answered = [e for e in repo.events[events:] if isinstance(e, Decided)]
        assert answered == []


@pytest.mark.parametrize("point", [p for p in POINTS if p.option in ("run is right", "bug")], ids=lambda p: p.decision)
def test_a_note_that_is_needed_and_not_there_is_told(tmp_path: Path, point: Point) -> None:
    """A count and a bug need words; the option alone moves nothing, by box or from the shell."""
    for how in (by_box, by_shell):
        repo = point.reach(tmp_path / how.__name__)
        how(repo, Point(**{**point.__dict__, "note": ""}))
        result = repo.advance()
        assert result.waiting is not None
        (place,) = result.waiting.items
        assert place.line == repo.line(f"#### {question(repo, point)}")
        assert re.search(r"write a note after `Note(?: \(required\))?:`$", place.text)
        assert (repo.steps(result), repo.at) == ([], point.state)


def test_the_standing_answer_is_not_asked_and_named(tmp_path: Path) -> None:
    """With `standing.effort` in story.toml the effort is no question; the log says whose answer it was."""
    repo = POINTS[0].reach(tmp_path)
    assert ": Effort" not in repo.text
    by_box(repo, POINTS[0])
    repo.advance(one_step=True)
    (decided,) = [e for e in repo.events if isinstance(e, Decided) and e.decision == "effort"]
    assert (decided.option, decided.by) == ("all", "the standing answer in story.toml")
    assert "effort: all (the standing answer in story.toml)" in repo.text


@pytest.mark.parametrize("shell", [False, True])
def test_one_box_fixes_the_rest(tmp_path: Path, shell: bool) -> None:
    """Of two findings one has its own answer, the other the box (in story.md, or `--rest fix`); each has its event."""
    repo = Repo(tmp_path, builder(*TWO))
    repo.advance()
    first = repo.text.index("- [ ] defer:")
    repo.story.write_text(repo.text[:first] + repo.text[first:].replace("[ ]", "[x]", 1))
    if shell:
        with pytest.raises(UsageError, match="the box is 'fix everything I did not answer otherwise', and no other"):
            answer_rest(repo.repository, repo.pack, "1", "defer")
        place = answer_rest(repo.repository, repo.pack, "1", "fix")
        assert place.line == repo.line("- [x] fix everything I did not answer otherwise")
    else:
        repo.tick("fix everything I did not answer otherwise")
    assert repo.steps(repo.advance(one_step=True)) == ["fixing"]
    said = [(e.finding, e.option, e.by, e.rest) for e in repo.events if isinstance(e, Decided) and e.finding]
    assert said == [("F1", "defer", WHO, False), ("F2", "fix", WHO, True)]
    assert f"triage F2: fix ({WHO}, by the box for the rest)" in repo.text
    with pytest.raises(UsageError, match="no box stands for several questions"):
        answer_rest(repo.repository, repo.pack, "1", "fix")
