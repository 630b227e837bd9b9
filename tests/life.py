"""A story's life in memory: a journal told in short words, and what decide answers to it."""

from __future__ import annotations

from functools import cache

from engine.files.machine_file import read_machine, shipped_folder
from engine.model.events import Adopted, Asked, Began, Decided, Ended, Event, Stepped, Ticked, Wrote
from engine.model.facts import Fact
from engine.model.machine import AskAct, Exit, Machine
from engine.model.step import Decision, Fire, Run, Wait
from engine.model.verdict import Counts, Finding, FixAnswer
from engine.rules.decide import decide
from engine.rules.history import Progress, fold
from engine.rules.statechart import Statechart

AT = "2026-01-01T00:00:00Z"
INPUTS = {"story": "a", "prompts": "b", "spec": "c"}
WORLD: dict[Fact, str] = {
    ("dependencies",): "complete",
    ("files",): "exist",
}
BUILDER, PEDANT, ENGINEER, VERIFIER = "builder_validator", "pedant_validator", "engineer", "verifier"


@cache
def machine() -> Machine:
    """The shipped machine of stories."""
    return read_machine(shipped_folder() / "story.yaml").machine


@cache
def chart() -> Statechart:
    """Its chart."""
    return Statechart(machine())


def first_event(state: str = "drafted") -> Adopted:
    """The first event of a journal."""
    return Adopted(at=AT, by="Ana", machine="story", state=state)


class Life:
    """A journal to which events are added by word."""

    def __init__(self, state: str = "drafted") -> None:
        self.events: list[Event] = [first_event(state), Wrote()]
        self.calls = 0

    @property
    def progress(self) -> Progress:
        return fold(machine(), self.events)

    def began(
        self,
        act: str,
        role: str = "",
        *,
        inputs: dict[str, str] | None = None,
        resumes: str | None = None,
        files: dict[str, str] | None = None,
    ) -> Life:
        """A call was submitted."""
        turn = self.progress.turns.get((act, role), 0) + 1
        self.calls += 1
        self.events.append(
            Began(
                at=AT,
                call=f"c{self.calls}",
                number=self.calls,
                act=act,
                role=role,
                attempt=1,
                turn=turn,
                resumes=resumes,
                inputs=INPUTS if inputs is None else inputs,
                files=files or {},
            )
        )
        return self

    def ended(
        self,
        status: str = "ok",
        *,
        session: str | None = None,
        lost: str | None = None,
        until: str | None = None,
        findings: tuple[Finding, ...] = (),
        answers: tuple[FixAnswer, ...] = (),
        tcs: dict[str, str] | None = None,
        counts: Counts | None = None,
        why: str = "",
        **facts: str,
    ) -> Life:
        """The last call ended; facts are named with `__` for `:`."""
        name = f"{self.calls:02d}-x.md"
        self.events.append(
            Ended(
                at=AT,
                call=f"c{self.calls}",
                status=status,
                why=why,
                facts={key.replace("__", ":"): value for key, value in facts.items()},
                findings=findings,
                answers=answers,
                tcs=tcs or {},
                counts=counts,
                evidence=name,
                sha="0" * 64,
                session=session,
                lost=lost,
                until=until,
            )
        )
        return self

    def verdict(self, act: str, role: str, said: str, *, session: str | None = None, **more: object) -> Life:
        """A judge said PASS or FAIL."""
        inputs = more.pop("inputs", None)
        self.began(act, role, inputs=inputs)
        return self.ended(session=session, **{f"verdict__{role}": said}, **more)

    def gate(self, name: str, outcome: str) -> Life:
        """A gate ran."""
        return self.began(name).ended(**{f"gate__{name}": outcome})

    def work(self, act: str, role: str = ENGINEER, *, session: str | None = None, **facts: str) -> Life:
        """An engineer worked."""
        return self.began(act, role).ended(session=session, **facts)

    def checked(self, claims: str = "confirmed", findings: tuple[Finding, ...] = ()) -> Life:
        """The spot check ran."""
        return self.began("spot_check").ended(claims=claims, findings=findings)

    def merged(self, to_fix: str = "none", ambiguous: str = "none", findings: tuple[Finding, ...] = ()) -> Life:
        """The consolidation ran."""
        facts = {"findings__to_fix": to_fix, "findings__ambiguous": ambiguous}
        return self.began("consolidate").ended(findings=findings, **facts)

    def asked(self, decision: str, finding: str | None = None) -> Life:
        """A question was put to a person."""
        id_ = f"D{self.progress.questions + 1}"
        self.events.append(Asked(at=AT, id=id_, decision=decision, finding=finding))
        return self

    def decided(
        self, decision: str, option: str, *, note: str = "", by: str = "Ana", finding: str | None = None
    ) -> Life:
        """The question was answered."""
        asked = [a.id for a in self.progress.asked.values() if (a.decision, a.finding) == (decision, finding)]
        self.events.append(
            Decided(
                at=AT,
                id=asked[0] if asked else "",
                decision=decision,
                finding=finding,
                option=option,
                note=note,
                by=by,
            )
        )
        return self

    def ticked(self, item: str, ticked: bool = True) -> Life:
        """A person ticked a human item."""
        self.events.append(Ticked(at=AT, item=item, ticked=ticked, by="Ana"))
        return self

    def fired(self, exit_: Exit, dest: str, unticks: tuple[str, ...] = ()) -> Life:
        """An exit was taken."""
        progress = self.progress
        self.events += [
            Stepped(
                at=AT,
                n=progress.steps + 1,
                source=progress.state,
                dest=dest,
                why="because",
                ticks=exit_.ticks,
                unticks=unticks,
                enters=exit_.enters,
                resets=exit_.resets,
            ),
            Wrote(),
        ]
        return self

    def to(self, dest: str, **fields: object) -> Life:
        """Step to a state, with the fields of the exit that are said."""
        unticks = fields.pop("unticks", ())
        return self.fired(Exit(to=dest, **fields), dest, unticks)

    def decide(self, world: dict[Fact, str] | None = None, inputs: dict[str, str] | None = None) -> Decision:
        """What comes next."""
        progress = self.progress
        facts = {**progress.facts, **WORLD, **(world or {})}
        return decide(chart(), progress, facts, INPUTS if inputs is None else inputs)


def told(decision: Decision) -> str:
    """A decision in one line: `run a as b, c`, `→ state +ticks *loop`, `wait person`."""
    match decision:
        case Run(todo=todo):
            names = [f"{t.act.id} as {t.role}" if t.role else t.act.id for t in todo]
            verb = "ask" if isinstance(todo[0].act, AskAct) else "run"
            return f"{verb} {', '.join(names)}"
        case Fire(dest=dest, exit=exit_):
            loops = f" *{exit_.enters}" if exit_.enters else ""
            resets = f" -{','.join(exit_.resets)}" if exit_.resets else ""
            return f"→ {dest}" + "".join(f" +{item}" for item in exit_.ticks) + loops + resets
        case Wait(for_=for_):
            return f"wait {for_}"


__all__ = [
    "AT",
    "BUILDER",
    "ENGINEER",
    "INPUTS",
    "PEDANT",
    "VERIFIER",
    "WORLD",
    "Life",
    "chart",
    "first_event",
    "machine",
    "told",
]
