"""A: roles, sessions, sandboxes: two perspectives, the same session again, nobody verifies himself."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.machine import AgentAct, Resume
from engine.rules.prove.bits import YES
from engine.rules.prove.flaw import Flaw, Place, flaw
from engine.rules.prove.flow import Flow
from engine.rules.prove.study import JUDGES, WORKERS, Study

_RETURNS = {"fix": ("fixes", "work"), **dict.fromkeys(JUDGES, ("verdict",))}


def agents(study: Study, flow: Flow) -> Iterator[Flaw]:
    """Find agents that are asked wrongly, whatever they answer."""
    yield from _groups(study)
    for name in study.machine.states:
        yield from _validators(study, name)
    for name, act, place in study.agents.values():
        yield from _session(study, act, place)
        yield from _sandbox(study, act, place)
        returns = study.machine.prompts[act.prompt].returns
        if returns not in _RETURNS.get(act.purpose, ("work",)):
            yield flaw("A13", (*place, "prompt"), f"{act.id!r} is to {act.purpose}, its prompt returns {returns}.")
        yield from _exists(study, flow, name, act, place)


def _groups(study: Study) -> Iterator[Flaw]:
    roles = study.machine.roles
    for key, group in study.machine.groups.items():
        if len({getattr(roles[member], group.distinct) for member in group.members}) < 2:
            place = ("groups", key, "members")
            yield flaw("A01", place, f"group {key!r} has fewer than two {group.distinct}s: one perspective.")


def _validators(study: Study, name: str) -> Iterator[Flaw]:
    machine = study.machine
    acts = [(act, at) for where, act, at in study.agents.values() if where == name and act.purpose == "validate"]
    if not acts:
        return
    act, place = acts[0]
    found = {machine.roles[role].provider for one, _ in acts for role in machine.members(one.agent)}
    if len(found) < 2:
        yield flaw("A01", place, f"{name!r} validates with one provider only: {', '.join(found)}.")
    for other, at in acts[1:]:
        if other.prompt != act.prompt:
            yield flaw("A02", (*at, "prompt"), f"{other.id!r} gets {other.prompt!r}, {act.id!r} {act.prompt!r}.")
        if at[:4] != place[:4]:
            yield flaw("A03", at, f"{other.id!r} waits for {act.id!r} and may be swayed.")


def _session(study: Study, act: AgentAct, place: Place) -> Iterator[Flaw]:
    at = (*place, "session")
    session = act.session
    resumed = session.resume if isinstance(session, Resume) else ()
    earlier = [study.agents[key][1] for key in resumed]
    match act.purpose:
        case "revalidate":
            own = {r for one in earlier if one.purpose == "validate" for r in study.machine.members(one.agent)}
            lost = sorted(set(study.machine.members(act.agent)) - own)
            if lost:
                yield flaw("A04", at, f"{act.id!r} does not resume the session in which {lost[0]!r} validated.")
            if isinstance(session, Resume) and session.if_stale != "ask":
                yield flaw("A04", at, f"{act.id!r} drops a stale session unasked; that is a person's decision.")
        case "self_review":
            if not any(one.purpose == "implement" for one in earlier):
                yield flaw("A05", at, f"{act.id!r} does not resume the session that implemented.")
        case "validate" | "verify":
            if session != "fresh":
                yield flaw("A17", at, f"{act.id!r} is to {act.purpose} with a fresh mind.")
        case "implement":
            if session != "fresh" and not any(one.purpose == "implement" for one in earlier):
                yield flaw("A17", at, f"{act.id!r} starts to implement in a session of something else.")


def _sandbox(study: Study, act: AgentAct, place: Place) -> Iterator[Flaw]:
    machine = study.machine
    for role in machine.members(act.agent):
        writes = machine.roles[role].sandbox == "workspace-write"
        if act.purpose in ("validate", "revalidate") and writes:
            yield flaw("A07", ("roles", role, "sandbox"), f"{role!r} validates and may write.")
        if act.purpose in ("verify", *WORKERS) and not writes:
            yield flaw("A07", ("roles", role, "sandbox"), f"{role!r} is to {act.purpose} and may only read.")
    if act.writes and act.purpose not in WORKERS:
        yield flaw("A07", (*place, "writes"), f"{act.id!r} is to {act.purpose} and not to write.")
    if act.purpose in WORKERS and not act.writes:
        yield flaw("A09", place, f"{act.id!r} is to {act.purpose} and declares no paths.")
    if act.purpose == "verify":
        builders = {machine.roles[role].provider for role in study.roles("implement")}
        for role in machine.members(act.agent):
            if machine.roles[role].provider in builders:
                yield flaw("A08", (*place, "agent"), f"{role!r} verifies what its own provider implemented.")


def _exists(study: Study, flow: Flow, name: str, act: AgentAct, place: Place) -> Iterator[Flaw]:
    if not isinstance(act.session, Resume):
        return
    at = (*place, "session", "resume")
    env = next((env for one, env in flow.before(name) if one is act), 0)
    members = set(study.machine.members(act.agent))
    for number, key in enumerate(act.session.resume):
        if env and not flow.bits.sure(env, ("ran", key), YES):
            yield flaw("A06", (*at, number), f"{act.id!r} resumes {key!r}, which has not run on every path here.")
        if not members & set(study.machine.members(study.agents[key][1].agent)):
            yield flaw("A06", (*at, number), f"{act.id!r} resumes {key!r}, a session of another role.")
