"""Claims of a fixer: "fixed" must show in the files, between the moment the fixer began and now."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.actions.fixed import before_fix, check_fixes, cited, is_untouched, read_sections
from engine.actions.situation import Situation
from engine.actions.spot_check import spot_check
from engine.files.story_file import heading_of
from engine.model.machine import AgentAct, SpotCheckAct
from engine.model.pack import Pack, StorySource
from engine.model.verdict import Finding, FixAnswer
from tests.life import BUILDER, ENGINEER, Life, machine
from tests.scene import STORY, pack, replace, scene, source, story

SPEC, DESIGN, CODE = "docs/feature-spec.md", "docs/tech-design.md", "src/login.py"


def act(state: str, name: str) -> AgentAct:
    found = next(act for act in machine().states[state].acts() if act.id == name)
    assert isinstance(found, AgentAct)
    return found


def fixed(
    tmp_path: Path,
    *answers: FixAnswer,
    where: str = f"{SPEC}:1",
    after: dict[str, str] | None = None,
    severity: str = "issue",
) -> Situation:
    """A fixer answered about F1, and some files have changed since it began; `src/login.py` is there as well."""
    held = (Finding(id="F1", severity=severity, where=where, quote="q", text="wrong", sources=(BUILDER,)),)
    root = tmp_path / "r"
    (root / "src").mkdir(parents=True)
    (root / CODE).write_text("old\n")
    files = before_fix(act("fixing", "fixer"), machine=machine(), pack=pack(), story=story(), findings=held, root=root)
    life = Life("consolidating").merged("some", findings=held).to("fixing")
    life.began("fixer", ENGINEER, files=files).ended(answers=answers)
    life.to("revalidating").verdict("again", BUILDER, "PASS")
    changed = after or {}
    if CODE in changed:
        (root / CODE).write_text(changed[CODE])
    return replace(scene(tmp_path, life), pack=_changed(changed), story=_story(changed))


def _story(changed: dict[str, str]) -> StorySource:
    return story(changed.get(f"{STORY}/story.md", "# Story 4: Login\n"))


def _changed(changed: dict[str, str]) -> Pack:
    whole = pack(_story(changed))
    return whole.model_copy(
        update={
            "specs": (source(SPEC, changed.get(SPEC, "# Spec\n")),),
            "designs": (source(DESIGN, changed.get(DESIGN, "# Design\n")),),
        }
    )


def answer(said: str = "fixed", because: str = "") -> FixAnswer:
    return FixAnswer(finding="F1", answer=said, because=because)


CLAIMS = [
    # the file that is cited, the answer's words, what changed → what becomes of the claim
    (f"{SPEC}:1", "", {SPEC: "# New\n"}, "confirmed"),
    (f"./{SPEC}:1", "", {SPEC: "# New\n"}, "confirmed"),
    (SPEC, "", {SPEC: "# New\n"}, "confirmed"),
    (f"{SPEC}:1", "", {}, "refuted"),
    (f"{SPEC}:1", f"see {SPEC}:1", {}, "refuted"),
    (f"{SPEC}:1", "", {DESIGN: "# New\n"}, "refuted"),
    (f"{SPEC}:1", "it is right elsewhere", {DESIGN: "# New\n"}, "refuted"),
    (f"{SPEC}:1", f"{DESIGN}:1 says so", {DESIGN: "# New\n"}, "confirmed"),
    (f"{SPEC}:1", "tech-design.md says so", {DESIGN: "# New\n"}, "confirmed"),
    (f"{SPEC}:1", "my-tech-design.md says so", {DESIGN: "# New\n"}, "refuted"),
    (f"{SPEC}:1", f"{DESIGN}:1 says so", {f"{STORY}/story.md": "# Story 4: Login!\n"}, "refuted"),
    (f"{STORY}/story.md:1", "", {f"{STORY}/story.md": "# Story 4: Login!\n"}, "confirmed"),
    (f"{STORY}/story.md:1", "", {f"{STORY}/story.md": "---\nstate: fixing\n---\n# Story 4: Login\n"}, "refuted"),
    (f"{CODE}:1", "", {CODE: "new\n"}, "confirmed"),
    (f"{CODE}:1", "", {CODE: "old\n"}, "refuted"),
    ("src/none.py:1", "", {SPEC: "# New\n"}, "refuted"),
    ("../outside.py:1", "", {SPEC: "# New\n"}, "refuted"),
    ("", "", {}, "refuted"),
    ("", "", {SPEC: "# New\n"}, "uncheckable"),
    ("", f"in {SPEC}", {SPEC: "# New\n"}, "confirmed"),
]


@pytest.mark.parametrize(("where", "because", "after", "wanted"), CLAIMS)
def test_fixed_must_show_in_the_files(
    tmp_path: Path, where: str, because: str, after: dict[str, str], wanted: str
) -> None:
    """Fixed is confirmed by a change of the file that was cited, or of one that the answer names; else refuted."""
    [(_, finding, check, why)] = check_fixes(fixed(tmp_path, answer(because=because), where=where, after=after))
    assert (finding.id, check) == ("F1", wanted), why


@pytest.mark.parametrize("said", ["rejected", "needs a person"])
def test_only_fixed_is_held_against_the_files(tmp_path: Path, said: str) -> None:
    """What the fixer did not fix need not have changed."""
    assert [*check_fixes(fixed(tmp_path, answer(said)))] == []


def test_a_refuted_fix_is_a_finding_with_both_sides(tmp_path: Path) -> None:
    """The spot check reports a refuted fix under the finding's own words, with the claim and what it saw."""
    outcome = spot_check(SpotCheckAct(spot_check="validators"), fixed(tmp_path, answer(because="I did")))
    assert outcome.facts == {"claims": "refuted"}
    [found] = outcome.findings
    assert (found.id, found.text, found.sources, found.check) == ("", "wrong", ("spot check",), "refuted")
    assert found.saw == (
        'the fixer says "fixed", because I did, but no file that the fixer may change has changed since it began'
    )
    assert outcome.body.startswith("- refuted: F1 claimed as fixed: ")


def test_a_confirmed_fix_stands_in_the_evidence(tmp_path: Path) -> None:
    """A fix that shows in the files is told as confirmed, and nothing is asked."""
    situation = fixed(tmp_path, answer(), after={SPEC: "# New\n"})
    outcome = spot_check(SpotCheckAct(spot_check="validators"), situation)
    assert outcome.facts == {"claims": "confirmed"}
    assert outcome.body == f"- confirmed: F1 claimed as fixed: {SPEC} changed since the fixer began"


def test_the_first_of_several_tries_counts(tmp_path: Path) -> None:
    """A fixer that was killed after its edits and asked again is held against the files before its first try."""
    life = Life("fixing")
    life.began("fixer", ENGINEER, files={SPEC: "one"}).ended("failed")
    life.began("fixer", ENGINEER, files={SPEC: "two", CODE: "three"})
    assert life.progress.before == {SPEC: "one", CODE: "three"}
    life.ended().to("revalidating").merged()
    assert life.progress.before == {}


def test_a_journal_without_hashes_is_uncheckable(tmp_path: Path) -> None:
    """Where nothing is known of the files before the fix, nobody can say whether it shows."""
    situation = fixed(tmp_path, answer())
    situation.progress.before.clear()
    [(_, _, check, _)] = check_fixes(situation)
    assert check == "uncheckable"


def test_only_a_fixer_needs_to_know_the_files_before(tmp_path: Path) -> None:
    """Other actions have no hashes in the journal."""
    for state, name in (("validating", "builder"), ("red", "impl")):
        hashes = before_fix(act(state, name), machine=machine(), pack=pack(), story=story(), findings=(), root=tmp_path)
        assert hashes == {}


def test_what_the_engine_writes_is_no_section(tmp_path: Path) -> None:
    """A tick or a key of the engine's leaves every place of story.md untouched; a word of the author's does not."""
    own = f"## {heading_of(machine(), '4')}\n\n- [ ] a\n"
    text = f"---\nstate: a\n---\n# Story 4\n\nIts words.\n\n{own}\n# Notes\n\nMore.\n"
    before = replace(scene(tmp_path), story=story(text))
    sections = read_sections(before)
    ticked = replace(before, story=story(text.replace("[ ]", "[x]\n- [x] b").replace("state: a", "state: b\nround: 1")))
    file = f"{STORY}/story.md"
    assert read_sections(ticked) == sections
    assert is_untouched(file, sections, ticked)
    assert is_untouched(f"{file}:6", sections, ticked)
    changed = replace(before, story=story(text.replace("More", "Less")))
    assert is_untouched(f"{file}:6", sections, changed)
    assert not is_untouched(f"{file}:14", sections, changed)
    assert not is_untouched(file, sections, changed)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [("`a/b.md:3`", ("a/b.md", 3)), ("./a.md", ("a.md", 0)), ("a.md:3-9", ("a.md", 3)), ("", ("", 0)), ("\0", ("", 0))],
)
def test_a_citation_names_a_file_and_a_line(where: str, wanted: tuple[str, int]) -> None:
    """A place is read with or without backticks, line and range."""
    assert cited(where) == wanted
