"""Which story goes first, and what may run side by side. Pure: the same for real runs and for simulated ones.

order       depends_on → the dependents of each story; a cycle or an unknown id is an error that shows the path
ranks       who goes first: who holds the tree, then who can be next; of those, who has the longest way to the end
choose      of the groups of actions that wait, those for which there is room, longest way first
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import UsageError
from engine.model.machine import AgentAct, GateAct, Machine, Phase
from engine.model.step import Todo
from engine.rules.workplace import WORK

Minutes = Mapping[Phase, float]
"""How long a phase takes, in minutes of work: estimates that only order, and never decide."""

ESTIMATE: Minutes = {"validation": 20, "ready": 0, "execution": 40, "verification": 20, "done": 0}
SHARED = {"spec", "design"}
"""What agents write that other stories rest on, too."""
_ORDER: tuple[Phase, ...] = ("validation", "ready", "execution", "verification", "done")
_FIRST = 1e9
"""More minutes than any way has: what puts some stories before all others."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A group of actions that could begin now: how much it takes of what, and how much of that there is in all."""

    story: str
    takes: Mapping[str, int]
    limits: Mapping[str, int] = field(default_factory=dict)

    def fits(self, taken: Mapping[str, int]) -> bool:
        """Is there room beside what is taken? A group that alone is more than a limit runs alone."""
        return all(not taken.get(what, 0) or taken[what] + n <= self.limits[what] for what, n in self.takes.items())


def order(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Story → the stories that depend on it, in an order in which each comes after what it needs."""
    unknown = [(story, name) for story, names in needs.items() for name in names if name not in needs]
    if unknown:
        story, name = unknown[0]
        raise UsageError(f"story {story} depends on {name}, which is not there. Correct its `depends_on`.")
    after: dict[str, list[str]] = {}
    open_ = {story: set(names) for story, names in needs.items()}
    dependents: dict[str, list[str]] = {story: [] for story in needs}
    for story, names in needs.items():
        for name in dict.fromkeys(names):
            dependents[name].append(story)
    ready = [story for story, names in open_.items() if not names]
    while ready:
        story = ready.pop()
        after[story] = dependents[story]
        for other in dependents[story]:
            open_[other].discard(story)
            if not open_[other]:
                ready.append(other)
    if len(after) < len(needs):
        raise UsageError(f"stories wait for each other: {_cycle(needs, after)}. Correct a `depends_on`.")
    return after


def ranks(
    dependents: dict[str, list[str]],
    phases: Mapping[str, Phase],
    minutes: Minutes = ESTIMATE,
    *,
    apart: Collection[str] = (),
) -> dict[str, float]:
    """Story → how far in front it is, by the longest way from where it stands through the stories after it.

    `dependents` as `order` gives them; what is validated while its predecessor is executed lengthens no way. Those
    `apart` are executed in worktrees of their own.
    """
    after, left = behind(dependents, phases, minutes), lefts(minutes)
    far = set[str]()
    for story, others in dependents.items():
        if phases[story] in ("validation", "ready"):
            far.update(others)
    return {
        story: rank(left[phase], after[story], holds=phase in WORK and story not in apart, near=story not in far)
        for story in dependents
        for phase in (phases[story],)
    }


def behind(
    dependents: dict[str, list[str]], phases: Mapping[str, Phase], minutes: Minutes = ESTIMATE
) -> dict[str, float]:
    """Story → minutes of the longest way through the stories after it, from when it is complete."""
    left = lefts(minutes)
    rest: dict[str, float] = {}  # from the beginning of its execution on
    after: dict[str, float] = {}
    for story, others in reversed(dependents.items()):
        after[story] = behind = max([rest[other] for other in others], default=0.0)
        rest[story] = min(left["execution"], left[phases[story]]) + behind
    return after


def lefts(minutes: Minutes = ESTIMATE) -> dict[Phase, float]:
    """Phase → the minutes of a story from there to its end."""
    return {phase: sum(minutes[later] for later in _ORDER[place:]) for place, phase in enumerate(_ORDER)}


def rank(left: float, after: float, *, holds: bool, near: bool) -> float:
    """How far in front a story is of which so many minutes are `left`, with `after` minutes of others behind it.

    First comes who `holds` the tree, for which all others wait. Then those that are `near`, since all that they need is
    complete or at work: they are executed next, and should be validated by then.
    """
    return left + after + (2 * _FIRST if holds else _FIRST if near else 0.0)


def wanted(story: str, machine: Machine, state: str, todo: Sequence[Todo], providers: Mapping[str, str]) -> Wanted:
    """What a group of actions takes: a place in its phase, and one of each role and provider that works in it.

    `providers` says whose model plays a role; a role that a person or a script plays is not in it.
    """
    takes: dict[str, int] = {}
    limits: dict[str, int] = {}
    phase = machine.phase_of(state)
    room = machine.pipeline

    def take(what: str, limit: int | None) -> None:
        if limit is not None:
            takes[what] = takes.get(what, 0) + 1
            limits[what] = limit

    if any(isinstance(one.act, AgentAct | GateAct) for one in todo):
        take(f"phase {phase}", room.concurrency.get(phase))
    for one in todo:
        if isinstance(one.act, AgentAct) and SHARED & {*one.act.writes}:
            take("shared documents", 1)  # two at once would each write on what the other has not read
        if one.role:
            provider = providers.get(one.role, "")
            take(f"role {one.role}", room.roles.get(one.role))
            take(f"provider {provider}", room.providers.get(provider))
    return Wanted(story, takes, limits)


def choose(
    waiting: Iterable[Wanted], taken: Mapping[str, int], rank: Mapping[str, float]
) -> tuple[list[Wanted], dict[str, int]]:
    """Those that begin now, longest way first, and what is taken then; who came first goes first among equals."""
    now = dict(taken)
    chosen = []
    for one in sorted(waiting, key=lambda one: -rank.get(one.story, 0.0)):
        if one.fits(now):
            chosen.append(one)
            for what, n in one.takes.items():
                now[what] = now.get(what, 0) + n
    return chosen, now


def _cycle(needs: Mapping[str, Sequence[str]], done: Mapping[str, object]) -> str:
    """One cycle, as a path: 2 → 3 → 2."""
    path: list[str] = []
    story = next(story for story in needs if story not in done)
    while story not in path:
        path.append(story)
        story = next(name for name in needs[story] if name not in done)
    return " → ".join([*path[path.index(story) :], story])
