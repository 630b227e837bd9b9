"""Looking at a story: what its guards ask about, and what makes it unreadable, with the place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.adopt import adopt
from engine.errors import FormatError, UsageError
from engine.files.machine_file import shipped_folder
from engine.inputs import claims_of, missing_prompts, story_problems
from engine.look import look, open_repository
from tests.life import AT
from tests.repo import CONFIG, SPEC, STORY, Repo

HOME = "docs/stories/story-1-greeter"
SECOND = STORY.replace("Story 1: Greeter", "Story 2: Leaver").replace("TC-1.1", "TC-2.1").replace("AC-1.1", "AC-2.1")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with one adopted story."""
    return Repo(tmp_path)


def world(repo: Repo) -> dict[str, str]:
    return {":".join(fact): value for fact, value in repo.look().world.items()}


def inputs_after(repo: Repo, name: str, old: str, new: str) -> set[str]:
    """The inputs whose hash changes when some words of a file change."""
    before = repo.look().inputs
    path = repo.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    after = repo.look().inputs
    path.write_text(text)
    assert repo.look().inputs == before
    return {key for key in before if before[key] != after[key]}


def test_an_adopted_story_is_seen_with_all_its_guards_ask(repo: Repo) -> None:
    """State, machine, journal, facts of journal and world: all of it is there, and nothing was written."""
    before = repo.bytes()
    seen = repo.look()
    assert (seen.shown.state, seen.machine.machine, seen.progress.state) == ("drafted", "story", "drafted")
    assert seen.path == repo.story
    assert seen.evidence == repo.story.parent / "evidence"
    assert [event.event for event in seen.events] == ["adopted", "wrote"]
    assert seen.facts["rounds", "fix"] == "left"
    assert world(repo) == {"dependencies": "complete", "files": "exist"}
    assert repo.bytes() == before


RESTS = [
    (f"{HOME}/story.md", "None.", "Nothing.", {"story"}),
    (f"{HOME}/story.md", "state: drafted", "state: drafted  # so far", set()),
    (f"{HOME}/story.md", "- [ ] Human approved", "- [x] Human approved", set()),
    (f"{HOME}/prompt-1.2-green.md", "Make them pass.", "Make them pass quickly.", {"prompts:prompt-1.2-green.md"}),
    ("docs/feature-spec.md", "in two words", "in a word", {"spec:AC-1.1"}),
    ("docs/feature-spec.md", "# Feature Spec", "# The Feature Spec", set()),
    ("docs/feature-spec.md", SPEC.split("\n")[4], SPEC.split("\n")[4] + "\n\n**AC-9.9:** Another story's", set()),
]


@pytest.mark.parametrize(("name", "old", "new", "changed"), RESTS, ids=range(len(RESTS)))
def test_inputs_change_exactly_where_they_rest(repo: Repo, name: str, old: str, new: str, changed: set[str]) -> None:
    """A change shows in the input it belongs to; the engine's bytes and other stories' spec sections are none."""
    assert inputs_after(repo, name, old, new) == changed


def test_missing_prompts_are_a_fact(repo: Repo) -> None:
    """A story without one of its prompts has no files to go on with; advance says which prompt is missing."""
    (repo.root / HOME / "prompt-1.R-verify.md").unlink()
    assert world(repo)["files"] == "missing"
    assert missing_prompts(repo.look().machine, repo.look().source) == ["prompt-*.R*.md"]
    with pytest.raises(FormatError, match=r"story\.md:1: the story has no prompt prompt-\*\.R\*\.md"):
        repo.advance()


def test_own_items_are_facts(repo: Repo) -> None:
    """Each item that the author added is a fact of its own."""
    repo.edit("- [ ] Human approved\n", "- [ ] Human approved\n- [x] Ask Bob\n- [ ] Ask Eve\n")
    facts = repo.look().facts
    assert facts["own", "Validation", "Ask Bob"] == "ticked"
    assert facts["own", "Validation", "Ask Eve"] == "open"


def second(repo: Repo, depends: str = "") -> str:
    """Add a second story, adopted by hand-written front matter of the engine's."""
    head = f"---\ndepends_on: {depends}\n---\n" if depends else ""
    repo.write("docs/stories/story-2-leaver/story.md", head + SECOND)
    for rest in ("1-skeleton-red", "2-green", "R-verify"):
        repo.write(f"docs/stories/story-2-leaver/prompt-2.{rest}.md", "# Prompt\n")
    adopt(repo.repository, repo.pack, ("2",), author="Ana", clock=lambda: AT)
    return "2"


def waiting_for(repo: Repo, story: str = "2") -> list[tuple[str, str]]:
    return [(place.file, place.text) for place in look(repo.repository, repo.pack, story).waiting_for]


def test_a_story_depends_on_the_one_before_it(repo: Repo) -> None:
    """Without `depends_on` the story before it must be complete, and its file is told as the place."""
    second(repo)
    assert waiting_for(repo) == [(f"{HOME}/story.md", "story 1 is drafted, not complete")]
    assert waiting_for(repo, "1") == []
    assert look(repo.repository, repo.pack, "2").facts["dependencies",] == "open"


@pytest.mark.parametrize(
    ("depends", "wanted"),
    [
        ("[]", []),
        ("[1]", ["story 1 is drafted, not complete"]),
        ("[7, 1]", ["story 7 is not there, or cannot be read", "story 1 is drafted, not complete"]),
    ],
)
def test_depends_on_overrides_the_order(repo: Repo, depends: str, wanted: list[str]) -> None:
    """`depends_on` names what must be complete; none may be named, and one that is not there blocks."""
    second(repo, depends)
    assert [text for _, text in waiting_for(repo)] == wanted


def test_a_complete_story_holds_nobody_up(repo: Repo) -> None:
    """A story before it that is complete is no obstacle; an abandoned or raw one, or one of no machine, is."""
    second(repo)
    text = repo.text
    for state, wanted in (("complete", []), ("abandoned", ["story 1 is abandoned, not complete"])):
        repo.story.write_text(text.replace("state: drafted", f"state: {state}"))
        assert [told for _, told in waiting_for(repo)] == wanted
    repo.story.write_text(STORY)
    assert [told for _, told in waiting_for(repo)] == ["story 1 is not adopted, not complete"]
    repo.story.write_text(text.replace("machine: story", "machine: none").replace("state: drafted", "state: complete"))
    assert [told for _, told in waiting_for(repo)] == ["story 1 is complete, not complete"]


REFUSED = [
    ("state: drafted\n", "", 1, "not adopted yet"),
    ("state: drafted", "state: draftet", 2, "unknown state 'draftet'"),
    ("state: drafted", "state: [drafted", 3, "bad front matter"),
    ("state: drafted", "state: 3", 2, "'state' is 3"),
    ("machine: story", "machine: storey", 3, "no machine 'storey'"),
    ("- [ ] Tests PASS\n", "", 0, "'Tests PASS' is missing"),
]


@pytest.mark.parametrize(("old", "new", "line", "why"), REFUSED, ids=range(len(REFUSED)))
def test_a_story_that_cannot_be_read_is_refused_at_its_line(
    repo: Repo, old: str, new: str, line: int, why: str
) -> None:
    """What makes a story unreadable is told with file and line, in one line."""
    repo.edit(old, new)
    with pytest.raises(FormatError) as refused:
        repo.look()
    assert refused.value.path == f"{HOME}/story.md"
    assert why in str(refused.value)
    assert refused.value.line is not None
    assert not line or refused.value.line == line
    assert "\n" not in str(refused.value)


def test_a_broken_journal_is_refused_with_its_line(repo: Repo) -> None:
    """A journal that was edited is told by its path in the repository, with the line."""
    journal = repo.story.parent / "evidence/journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"Ana", b"Eve"))
    with pytest.raises(FormatError, match=rf"^{HOME}/evidence/journal.jsonl:2: journal: "):
        repo.look()


def test_a_story_that_is_not_there_is_a_usage_error(repo: Repo) -> None:
    """An unknown story names those that there are; one that cannot be read says why."""
    with pytest.raises(UsageError, match="there is no story '9' in docs/stories; there are 1"):
        look(repo.repository, repo.pack, "9")
    repo.write("docs/stories/story-3-x/story.md", "")
    (repo.root / "docs/stories/story-3-x/story.md").unlink()
    (repo.root / "docs/stories/story-3-x/story.md").symlink_to("/etc/hostname")
    with pytest.raises(FormatError, match=r"story-3-x/story\.md:1: .*leads out"):
        look(repo.repository, repo.pack, "3")


def test_a_machine_of_the_repository_is_read_again_when_it_was_saved(repo: Repo) -> None:
    """The repository's own machine counts before the shipped one, and a saved change is seen at once."""
    text = (shipped_folder() / "story.yaml").read_text()
    own = repo.root / "machines/story.yaml"
    repo.write("machines/story.yaml", text.replace("fix: {max_rounds: 3}", "fix: {max_rounds: 7}"))
    assert repo.look().machine.loops["fix"].max_rounds == 7
    own.write_text(text.replace("fix: {max_rounds: 3}", "fix: {max_rounds: 5}"))
    os.utime(own, ns=(1, 1))
    assert repo.look().machine.loops["fix"].max_rounds == 5
    own.write_text(text.replace("{to: consolidating}", "{to: nowhere}", 1))
    with pytest.raises(FormatError, match=r"^machines/story\.yaml:\d+: "):
        repo.look()


@pytest.mark.parametrize(
    ("table", "known", "near"),
    [("roles.enginer", "'engineer'", "'engineer'"), ("gates.test", "'tests'", "'tests'")],
)
def test_a_setting_that_no_machine_reads_is_refused(repo: Repo, table: str, known: str, near: str) -> None:
    """A role or gate in story.toml that no machine has is told at its line, with those that there are."""
    key = 'agent = "person"' if table.startswith("roles") else 'run = "true"'
    text = (repo.root / "story.toml").read_text()
    repo.write("story.toml", f"{text}\n[{table}]\n{key}\n")
    with pytest.raises(FormatError) as refused:
        repo.look()
    assert (refused.value.path, refused.value.line) == ("story.toml", text.count("\n") + 2)
    assert known in refused.value.message
    assert refused.value.remedy == f"Correct or remove [{table}]. Did you mean {near}?"


def test_packs_are_those_of_the_configuration_or_those_that_are_found(repo: Repo) -> None:
    """story.toml names the packs; where it does not, the folders that hold stories are found."""
    assert repo.repository.packs() == [repo.pack]
    repo.write("more/story-1-x/story.md", STORY)
    assert repo.repository.packs() == [repo.pack]
    (repo.root / "story.toml").unlink()
    assert open_repository(repo.root, repo.state).packs() == [repo.pack, repo.root / "more"]


def test_the_machine_of_a_story_is_chosen_by_story_toml_then_by_its_prompts(repo: Repo) -> None:
    """story.toml says which machine a story has; else one with a set-up prompt is infrastructure."""
    source = repo.look().source
    assert repo.repository.machine_for(source) == "story"
    setup = source.prompts[0].model_copy(update={"path": f"{HOME}/prompt-1.1-setup.md"})
    mine = source.model_copy(update={"prompts": (setup,)})
    assert repo.repository.machine_for(mine) == "infrastructure"
    config = CONFIG.replace("[gates.tests]", '[packs.machines]\n"1" = "special"\n\n[gates.tests]')
    repo.write("story.toml", config)
    assert repo.repository.machine_for(mine) == "special"


def test_claims_and_problems_are_the_story_s_own(repo: Repo) -> None:
    """The count and TCs that a story answers for, and what `story check` finds about it, come from its pack."""
    seen = repo.look()
    assert claims_of(seen.pack, "1") == (2, ("TC-1.1a", "TC-1.1b"))
    assert story_problems(seen.pack, repo.root, "1") == ()
    (repo.root / HOME / "prompt-1.2-green.md").unlink()
    found = story_problems(repo.look().pack, repo.root, "1")
    assert found
    assert {problem.story for problem in found} == {"1"}
