"""Every forgery is said by `check`, refused by `advance`, and changes nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.files.journal import link
from engine.rules.forgery import CATALOGUE
from tests.cli.run import run, tree
from tests.faults.slice_repo import commit, git, make_repository

HOME = "docs/stories/story-1-file"
S, E = f"{HOME}/story.md", f"{HOME}/evidence"
J = f"{E}/journal.jsonl"
OTHER = "docs/stories/story-2-other/evidence/journal.jsonl"
Spoil = Callable[[Path], object]


@dataclass(frozen=True)
class Forgery:
    """What somebody does, the code by which it is told, the place, and the words of the way back."""

    name: str
    spoil: Spoil
    code: str
    place: str
    told: str

    def __str__(self) -> str:
        return self.name


def swap(old: str, new: str, name: str = S) -> Spoil:
    """Replace the one occurrence of some words in a file."""

    def spoil(root: Path) -> None:
        text = (root / name).read_text()
        assert text.count(old) == 1, (old, text)
        (root / name).write_text(text.replace(old, new))

    return spoil


def drop(pattern: str, name: str = S) -> Spoil:
    """Remove the one line that matches."""

    def spoil(root: Path) -> None:
        text, count = re.subn(rf"(?m)^{pattern}.*\n", "", (root / name).read_text())
        assert count == 1
        (root / name).write_text(text)

    return spoil


def write(name: str, text: str) -> Spoil:
    """Write a file."""
    return lambda root: (root / name).write_text(text)


def remove(name: str) -> Spoil:
    """Remove a file."""
    return lambda root: (root / name).unlink()


def lines_of(root: Path) -> list[str]:
    """The journal's lines."""
    return (root / J).read_text().splitlines()


def cut(root: Path, lines: int) -> None:
    """Keep only the first lines of the journal."""
    (root / J).write_text("".join(f"{line}\n" for line in lines_of(root)[:lines]))


def rechain(root: Path, change: Callable[[list[dict]], object]) -> None:
    """Change the journal's events and mend the chain over them."""
    events = [json.loads(line) for line in lines_of(root)]
    change(events)
    previous, text = "", ""
    for event in events:
        event["prev"] = previous
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        previous = link(line.encode())
        text += line + "\n"
    (root / J).write_text(text)


def drop_line(root: Path, line: int) -> None:
    """Remove a line of the journal."""
    lines = lines_of(root)
    (root / J).write_text("".join(f"{kept}\n" for kept in lines[: line - 1] + lines[line:]))


def ended(events: list[dict]) -> dict:
    """The last call's end."""
    return [event for event in events if event["event"] == "ended"][-1]


def reorder(root: Path) -> None:
    """Let two lines of the journal change places."""
    lines = lines_of(root)
    lines[2], lines[3] = lines[3], lines[2]
    (root / J).write_text("\n".join(lines) + "\n")


def at(root: Path, text: str) -> int:
    """The line of story.md with these words."""
    return next(n for n, line in enumerate((root / S).read_text().splitlines(), 1) if text in line)


ROW = "| 2 | 2026"
BACK = "story rewind 1 --to shipping"
GIT = f"git checkout HEAD -- {J}"
FORGERIES = [
    Forgery("agent's item unticked", swap("- [x] File written", "- [ ] File written"), "S115", "File written", BACK),
    Forgery("gate's item unticked", swap("- [x] Gate passes", "- [ ] Gate passes"), "S115", "Gate passes", BACK),
    Forgery("state edited", swap("state: shipping", "state: complete"), "S111", "state:", BACK),
    Forgery("state set back", swap("state: shipping", "state: working"), "S111", "state:", BACK),
    Forgery("machine edited", swap("machine: slice", "machine: story"), "S116", "machine:", "story rewind 1 --to"),
    Forgery("round edited", swap("state: shipping", "round: 7\nstate: shipping"), "S117", "round:", BACK),
    Forgery("time edited", swap("updated: ", "updated: 1999 # "), "S117", "updated:", BACK),
    Forgery("log row removed", drop(r"\| 1 \|"), "S118", "Execution Checklist", BACK),
    Forgery("log removed", drop(r"### Log"), "S118", "Execution Checklist", BACK),
    Forgery("log row edited", swap("working → shipping", "working → complete"), "S119", "→ complete", BACK),
    Forgery("log's link edited", swap("02-log-scribe.md", "01-log-scribe.md"), "S119", ROW, BACK),
    Forgery("log row added", swap(ROW, "| x | now | a → b | because | |\n| 2 | 2026"), "S120", "| x |", BACK),
    Forgery(
        "log row added with a far number", swap(ROW, "| 9 | now | a → b | c | |\n| 2 | 2026"), "S120", "| 9 |", BACK
    ),
    Forgery("log row doubled", swap(ROW, "| 1 | now | a → b | c | |\n| 2 | 2026"), "S120", "| 1 | now", BACK),
    Forgery(
        "evidence edited", swap("status: ok", "status: fine", f"{E}/03-there.md"), "S121", f"{E}/03-there.md:1", "rew"
    ),
    Forgery("evidence emptied", write(f"{E}/03-there.md", ""), "S121", f"{E}/03-there.md:1", "story rewind 1"),
    Forgery("evidence deleted", remove(f"{E}/03-there.md"), "S122", f"{E}/03-there.md:1", "story rewind 1"),
    Forgery("evidence added", write(f"{E}/02-verify.md", "PASS"), "S123", f"{E}/02-verify.md:1", "Move the file"),
    Forgery("evidence added at the end", write(f"{E}/04-there.md", "PASS"), "S125", J, GIT),
    Forgery("journal deleted", remove(J), "S124", f"{J}:1", GIT),
    Forgery("journal emptied", write(J, ""), "S124", f"{J}:1", GIT),
    Forgery(
        "journal edited", swap('"by":"Ana Person <ana@example.org>"', '"by":"Eve"', J), "S110", f"{J}:2", "from git"
    ),
    Forgery("journal's line removed", lambda root: drop_line(root, 5), "S110", f"{J}:5", "from git"),
    Forgery("journal reordered", reorder, "S110", f"{J}:3", "from git"),
    Forgery("journal cut before its last step", lambda root: cut(root, 10), "S125", f"{J}:10", GIT),
    Forgery("journal of another story", lambda r: shutil.copy(r / OTHER, r / J), "S126", f"{J}:1", GIT),
    Forgery(
        "verdict edited and chained again",
        lambda root: rechain(root, lambda events: ended(events).update(why="all is well")),
        "S125",
        J,
        GIT,
    ),
    Forgery(
        "step left out and chained again",
        lambda root: rechain(root, lambda events: events.pop(2)),
        "S128",
        J,
        "from git",
    ),
    Forgery(
        "begin with no adoption and chained again",
        lambda root: rechain(root, lambda events: events.pop(0)),
        "S124",
        f"{J}:1",
        GIT,
    ),
]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adopted stories of the smallest machine; the first waits for its person; all is committed."""
    root = tmp_path_factory.mktemp("forgery") / "r"
    root.mkdir()
    make_repository(root)
    other = root / "docs/stories/story-2-other/story.md"
    other.parent.mkdir()
    other.write_text("# Story 2: Another\n\nWords.\n")
    assert run(root, "adopt").code == 0
    assert run(root, "advance", "1").code == 0
    commit(root, "shipping")
    return root


@pytest.fixture
def root(origin: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to forge."""
    yield shutil.copytree(origin, tmp_path / "r", symlinks=True)
    shutil.rmtree(tmp_path / "r")


def problems(root: Path, story: str = "1") -> list[dict]:
    """What `check` says about the engine's own writing."""
    found = run(root, "check", "--json").data["problems"]
    return [problem for problem in found if problem["story"] == story and problem["code"].startswith("S")]


def refused(root: Path) -> str:
    """The one line by which advance refuses; nothing may change."""
    before = tree(root)
    for words in (("advance", "1"), ("advance", "1", "--dry-run")):
        ran = run(root, *words)
        assert (ran.code, ran.out) == (1, ""), words
        assert tree(root) == before, words
    [line] = ran.err.splitlines()
    return line


def test_an_honest_story_is_told_nothing(root: Path) -> None:
    """What the engine wrote is no forgery."""
    assert problems(root) == problems(root, "2") == []


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
def test_each_forgery_is_found_and_refused(forgery: Forgery, root: Path) -> None:
    """Check tells it with its code and place, advance refuses in one line with the way back, and no byte changes."""
    forgery.spoil(root)
    before = tree(root)
    place = forgery.place if "/" in forgery.place else f"{S}:{at(root, forgery.place)}"
    found = {problem["code"]: f"{problem['file']}:{problem['line']}" for problem in problems(root)}
    assert found.get(forgery.code, "").startswith(place), found
    line = refused(root)
    assert forgery.told in line
    assert tree(root) == before
    assert problems(root, "2") == []


def test_an_agents_item_ticked_by_hand_is_refused(root: Path) -> None:
    """A box that only evidence may tick is told at its line wherever the story stands."""
    run(root, "advance", "2", "--step")
    other = S.replace("1-file", "2-other")
    swap("- [ ] Gate passes", "- [x] Gate passes", other)(root)
    [problem] = problems(root, "2")
    assert (problem["code"], problem["file"]) == ("S114", other)
    assert "story rewind 2 --to working" in problem["remedy"]


def test_a_human_item_that_the_state_needs_is_missed(root: Path) -> None:
    """A person's item may be ticked and unticked while it is asked for, not when the story went on because of it."""
    swap("- [ ] Shipped (human)", "- [x] Shipped (human)")(root)
    assert problems(root) == []
    assert run(root, "advance", "1").code == 0
    assert problems(root) == []
    swap("- [x] Shipped (human)", "- [ ] Shipped (human)")(root)
    [problem] = problems(root)
    assert (problem["code"], problem["line"]) == ("S127", at(root, "Shipped (human)"))
    assert "--to complete" in refused(root)


def test_a_committed_journal_cut_anywhere_is_found(root: Path) -> None:
    """Wherever it is cut, a journal that does not begin with the committed one is refused."""
    whole = len(lines_of(root))
    for lines in range(whole):
        cut(root, lines)
        assert {"S124", "S125"} & {problem["code"] for problem in problems(root)}, lines
        git(root, "checkout", "-q", "--", J)
    assert problems(root) == []


def test_a_journal_cut_anywhere_is_found_without_git_or_heals(root: Path) -> None:
    """Without git it is found, or it is what a killed engine could have left, and the story ends as it was."""
    shutil.rmtree(root / ".git")
    text, journal = (root / S).read_bytes(), (root / J).read_bytes()
    whole, healed = len(lines_of(root)), []
    for lines in range(whole):
        cut(root, lines)
        if not problems(root):
            assert run(root, "advance", "1").code == 0
            assert ((root / S).read_bytes(), len(lines_of(root))) == (text, whole), lines
            healed.append(whole - lines)
        (root / J).write_bytes(journal)
    assert set(healed) <= {1, 2}, "only `wrote`, and the question before it that story.md still shows"


def test_a_merge_may_take_either_journal(root: Path) -> None:
    """While two branches are merged the other side's journal is no forgery."""
    home = "docs/stories/story-2-other"
    git(root, "checkout", "-q", "-b", "other")
    run(root, "advance", "2")
    commit(root, "other")
    git(root, "checkout", "-q", "main")
    run(root, "advance", "2")
    commit(root, "mine")
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "-q", "other")
    git(root, "checkout", "--theirs", home)
    assert problems(root, "2") == []
    git(root, "merge", "--abort")
    git(root, "checkout", "other", "--", home)
    assert "S125" in {problem["code"] for problem in problems(root, "2")}


def test_every_code_is_explained_where_people_look() -> None:
    """docs/story-format.md says of each code what the catalogue says."""
    page = (Path(__file__).parent.parent / "docs/story-format.md").read_text("utf-8")
    back = f"git checkout HEAD -- {Path(J).name}"
    for code, (what, remedy) in CATALOGUE.items():
        said = remedy.format(story="4", state="STATE", back=back)
        assert f"| {code} | {what} | {said} |" in page
