"""The way back: a story rewound to a state that it has been in, with or without its files; nothing is deleted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.events import Began, Rewound
from engine.rewind import Back, rewind
from tests.cli.run import Ran, run, tree
from tests.faults.slice_repo import commit, git, make_repository
from tests.life import AT
from tests.repo import Repo, finding, verdict
from tests.test_forgery import FORGERIES, Forgery, problems

HOME = "docs/stories/story-1-file"
S, E = f"{HOME}/story.md", f"{HOME}/evidence"
MENDED = [f for f in FORGERIES if f.code in ("S111", "S115", "S116", "S117", "S118", "S119", "S120")]
REFUSED = [f for f in FORGERIES if f.code in ("S110", "S123", "S124", "S125", "S126", "S128")]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A story that waits for its person in `shipping`, with its history of steps; all is committed."""
    root = tmp_path_factory.mktemp("rewind") / "r"
    root.mkdir()
    make_repository(root)
    other = root / "docs/stories/story-2-other/story.md"
    other.parent.mkdir()
    other.write_text("# Story 2: Another\n\nWords.\n")
    run(root, "adopt")
    run(root, "advance", "1")
    commit(root, "shipping")
    return root


@pytest.fixture
def root(origin: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to work in."""
    yield shutil.copytree(origin, tmp_path / "r", symlinks=True)
    shutil.rmtree(tmp_path / "r")


def back(root: Path, *words: str) -> Ran:
    """Rewind story 1."""
    return run(root, "rewind", "1", "--to", *words)


def events(root: Path) -> list[dict]:
    """The journal's events."""
    return [json.loads(line) for line in (root / E / "journal.jsonl").read_text().splitlines()]


def last_row(root: Path) -> str:
    """The last row of the log."""
    return [line for line in (root / S).read_text().splitlines() if line.startswith("| ")][-1]


def test_state_and_ticks_are_those_of_then(root: Path) -> None:
    """State and ticks are those of when the state was last entered, a row says who and why, evidence stays."""
    evidence = {path.name: path.read_bytes() for path in (root / E).glob("*.md")}
    ran = back(root, "working", "--because", "wrong file")
    assert ran.code == 0
    assert "next: `story advance 1`" in ran.out
    text = (root / S).read_text()
    assert "state: working" in text
    assert "- [x]" not in text
    assert "### Decisions" not in text
    assert "shipping → working | rewound by Ana Person <ana@example.org>: wrong file |" in last_row(root)
    assert {path.name: path.read_bytes() for path in (root / E).glob("*.md")} == evidence
    event = events(root)[-2]
    assert (event["event"], event["source"], event["dest"], event["because"]) == (
        "rewound",
        "shipping",
        "working",
        "wrong file",
    )
    assert problems(root) == []


def test_what_was_done_is_done_again(root: Path) -> None:
    """After rewinding the actions of the state run again under numbers of their own."""
    back(root, "working")
    assert run(root, "advance", "1").code == 0
    assert "state: shipping" in (root / S).read_text()
    names = sorted(path.name for path in (root / E).glob("*.md"))
    assert len(names) == 6
    assert names[3].startswith("04-")
    assert problems(root) == []
    steps = [(event["n"], event["event"]) for event in events(root) if "n" in event]
    assert steps == [(1, "stepped"), (2, "stepped"), (3, "rewound"), (4, "stepped")]


def test_rewinding_to_the_state_itself_asks_again(root: Path) -> None:
    """The state it stands in is one it has been in: its question is asked anew under a new id."""
    assert back(root, "shipping").code == 0
    assert run(root, "advance", "1").code == 0
    text = (root / S).read_text()
    assert "#### D2" in text
    assert "#### D1" not in text


def test_a_state_that_was_never_entered_is_a_usage_error(root: Path) -> None:
    """The states that it has been in are listed, and nothing is changed."""
    before = tree(root)
    ran = back(root, "complete")
    assert ran.code == 2
    assert "has not been in 'complete'; it has been in drafted, working, shipping" in ran.err
    assert back(root, "nonsense").code == 2
    assert tree(root) == before
    back(root, "drafted")
    assert "it has been in drafted." in back(root, "working").err, "what was undone is not gone back to"


@pytest.mark.parametrize("forgery", MENDED, ids=str)
def test_it_is_the_way_out_of_a_drift(forgery: Forgery, root: Path) -> None:
    """What was changed by hand in story.md is overwritten, and the log's row names it."""
    honest = (root / S).read_text()
    forgery.spoil(root)
    told = [problem["message"].rstrip(".") for problem in problems(root)]
    assert back(root, "shipping").code == 0
    for what in told:
        assert what in last_row(root).replace("\\|", "|")
    assert problems(root) == []
    back(root, "working")
    run(root, "advance", "1")
    assert problems(root) == []
    rows = [line for line in honest.splitlines() if line.startswith(("| 1 |", "| 2 |"))]
    assert [row for row in rows if row in (root / S).read_text()] == rows


@pytest.mark.parametrize("forgery", REFUSED, ids=str)
def test_a_damaged_journal_is_not_rewound(forgery: Forgery, root: Path) -> None:
    """Rewinding works from the journal: where that cannot be trusted it refuses, says the way back, changes nothing."""
    forgery.spoil(root)
    before = tree(root)
    ran = back(root, "drafted")
    assert ran.code in (1, 2)
    assert ran.out == ""
    assert tree(root) == before


def test_an_unknown_state_is_brought_back(root: Path) -> None:
    """A state that the machine does not have is overwritten, too."""
    text = (root / S).read_text()
    (root / S).write_text(text.replace("state: shipping", "state: shiping"))
    assert run(root, "advance", "1").code == 1
    assert back(root, "shipping").code == 0
    assert problems(root) == []


@pytest.mark.parametrize("change", ["PASS, really", None], ids=["edited", "deleted"])
def test_altered_evidence_stops_counting(change: str | None, root: Path) -> None:
    """Rewound to before it, altered evidence no longer counts and is told no more; while it counts, it is refused."""
    path = root / E / "03-there.md"
    path.write_text(change) if change else path.unlink()
    refused = back(root, "shipping")
    assert refused.code == 1
    assert "story rewind 1 --to STATE" in refused.err
    assert back(root, "working").code == 0
    assert problems(root) == []
    path.write_text("changed once more")
    assert [problem["code"] for problem in problems(root)] == ["S121"]


def test_a_human_item_is_never_ticked(root: Path) -> None:
    """An item that a person unticked stays open, also where it was ticked when the state was entered."""
    text = (root / S).read_text()
    (root / S).write_text(text.replace("- [ ] Shipped", "- [x] Shipped"))
    run(root, "advance", "1")
    text = (root / S).read_text()
    (root / S).write_text(text.replace("- [x] Shipped", "- [ ] Shipped"))
    assert [problem["code"] for problem in problems(root)] == ["S127"]
    assert back(root, "complete").code == 0
    assert "- [ ] Shipped" in (root / S).read_text()
    assert problems(root) == []
    assert back(root, "shipping").code == 0
    assert run(root, "advance", "1").code == 0
    assert "state: shipping" in (root / S).read_text()


def test_the_files_come_back(root: Path) -> None:
    """With --code the files are those of the moment the state was entered; what they were until now is kept."""
    (root / "out.txt").write_text("spoilt\n")
    (root / "new.txt").write_text("precious\n")
    (root / "src").mkdir()
    (root / "src/deep.txt").write_text("deep\n")
    head, branches, index = (
        git(root, "rev-parse", "HEAD"),
        git(root, "branch", "-v"),
        (root / ".git/index").read_bytes(),
    )
    story = (root / "docs/stories/story-2-other/story.md").read_bytes()
    ran = back(root, "working", "--code")
    assert ran.code == 0
    assert not (root / "out.txt").exists(), "it was made in that state"
    assert not (root / "new.txt").exists()
    assert not (root / "src").exists()
    assert (root / "docs/stories/story-2-other/story.md").read_bytes() == story
    assert len(list((root / E).glob("*.md"))) == 3
    assert (root / "script.yaml").exists()
    assert (git(root, "rev-parse", "HEAD"), git(root, "branch", "-v")) == (head, branches)
    assert (root / ".git/index").read_bytes() == index
    [ref] = [line.rpartition(" ")[2] for line in ran.out.splitlines() if line.startswith("the files as they were")]
    assert git(root, "show", f"{ref}:new.txt") == "precious\n"
    assert git(root, "show", f"{ref}:out.txt") == "spoilt\n"
    assert problems(root) == []
    assert run(root, "advance", "1").code == 0
    assert (root / "out.txt").read_text() == "written\n"


def test_the_files_come_back_after_rewinding_without_them(root: Path) -> None:
    """Rewinding the code can be done afterwards: the files are those of the first time."""
    assert back(root, "working").code == 0
    assert (root / "out.txt").exists()
    assert back(root, "working", "--code").code == 0
    assert not (root / "out.txt").exists()


def test_an_ignored_file_in_the_way_is_not_lost(root: Path) -> None:
    """A file that git ignores is in no snapshot: where one would be overwritten, nothing is done."""
    git(root, "rm", "-q", "--cached", "script.yaml")
    (root / ".git/info/exclude").write_text("script.yaml\n")
    shutil.rmtree(root.parent / f"{root.name}.state", ignore_errors=True)
    commit(root, "ignored")
    files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".git/" not in str(path)}
    ran = back(root, "working", "--code")
    assert ran.code == 2
    assert "script.yaml would be overwritten" in ran.err
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and ".git/" not in str(p)} == files


def test_another_branch_s_snapshot_is_not_taken_for_ours(root: Path) -> None:
    """Steps have the same numbers on every branch; a snapshot counts only where our journal knows it."""
    git(root, "checkout", "-q", "-b", "other")
    back(root, "drafted")
    (root / "other.txt").write_text("other\n")
    run(root, "advance", "1")
    commit(root, "other")
    git(root, "checkout", "-q", "main")
    (root / "out.txt").write_text("mine\n")
    back(root, "drafted")
    run(root, "advance", "1")
    assert back(root, "working", "--code").code == 0
    assert not (root / "other.txt").exists()
    assert (root / "out.txt").read_text() == "mine\n"


def test_without_git_there_is_no_code_to_bring_back(root: Path) -> None:
    """Where there is no git the story is rewound all the same, and --code is refused."""
    shutil.rmtree(root / ".git")
    ran = back(root, "working", "--code")
    assert ran.code == 2
    assert "there is no snapshot" in ran.err
    assert back(root, "working").code == 0
    assert run(root, "advance", "1").code == 0


def test_other_programs_read_what_was_done(root: Path) -> None:
    """--json gives the step, what was found, the files and the ref."""
    (root / S).write_text((root / S).read_text().replace("- [x] Gate", "- [ ] Gate"))
    ran = back(root, "working", "--code", "--json")
    assert ran.data["step"]["to"] == "working"
    assert len(ran.data["found"]) == 1
    assert ran.data["files"] == ["log.txt", "out.txt"]
    assert ran.data["kept"].endswith("/1/before-3")


def whole(repo: Repo, to: str) -> Back:
    """Rewind the story of a whole repository."""
    return rewind(repo.repository, repo.pack, "1", to=to, because="", code=False, author="Ana", clock=lambda: AT)


def test_counts_and_sessions_of_later_no_longer_count(tmp_path: Path) -> None:
    """Rounds and sessions since then are gone from the fold: the validators start afresh, with all their rounds."""
    issue = finding("says two words, tests one")
    repo = Repo(tmp_path, {"act": "builder", "turn": 1, "reply": verdict("FAIL", issue)})
    repo.advance()
    assert repo.look().progress.counts == {"fix": 1}
    assert repo.look().shown.round == 1
    whole(repo, "validating")
    seen = repo.look()
    assert (seen.progress.counts, seen.progress.sessions, seen.shown.round) == ({}, {}, 0)
    assert seen.progress.findings == ()
    repo.advance()
    assert repo.at == "approving"
    builders = [event for event in repo.events if isinstance(event, Began) and event.act == "builder"]
    assert [(event.turn, event.resumes) for event in builders] == [(1, None), (2, None)]
    assert len({event.number for event in repo.events if isinstance(event, Began)}) == seen.progress.calls + 4


def test_a_killed_rewinding_is_finished(tmp_path: Path) -> None:
    """Where the engine was killed before story.md was written, the next advance writes it."""
    repo = Repo(tmp_path)
    repo.advance()
    text = repo.text
    repo.edit("- [x] Findings consolidated", "- [ ] Findings consolidated")
    forged = repo.text
    whole(repo, "consolidating")
    done = repo.text
    journal = repo.story.parent / "evidence/journal.jsonl"
    lines = journal.read_text().splitlines()
    assert isinstance(repo.events[-2], Rewound)
    journal.write_text("\n".join(lines[:-1]) + "\n")
    repo.story.write_text(forged)
    repo.advance(one_step=True)
    assert text != done
    assert done.split("### Log")[1].splitlines()[-1] in repo.text
