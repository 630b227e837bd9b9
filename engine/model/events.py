"""The journal's events. The journal says what happened; story.md shows where the story stands."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from engine.model.base import Value
from engine.model.call import Usage
from engine.model.verdict import Counts, Dispute, Finding, FixAnswer


class Adopted(Value):
    """A story came under a machine; `because` stands where a person attests that it was done before."""

    event: Literal["adopted"] = "adopted"
    at: str
    by: str
    machine: str
    state: str
    story: str = ""
    because: str = ""


class Began(Value):
    """A call was submitted; its id is minted here, once. `number` names its evidence file.

    `files` holds the hashes of the files that a fixer may change, as they were before it. With a `question` it is
    what a person asked an agent in between: it changes no fact.
    """

    event: Literal["began"] = "began"
    at: str
    call: str
    number: int
    act: str
    role: str
    attempt: int
    turn: int
    resumes: str | None = None
    inputs: dict[str, str] = {}
    files: dict[str, str] = {}
    question: str = ""

    @property
    def evidence(self) -> str:
        """The name of its evidence file."""
        return f"{self.number:02d}-{self.act}{'-' + self.role if self.role else ''}.md".replace("_", "-")


class Ended(Value):
    """A call's result was accepted, or it failed technically.

    `facts` are spelled (`"verdict:verifier": "PASS"`), `evidence` is a path in the story's evidence folder
    and `sha` the SHA-256 of its bytes. `freezes` says that it lists the tests that may not change any more. `lost`
    is the session that it should have gone on with, and could not. A failure that does not pass is not tried again, one
    with `until` not before then. A consolidation says what it saw in each document,
    section by section, and who `accepts` by a standing answer that issues are left. `inputs` are those that an action
    left which may change some. `half` are the commits between which lies what a failed run did in its copy, and nobody
    took over: its session goes on there. `worker` is who keeps the session, where several do.
    """

    event: Literal["ended"] = "ended"
    at: str
    call: str
    status: Literal["ok", "invalid", "failed"]
    why: str
    facts: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    answers: tuple[FixAnswer, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    sections: dict[str, tuple[str, ...]] = {}
    accepts: str = ""
    tcs: dict[str, str] = {}
    counts: Counts | None = None
    evidence: str
    sha: str
    inputs: dict[str, str] = {}
    freezes: bool = False
    session: str | None = None
    lost: str | None = None
    half: tuple[str, str] | None = None
    passes: bool = True
    until: str | None = None
    model: str | None = None
    worker: str = ""
    usage: Usage = Usage()

    @property
    def number(self) -> int:
        """Which of the story's calls it was, by the name of its evidence; 0 where that says nothing."""
        head = self.evidence.partition("-")[0]
        return int(head) if head.isdecimal() else 0


class Asked(Value):
    """A question was put to a person in story.md, under the heading that starts with `id`.

    `shows` are the lines that she is shown with it.
    """

    event: Literal["asked"] = "asked"
    at: str
    id: str
    decision: str
    finding: str | None = None
    shows: tuple[str, ...] = ()


class Decided(Value):
    """A question was answered: by a person, by the standing answer, or because there was nothing to ask.

    `rest` says that she answered it by the one box for all that she did not answer otherwise; `bugs` are those that
    she reported by it, id → what is wrong.
    """

    event: Literal["decided"] = "decided"
    at: str
    id: str
    decision: str
    finding: str | None = None
    option: str
    note: str = ""
    by: str
    rest: bool = False
    bugs: dict[str, str] = {}


class Figure(Value):
    """One line of a document with a number of tests, as it was and as it is corrected; `nth` of its equals."""

    file: str
    line: int
    before: str
    after: str
    nth: int = 0


class Corrected(Value):
    """An answer settled a number of tests, and the figures of other places follow; written before these files are.

    `decision` is the id of the question, `counted` the bugs that the story's own number now includes, and `left` what
    contradicts it still and a person must correct.
    """

    event: Literal["corrected"] = "corrected"
    at: str
    by: str
    decision: str
    why: str
    figures: tuple[Figure, ...] = ()
    left: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()


class Ticked(Value):
    """A person ticked or unticked a human item; `inputs` are those it rests on, as they were when it was noticed."""

    event: Literal["ticked"] = "ticked"
    at: str
    item: str
    ticked: bool
    by: str
    inputs: dict[str, str] = {}


class Stepped(Value):
    """A step was taken; written before story.md, so that a killed engine can write it again.

    `changed` are the parts of the inputs that moved, where that sent the story back. Where a person overruled what
    stood against it, `by`, `because` and `unmet` say who, why, and what did not hold.
    """

    event: Literal["stepped"] = "stepped"
    at: str
    n: int
    source: str
    dest: str
    why: str
    ticks: tuple[str, ...] = ()
    unticks: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    enters: str | None = None
    resets: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    by: str = ""
    because: str = ""
    unmet: tuple[str, ...] = ()


class Rewound(Value):
    """A person brought the story back to when it last entered `dest`; it is step `n` of the log.

    `open` are human items that she had unticked by then: they stay so. `seen` are evidence files that no longer count
    and were found changed or, with "", deleted: name → SHA-256 as it was found.
    """

    event: Literal["rewound"] = "rewound"
    at: str
    by: str
    n: int
    source: str
    dest: str
    because: str = ""
    why: str
    open: tuple[str, ...] = ()
    seen: dict[str, str] = {}
    code: bool = False


class Wrote(Value):
    """story.md holds everything up to here."""

    event: Literal["wrote"] = "wrote"


Event = Adopted | Began | Ended | Asked | Decided | Corrected | Ticked | Stepped | Rewound | Wrote
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
