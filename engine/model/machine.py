"""A machine: the declared life cycle of a story, as `machines/*.yaml` spells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from engine.model.base import Value

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Duration = Annotated[str, Field(pattern=r"^[1-9]\d*(s|m|h)$")]
Phase = Literal["validation", "ready", "execution", "verification", "done"]
Input = Literal["story", "prompts", "spec", "code"]
Purpose = Literal["validate", "revalidate", "fix", "implement", "fix_code", "self_review", "verify"]
Severity = Literal["blocker", "issue", "nit"]

ANSWERED = "answered"
"""The one value of a decision that is asked per finding: each of its questions has an answer."""
ORIGIN = "origin"
"""The target of an exit that returns to the state the story came from."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Many = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]


class VerdictIs(Value):
    """Ask for the verdict of a role, or of every member of a group."""

    of: str
    is_: Literal["PASS", "FAIL"] = Field(alias="is")


class Guard(Value):
    """Ask questions about facts. Several keys in one guard must all hold."""

    all: tuple[Guard, ...] | None = None
    any: tuple[Guard, ...] | None = None
    not_: Guard | None = Field(None, alias="not")
    checked: Many | None = Field(None, description="Items of the checklist that must be ticked.")
    section: Many | None = Field(None, description="Sections of the checklist that must all be ticked.")
    verdict: VerdictIs | None = None
    gate: dict[str, Many] | None = Field(None, description="Gates and the outcomes that will do.")
    decision: dict[str, Many] | None = Field(None, description="Decisions and the options that will do.")
    findings: dict[Literal["to_fix", "ambiguous", "challenged"], Literal["some", "none"]] | None = None
    claims: Literal["confirmed", "refuted"] | None = Field(None, description="What the spot check found.")
    deviations: Literal["some", "none"] | None = Field(None, description="What the self-review told.")
    rounds: dict[str, Literal["left", "used_up"]] | None = None
    dependencies: Literal["complete"] | None = Field(None, description="Are the stories before it complete?")
    files: Literal["exist"] | None = Field(None, description="Are story.md and the prompts there?")

    @model_validator(mode="after")
    def _asks_something(self) -> Guard:
        if not self.model_fields_set:
            raise ValueError("empty guard: leave `when` out for 'always'")
        return self


class Resume(Value):
    """Go on with the sessions of earlier actions."""

    resume: Annotated[Many, Field(min_length=1)]
    if_stale: Literal["fresh", "ask"] = Field(description="What to do when a session is lost or overgrown.")


def _sort_of_session(value: object) -> str:
    return "word" if isinstance(value, str) else "Resume"


Session = Annotated[
    Annotated[Literal["fresh", "either"], Tag("word")] | Annotated[Resume, Tag("Resume")],
    Discriminator(_sort_of_session),
]


class AgentAct(Value):
    """Run an agent (a role, or every member of a group side by side)."""

    id: Id
    agent: str
    purpose: Purpose
    prompt: str
    session: Session
    only: Literal["not_passed_on_current_inputs", "challenged"] | None = None
    writes: tuple[str, ...] = Field((), description="Globs of the paths it may change.")
    ticks: tuple[str, ...] = ()

    @property
    def asks_if_stale(self) -> bool:
        return isinstance(self.session, Resume) and self.session.if_stale == "ask"


class GateAct(Value):
    """Run a gate."""

    run: str
    ticks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.run


class ConsolidateAct(Value):
    """Merge the findings of a role or group, and of `story check`, into one list (the engine's own work)."""

    consolidate: str
    ticks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return "consolidate"


class SpotCheckAct(Value):
    """Hold the claims of a role or group against the files (the engine's own work)."""

    spot_check: str
    ticks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return "spot_check"


class AskAct(Value):
    """Ask a person to decide."""

    ask: str

    @property
    def id(self) -> str:
        return self.ask

    @property
    def ticks(self) -> tuple[str, ...]:
        return ()


ACTS = {
    "agent": "AgentAct",
    "run": "GateAct",
    "consolidate": "ConsolidateAct",
    "spot_check": "SpotCheckAct",
    "ask": "AskAct",
    "parallel": "Parallel",
}
"""The key that tells what sort of action it is, and the class of that sort."""


def _sort_of_act(value: object) -> str | None:
    if isinstance(value, dict):
        return next((name for key, name in ACTS.items() if key in value), None)
    return type(value).__name__


_Agent: TypeAlias = Annotated[AgentAct, Tag("AgentAct")]
_Gate: TypeAlias = Annotated[GateAct, Tag("GateAct")]


class Parallel(Value):
    """Actions that run side by side."""

    parallel: Annotated[tuple[Annotated[_Agent | _Gate, Discriminator(_sort_of_act)], ...], Field(min_length=2)]


SimpleAct = AgentAct | GateAct | ConsolidateAct | SpotCheckAct | AskAct
Act = Annotated[
    _Agent
    | _Gate
    | Annotated[ConsolidateAct, Tag("ConsolidateAct")]
    | Annotated[SpotCheckAct, Tag("SpotCheckAct")]
    | Annotated[AskAct, Tag("AskAct")]
    | Annotated[Parallel, Tag("Parallel")],
    Discriminator(_sort_of_act),
]


class Exit(Value):
    """A guarded transition."""

    to: str
    when: Guard | None = None
    otherwise: Literal[True] | None = Field(None, description="Taken when every other exit is surely closed.")
    ticks: tuple[str, ...] = ()
    enters: str | None = Field(None, description="Counts a round of this loop.")
    resets: tuple[str, ...] = Field((), description="Grants new rounds to these loops.")


class State(Value):
    """What is done in a state, and how it is left."""

    phase: Phase
    reopens: str | None = Field(None, description="Entering unticks this item and every one below it.")
    do: tuple[Act, ...] = ()
    exits: tuple[Exit, ...] = ()

    def groups(self) -> Iterator[tuple[SimpleAct, ...]]:
        """The actions in order, those side by side together."""
        for act in self.do:
            yield act.parallel if isinstance(act, Parallel) else (act,)

    def acts(self) -> Iterator[SimpleAct]:
        """All actions, one after the other."""
        for group in self.groups():
            yield from group

    @property
    def asks(self) -> bool:
        return any(isinstance(act, AskAct) for act in self.acts())

    @property
    def works(self) -> bool:
        return any(not isinstance(act, AskAct) for act in self.acts())


class Derived(Value):
    """An item that shows the state of a neighbour story."""

    story: int
    phase: Phase
    is_: Literal["done", "running"] = Field(alias="is")


class ItemDef(Value):
    """One item of the checklist: its text word for word, and whose evidence may tick it."""

    text: str
    by: Literal["agent", "gate", "engine", "human"]
    rests_on: tuple[Input, ...] = ()
    derived: Derived | None = None


class Role(Value):
    """Provider, model, effort, sandbox and stance of an agent."""

    title: str
    provider: str
    model: str
    effort: str | None = None
    sandbox: Literal["read-only", "workspace-write"]
    stance: str = ""
    timeout: Duration = Field("45m", description="Without it the machine's default.")
    instead: Literal["person"] | None = Field(None, description="Who plays it where no model can.")


class Group(Value):
    """Roles that work side by side and must differ."""

    members: Annotated[tuple[str, ...], Field(min_length=1)]
    distinct: Literal["provider", "model"] = "provider"


class Prompt(Value):
    """What a role is told: words of the machine, a prompt file of the story, or both."""

    text: str = ""
    file: str = Field("", description="Glob in the story's folder.")
    reads: tuple[str, ...] = Field((), description="What it reads: globs, or `spec`, `design`.")
    returns: Literal["verdict", "fixes", "work"]

    @model_validator(mode="after")
    def _says_something(self) -> Prompt:
        if not self.text and not self.file:
            raise ValueError("needs `text`, `file` or both")
        return self


class GateDef(Value):
    """A command whose result decides. The command stands in story.toml under `command`, or the gate's name.

    command: pass or fail by exit code. tests: by exit code and the JUnit report. red: the new tests fail and
    the old ones pass, against `baseline`. counts: the tests that ran against the story's own count and TCs.
    """

    kind: Literal["command", "tests", "red", "counts"] = "command"
    command: str | None = None
    baseline: str | None = None
    outcomes: Annotated[dict[str, str], Field(min_length=2)]


class Decision(Value):
    """A question that only a person answers, with closed options."""

    title: str
    ask: Annotated[Many, Field(min_length=1)]
    per: Literal["story", "finding"] = "story"
    options: Annotated[dict[str, str], Field(min_length=2)]
    note: Literal["required", "optional"] = "optional"
    box: dict[str, str] = Field({}, description="Item whose tick alone means this option.")
    standing: bool = Field(False, description="May story.toml answer it once for all?")
    amends: Many = Field((), description="Options that authorise a change of the tests that Red froze.")
    challenges: Many = Field((), description="Options by which a person lets the validator of a finding answer her.")
    rest: str | None = Field(None, description="Option that one box gives to every finding without an answer.")

    reports: Many = Field((), description="Options whose note reports bugs (`G1: …`): each authorises one more test.")
    settles: dict[str, Literal["story", "run", "spec"]] = Field(
        {}, description="Options that say whose test count holds; the figures of the others are corrected."
    )
    shows: Literal["changes", "counts"] | None = Field(
        None, description="What the question shows: what changed since the last answer, or who says which test count."
    )

    @model_validator(mode="after")
    def _reports_amend(self) -> Decision:
        if not set(self.reports) <= set(self.amends):
            raise ValueError("`reports` needs its options in `amends`: a bug's test comes after Red")
        return self

    @model_validator(mode="after")
    def _rest_of_findings(self) -> Decision:
        if self.rest and (self.per != "finding" or self.note == "required"):
            raise ValueError("`rest` needs `per: finding`, and no note that is required")
        return self

    @model_validator(mode="after")
    def _amends_by_a_person(self) -> Decision:
        if self.amends and self.standing:
            raise ValueError("`amends` needs a person each time: drop `standing`")
        if self.challenges and self.per != "finding":
            raise ValueError("`challenges` is about findings: write `per: finding`")
        return self


class Loop(Value):
    """A counted loop."""

    max_rounds: Annotated[int, Field(ge=1, le=20)]


class Defaults(Value):
    """What holds where nothing else is said."""

    timeout: Duration = "45m"
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    failed: str = Field(description="The state of a story whose agent or gate failed technically.")


AtLeastOne = Annotated[int, Field(ge=1)]


class Pipeline(Value):
    """How many stories may be at work in a phase at once, how many agents, and where they work."""

    concurrency: dict[Phase, AtLeastOne]
    isolation: dict[Phase, Literal["tree", "worktree"]] = {}
    roles: dict[str, AtLeastOne] = Field({}, description="How many agents of a role may run at once.")
    providers: dict[str, AtLeastOne] = Field({}, description="How many agents of a provider may run at once.")


class People(Value):
    """What shows that a person ticked a human item or an option, and not an agent."""

    proof: Literal["box", "committed", "signed"] = Field("box", description="The box alone, or the commit of its line.")
    agents: tuple[str, ...] = Field((), description="E-mail addresses whose commits are no person's.")


class Stale(Value):
    """Where a story goes back to when what its evidence rests on was changed from outside."""

    rests_on: Annotated[tuple[Input, ...], BeforeValidator(_listed), Field(min_length=1)]
    in_: Many = Field(alias="in", description="States in which it is acted on.")
    to: str
    enters: str


class Needs(Value):
    """What must hold on every path into a state or phase."""

    verdict: str | None = Field(None, description="PASS of this role or group, or each finding decided.")
    section: Many = ()
    items: tuple[str, ...] = ()
    dependencies: Literal["complete"] | None = None
    ran: Literal["spot_check", "consolidate"] | None = None


class Entering(Value):
    """The place a rule guards."""

    phase: Phase | None = None
    state: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Entering:
        if (self.phase is None) == (self.state is None):
            raise ValueError("name either `phase` or `state`")
        return self


class Rule(Value):
    """An invariant, proven over every path before the machine runs."""

    id: str
    entering: Entering
    needs: Needs


class Machine(Value):
    """The life of one story, as data."""

    schema_: Literal["story-machine/v1"] = Field(alias="schema")
    machine: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    version: int = 1
    title: str = Field("Story <n> Execution Checklist", description="Heading of the checklist in story.md.")
    initial: str
    terminal: dict[str, Literal["success", "failure"]]
    checklist: dict[str, dict[Id, ItemDef]]
    roles: dict[Id, Role] = {}
    groups: dict[Id, Group] = {}
    prompts: dict[Id, Prompt] = {}
    gates: dict[Id, GateDef] = {}
    decisions: dict[Id, Decision] = {}
    loops: dict[Id, Loop] = {}
    defaults: Defaults
    states: dict[Id, State]
    stale: tuple[Stale, ...] = ()
    pipeline: Pipeline
    people: People = People()
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _hand_down(self) -> Machine:
        """A role that says no `timeout` has the machine's."""
        held = {"timeout": self.defaults.timeout}
        timed = {
            name: role if "timeout" in role.model_fields_set else role.model_copy(update=held)
            for name, role in self.roles.items()
        }
        object.__setattr__(self, "roles", timed)
        return self

    @property
    def items(self) -> dict[str, ItemDef]:
        """All items in document order, by id."""
        return {key: item for section in self.checklist.values() for key, item in section.items()}

    def members(self, who: str) -> tuple[str, ...]:
        """The roles behind a role's or group's name."""
        return self.groups[who].members if who in self.groups else (who,)

    def phase_of(self, state: str) -> Phase:
        """The phase a state belongs to."""
        return self.states[state].phase
