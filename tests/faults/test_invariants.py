"""The checker of whole packs finds each fault that is planted, and none where there is none."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults import invariants
from tests.faults.invariants import Pack

PACK = "docs/stories"
LIFE = ("drafted", "validating", "approving", "queued", "red", "gorilla", "accepting", "complete")
MACHINE = Path(__file__).parents[2] / "machines/story.yaml"
Event = dict[str, Any]


class Written:
    """Two stories, the second after the first, with journals that are written by hand."""

    def __init__(self, root: Path) -> None:
        self.root, self.worktrees = root / "r", root / "state/worktrees"
        self.journals = {"1": life("1", 10, "complete"), "2": life("2", 30, "gorilla"), "3": life("3", 20, "queued")}
        for id_ in self.journals:
            self.write(id_)

    def folder(self, id_: str, tree: Path | None = None) -> Path:
        return (tree or self.root) / PACK / f"story-{id_}-greeter"

    def apart(self, id_: str) -> Path:
        """The story's folder in a worktree."""
        return self.folder(id_, self.worktrees / f"{id_}-greeter")

    def write(self, id_: str, folder: Path | None = None) -> None:
        """Write a journal with its chain, its evidence, and the story.md that shows it."""
        folder, events = folder or self.folder(id_), self.journals[id_]
        (folder / "evidence").mkdir(parents=True, exist_ok=True)
        for name in (event["evidence"] for event in events if event["event"] == "ended"):
            (folder / "evidence" / name).write_text("seen\n")
        self.chain(folder, events)
        state = [event.get("dest", event.get("state")) for event in events if event["event"] in ("adopted", "stepped")]
        rows = "".join(f"| {event['n']} | then |\n" for event in events if event["event"] == "stepped")
        needs = "depends_on: []\n" if id_ == "3" else ""
        (folder / "story.md").write_text(f"---\nstate: {state[-1]}\n{needs}---\n# Story {id_}\n\n### Log\n\n{rows}")

    def chain(self, folder: Path, events: list[Event]) -> None:
        previous, lines = "", []
        for event in events:
            line = json.dumps({**event, "prev": previous}).encode()
            previous = hashlib.sha256(line).hexdigest()[:16]
            lines.append(line + b"\n")
        (folder / "evidence/journal.jsonl").write_bytes(b"".join(lines))

    def pack(self, *, one_tree: bool = True) -> Pack:
        return Pack(self.root / PACK, self.root, self.worktrees, MACHINE, one_tree=one_tree)


def life(id_: str, minute: int, until: str) -> list[Event]:
    """A journal from adoption to a state, with one call in Red."""
    at = lambda n: f"2026-01-01T00:{minute + n}:00Z"  # noqa: E731
    events: list[Event] = [{"event": "adopted", "at": at(0), "state": LIFE[0]}]
    for n, (source, dest) in enumerate(pairwise(LIFE[: LIFE.index(until) + 1]), 1):
        events.append({"event": "stepped", "at": at(n), "n": n, "source": source, "dest": dest})
        if dest == "red":
            call, sha = f"{id_}/red/impl/1.1-ab", hashlib.sha256(b"seen\n").hexdigest()
            events.append({"event": "began", "at": at(n), "call": call})
            events.append({"event": "ended", "at": at(n), "call": call, "evidence": "01-impl.md", "sha": sha})
    return events


def test_what_holds_is_not_told(tmp_path: Path) -> None:
    """A sound pack is sound at each look, also with a torn last line, and when a story has gone on."""
    written = Written(tmp_path)
    pack = written.pack()
    assert pack.look(over=True) == []
    with (written.folder("3") / "evidence/journal.jsonl").open("a") as journal:
        journal.write('{"event":"ste')
    assert pack.look() == []
    written.journals["2"] = life("2", 30, "complete")
    written.write("2")
    assert pack.look(over=True) == []
    assert not pack.complete()


def test_a_story_in_a_worktree_is_read_there(tmp_path: Path) -> None:
    """The main tree's copy may be behind; once merged, it must hold what the worktree held."""
    written = Written(tmp_path)
    pack = written.pack(one_tree=False)
    written.journals["2"] = life("2", 30, "complete")
    written.write("2", written.apart("2"))
    assert pack.look(over=True) == []
    shutil.rmtree(written.worktrees)
    assert pack.look() == ["story 2: the journal does not begin with what it held before"]


def of(id_: str, change: Callable[[list[Event]], object]) -> Callable[[Written], None]:
    """A change in one journal, with the chain made anew: as an engine would write it that is wrong."""

    def plant(written: Written) -> None:
        change(written.journals[id_])
        written.write(id_)

    return plant


def stop_first(written: Written) -> None:
    written.journals["1"] = life("1", 10, "accepting")
    written.write("1")


def begin_third(written: Written) -> None:
    written.journals["3"] = life("3", 40, "red")
    written.write("3")


def end_third(written: Written) -> None:
    """Story 3 was at work while story 2 was: both are seen at rest, and only the times tell."""
    written.journals |= {"2": life("2", 30, "complete"), "3": life("3", 31, "complete")}
    written.write("2")
    written.write("3")


def early(written: Written) -> None:
    written.journals["2"] = life("2", 11, "gorilla")
    written.write("2")


def only_asked(written: Written) -> None:
    """No step into execution, but an agent that is asked as if there had been one."""
    stop_first(written)
    written.journals["2"] = [*life("2", 30, "queued"), {"event": "began", "at": "2026", "call": "2/red/impl/1.1-ab"}]
    written.write("2")


def part(written: Written) -> None:
    written.write("2", written.apart("2"))
    written.journals["2"].insert(1, {"event": "wrote"})
    written.chain(written.folder("2"), written.journals["2"])


def cut(written: Written) -> None:
    journal = written.folder("2") / "evidence/journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))


def edit(written: Written) -> None:
    journal = written.folder("2") / "evidence/journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"n": 2', b'"n": 2, "why": "x"'))


def scribble(written: Written) -> None:
    with (written.folder("2") / "evidence/journal.jsonl").open("a") as journal:
        journal.write("[]\n")


def spoil(written: Written) -> None:
    (written.folder("2") / "evidence/01-impl.md").write_text("seen otherwise\n")


def show(old: str, new: str) -> Callable[[Written], None]:
    def plant(written: Written) -> None:
        story = written.folder("2") / "story.md"
        story.write_text(story.read_text().replace(old, new))

    return plant


def again(event: str) -> Callable[[list[Event]], object]:
    """The same event stands there once more."""
    return lambda events: events.append(next(one for one in events if one["event"] == event))


LOST: dict[str, tuple[Callable[[Written], None], str]] = {
    "a line": (cut, "story 2: the journal does not begin with what it held before"),
    "all": (
        lambda written: (written.folder("2") / "evidence/journal.jsonl").unlink(),
        "story 2: the journal does not begin with what it held before",
    ),
    "what it said": (
        of("2", lambda events: events[2].update(why="otherwise")),
        "story 2: the journal does not begin with what it held before",
    ),
}
FAULTS: dict[str, tuple[Callable[[Written], None], str]] = {
    "executed before its dependency": (stop_first, "story 2 is executed, and story 1 is accepting"),
    "executed without a step": (only_asked, "story 2 is executed, and story 1 is accepting"),
    "executed earlier, by the times": (early, "story 2 was executed at 2026-01-01T00:15:00Z, and 1 complete only at"),
    "two at work": (begin_third, "stories 2 and 3 are at work in one tree"),
    "two were at work": (end_third, "stories 2 and 3 were at work in one tree"),
    "two trees parted": (part, "story 2: the journals of its two trees have parted"),
    "a call begun twice": (of("2", again("began")), "story 2: 2/red/impl/1.1-ab was begun again"),
    "a call ended twice": (of("2", again("ended")), "story 2: 2/red/impl/1.1-ab was ended again"),
    "a call ended only": (
        of("2", lambda events: events.remove(next(one for one in events if one["event"] == "began"))),
        "story 2: 2/red/impl/1.1-ab ended and was never begun",
    ),
    "a step twice": (of("2", again("stepped")), "story 2: step 1 is there again"),
    "a step left out": (of("2", lambda events: events.pop(2)), "story 2: step 3 comes after step 1"),
    "a step from elsewhere": (
        of("2", lambda events: events[2].update(source="stuck")),
        "story 2: step 2 leaves stuck, and the story was in validating",
    ),
    "the chain broken": (edit, "story 2: line 4 of the journal does not follow from the line before it"),
    "a line that is no event": (scribble, "story 2: line 9 of the journal does not follow from the line before it"),
    "evidence changed": (spoil, "story 2: 01-impl.md is not what the journal says"),
    "another state shown": (
        show("state: gorilla", "state: red"),
        "story 2: story.md shows red, the journal says gorilla",
    ),
    "a row doubled": (
        show("| 3 | then |\n", "| 3 | then |\n| 3 | then |\n"),
        "story 2: the log shows the steps [1, 2, 3, 3, 4, 5], the journal has [1, 2, 3, 4, 5]",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_planted_fault_is_told(tmp_path: Path, what: str) -> None:
    """Each fault is told in its own words at first sight."""
    plant, told = FAULTS[what]
    written = Written(tmp_path)
    plant(written)
    line, *_ = written.pack().look(over=True)
    assert line.startswith(told)


@pytest.mark.parametrize("what", LOST)
def test_what_is_lost_is_told(tmp_path: Path, what: str) -> None:
    """What was there at the last look has to be there for ever, also where the rest is sound by itself."""
    plant, told = LOST[what]
    written = Written(tmp_path)
    pack = written.pack()
    assert pack.look(over=True) == []
    plant(written)
    assert told in pack.look()
    assert told in pack.look()


def test_the_checker_shares_no_code_with_the_engine() -> None:
    """It imports the standard library and a YAML reader, and nothing else."""
    tree = ast.parse(Path(invariants.__file__).read_text("utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).partition(".")[0] for name in names} <= {*sys.stdlib_module_names, "yaml"}
