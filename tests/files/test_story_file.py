"""story.md read against its machine: what it shows, what is wrong with it and where, and whose bytes are whose."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EditRefused, StoryChanged
from engine.files.story_file import LIMIT, author_text, heading_of, key_line, read_story, write_story
from engine.markdown.edit import AppendRow, InsertSection, SetItem, SetKey, apply_edits
from engine.model.pack import Source
from engine.model.problem import Problem
from engine.model.story import Story
from engine.rules.projection import LOG_HEADER, adoption, edits
from tests.life import Life, first_event, machine
from tests.rounds import rounds

PATH = "docs/stories/story-4-login/story.md"
RAW = "---\ntitle: Login\ndepends_on: [0, 2a]\n---\n# Story 4: Login\n\nThe author's words.\n"
TITLE = "Story 4 Execution Checklist"


def read(text: str | bytes, *, alone: bool = False) -> tuple[Story, list[Problem]]:
    raw = text if isinstance(text, bytes) else text.encode()
    return read_story(Source(path=PATH, raw=raw), "4", None if alone else machine())


def adopted(text: str = RAW) -> str:
    raw = text.encode()
    return apply_edits(raw, adoption(machine(), read(text, alone=True)[0], first_event())).decode()


def problems(text: str) -> list[tuple[str, int]]:
    found = read(text)[1]
    assert all((p.file, p.story) == (PATH, "4") and p.message and p.remedy for p in found)
    return [(problem.code, problem.line) for problem in found]


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.split("\n"), 1) if words in line)


def test_an_adopted_story_is_read_without_problems() -> None:
    """Front matter, title, items with their lines: all is read, and nothing is wrong."""
    text = adopted()
    story, found = read(text)
    assert found == []
    assert (story.state, story.machine, story.title, story.depends_on) == ("drafted", "story", "Login", ("0", "2a"))
    assert [item.id for item in story.items] == [*machine().items]
    assert all(text.split("\n")[item.line - 1] == f"- [ ] {item.text}" for item in story.items)
    assert (story.decisions, story.log, story.round) == ((), (), 0)


def test_a_raw_story_has_no_state() -> None:
    """Before adoption the state is null and the checklist is not looked for."""
    story, found = read(RAW)
    assert (story.state, story.machine, story.items, found) == (None, None, (), [])


@pytest.mark.parametrize(
    ("first", "title"),
    [
        ("# Story 4: Login", "Login"),
        ("# Story 4 — Login", "Login"),
        ("# Story 4 - Login", "Login"),
        ("# Login", "Login"),
        ("# Story 4:", "Story 4:"),
        ("Story\n=====", "Story"),
        ("no heading", "Story 4"),
    ],
)
def test_the_title_is_what_the_first_heading_says(first: str, title: str) -> None:
    """The title is the first heading without the story's number."""
    assert read(f"{first}\n\ntext\n", alone=True)[0].title == title


BROKEN = [
    ("S101", ("title: Login", "title: [Login"), "title: [Login", 1),
    ("S101", ("depends_on: [0, 2a]\nstate", "depends_on: [0, 2a]\n\tstate"), "state", 0),
    ("S102", ("state: drafted", "state: draftet"), "state:", 0),
    ("S103", ("state: drafted", "state: 3"), "state:", 0),
    ("S103", ("machine: story", "machine: [story]"), "machine:", 0),
    ("S112", ("machine: story\n", ""), "state:", 0),
    ("S105", ("[0, 2a]", "0"), "depends_on", 0),
    ("S105", ("[0, 2a]", "[1.5]"), "depends_on", 0),
    ("S105", ("[0, 2a]", "{a: b}"), "depends_on", 0),
    ("S108", ("- [ ] Tests PASS\n", ""), "### Implementation", 0),
    ("S108", ("- [ ] Tests PASS", "- [ ] Tests pass"), "### Implementation", 0),
    ("S106", ("- [ ] Tests PASS", "-\n  [ ] Tests PASS"), "[ ] Tests PASS", 0),
]


@pytest.mark.parametrize(("code", "change", "at", "off"), BROKEN)
def test_each_problem_has_its_code_and_its_line(code: str, change: tuple[str, str], at: str, off: int) -> None:
    """What is wrong with front matter or checklist is one problem with its code, at its line."""
    text = adopted()
    assert text.count(change[0]) == 1
    broken = text.replace(*change)
    assert (code, line_of(broken, at) + off) in problems(broken)


def test_an_item_that_stands_twice_is_told_with_both_places() -> None:
    """Two items of one text are one problem, S107, that names the lines of both."""
    text = adopted().replace("- [ ] Tests PASS\n", "- [ ] Tests PASS\n- [x] Tests PASS\n")
    line = line_of(text, "- [ ] Tests PASS")
    assert problems(text) == [("S107", line)]
    assert f"lines {line}, {line + 1}." in read(text)[1][0].message


def test_a_missing_checklist_is_one_problem() -> None:
    """Without the checklist's heading nothing else is looked for: S104."""
    assert problems(adopted().replace(TITLE, "Something else")) == [("S104", 1)]
    without = adopted().replace("### Verification", "### Verifying")
    assert {code for code, _ in problems(without)} == {"S108"}
    assert {line for _, line in problems(without)} == {line_of(without, f"## {TITLE}")}


def test_a_story_of_many_megabytes_is_one_problem() -> None:
    """What is far too long to be a story is not read at all: S113."""
    assert problems("x" * (LIMIT + 1)) == [("S113", 1)]


def test_unknown_states_name_the_known_ones() -> None:
    """S102 says which states the machine has."""
    (problem,) = read(adopted().replace("state: drafted", "state: draftet"))[1]
    assert "unknown state 'draftet'; machine 'story' has 'drafted', 'validating'" in problem.message


def test_own_items_have_names_of_their_own() -> None:
    """An item that the author added is read as such, ticked or not, with its section."""
    text = adopted().replace("- [ ] Tests PASS\n", "- [ ] Tests PASS\n- [X] Ask *Bob*\n")
    own = [item for item in read(text)[0].items if item.own]
    assert [(item.id, item.section, item.ticked) for item in own] == [
        ("Implementation: Ask *Bob*", "Implementation", True)
    ]


def test_items_elsewhere_are_not_the_checklist_s() -> None:
    """Items of the author's own text, in fences, or of another section do not count."""
    text = adopted(RAW + "\n- [x] Tests PASS\n\n```\n- [x] Tests PASS\n```\n")
    story, found = read(text)
    assert found == []
    assert not any(item.ticked for item in story.items)


def with_question(ends: str = "\n", note: str = "") -> str:
    text = adopted()
    life = Life("counting").asked("counts")
    raw = apply_edits(text.encode(), edits(machine(), life.progress, read(text)[0], "evidence"))
    return raw.decode().replace("Note (required):", f"Note (required):{note}").replace("\n", ends)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_question_is_read_with_its_lines(ends: str) -> None:
    """Options with their lines, what is ticked and the note are read, whatever the line ends are."""
    text = with_question(ends, " nine\nas it says").replace("- [ ] run is", "- [x] run is")
    (shown,) = read(text)[0].decisions
    lines = text.split(ends)
    assert (shown.id, shown.heading) == ("D1", "D1: Test count discrepancies")
    assert lines[shown.line - 1] == "#### D1: Test count discrepancies"
    assert [lines[line - 1][6:] for _, line in shown.options] == [option for option, _ in shown.options]
    assert shown.ticked == ("run is right: the count in the story changes",)
    assert shown.note == "nine\nas it says"


def test_a_heading_elsewhere_is_no_question() -> None:
    """A heading D1 outside of Decisions is the author's, and the first of two equal ones counts."""
    text = with_question().replace("The author's words.", "#### D1: mine\n\n- [x] yes")
    assert [shown.line for shown in read(text)[0].decisions] == [line_of(text, "#### D1: Test")]
    start, end = text.index("#### D1: Test"), len(text)
    twice = text[:end] + text[start:end]
    assert len(read(twice)[0].decisions) == 1


def test_rows_of_other_tables_are_no_steps() -> None:
    """Only numbered rows of the log's own table count."""
    life = Life().to("validating")
    text = adopted()
    raw = apply_edits(text.encode(), edits(machine(), life.progress, read(text)[0], "evidence"))
    more = raw + b"| later | x | y | z | |\n"
    assert read(more)[0].log == (1,)
    assert read(adopted(RAW + "\n| Step |\n|---|\n| 7 |\n"))[0].log == ()


def test_a_bom_and_crlf_are_read(tmp_path: Path) -> None:
    """A story that Windows wrote is read like any other."""
    raw = b"\xef\xbb\xbf" + adopted().replace("\n", "\r\n").encode()
    story, found = read(raw)
    assert (story.state, found) == ("drafted", [])


AUTHOR = [
    ("the state", ("state: drafted", "state: gating"), True),
    ("the round", ("state: drafted", "round: 3\nstate: drafted"), True),
    ("a tick", ("- [ ] Tests PASS", "- [x] Tests PASS"), True),
    ("text in the checklist", ("### Implementation", "### Decisions\n\nx\n\n### Implementation"), True),
    ("a comment in the front matter", ("state: drafted", "state: drafted  # here"), True),
    ("the order of keys", ("title: Login\ndepends_on: [0, 2a]", "depends_on: [0, 2a]\ntitle: Login"), True),
    ("blank lines at the end", ("Or validation in progress\n", "Or validation in progress\n\n\n"), True),
    ("the author's words", ("The author's words.", "The author's word."), False),
    ("a blank in them", ("The author's words.", "The author's  words."), False),
    ("the title", ("# Story 4: Login", "# Story 4: Logout"), False),
    ("an author's key", ("title: Login", "title: Logout"), False),
    ("a new key", ("title: Login", "title: Login\nowner: Bob"), False),
    ("the dependencies", ("[0, 2a]", "[0]"), False),
    ("text after the checklist", ("Or validation in progress\n", "Or validation in progress\n\n## More\n\nx\n"), False),
]


@pytest.mark.parametrize(("what", "change", "same"), AUTHOR, ids=[row[0] for row in AUTHOR])
def test_the_author_s_regions_are_all_but_the_engine_s(what: str, change: tuple[str, str], same: bool) -> None:
    """Only what the author wrote is an input: changing it shows, changing the engine's regions does not."""
    text = adopted()
    assert text.count(change[0]) == 1, what
    mine = author_text(Source(path=PATH, raw=text.encode()), TITLE)
    changed = author_text(Source(path=PATH, raw=text.replace(*change).encode()), TITLE)
    assert (mine == changed) is same


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_adoption_is_no_change_of_the_author_s_regions(ends: str, last: str) -> None:
    """What the validators read is the same before and after adoption, whatever the end of the file is."""
    raw = (RAW.rstrip("\n") + last).replace("\n", ends).encode()
    after = apply_edits(raw, adoption(machine(), read(raw, alone=True)[0], first_event()))
    before = author_text(Source(path=PATH, raw=raw), TITLE)
    assert author_text(Source(path=PATH, raw=after), TITLE) == before
    assert author_text(Source(path=PATH, raw=raw), None) == before


def test_broken_front_matter_has_no_author_s_keys() -> None:
    """A story whose front matter cannot be read still has its text as an input."""
    raw = b"---\na: [\n---\n# Story 4\n"
    assert author_text(Source(path=PATH, raw=raw), TITLE) == b"{}\n# Story 4"


def test_the_line_of_a_key_is_found() -> None:
    """A key's line is that of the front matter, 1 where there is none."""
    assert key_line(RAW.encode(), "depends_on") == 3
    assert key_line(RAW.encode(), "state") == 1
    assert key_line(b"# Story\n\nstate: x\n", "state") == 1


def test_edits_are_written_or_refused_with_the_path(tmp_path: Path) -> None:
    """write_story replays edits on the file, is idle the second time, and names the file when it refuses."""
    path = tmp_path / "story.md"
    path.write_text(adopted())
    lock = tmp_path / "lock"
    done = [SetKey("state", "gating"), SetItem((TITLE, "Implementation"), "Tests PASS", True)]
    assert write_story(path, done, lock=lock)
    assert not write_story(path, done, lock=lock)
    assert read(path.read_bytes())[0].state == "gating"
    with pytest.raises(StoryChanged, match=r"story\.md: no item 'Gone'"):
        write_story(path, [SetItem((TITLE, "Implementation"), "Gone", True)], lock=lock)
    path.write_text(path.read_text().replace("- [x] Tests PASS", "- [x] Tests PASS\n- [x] Tests PASS"))
    with pytest.raises(EditRefused, match=r"story\.md: item 'Tests PASS' is under"):
        write_story(path, [SetItem((TITLE, "Implementation"), "Tests PASS", False)], lock=lock)


def test_a_write_asks_whether_it_is_still_the_story(tmp_path: Path) -> None:
    """Before every try the journal is asked; where it says no, nothing is written."""
    path = tmp_path / "story.md"
    path.write_text(adopted())
    before = path.read_bytes()

    def other() -> None:
        raise StoryChanged("another branch")

    with pytest.raises(StoryChanged, match="another branch"):
        write_story(path, [SetKey("state", "gating")], lock=tmp_path / "lock", still=other)
    assert path.read_bytes() == before


def test_what_a_person_saved_of_the_same_write_is_not_written_twice(tmp_path: Path) -> None:
    """Where she saves what she was shown in the moment of the write, with a word of hers, each row is there once."""
    path = tmp_path / "story.md"
    path.write_text(adopted())
    log = f"### Log\n\n{LOG_HEADER}"
    wanted = [InsertSection(log, under=(TITLE,)), AppendRow((TITLE, "Log"), ("1", "now", "a → b", "x | y", ""))]
    shown = apply_edits(path.read_bytes(), wanted)

    def save() -> None:
        path.write_bytes(shown.replace(b"words", b"new words"))

    write_story(path, wanted, lock=tmp_path / "lock", still=save)
    assert path.read_bytes() == shown.replace(b"words", b"new words")


def test_the_heading_names_the_story() -> None:
    """The checklist's heading holds the story's id."""
    assert heading_of(machine(), "2a") == "Story 2a Execution Checklist"


@settings(max_examples=rounds(100), deadline=None)
@given(
    text=st.text()
    | st.lists(st.sampled_from(["---", "state: x", "# a", "- [ ] b", "#### D1", "|1|", "|-|", ""])).map("\n".join)
)
def test_any_text_is_a_story_with_problems_at_its_lines(text: str) -> None:
    """Whatever a file holds, it is read, and each problem stands at one of its lines."""
    raw = text.encode("utf-8", "replace")
    for alone in (True, False):
        found = read(raw, alone=alone)[1]
        assert all(1 <= problem.line <= raw.count(b"\n") + raw.count(b"\r") + 1 for problem in found)
