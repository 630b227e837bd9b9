"""`story ask`: a question to the newest session of a role, in between; it changes no fact, no state and no item."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from engine.actions.workspace import Cut, run_in_copy
from engine.budget import held_back, share
from engine.errors import CallFailed, UsageError
from engine.files import disk
from engine.files.evidence import save_evidence
from engine.files.repository import show_new
from engine.look import Repository, Seen, look
from engine.model.call import Brief, Reply
from engine.model.events import Began, Ended
from engine.ports import Ports
from engine.trust import distrust, refuse

ACT = "ask"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a role answered, and where that is kept; `brief` is a file where a person still has to answer."""

    role: str
    question: str
    answer: str
    evidence: str
    brief: str = ""


def follow_up(
    repository: Repository, folder: Path, story_id: str, role: str, question: str, *, ports: Ports
) -> Answered:
    """Ask the newest session of a role; a reply that was remembered before the engine was killed is taken up."""
    lock = repository.advance_lock(folder, story_id)
    with disk.hold(lock, 0, what=f"story {story_id} is being advanced by another engine"):
        seen = look(repository, folder, story_id)
        refuse(distrust(repository.root, seen.shown, seen.machine, seen.evidence, seen.events)[1])
        began = seen.progress.follow_ups.get((role, question)) or _begin(seen, role, question, ports)
        reply = asyncio.run(_submit(seen, began, ports))
        place = (seen.evidence / began.evidence).relative_to(repository.root).as_posix()
        if reply.status == "pending":
            return Answered(role, question, "", place, brief=reply.text)
        _end(seen, began, reply)
    if reply.status == "failed":
        raise CallFailed(f"{seen.machine.roles[role].title}: {reply.why}. {place} keeps it; ask again.")
    return Answered(role, question, reply.text, place)


def _begin(seen: Seen, role: str, question: str, ports: Ports) -> Began:
    sessions = seen.progress.newest
    if not question.strip():
        raise UsageError("the question is empty. Say what you want to know.")
    if role not in sessions:
        known = ", ".join(sorted(sessions)) or "no role has one"
        why = "yet" if role in seen.machine.roles else f"and machine {seen.machine.machine!r} has no such role"
        raise UsageError(
            f"story {seen.shown.id} has no session of {role!r} {why}; there are: {known}. Advance it first."
        )
    if held := held_back(seen, 1, ports.purse):
        raise UsageError(f"{held.file}:{held.line}: {held.text}")
    number = seen.progress.calls + 1
    began = Began(
        at=ports.clock(),
        call=f"{seen.shown.id}/{seen.progress.state}/{ACT}-{role}/{number}-{ports.mint()}",
        number=number,
        act=ACT,
        role=role,
        attempt=1,
        turn=number,
        resumes=sessions[role],
        inputs=seen.inputs,
        question=question,
    )
    seen.journal.append(began)
    return began


async def _submit(seen: Seen, began: Began, ports: Ports) -> Reply:
    who = seen.machine.roles[began.role]
    text = (
        f"# {who.title}: a question about story {seen.shown.id}\n\nA person asks you about your work in this story. "
        f"Change nothing. Answer in words; nothing that you say here is read as a verdict.\n\n{began.question}\n"
    )
    brief = Brief(
        call=began.call,
        story=seen.shown.id,
        act=ACT,
        role=began.role,
        turn=began.turn,
        text=text,
        session=began.resumes,
        returns="words",
        left=share(seen, 1, ports.purse),
    )
    agent, repository = ports.agents(began.role, who), seen.repository

    async def perform() -> Reply:
        cut = Cut(half=seen.progress.half.get(began.resumes or ""))
        return await run_in_copy(agent, brief, repository.root, repository.state, cut, writable=False)

    ports.watch.began(began.call, f"{who.title}: {ACT}")
    try:
        return await ports.calls.submit(began.call, perform)
    finally:
        ports.watch.ended(began.call)


def _end(seen: Seen, began: Began, reply: Reply) -> None:
    status = "ok" if reply.status == "ok" else "failed"
    head = {
        "story": seen.shown.id,
        "call": began.call,
        "status": status,
        "session": reply.session,
        "ended": reply.ended,
    }
    same = seen.journal.demand_same
    same()
    body = f"## Question\n\n{began.question}\n\n## Answer\n\n{reply.text or reply.why}"
    sha = save_evidence(seen.evidence / began.evidence, head, body, still=same)
    ended = Ended(
        at=reply.ended,
        call=began.call,
        status="ok" if status == "ok" else "failed",
        why=f"{seen.machine.roles[began.role].title}: " + ("answered a question" if status == "ok" else reply.why),
        evidence=began.evidence,
        sha=sha,
        session=reply.session,
        model=reply.model,
        usage=reply.usage,
    )
    seen.journal.append(ended)
    show_new(seen.repository.root, [seen.evidence])
