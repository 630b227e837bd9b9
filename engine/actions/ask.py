"""Ask an agent: brief out, reply in, read as a report."""

from __future__ import annotations

from engine.actions.situation import Outcome, Situation
from engine.actions.workspace import Cut, run_in_copy, take_over
from engine.agents.block import InvalidReply
from engine.agents.brief import list_answers, list_findings, write_brief
from engine.agents.reply import read_report
from engine.calls.port import Calls
from engine.model.call import Brief, Reply
from engine.model.machine import AgentAct, Resume
from engine.model.step import Todo
from engine.model.verdict import Finding, Fixes, Verdict, Work
from engine.rules.disputes import disputed, nameable
from engine.rules.findings import to_fix


async def ask(act: AgentAct, todo: Todo, call: str, situation: Situation, calls: Calls) -> Outcome:
    """Run a role on its brief and read what it says."""
    brief = Brief(
        call=call,
        story=situation.story.id,
        act=act.id,
        role=todo.role,
        turn=todo.turn,
        text=_brief(act, todo, situation),
        session=todo.resumes,
        left=situation.left,
        writes=act.writes,
        returns=situation.machine.prompts[act.prompt].returns,
    )
    agent = situation.agents(todo.role)
    writable = bool(act.writes) or situation.machine.roles[todo.role].sandbox == "workspace-write"
    state = situation.scratch
    cut = Cut(half=situation.progress.half.get(todo.resumes or ""), killed=todo.call is not None)
    reply = await calls.submit(call, lambda: run_in_copy(agent, brief, situation.root, state, cut, writable=writable))
    title = situation.machine.roles[todo.role].title
    if reply.status != "ok":
        why = f"{title}: {reply.why}"
        if reply.lost:
            who = "a person decides whether to go on" if act.asks_if_stale else "it is run again"
            why += f" Without it, {who}: in a new session, with what was found in its brief."
        lost = todo.resumes if reply.lost else None
        half = (reply.before, reply.after) if reply.after != reply.before else None
        more = {"lost": lost, "half": half, "passes": reply.passes, "until": reply.until}
        return _outcome(reply, status=reply.status, why=why, body=reply.text, **more)
    situation.still()
    left = take_over(act, reply, situation)
    outcome = _read(act, todo, situation, reply, title)
    if not left:
        return outcome
    told = "\n".join(f"- {line}" for line in left)
    why = f"{outcome.why}; {len(left)} of its changes were not taken over"
    return outcome.model_copy(update={"why": why, "body": f"{outcome.body}\n\nNot taken over:\n\n{told}\n"})


def _read(act: AgentAct, todo: Todo, situation: Situation, reply: Reply, title: str) -> Outcome:
    returns = situation.machine.prompts[act.prompt].returns
    open_ = [finding.id for finding in _fix_list(situation)] if returns == "fixes" else []
    verify = act.purpose == "verify"
    try:
        report = read_report(
            reply.text,
            returns,
            story=situation.story.id,
            turn=todo.turn,
            tcs=situation.claims()[1] if verify else (),
            others={**situation.others(), **dict.fromkeys(situation.progress.bugs, "pass")} if verify else {},
            gates=_not_passing(situation),
            given=_given(situation) if returns == "verdict" else (),
            findings=open_,
            boundaries=verify,
            disputed=disputed(situation.progress, todo.role) if act.purpose == "revalidate" else {},
            known=nameable(situation.progress, todo.role) if act.purpose == "revalidate" else (),
        )
    except InvalidReply as err:
        by, kept = "", ""
        if reply.session and reply.model not in (None, "scripted"):  # a model said it: whose, and where its words are
            named = situation.config.roles.get(todo.role)
            provider = (named and named.provider) or situation.machine.roles[todo.role].provider
            by, kept = f" ({provider}, {reply.model})", f" It is kept as session {reply.session}."
        return _outcome(reply, status="invalid", why=f"{title}{by}: invalid answer: {err}{kept}", body=reply.text)
    match report:
        case Verdict():
            found = tuple(f.model_copy(update={"sources": (todo.role,)}) for f in report.findings)
            return _outcome(
                reply,
                status="ok",
                why=f"{title}: {report.verdict}{_counted(report)}",
                facts={f"verdict:{todo.role}": report.verdict},
                findings=found,
                disputes=report.disputes,
                tcs=dict(report.tcs) if verify else {},
                counts=report.counts if verify else None,
                body=_verdict_body(report),
            )
        case Fixes():
            said = ", ".join(f"{answer.finding} {answer.answer}" for answer in report.answers)
            body = list_answers(report.answers, situation.progress.findings)
            why = f"{title}: {said or 'nothing to fix'}"
            return _outcome(reply, status="ok", why=why, answers=report.answers, body=body)
        case Work():
            some = "some" if report.deviations else "none"
            facts = {"deviations": some} if act.purpose == "self_review" else {}
            why = f"{title}: {act.purpose.replace('_', ' ')} done" + (
                f", {len(report.deviations)} deviations" if report.deviations else ""
            )
            return _outcome(reply, status="ok", why=why, facts=facts, body=_work_body(report))


def _not_passing(situation: Situation) -> dict[str, str]:
    """The gates of this round that ran and did not pass, with their outcomes."""
    known = situation.machine.gates
    ran = {
        name.removeprefix("gate:"): outcome
        for ended in situation.progress.done.values()
        for name, outcome in ended.facts.items()
        if name.startswith("gate:")
    }
    return {name: outcome for name, outcome in ran.items() if outcome != next(iter(known[name].outcomes))}


def _given(situation: Situation) -> list[str]:
    """The documents that an agent is given to read, as texts."""
    pack, story = situation.pack, situation.story
    sources = (story.story, *story.prompts, *pack.specs, *pack.designs, *pack.plans)
    return [source.raw.decode("utf-8", "replace") for source in sources]


def _brief(act: AgentAct, todo: Todo, situation: Situation) -> str:
    progress = situation.progress
    failures = progress.failures.get((act.id, todo.role), [])
    complaint = next((failure.why for failure in reversed(failures) if failure.status == "invalid"), "")
    mine = [*disputed(progress, todo.role)] if act.purpose == "revalidate" else []
    notes = {finding: decided.note for finding, decided in progress.dispositions.items() if decided.note}
    words = {
        **situation.words,
        "fix_list": list_findings(_fix_list(situation), notes),
        "fix_report": list_answers(progress.answers, progress.findings, progress.challenges, mine),
    }
    return write_brief(
        situation.machine,
        act,
        todo.role,
        pack=situation.pack,
        story=situation.story,
        turn=todo.turn,
        words=words,
        complaint=complaint,
        disputed=mine,
        tcs=_rows(situation) if act.purpose == "verify" else None,
        prior=_prior(act, todo, situation),
    )


def _prior(act: AgentAct, todo: Todo, situation: Situation) -> str:
    """What a role had said in a session that it cannot go on with."""
    if not isinstance(act.session, Resume) or todo.resumes is not None:
        return ""
    progress = situation.progress
    earlier = [progress.latest.get((name, todo.role)) for name in act.session.resume]
    reports = [f"- {ended.why}" for ended in earlier if ended is not None]
    return "\n".join([*reports, "", list_findings(progress.findings, {})])


def _rows(situation: Situation) -> dict[str, str]:
    """The rows of a verifier's TC table: what the story tests, what it owes, what it leaves out, and bugs."""
    owed = {tc: f"owed, story {story} deferred it to this one" for tc, story in situation.owed().items()}
    return {**dict.fromkeys(situation.claims()[1], ""), **owed, **situation.others(), **situation.progress.bugs}


def _fix_list(situation: Situation) -> list[Finding]:
    progress = situation.progress
    effort = progress.facts.get(("decision", "effort"))
    return to_fix(progress.findings, progress.dispositions, effort)


def _outcome(reply: Reply, **fields: object) -> Outcome:
    said = {"at": reply.ended, **reply.model_dump(include={"session", "model", "usage", "worker"})}
    return Outcome.model_validate({**said, **fields})


def _counted(verdict: Verdict) -> str:
    names = [f"{n} {name}{'s' if n > 1 else ''}" for name in ("blocker", "issue", "nit") if (n := _n(verdict, name))]
    return f" ({', '.join(names)})" if names else ""


def _n(verdict: Verdict, severity: str) -> int:
    return sum(finding.severity == severity for finding in verdict.findings)


def _verdict_body(verdict: Verdict) -> str:
    lines = [f"**{verdict.verdict}**, confidence {verdict.confidence}: {verdict.reasoning}", ""]
    for finding in verdict.findings:
        where = f" `{finding.where}`" if finding.where else ""
        lines.append(f"- [ ] {finding.severity}{where}: {' '.join(finding.text.split())}")
    for dispute in verdict.disputes:
        revised = f" ({dispute.severity})" if dispute.severity else ""
        lines.append(f"- {dispute.finding}: {dispute.answer}{revised}, because {dispute.because}")
    if verdict.tcs:
        lines += ["", "| TC | Status |", "|---|---|"]
        lines += [f"| {tc} | {status} |" for tc, status in verdict.tcs.items()]
    if verdict.counts:
        lines += [
            "",
            f"Tests, as counted by the agent: {verdict.counts.passed} passed, {verdict.counts.failed} failed.",
        ]
    if verdict.boundaries is not None:
        rows = [f"| {boundary.name.replace('|', '/')} | {boundary.status} |" for boundary in verdict.boundaries]
        lines += ["", *(["| Boundary | Status |", "|---|---|", *rows] if rows else ["No boundaries."])]
    return "\n".join(lines)


def _work_body(work: Work) -> str:
    lines = []
    for title in ("files", "deviations", "discoveries"):
        named = getattr(work, title)
        if named:
            lines += [f"{title.capitalize()}:", "", *(f"- {entry}" for entry in named), ""]
    return "\n".join(lines) or "Nothing was reported."
