"""The verbs that only look: at stories, packs, costs, and at what would be."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine import report
from engine.errors import UsageError
from engine.verbs.common import (
    AnyPack,
    Json,
    On,
    Story,
    Where,
    app,
    colour,
    lives,
    packs_of,
    repository_here,
    root_here,
    say,
    tell,
)
from engine.verbs.fleet import Server, status_there

if TYPE_CHECKING:
    pass


@app.command()
def status(pack: AnyPack = None, on: On = Where.here, temporal: Server = None, as_json: Json = False) -> None:
    """Show where every story stands and whom it waits for.

    Example: story status --json | jq '.data.stories[] | select(.waiting_for == "person")'
    """
    from engine.start import print_status

    if on is Where.temporal or temporal:
        status_there(pack, temporal, as_json)
        return
    packs = None
    if pack is not None:
        repository = repository_here()
        packs = [folder.relative_to(repository.root).as_posix() for folder in packs_of(repository, pack)]
    print_status(packs, as_json=as_json)


@app.command()
def check(
    target: Annotated[str | None, typer.Argument(help="A pack or a story; everything if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong without asking a model. Exit code 3 when there is an error or a warning.

    Example: story check 4
    """
    from engine.check import check_packs, open_leniently
    from engine.files.repository import state_folder
    from engine.model.problem import Severity
    from engine.target import find_any

    root = root_here()
    repository, problems = open_leniently(root, state_folder(root))
    problems += check_packs(repository, *find_any(repository, target))
    serious = any(problem.severity is not Severity.NOTE for problem in problems)
    if as_json:
        data: dict[str, object] = {"problems": [problem.model_dump(mode="json") for problem in problems]}
        typer.echo(report.envelope("check", "problems" if serious else "ok", data))
    else:
        for line in report.problem_lines(problems):
            typer.secho(line, fg=colour(report.colour_of(line)), bold=None)
    raise typer.Exit(3 if serious else 0)


@app.command()
def explain(story: Story, as_json: Json = False) -> None:
    """Say why a story stands where it stands: each way out, and what it still asks for.

    Example: story explain 4
    """
    from engine.explain import explain as run
    from engine.explain import explained_lines

    repository, target = lives(story)
    explained = run(repository, target.folder, target.id)
    say("explain", "ok", explained.model_dump(mode="json"), explained_lines(explained), as_json)


@app.command()
def timeline(
    target: Annotated[str | None, typer.Argument(help="A pack or a story; everything if left out.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="After now, draw what is to come, as simulated.")] = False,
    durations: Annotated[Path | None, typer.Option(help="TOML for the plan, as `story simulate` reads it.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plan.")] = 1,
    people: Annotated[int, typer.Option(min=1, help="How many people the plan has.")] = 1,
    svg: Annotated[Path | None, typer.Option(help="Write the chart to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the chart to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Draw what happened, from the journals alone. Exit code 3 when one of them cannot be read or believed.

    With --plan also what is to come: hollow, from where each story stands, one of the runs that `story simulate` plays.

    Examples: story timeline ·  story timeline 01 --svg timeline.svg ·  story timeline 4 --json ·
    story timeline --plan --durations slow.toml
    """
    import time

    from engine.drawing.text import plain
    from engine.simulate import plan_packs
    from engine.target import find_any
    from engine.timeline import picture_lines, read_timeline, save_pictures

    if durations is not None and not plan:
        raise UsageError("--durations is for a plan: say --plan, too.")
    repository, now = repository_here(), time.time()
    folders, story = find_any(repository, target)
    dice = {"seed": seed, "people": people}
    planned = plan_packs(repository, folders, durations=durations, now=now, **dice) if plan else []
    drawn = read_timeline(repository, folders, story, now=now, planned=planned)
    written = save_pictures(drawn, svg, html)
    bad = any(lane.problem for lane in drawn.lanes)
    if as_json:
        data = {**drawn.model_dump(mode="json"), "written": written}
        typer.echo(report.envelope("timeline", "problems" if bad else "ok", data))
    elif written:
        typer.echo("\n".join(f"wrote {path}" for path in written))
    else:
        columns, terminal = shutil.get_terminal_size((100, 24)).columns, sys.stdout.isatty()
        lines = picture_lines(drawn, columns if terminal else min(max(columns, 80), 100))
        report.show_lines(lines) if terminal else typer.echo("\n".join(plain(lines)))
    raise typer.Exit(3 if bad else 0)


@app.command()
def diff(
    story: Story,
    step: Annotated[int | None, typer.Option(help="One committed step, by its number in the log.")] = None,
) -> None:
    """Show what changed: the story's progress first, then everything else.

    Examples: story diff 4 ·  story diff 4 --step 3
    """
    from engine.diff import story_diff

    repository, target = lives(story)
    typer.echo(story_diff(repository, target.folder, target.id, step, colour=sys.stdout.isatty()), nl=False)


@app.command()
def cost(
    story: Annotated[str | None, typer.Argument(help="A story, each of its runs; all stories if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Show what agents took: runs, time, tokens and dollars, per run, round, story and pack.

    Examples: story cost ·  story cost 4 --json
    """
    from engine.cost import cost_rows, costs
    from engine.target import find_story

    repository = repository_here()
    if story is None:
        found = costs(repository, repository.packs())
    else:
        target = find_story(repository, story)
        found = costs(repository, [target.folder], target.id)
    data: dict[str, object] = {"stories": [one.model_dump(mode="json") for one in found]}
    lines = report.in_columns(cost_rows(found, each=story is not None)) if found else ["no agent has run yet"]
    say("cost", "ok", data, lines, as_json)


@app.command()
def doctor(
    online: Annotated[bool, typer.Option("--online", help="Ask each model for one word, too.")] = False,
    as_json: Json = False,
) -> None:
    """Say of each role who plays it, whether that works here, and what to do otherwise. Exit code 3 where it does not.

    Examples: story doctor ·  story doctor --online
    """
    from engine.doctor import doctor_rows, examine
    from engine.wiring import wire

    repository = repository_here()
    ports = wire(repository, tell=lambda _: None)
    found = examine(repository, online=online, ports=ports, tell=tell if online else lambda _: None)
    bad = any(one.wrong for one in found)
    data: dict[str, object] = {"roles": [one.model_dump(mode="json") for one in found]}
    say("doctor", "problems" if bad else "ok", data, report.in_columns(doctor_rows(found)), as_json)
    raise typer.Exit(3 if bad else 0)


@app.command()
def graph(
    story: Annotated[str | None, typer.Argument(help="A story; its state is marked.")] = None,
    machine: Annotated[str, typer.Option(help="A machine's name, where no story is given.")] = "story",
    svg: Annotated[Path | None, typer.Option(help="Write an SVG picture to this file.")] = None,
) -> None:
    """Draw a machine as Mermaid text, or as SVG.

    Examples: story graph 4 ·  story graph --machine infrastructure --svg infrastructure.svg
    """
    from engine import graph as draw
    from engine.files import disk
    from engine.look import look
    from engine.target import find_story

    repository = repository_here()
    here = None
    chart = None
    if story is not None:
        target = find_story(repository, story)
        seen = look(repository, target.folder, target.id)
        chart, here = seen.chart, seen.progress.state
    chart = chart or repository.chart(machine)
    if svg is None:
        typer.echo(draw.mermaid(chart.machine, here), nl=False)
    else:
        disk.replace(svg.absolute(), draw.svg(chart.machine, here))
        typer.echo(f"wrote {svg}")


@app.command()
def simulate(
    pack: AnyPack = None,
    durations: Annotated[Path | None, typer.Option(help="TOML: how long things take, how often they fail.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed plays the same run.")] = 1,
    people: Annotated[int, typer.Option(min=1, help="How many people there are to be asked.")] = 1,
    stories: Annotated[int | None, typer.Option(min=1, help="Play a made-up pack of so many stories instead.")] = None,
    machine: Annotated[str, typer.Option(help="The machine of a made-up pack.")] = "story",
    as_json: Json = False,
) -> None:
    """Play what `story run` would do, on virtual time: no agent, no cost, nothing is written.

    Examples: story simulate ·  story simulate 01 --durations slow.toml --seed 7 ·  story simulate --stories 1000
    """
    from engine.simulate import played_data, played_lines, simulate_made_up, simulate_packs

    repository = repository_here()
    if stories is None:
        folders = packs_of(repository, pack)
        played = simulate_packs(repository, folders, durations=durations, seed=seed, people=people)
    elif pack is not None:
        raise UsageError("name a pack, or say with --stories how large a made-up one is, not both.")
    else:
        played = simulate_made_up(repository, stories, machine, durations=durations, seed=seed, people=people)
    say("simulate", "ok", played_data(played, seed), played_lines(played, seed), as_json)
