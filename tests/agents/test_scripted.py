"""The scripted agent: the best match answers, edits are made, and a bad script is told in one line."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from engine.agents.scripted import ScriptedAgent, read_script
from engine.errors import FormatError
from engine.model.call import Brief, Reply
from tests.life import AT


def run(folder: Path, script: str, **changes: object) -> Reply:
    path = folder / "script.yaml"
    path.write_text(script)
    brief = Brief(call="c1", story="4", act="impl", role="engineer", turn=2, text="…").model_copy(update=changes)
    return asyncio.run(ScriptedAgent(path, root=folder / "r", clock=lambda: AT).run(brief))


MATCHES = """\
replies:
  - {reply: anything}
  - {act: impl, reply: the act}
  - {act: impl, turn: 2, reply: the turn}
  - {act: impl, turn: 2, role: engineer, story: 4, reply: all of it}
  - {act: other, turn: 2, role: engineer, story: 4, reply: another act}
"""


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "all of it"),
        ({"story": "5"}, "the turn"),
        ({"turn": 1}, "the act"),
        ({"act": "none"}, "anything"),
        ({"act": "other"}, "another act"),
    ],
)
def test_the_most_exact_match_answers(tmp_path: Path, changes: dict[str, object], wanted: str) -> None:
    """Of all lines that match, the one that names most of the brief answers; numbers may stand for story ids."""
    assert run(tmp_path, MATCHES, **changes).text == wanted


def test_of_two_equal_matches_the_first_answers(tmp_path: Path) -> None:
    """The order of a script decides between equals."""
    script = "replies:\n  - {act: impl, reply: one}\n  - {role: engineer, reply: two}\n"
    assert run(tmp_path, script).text == "one"


def test_a_mapping_becomes_the_block_that_agents_answer_with(tmp_path: Path) -> None:
    """`<story>` and `<round>` are filled in, and the reply is one fenced JSON block."""
    text = run(tmp_path, "replies: [{reply: {story: <story>, round: <round>, said: größer}}]").text
    assert text.startswith("```json\n")
    assert text.endswith("```\n")
    assert json.loads(text.split("\n", 1)[1].rsplit("```", 1)[0]) == {"story": "4", "round": 2, "said": "größer"}


def test_a_session_is_gone_on_with_or_begun(tmp_path: Path) -> None:
    """A resumed session keeps its name; a fresh one is named by its call."""
    script = "replies: [{reply: x}]"
    assert run(tmp_path, script).session == "scripted-c1"
    assert run(tmp_path, script, session="s7").session == "s7"


def test_no_match_and_a_failure_are_technical(tmp_path: Path) -> None:
    """Where nothing matches, or the script says so, the agent fails technically and says why."""
    none = run(tmp_path, "replies: [{act: other, reply: x}]")
    assert (none.status, none.text) == ("failed", "")
    assert none.why.endswith("script.yaml has no reply for story 4, impl turn 2")
    fails = run(tmp_path, "replies: [{fails: out of memory, files: {a.txt: x}}]")
    assert (fails.status, fails.why) == ("failed", "out of memory")
    assert not (tmp_path / "r").exists()
    assert run(tmp_path, "replies: []").status == "failed"


def test_files_are_written_and_texts_replaced(tmp_path: Path) -> None:
    """Edits are made in the repository, byte for byte, and making them again changes nothing."""
    (tmp_path / "r").mkdir()
    note = tmp_path / "r/note.md"
    note.write_bytes(b"14 tests\r\nmore\r\n")
    script = (
        'replies:\n  - files: {src/deep/a.py: "x = 1\\n"}\n'
        "    replace: [{file: note.md, old: 14 tests, new: 114 tests}]\n    reply: done\n"
    )
    for _ in range(2):
        run(tmp_path, script)
        assert note.read_bytes() == b"114 tests\r\nmore\r\n"
        assert (tmp_path / "r/src/deep/a.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("file", ["note.md", "none.md", "."])
def test_a_replacement_that_finds_nothing_is_told(tmp_path: Path, file: str) -> None:
    """A text that is not there, or a file, is a mistake of the script, told with the file's name."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r/note.md").write_text("text")
    with pytest.raises(FormatError, match="'gone' does not occur") as error:
        run(tmp_path, f"replies: [{{replace: [{{file: {file}, old: gone, new: there}}]}}]")
    assert error.value.path == file


BAD = [
    ("replies: [\n", 2, "no YAML"),
    ("replies:\n\t- x\n", 2, "no YAML"),
    ("", None, "the script: "),
    ("[]", None, "the script: "),
    ("replies: {}", None, "replies: "),
    ("replies: [{replly: x}]", None, "replies.0.replly: "),
    ("replies: [{reply: [x]}]", None, "replies.0.reply"),
    ("replies: [{turn: first}]", None, "replies.0.turn: "),
    ("replies: [{replace: [{file: a}]}]", None, "replies.0.replace.0.old: "),
    ("\0", None, "cannot be read"),
]


@pytest.mark.parametrize(("script", "line", "why"), BAD, ids=range(len(BAD)))
def test_a_bad_script_is_told_in_one_line(tmp_path: Path, script: str, line: int | None, why: str) -> None:
    """What is wrong with a script is told with its path and place, in one line."""
    path = tmp_path / "script.yaml"
    path.write_text(script)
    with pytest.raises(FormatError) as error:
        read_script(path)
    assert "\n" not in str(error.value)
    assert (error.value.path, error.value.line) == (str(path), line)
    assert why in error.value.message


def test_a_script_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing script, or one that is no text, is told with its path."""
    with pytest.raises(FormatError, match=r"none\.yaml: the script cannot be read"):
        read_script(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff")
    with pytest.raises(FormatError, match=r"x\.yaml: the script cannot be read"):
        read_script(tmp_path / "x.yaml")


@pytest.mark.parametrize(("own", "least"), [("", 0.2), ("takes: 0.4, ", 0.4)])
def test_an_agent_takes_as_long_as_its_script_says(tmp_path: Path, own: str, least: float) -> None:
    """A reply takes its own time, or what the script says for all."""
    began = time.monotonic()
    assert run(tmp_path, f"takes: 0.2\nreplies: [{{{own}reply: done}}]\n").status == "ok"
    assert least <= time.monotonic() - began < least + 5
