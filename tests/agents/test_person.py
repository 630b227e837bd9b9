"""A role played by hand: the brief is saved, the reply is awaited, and no reply is taken for another's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.agents.person import PersonAgent, brief_path
from engine.model.call import Brief, Reply
from tests.life import AT

BRIEF = Brief(
    call="4/validating/pedant-pedant_validator/1.1-ab12",
    story="4",
    act="pedant",
    role="pedant_validator",
    turn=1,
    text="# Read this — all\n",
)


def run(folder: Path, brief: Brief = BRIEF) -> Reply:
    return asyncio.run(PersonAgent(folder / "briefs", clock=lambda: AT).run(brief))


def test_the_brief_is_saved_and_the_reply_awaited(tmp_path: Path) -> None:
    """Without a reply the agent is pending and says where the brief lies and where the reply goes."""
    reply = run(tmp_path)
    assert reply.status == "pending"
    path = Path(reply.text)
    assert path == brief_path(tmp_path / "briefs", BRIEF.call)
    assert path.read_text() == BRIEF.text
    assert reply.why == f"read the brief, save the reply as {path.stem}.reply.md beside it"


def test_the_reply_is_taken_when_it_is_there(tmp_path: Path) -> None:
    """A saved reply is the answer, in the session it belongs to; an empty file is none yet."""
    answer = Path(run(tmp_path).text).with_suffix(".reply.md")
    answer.write_text(" \n")
    assert run(tmp_path).status == "pending"
    answer.write_bytes(b"said \xff\n")
    reply = run(tmp_path)
    assert (reply.status, reply.text, reply.model) == ("ok", "said \ufffd\n", "person")
    assert reply.session == f"person-{BRIEF.call}"
    assert run(tmp_path, BRIEF.model_copy(update={"session": "s"})).session == "s"


def test_no_other_call_has_the_same_file(tmp_path: Path) -> None:
    """Another action, role, turn, story, pack or branch has a brief and a reply of its own."""
    names = {
        brief_path(tmp_path, call).name
        for call in (
            "4/red/impl-engineer/1.1-ab12",
            "4/green/impl_green-engineer/1.1-cd34",
            "4/red/impl-engineer/2.1-ab12",
            "4/red/impl-engineer/1.1-cd34",
            "5/red/impl-engineer/1.1-ab12",
        )
    }
    assert len(names) == 5
    assert all("/" not in name and name.startswith("story-") for name in names)
