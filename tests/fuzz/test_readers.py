"""Every reader takes any bytes: valid ones that were cut, doubled, swapped or spoilt, and bytes out of nowhere.

Each answers with a value, or with an error that says where; nothing else comes out, and soon. What single readers must
answer to what is tested beside them (tests/files, tests/agents, tests/markdown); here it is that all of them answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.actions.frozen import list_base, list_frozen, read_base, read_frozen
from engine.actions.junit import UNREADABLE, list_tests, merge_reports, read_tests
from engine.agents.reply import InvalidReply, read_report
from engine.agents.scripted import read_script
from engine.calls.local import LocalCalls
from engine.checks.expected import OwnedFiles
from engine.errors import CallFailed, FormatError
from engine.files.config import GateConfig, read_config
from engine.files.evidence import read_checked
from engine.files.journal import read_journal
from engine.files.machine_file import read_machine, shipped_folder
from engine.files.story_file import author_text, read_story
from engine.model.call import Reply, TestResult, Tree
from engine.model.pack import Source
from engine.status import _Memory
from tests.life import machine
from tests.repo import CONFIG, STORY, prompt, verdict
from tests.rounds import rounds

SOON = timedelta(seconds=5)
"""For one reader and one input, on a machine that does other things, too."""
AT = "2026-01-01T00:00:00Z"
JUNIT = b"""<?xml version="1.0"?>
<testsuites><testsuite name="a" tests="3">
<testcase classname="x" name="tc_1_1a"/><testcase name="b"><failure message="no">why</failure></testcase>
<testcase name="c"><skipped/></testcase></testsuite></testsuites>
"""
LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]><testsuite><testcase name='&m;'/></testsuite>"
)
SHA = "0" * 64
EVIDENCE = "---\nstory: '1'\n---\n\n" + "\n".join(
    (
        list_tests([TestResult(id="a", status="passed"), TestResult(id="b", status="failed")]),
        list_base(
            Tree(head=SHA[:40], dirty={"a b": SHA, "gone": ""}, made=("out",)), OwnedFiles(("src/a",), (), ("t",))
        ),
        list_frozen({"tests/a": SHA, "tests/b": SHA}, {"tests/b"}),
    )
)
JOURNAL = b'{"event":"adopted","at":"2026-01-01T00:00:00Z","by":"Ana","machine":"story","state":"drafted","prev":""}\n'
CHECKLIST = "\n".join(
    [
        "\n## Story 1 Execution Checklist\n",
        *(
            line
            for name, items in machine().checklist.items()
            for line in (f"### {name}", *(f"- [ ] {item.text}" for item in items.values()), "")
        ),
        "### Decisions\n\n#### D1: Stuck\n\n- [x] a\n- [ ] b\n\nNote: one\n",
    ]
)


@dataclass(frozen=True)
class Reader:
    """A reader, a valid input, and the errors that it may answer with."""

    valid: bytes
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...] = (FormatError,)
    name: str = "input"


def merged(path: Path) -> object:
    return merge_reports(GateConfig(run=["x"]), path.parent, path, 0)


def evidence(path: Path) -> object:
    body = read_checked(path, hashlib.sha256(path.read_bytes()).hexdigest(), str(path))
    return read_tests(body), read_base(body), read_frozen(body)


def story(path: Path) -> object:
    source = Source(path="story.md", raw=path.read_bytes())
    author_text(source, "Story 1 Execution Checklist")
    return read_story(source, "1", machine()), read_story(source, "1", None)


def reply(path: Path) -> object:
    text = path.read_bytes().decode("utf-8", "replace")
    said = []
    for returns in ("verdict", "fixes", "work"):
        try:
            read_report(text, returns, story="1", turn=1, tcs=("TC-1.1a",), findings=("F1",))
        except InvalidReply as err:
            said.append(str(err).strip())
    assert all(said)
    return said


def remembered(path: Path) -> object:
    async def perform() -> Reply:
        return Reply(status="ok", text="new", started=AT, ended=AT)

    return asyncio.run(LocalCalls(path).submit("a", perform))


def status(path: Path) -> object:
    memory = _Memory(path, "/r")
    return memory.whole(), memory.known("x")


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE calls (id TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID")
    told = Reply(status="ok", text="old", started=AT, ended=AT).model_dump_json()
    connection.execute("INSERT INTO calls VALUES ('a', ?)", (told,))
    connection.commit()
    content = bytes(connection.serialize())
    connection.close()
    return content


READERS = {
    "story": Reader(f"---\nstate: drafted\nmachine: story\nround: 1\n---\n{STORY}{CHECKLIST}".encode(), story),
    "prompt": Reader(prompt("Write 2 failing tests:\n- TC-1.1a").encode(), story),
    "machine": Reader((shipped_folder() / "infrastructure.yaml").read_bytes(), read_machine, name="m.yaml"),
    "config": Reader(CONFIG.partition("\n\n")[2].encode(), lambda path: read_config(path.parent), name="story.toml"),
    "evidence": Reader(EVIDENCE.encode(), evidence, errors=()),
    "journal": Reader(JOURNAL, read_journal, name="journal.jsonl"),
    "JUnit": Reader(JUNIT, merged, UNREADABLE, "report.xml"),
    "reply": Reader(f"```json\n{json.dumps(verdict(), indent=1)}\n```\n".encode(), reply, errors=()),
    "script": Reader(b"replies:\n  - {act: a, turn: 1, files: {a: b}, reply: {verdict: PASS}}\n", read_script),
    "replies": Reader(database(), remembered, errors=(CallFailed,), name="calls.sqlite"),
    "status": Reader(b'0\n{"version":1,"root":"/r","taken":1,"folders":{},"files":{}}', status, errors=()),
}
BITS = (
    st.sampled_from(
        (b"", b"\0", b"\xff\xfe", b"\r", b"\n", b"---\n", b"{", b"[" * 200, b"<", b"&a;", b'"', b"'", b"- [x] ")
    )
    | st.sampled_from(
        (b"|", b"```", b": ", b"!!python/object:os.system ", b"*a", b"&a [*a, *a]", b"1e999", b"9" * 5000)
    )
    | st.binary(max_size=30)
)


@st.composite
def spoilt(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid input with up to four things done to it, or bytes out of nowhere."""
    if draw(st.integers(0, 5)) == 0:
        return b"".join(draw(st.lists(BITS, max_size=8)))
    raw = valid
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
        match draw(st.sampled_from(["insert", "replace", "cut", "double", "end", "swap"])):
            case "insert":
                raw = raw[:start] + draw(BITS) + raw[start:]
            case "replace":
                raw = raw[:start] + draw(BITS) + raw[start + draw(st.integers(1, 9)) :]
            case "cut":
                raw = raw[:start] + raw[end:]
            case "double":
                raw = raw[:end] + raw[start:end] + raw[end:]
            case "end":
                raw = raw[:start]
            case _:
                lines = raw.split(b"\n")
                one, two = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                lines[one], lines[two] = lines[two], lines[one]
                raw = b"\n".join(lines)
    return raw


@pytest.mark.parametrize("name", READERS)
@settings(
    max_examples=rounds(40),
    deadline=SOON,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_bytes_are_a_value_or_an_error_with_a_place(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Whatever bytes a reader is given, it answers soon, with a value or with an error that names the file."""
    reader = READERS[name]
    answer(reader, tmp_path, data.draw(spoilt(reader.valid)))


@pytest.mark.parametrize("name", READERS)
def test_the_valid_input_is_read(tmp_path: Path, name: str) -> None:
    """What the fuzzing spoils is read where it is whole, so that the spoiling begins deep inside the reader."""
    path = tmp_path / READERS[name].name
    path.write_bytes(READERS[name].valid)
    READERS[name].read(path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("JUnit", LAUGHS),
        ("script", b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*%s, *%s]\n" % (n, n, p, p) for n, p in
                                              ((n, b"b%d" % (n - 1) if n else b"a") for n in range(40)))),
        ("story", b"[" * 50_000),
        ("story", b"> " * 20_000 + b"x"),
        ("story", b"- " * 20_000 + b"x"),
        ("reply", b"```json\n" + b'{"a":' * 50_000),
        ("config", b"a = " + b"[" * 50_000),
        ("journal", b'{"event":' * 50_000 + b"\n"),
        ("machine", b"a: " + b"[" * 50_000),
        ("script", b"replies: " + b"[" * 5_000),
        ("script", b"replies: 2026-13-45"),
        ("story", b"---\nstate: 2026-13-45\n---\n# Story 1: A\n"),
    ],
)  # fmt: skip
def test_what_grows_or_nests_without_end_is_answered_soon(tmp_path: Path, name: str, raw: bytes) -> None:
    """Entities and aliases that multiply, and brackets without end, neither hang a reader nor blow its stack."""
    answer(READERS[name], tmp_path, raw)


def answer(reader: Reader, folder: Path, raw: bytes) -> None:
    """Let a reader read, and look at what it raises."""
    path = folder / reader.name
    for old in folder.iterdir():
        old.unlink()
    path.write_bytes(raw)
    told: Exception | None = None
    try:
        reader.read(path)
    except reader.errors as err:
        told = err
    if told is not None:
        assert str(told).strip()
    if isinstance(told, FormatError):
        assert told.path
        assert "\n" not in str(told)
    if isinstance(told, CallFailed):
        assert str(path) in str(told)
