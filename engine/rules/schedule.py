"""Which story goes first, and what may run side by side. Pure: the same for real runs and for simulated ones.

order       depends_on → the dependents of each story; a cycle or an unknown id is an error that shows the path
ranks       how long the longest way from each story to the end of its packs is still
choose      of the groups of actions that wait, those for which there is room, longest way first
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import UsageError
from engine.model.machine import AgentAct, GateAct, Machine, Phase
from engine.model.step import Todo

Minutes = Mapping[Phase, float]
"""How long a phase takes, in minutes of work: estimates that only order, and never decide."""

ESTIMATE: Minutes = {"validation": 20, "ready": 0, "execution": 40, "verification": 20, "done": 0}
_ORDER: tuple[Phase, ...] = ("validation", "ready", "execution", "verification", "done")


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
    dependents: dict[str, list[str]], phases: Mapping[str, Phase], minutes: Minutes = ESTIMATE
) -> dict[str, float]:
    """Story → minutes of the longest way from where it stands, through the stories after it, to the end.

    `dependents` as `order` gives them; what is validated while its predecessor is executed lengthens no way.
    """
    rest: dict[str, float] = {}  # from the beginning of its execution on
    ranked: dict[str, float] = {}
    for story in reversed(dependents):
        behind = max((rest[other] for other in dependents[story]), default=0.0)
        built = minutes["execution"] + minutes["verification"]
        place = _ORDER.index(phases[story])
        left = sum(minutes[phase] for phase in _ORDER[place:])
        rest[story] = min(built, left) + behind
        ranked[story] = left + behind
    return ranked


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
