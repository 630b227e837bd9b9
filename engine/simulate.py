"""Simulated runs of packs that are there, or of one that is made up: what they would take, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from engine.errors import UsageError
from engine.files.durations import SHIPPED, read_durations
from engine.files.pack import read_pack
from engine.look import Repository
from engine.model.timeline import GATES, PERSON
from engine.model.timeline import Span as Drawn
from engine.read_rows import Listed, list_all, read_row
from engine.rules.simulate import Played, Span, random_needs, simulate
from engine.rules.statechart import Statechart
from engine.rules.timeline import word_of
from engine.rules.walk import Walk, Walker


@dataclass(frozen=True, slots=True)
class _Planned:
    """A story to be played: its machine, where it stands, and what it needs; its pack and id, if it is one's."""

    machine: str
    state: str | None
    needs: list[str]
    pack: str = ""
    story: str = ""


def simulate_packs(
    repository: Repository, folders: list[Path], *, durations: Path | None, seed: int, people: int
) -> Played:
    """Play what is left to do in these packs, each story from where it stands."""
    planned, complete = _from_disk(repository, folders)
    return _play(repository, planned, complete, durations=durations, seed=seed, people=people)


def plan_packs(
    repository: Repository, folders: list[Path], *, durations: Path | None, seed: int, people: int, now: float
) -> list[Drawn]:
    """What is left to do in these packs from now on, as such a run would have it, to be drawn."""
    planned, complete = _from_disk(repository, folders)
    spans: list[Span] = []
    _play(repository, planned, complete, durations=durations, seed=seed, people=people, note=spans.append)
    return [drawn for span in spans for drawn in _drawn(repository, planned[span.story], span, now)]


def _drawn(repository: Repository, one: _Planned, span: Span, now: float) -> Iterator[Drawn]:
    """A stage as one span for each action in it, in seconds; none for a stay in the tree."""
    machine = repository.chart(one.machine).machine
    each = iter(span.each)
    for act, role in span.kind.todo:
        yield Drawn(
            pack=one.pack,
            story=one.story,
            state=span.kind.state,
            word=word_of(machine, span.kind.state),
            act=act,
            who=PERSON if span.kind.asks else role or GATES,
            start=now + 60 * (span.came if span.kind.asks else span.began),
            end=now + 60 * (span.began + next(each) if role else span.ended),
            outcome="planned",
        )


def _from_disk(repository: Repository, folders: list[Path]) -> tuple[dict[str, _Planned], set[str]]:
    """The stories of some packs where they stand, and those that are complete."""
    names = [folder.relative_to(repository.root).as_posix() for folder in folders]
    listed = [one for one in list_all(repository).stories if one.pack in names]
    several = len({one.pack for one in listed}) > 1
    planned: dict[str, _Planned] = {}
    complete = set()
    for one in listed:
        row = read_row(one)
        if row.problem:
            raise UsageError(f"{row.problem} Nothing can be planned before it can be read.")
        before = f"{one.pack}/" if several else ""
        name = before + one.story.id
        machine = row.machine or _machine_to_be(one)
        needs = [before + need for need in row.needs]
        planned[name] = _Planned(machine, row.state, needs, one.pack, one.story.id)
        if row.complete:
            complete.add(name)
    if not planned:
        raise UsageError("there is no story. `story simulate --stories 20` plays a pack that is made up.")
    return planned, complete


def simulate_made_up(
    repository: Repository, stories: int, machine: str, *, durations: Path | None, seed: int, people: int
) -> Played:
    """Play a random pack of so many stories, of which there is no file."""
    needs = random_needs(stories, Random(seed))
    planned = {name: _Planned(machine, None, names) for name, names in needs.items()}
    return _play(repository, planned, set(), durations=durations, seed=seed, people=people)


def played_lines(played: Played, seed: int) -> list[str]:
    """A simulated run in words."""
    bounds, span = played.bounds, played.makespan or 1.0
    rows = [
        ("makespan", _hours(played.makespan)),
        ("critical path", _hours(bounds.critical)),
        ("lower bound", f"{_hours(bounds.lower)}{_scarce(played)}"),
        ("makespan / lower bound", f"{played.ratio:.3f}"),
        ("waited for validation", f"{_hours(played.unvalidated)}, {played.unvalidated / span:.1%} of the time"),
        ("… with room to execute", f"{_hours(played.idle)}, {played.idle / span:.1%} of the time"),
        ("people", f"{played.asked} answers, {_hours(played.answering)} of work"),
        ("waited for people", f"{_hours(played.waited)}, all stories together"),
        ("cost", f"$ {played.cost:,.2f}"),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{played.complete} of {played.stories} stories complete, seed {seed}"]
    lines += [f"{name:<{width}}  {said}" for name, said in rows]
    for role, busy in sorted(played.roles.items()):
        said = f"{busy.runs:,} runs, {_hours(busy.minutes)}, at work {busy.minutes / span:.0%} of the time"
        lines.append(f"{role:<{width}}  {said}")
    if played.abandoned:
        lines.append(f"abandoned: {', '.join(played.abandoned)}; never executed behind them: {len(played.blocked)}")
    return lines


def played_data(played: Played, seed: int) -> dict[str, object]:
    """A simulated run for other programs; times in minutes."""
    data = asdict(played) | {"seed": seed, "ratio": played.ratio, "lower_bound": played.bounds.lower}
    data["bounds"] = {"critical_path": played.bounds.critical, **asdict(played.bounds)}
    del data["bounds"]["critical"]
    return data


def _play(
    repository: Repository,
    planned: dict[str, _Planned],
    complete: set[str],
    *,
    durations: Path | None,
    seed: int,
    people: int,
    note: Callable[[Span], None] = lambda _: None,
) -> Played:
    charts = {name: repository.chart(name) for name in dict.fromkeys(one.machine for one in planned.values())}
    files = [read_durations(SHIPPED)]
    if durations is not None:
        states = {state for chart in charts.values() for state in chart.machine.states}
        files.insert(0, read_durations(durations, states=states, options=_options(charts)))
    walkers = {}
    for name, chart in charts.items():
        mine = {role: said.provider for role, said in repository.config.roles.items() if said.provider}
        sized = chart.machine.model_copy(update={"pipeline": repository.pipeline(chart.machine)})
        walkers[name] = Walker(Statechart(sized), files, providers=mine, people=people)
    dice = Random(seed)
    needs: dict[str, list[str]] = {}
    walks: dict[str, Walk] = {}
    for name, one in planned.items():
        own = Random(dice.getrandbits(64))
        if name in complete:
            continue
        needs[name] = [need for need in one.needs if need not in complete]
        end = charts[one.machine].machine.terminal.get(one.state or "")
        walks[name] = Walk(success=end == "success") if end else walkers[one.machine].walk(own, at=one.state)
    return simulate(needs, walks, note=note)


def _machine_to_be(listed: Listed) -> str:
    """The machine that a story will be adopted under."""
    pack, _ = read_pack(listed.home.root, listed.home.root / listed.pack)
    sources = [source for source in pack.stories if source.id == listed.story.id]
    return listed.home.machine_for(sources[0]) if sources else listed.home.config.packs.machine


def _options(charts: dict[str, Statechart]) -> dict[str, set[str]]:
    """Every decision of the machines, with its options."""
    found: dict[str, set[str]] = {}
    for chart in charts.values():
        for name, decision in chart.machine.decisions.items():
            found.setdefault(name, set()).update(decision.options)
    return found


def _scarce(played: Played) -> str:
    bounds = played.bounds
    return f" ({bounds.scarce} is scarce)" if bounds.resource > bounds.critical else " (the critical path)"


def _hours(minutes: float) -> str:
    return f"{int(minutes + 0.5) // 60:,} h {int(minutes + 0.5) % 60:02} min"
