"""Stories that were done before: attested by a person, without evidence, and complete for all that follows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.run import Ran, run, tree
from tests.faults.slice_repo import commit, make_repository

IDS = ("0", "1", "2", "2a", "3", "4")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six raw stories in one pack, under the shipped machine."""
    root = tmp_path / "r"
    root.mkdir()
    make_repository(root)
    shutil.rmtree(root / "docs")
    (root / "story.toml").write_text('[packs]\npaths = ["docs/stories"]\n')
    for id_ in IDS:
        path = story(root, id_)
        path.parent.mkdir(parents=True)
        path.write_text(f"# Story {id_}: Number {id_}\n\nWords, with a trailing blank. \n")
        for name in ("1-skeleton-red", "2-green", "R-verify"):
            (path.parent / f"prompt-{id_}.{name}.md").write_text("# Prompt\n")
    commit(root, "raw")
    return root


def story(root: Path, id_: str) -> Path:
    """A story's file."""
    return root / f"docs/stories/story-{id_}-x/story.md"


def attest(root: Path, which: str, because: str = "shipped in 7565210", *words: str) -> Ran:
    """Attest stories."""
    return run(root, "adopt", "docs/stories", "--complete", which, "--because", because, *words)


def states(root: Path) -> dict[str, str]:
    """The state of each story."""
    return {row["id"]: row["state"] for row in run(root, "status", "--json").data["stories"]}


@pytest.mark.parametrize(
    ("which", "meant"),
    [("0-3", "0 1 2 2a 3"), ("0,2a", "0 2a"), ("2a", "2a"), ("1-2, 4", "1 2 4"), ("2-2a,2", "2 2a")],
)
def test_ranges_go_along_the_pack(which: str, meant: str, root: Path) -> None:
    """Ids and ranges are those of the pack in its order; nothing else is adopted."""
    assert attest(root, which).code == 0
    assert {id_ for id_, state in states(root).items() if state == "complete"} == set(meant.split())
    assert {id_ for id_, state in states(root).items() if state is None} == set(IDS) - set(meant.split())


def test_an_attested_story_says_so(root: Path) -> None:
    """All its items are ticked, its log and journal hold who attested it and why, and there is no evidence."""
    raw = story(root, "2").read_bytes()
    assert attest(root, "2", "shipped in\n 7565210 | tagged").code == 0
    text = story(root, "2").read_text()
    assert raw.rstrip(b"\n") in text.encode()
    checklist = text[text.index("Execution Checklist") : text.index("### Ready for Next")]
    assert "- [ ]" not in checklist
    assert "- [x] Human approved" in checklist
    assert "- [ ] Or validation in progress" in text, "what the next story does is not this one's"
    who = "attested by Ana Person <ana@example.org>"
    assert f"| adopted → complete | {who}: shipped in 7565210 \\| tagged |" in text
    evidence = story(root, "2").parent / "evidence"
    assert [path.name for path in evidence.iterdir()] == ["journal.jsonl"]
    first = json.loads((evidence / "journal.jsonl").read_text().splitlines()[0])
    assert (first["event"], first["state"], first["because"]) == ("adopted", "complete", "shipped in 7565210 | tagged")


def test_check_and_advance_accept_it(root: Path) -> None:
    """It is no drift; advance says that nothing is left to do, and writes nothing."""
    assert attest(root, "0-3").code == 0
    found = run(root, "check", "--json").data["problems"]
    assert [problem for problem in found if problem["code"].startswith("S")] == []
    before = tree(root)
    ran = run(root, "advance", "3", "--json")
    assert (ran.code, ran.data["waiting"]["for"]) == (0, "nobody")
    assert tree(root) == before


def test_a_tick_taken_from_it_is_found(root: Path) -> None:
    """Its items are held against the journal like those of any story."""
    assert attest(root, "2").code == 0
    for item, code in (("Tests PASS", "S115"), ("Human approved", "S127")):
        text = story(root, "2").read_text()
        story(root, "2").write_text(text.replace(f"- [x] {item}", f"- [ ] {item}"))
        found = [p["code"] for p in run(root, "check", "2", "--json").data["problems"] if p["code"][0] == "S"]
        assert found == [code]
        assert run(root, "advance", "2").code == 1
        story(root, "2").write_text(text)


def test_the_next_story_may_go_on(root: Path) -> None:
    """Guards treat it as complete: the story after it waits no longer for it."""
    assert attest(root, "0-3").code == 0
    assert run(root, "adopt", "--story", "4").code == 0
    assert run(root, "explain", "4", "--json").data["waits_for_stories"] == []
    assert run(root, "adopt").code == 0, "what is attested stays as it is"
    assert states(root)["2"] == "complete"


WRONG = [
    (("--complete", "0-3"), "--complete and --because go together"),
    (("--because", "shipped"), "--complete and --because go together"),
    (("--complete", "0", "--because", " "), "--complete and --because go together"),
    (("--complete", "0-9", "--because", "x"), "there is no story '9'; there are 0, 1, 2, 2a, 3, 4."),
    (("--complete", "3-1", "--because", "x"), "'3-1' goes backwards. Write it as 1-3."),
    (("--complete", "", "--because", "x"), "--complete and --because go together"),
    (("--complete", "1,", "--because", "x"), "there is no story ''"),
    (("--complete", "1", "--because", "x", "--story", "2"), "Leave --story out."),
]


@pytest.mark.parametrize(("words", "told"), WRONG)
def test_what_is_not_clear_is_refused(words: tuple[str, ...], told: str, root: Path) -> None:
    """Half of it, an unknown story, a range backwards: a usage error, and nothing is written."""
    before = tree(root)
    ran = run(root, "adopt", "docs/stories", *words)
    assert ran.code == 2
    assert told in ran.err
    assert tree(root) == before


def test_a_story_that_lives_is_not_attested(root: Path) -> None:
    """A story that is adopted already is refused with its state, and the others with it."""
    run(root, "adopt", "--story", "2")
    before = tree(root)
    ran = attest(root, "0-3")
    assert ran.code == 2
    assert "story 2 is 'drafted' already; only stories that are not adopted yet" in ran.err
    assert tree(root) == before


def test_it_needs_one_pack(root: Path) -> None:
    """Where there are several packs, the pack has to be named."""
    shutil.copytree(root / "docs/stories", root / "more/stories")
    (root / "story.toml").unlink()
    ran = run(root, "adopt", "--complete", "0", "--because", "x")
    assert ran.code == 2
    assert "--complete needs one pack; there are docs/stories, more/stories." in ran.err


def test_each_machine_has_its_own_success(root: Path) -> None:
    """A story is attested in the success state of the machine that it is adopted under."""
    ran = run(root, "adopt", "docs/stories", "--complete", "0", "--because", "x", "--machine", "infrastructure")
    assert ran.code == 0
    assert "machine: infrastructure" in story(root, "0").read_text()
    assert states(root)["0"] == "complete"
