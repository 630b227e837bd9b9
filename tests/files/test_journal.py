"""The journal: appended, chained, and refused with its line where it cannot be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FormatError, StoryChanged
from engine.files import disk
from engine.files.journal import Journal, is_calling, last_link, link, read_journal
from engine.model.call import Usage
from engine.model.events import Adopted, Asked, Began, Decided, Ended, Event, Stepped, Ticked, Wrote
from engine.model.verdict import Finding, FixAnswer
from tests.life import AT
from tests.rounds import rounds

EVENTS: list[Event] = [
    Adopted(at=AT, by="Ana <a@example.org>", machine="story", state="drafted", because="shipped — in ✓"),
    Wrote(),
    Began(at=AT, call="4/x/1.1-ab", number=1, act="x", role="r", attempt=1, turn=1, resumes="s", inputs={"a": "b"}),
    Ended(
        at=AT,
        call="4/x/1.1-ab",
        status="ok",
        why="why\nand why",
        facts={"verdict:r": "FAIL"},
        findings=(Finding(id="F1", severity="nit", where="a.md:1", quote="q", text="\u2028", sources=("r",)),),
        answers=(FixAnswer(finding="F1", answer="fixed"),),
        tcs={"TC-1.1a": "pass"},
        evidence="01-x.md",
        sha="0" * 64,
        session="s",
        model="m",
        usage=Usage(input=7),
    ),
    Asked(at=AT, id="D1", decision="triage", finding="F1"),
    Decided(at=AT, id="D1", decision="triage", finding="F1", option="fix", note="a\r\nb", by="Ana"),
    Ticked(at=AT, item="human_approved", ticked=True, by="Ana"),
    Stepped(at=AT, n=1, source="a", dest="b", why="w", ticks=("i",), unticks=("j",), enters="fix", resets=("red",)),
    Wrote(),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A journal that holds one event of every kind."""
    path = tmp_path / "evidence/journal.jsonl"
    journal = Journal(path)
    for event in EVENTS:
        journal.append(event)
    return path


def refused(path: Path, line: int, why: str) -> None:
    with pytest.raises(FormatError) as error:
        read_journal(path, "docs/journal.jsonl")
    assert (error.value.path, error.value.line) == ("docs/journal.jsonl", line)
    assert str(error.value).startswith(f"docs/journal.jsonl:{line}: journal: {why}")


def test_every_event_comes_back_as_it_was(written: Path) -> None:
    """Each kind of event is read back equal, one line each, also with line ends and other odd characters in it."""
    assert read_journal(written) == EVENTS
    assert written.read_bytes().count(b"\n") == len(EVENTS)


def test_a_journal_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Before adoption there is no journal, and nothing in it."""
    assert read_journal(tmp_path / "none.jsonl") == []
    assert last_link(tmp_path / "none.jsonl") == ""
    assert Journal(tmp_path / "none.jsonl").head == ""


def test_each_line_names_the_one_before_it(written: Path) -> None:
    """The chain: `prev` is the hash of the line before, and the head that of the last."""
    lines = written.read_bytes().splitlines()
    assert [json.loads(line)["prev"] for line in lines] == ["", *(link(line) for line in lines[:-1])]
    assert Journal(written).head == last_link(written) == link(lines[-1])


def test_a_call_that_has_not_ended_is_seen_by_the_lines_alone(tmp_path: Path) -> None:
    """Whoever asks this is told of broken lines elsewhere; a torn one was never acknowledged."""
    path = tmp_path / "journal.jsonl"
    began, ended = b'{"event":"began","call":"4/a"}\n', b'{"event":"ended","call":"4/a"}\n'
    for raw, calling in (
        (b"", False),
        (began, True),
        (began + ended, False),
        (began + ended + b'{"event":"began","call":"4/b"}\n', True),
        (began + ended[:-1], True),
        (began + b"no event\n", False),
        (began + b"[]\n", False),
        (began + b"{}\n", False),
    ):
        path.write_bytes(raw)
        assert is_calling(path) == calling
    path.unlink()
    assert not is_calling(path)


def test_a_torn_last_line_does_not_count(written: Path) -> None:
    """A line without its end was never acknowledged: it is not read, and the next event replaces it."""
    whole = written.read_bytes()
    for cut in (1, 2, 20):
        written.write_bytes(whole[:-cut])
        assert read_journal(written) == EVENTS[:-1]
    journal = Journal(written)
    journal.append(EVENTS[-1])
    assert written.read_bytes() == whole


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_an_edited_line_is_refused_at_the_next_one(written: Path) -> None:
    """A word changed in a line breaks the chain at the line after it."""
    lines = lines_of(written)
    lines[3] = lines[3].replace(b"FAIL", b"PASS")
    written.write_bytes(b"".join(lines))
    refused(written, 5, "the line does not follow from the line before it")


def test_a_removed_line_is_refused(written: Path) -> None:
    """A line taken out breaks the chain where it stood, the first one too."""
    lines = lines_of(written)
    written.write_bytes(b"".join(lines[:2] + lines[3:]))
    refused(written, 3, "the line does not follow")
    written.write_bytes(b"".join(lines[1:]))
    refused(written, 1, "the line does not follow")


def test_reordered_and_doubled_lines_are_refused(written: Path) -> None:
    """Two lines that changed places, or one that stands twice, break the chain."""
    lines = lines_of(written)
    written.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    refused(written, 2, "the line does not follow")
    written.write_bytes(b"".join([*lines[:4], lines[3], *lines[4:]]))
    refused(written, 5, "the line does not follow")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "the line is empty"),
        (b"  ", "the line is empty"),
        (b"<<<<<<< HEAD", "the line is no event"),
        (b"[]", "the line is no event"),
        (b"3", "the line is no event"),
        (b"null", "the line is no event"),
        (b'"prev"', "the line is no event"),
        (b"{}", "the line is no event"),
        (b'{"event":"wrote"}', "the line is no event"),
        (b'{"event":"danced","prev":""}', "the line is no event"),
        (b'{"event":"ticked","prev":"","at":"x"}', "the line is no event"),
        (b'{"event":"wrote","prev":"","more":1}', "the line is no event"),
        (b"\xff\xfe", "the line is no event"),
        (b"[" * 100_000, "the line is no event"),
        (b'{"event":"wrote","prev":' + b"9" * 5000 + b"}", "the line is no event"),
    ],
    ids=range(15),
)
def test_a_line_that_is_no_event_is_refused(written: Path, line: bytes, why: str) -> None:
    """Garbage, merge marks and unknown events are refused with the line they stand on."""
    lines = lines_of(written)
    written.write_bytes(b"".join([*lines[:2], line + b"\n", *lines[2:]]))
    refused(written, 3, why)


def test_without_a_name_to_show_the_path_is_shown(written: Path) -> None:
    """The error names the file in any case."""
    written.write_bytes(b"x\n")
    with pytest.raises(FormatError, match=r"journal\.jsonl:1: "):
        read_journal(written)


def events_or_refusal(path: Path) -> list[Event] | FormatError:
    try:
        return read_journal(path)
    except FormatError as err:
        return err


@settings(max_examples=rounds(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary()
    | st.lists(st.sampled_from([b"{", b'{"event":"wrote","prev":""}', b"\n", b"\xff", b"1"])).map(b"".join)
)
def test_any_bytes_are_events_or_refused(tmp_path: Path, raw: bytes) -> None:
    """Whatever bytes a journal holds, it is read or refused with a FormatError; nothing else is raised."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(raw)
    said = events_or_refusal(path)
    if isinstance(said, FormatError):
        assert said.line is not None
        assert 1 <= said.line <= raw.count(b"\n")
    else:
        assert len(said) == raw.count(b"\n")


@settings(max_examples=rounds(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_no_changed_byte_goes_unseen(written: Path, at: int, byte: int) -> None:
    """One changed byte anywhere but in the last line is refused."""
    path = written.with_name("changed.jsonl")
    raw = bytearray(written.read_bytes())
    last = raw.rstrip(b"\n").rfind(b"\n")
    place = at % last
    if raw[place] == byte:
        return
    raw[place] = byte
    path.write_bytes(bytes(raw))
    with pytest.raises(FormatError):
        read_journal(path)


def test_another_journal_in_its_place_is_never_written_to(written: Path) -> None:
    """After another branch was checked out, or the file was edited, nothing more is appended."""
    journal = Journal(written)
    whole = written.read_bytes()
    for other in (b"".join(lines_of(written)[:-1]), whole + b'{"event":"wrote","prev":"x"}\n'):
        written.write_bytes(other)
        with pytest.raises(StoryChanged, match="not the journal it was"):
            journal.append(Wrote())
        assert written.read_bytes() == other
    written.unlink()
    with pytest.raises(StoryChanged):
        journal.demand_same()
    assert not written.exists()
    written.write_bytes(whole)
    journal.append(Wrote())
    assert read_journal(written) == [*EVENTS, Wrote()]


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder in place of the journal is refused with its place, not with a crash."""
    path = tmp_path / "journal.jsonl"
    path.mkdir()
    refused(path, 1, "it cannot be read")
    with pytest.raises(FormatError, match=r"journal\.jsonl:1: journal: it cannot be read"):
        Journal(path)


def test_a_line_is_not_appended_to_another_branch_s_journal(tmp_path: Path) -> None:
    """What a file holds when it is opened decides, not what stood at its path a moment before; no file is made."""

    def other(content: bytes) -> None:
        raise StoryChanged("another branch")

    path = tmp_path / "journal.jsonl"
    with pytest.raises(StoryChanged):
        disk.append(path, b"mine", still=other)
    assert not path.exists()
    path.write_bytes(b"theirs\n")
    with pytest.raises(StoryChanged):
        disk.append(path, b"mine", still=other)
    assert path.read_bytes() == b"theirs\n"


def test_a_line_written_into_a_file_that_was_replaced_is_told(tmp_path: Path) -> None:
    """Where the file is replaced between opening and writing, the line is in neither branch and the engine says so."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"mine\n")

    def replaced(content: bytes) -> None:
        assert content == b"mine\n"
        path.unlink()
        path.write_bytes(b"theirs\n")

    with pytest.raises(StoryChanged, match="was replaced"):
        disk.append(path, b"next", still=replaced)
    assert path.read_bytes() == b"theirs\n"
