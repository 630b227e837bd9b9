"""The verbs, and what their exit codes mean: 0 moved or waiting, 1 refused or failed, 2 usage, 3 problems found."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from engine import __version__, report
from engine.errors import EngineError, UsageError
from engine.live import Watch, plain, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.look import Repository
    from engine.ports import Ports
    from engine.report import Outcome
    from engine.target import Target

HELP = """Every story is a state machine over its markdown checklist.

Examples:  story status ·  story check ·  story advance 4 ·  story explain 4 ·  story graph 4
"""

_STOPPED = 130
"""The exit code after Ctrl-C."""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
machines = typer.Typer(help="Machine files: check, print the schema, list.", no_args_is_help=True)
app.add_typer(machines, name="machine")

Story = Annotated[str, typer.Argument(help="A story: its id (4), its pack and id (01/4), or a path.")]
AnyPack = Annotated[str | None, typer.Argument(help="A pack: its folder, or a part of its path (01).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def main() -> None:
    """Run the command line; the one place that catches broadly and turns errors into exit codes."""
    try:
        code = app(prog_name="story", standalone_mode=False)
        if code == _STOPPED:  # that is how typer tells of a Ctrl-C
            raise KeyboardInterrupt
    except typer.TyperException as err:
        _refuse(" ".join(err.format_message().split()) + " `story --help` lists the verbs, and what each takes.", 2)
    except EngineError as err:
        _refuse(str(err), 2 if isinstance(err, UsageError) else 1)
    except (KeyboardInterrupt, typer.Abort):
        typer.secho("story: stopped; run it again to go on", err=True)
        raise SystemExit(_STOPPED) from None
    except OSError as err:
        where = f"{err.filename}: " if err.filename else ""
        full = err.errno in (errno.ENOSPC, errno.EDQUOT)
        what = (
            "Make room and run it again; nothing is lost." if full else "Make it readable and writable, or remove it."
        )
        _refuse(f"{where}{err.strerror or err}. {what}", 1)
    raise SystemExit(code if isinstance(code, int) else 0)


@app.callback()
def version(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=lambda on: _version(on), is_eager=True),
    ] = False,
) -> None:
    """Options of all verbs."""


@app.command()
def status(pack: AnyPack = None, as_json: Json = False) -> None:
    """Show where every story stands and whom it waits for.

    Example: story status --json | jq '.data.stories[] | select(.waiting_for == "person")'
    """
    from engine.start import print_status

    packs = None
    if pack is not None:
        repository = _repository()
        packs = [folder.relative_to(repository.root).as_posix() for folder in _packs(repository, pack)]
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

    root = _root()
    repository, problems = open_leniently(root, state_folder(root))
    problems += check_packs(repository, *find_any(repository, target))
    serious = any(problem.severity is not Severity.NOTE for problem in problems)
    if as_json:
        data: dict[str, object] = {"problems": [problem.model_dump(mode="json") for problem in problems]}
        typer.echo(report.envelope("check", "problems" if serious else "ok", data))
    else:
        for line in report.problem_lines(problems):
            typer.secho(line, fg=_colour(report.colour_of(line)), bold=None)
    raise typer.Exit(3 if serious else 0)


@app.command()
def advance(
    story: Story,
    step: Annotated[bool, typer.Option("--step", help="Stop after one step.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Commit each step, authored as who took it.")] = False,
    reply: Annotated[list[str] | None, typer.Option(help="ROLE=FILE: the reply of a role that a person plays.")] = None,
    as_json: Json = False,
) -> None:
    """Advance a story until a person is needed, another story is, or it is over.

    Examples: story advance 4 ·  story advance 4 --dry-run ·  make advance STORY=4
    """
    from engine.advance import foresee
    from engine.budget import Purse
    from engine.living import advance_story
    from engine.look import look
    from engine.notify import notify
    from engine.target import find_story
    from engine.wiring import take_reply, wire

    main = _repository()
    asked = find_story(main, story)
    repository, target = _lives(story)
    for given in reply or ():
        role, separator, file = given.partition("=")
        if not separator:
            raise UsageError(f"--reply {given!r}: write it as ROLE=FILE, such as engineer=answer.md.")
        take_reply(repository, target.folder, target.id, role, Path(file))
    watch, purse = Watch(), Purse()

    def ports_of(home: Repository) -> Ports:
        return wire(home, tell=_tell, watch=watch, commit=commit, purse=purse)

    if dry_run:
        result = foresee(repository, target.folder, target.id, ports=ports_of(repository))
    else:
        with show(watch, _tell, terminal=sys.stderr.isatty()):
            result = advance_story(main, asked.folder, asked.id, ports_of=ports_of, one_step=step)
        notify(main, target.id, result)
    repository, target = _lives(story)
    state = look(repository, target.folder, target.id).progress.state
    if as_json:
        outcome: Outcome = "moved" if result.steps else "waiting"
        typer.echo(report.envelope("advance", outcome, report.advanced_data(result)))
    else:
        typer.echo(plain("\n".join(report.advanced_lines(target.id, state, result, dry_run))))


@app.command()
def run(
    pack: AnyPack = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit each step, authored as who took it.")] = False,
    go_on: Annotated[bool, typer.Option("--watch", help="Go on whenever a file is saved, until all is over.")] = False,
    as_json: Json = False,
) -> None:
    """Advance every story that may move, side by side, until nothing moves without a person.

    Validation runs ahead of execution; one story at a time is executed in the tree. Exit code 1 when one was refused.

    Examples: story run ·  story run --watch ·  story run docs/stories --json ·  make run
    """
    from engine.lanes import Told
    from engine.notify import notify
    from engine.pipeline import run_packs
    from engine.screen import AtRest, show_run
    from engine.wiring import providers_of, wire

    repository = _repository()
    watch, terminal = Watch(), sys.stderr.isatty()
    told = Told(
        step=lambda name, step: _tell(f"story {name}: {step.source} → {step.dest}"),
        waits=lambda name, result: notify(repository, name, result),
        rests=AtRest(None if terminal else _tell),
        wrong=_tell,
        shown=lambda now: show_run(now, watch, _tell, terminal=terminal),
    )
    done = run_packs(
        repository,
        _packs(repository, pack),
        ports_of=lambda home: wire(home, tell=_tell, watch=watch, commit=commit),
        providers=lambda machine: providers_of(machine, repository),
        told=told,
        watch=go_on,
    )
    refused = any(left.error for left in done.left)
    outcome: Outcome = "refused" if refused else "moved" if done.steps else "waiting"
    _say("run", outcome, report.ran_data(done), report.ran_lines(done), as_json)
    raise typer.Exit(_STOPPED if done.stopped else 1 if refused else 0)


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

    repository = _repository()
    if stories is None:
        folders = _packs(repository, pack)
        played = simulate_packs(repository, folders, durations=durations, seed=seed, people=people)
    elif pack is not None:
        raise UsageError("name a pack, or say with --stories how large a made-up one is, not both.")
    else:
        played = simulate_made_up(repository, stories, machine, durations=durations, seed=seed, people=people)
    _say("simulate", "ok", played_data(played, seed), played_lines(played, seed), as_json)


@app.command()
def explain(story: Story, as_json: Json = False) -> None:
    """Say why a story stands where it stands: each way out, and what it still asks for.

    Example: story explain 4
    """
    from engine.explain import explain as run
    from engine.explain import explained_lines

    repository, target = _lives(story)
    explained = run(repository, target.folder, target.id)
    _say("explain", "ok", explained.model_dump(mode="json"), explained_lines(explained), as_json)


@app.command()
def adopt(
    pack: AnyPack = None,
    story: Annotated[list[str] | None, typer.Option(help="Only this story (may be repeated).")] = None,
    machine: Annotated[str, typer.Option(help="The machine; else as story.toml says, else `story`.")] = "",
    complete: Annotated[str, typer.Option(help="Only these, as done before: 0-3, or 0,2a.")] = "",
    because: Annotated[str, typer.Option(help="What shows that they were done; for the log.")] = "",
    as_json: Json = False,
) -> None:
    """Bring raw stories under a machine: adds front matter and checklist, nothing else.

    With --complete: attest stories as done before, all items ticked, without evidence.

    Examples: story adopt ·  story adopt docs/stories --story 4 ·
    story adopt docs/stories --complete 0-3 --because "shipped in 7565210"
    """
    from engine.adopt import adopt as run
    from engine.adopt import attest
    from engine.wiring import wire

    repository = _repository()
    ports = wire(repository, tell=lambda _: None)
    folders, written = _packs(repository, pack), list[str]()
    ids = attest(repository, folders, complete, because, tuple(story or ()))
    for folder in folders:
        told = {"author": ports.author(), "machine": machine, "because": because}
        written += run(repository, folder, ids, clock=ports.clock, **told)
    lines = [f"adopted {path}" for path in written] or ["nothing to adopt"]
    _say("adopt", "moved" if written else "ok", {"written": list(written)}, lines, as_json)


@app.command()
def rewind(
    story: Story,
    to: Annotated[str, typer.Option(help="A state that the story has been in.")],
    because: Annotated[str, typer.Option(help="Why, for the log.")] = "",
    code: Annotated[bool, typer.Option("--code", help="Bring the files back, too, from the snapshot of then.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a story back to a state that it has been in; nothing is deleted.

    Examples: story rewind 4 --to approving --because "wrong spec" ·  story rewind 4 --to red --code
    """
    from engine.rewind import rewind as run
    from engine.wiring import wire

    repository, target = _lives(story)
    ports = wire(repository, tell=lambda _: None)
    who = {"author": ports.author(), "to": to, "because": because}
    done = run(repository, target.folder, target.id, code=code, clock=ports.clock, **who)
    _say("rewind", "moved", report.rewound_data(done), report.rewound_lines(target.id, done), as_json)


@app.command()
def overrule(
    story: Story,
    to: Annotated[str, typer.Option(help="The state to go to: the target of an exit that is not open.")],
    because: Annotated[str, typer.Option(help="The reason, which stays in the log.")],
    as_json: Json = False,
) -> None:
    """Take an exit although something stands against it, with your name and a reason in the log for ever.

    What agents, gates and other stories say can be overruled; what only a person ticks or answers cannot.

    Example: story overrule 4 --to self_review --because "the linter has a bug, see issue 12"
    """
    from engine.overrule import overrule as run
    from engine.wiring import wire

    repository, target = _lives(story)
    step = run(
        repository, target.folder, target.id, to=to, because=because, ports=wire(repository, tell=lambda _: None)
    )
    data: dict[str, object] = {"step": {"from": step.source, "to": step.dest, "why": step.why}}
    _say("overrule", "moved", data, [f"story {target.id}: {step.source} → {step.dest}: {step.why}"], as_json)


@app.command()
def decide(
    story: Story,
    question: Annotated[str, typer.Argument(help="The question's id (D2), or the text of a human item.")] = "",
    option: Annotated[str, typer.Argument(help="The option to tick.")] = "",
    note: Annotated[str, typer.Option(help="The note to write under the question.")] = "",
    rest: Annotated[str, typer.Option(help="fix: tick the box for every finding without an answer.")] = "",
    as_json: Json = False,
) -> None:
    """Answer a question from the shell, as ticking its option in story.md does; without one, list the questions.

    Examples: story decide 4 ·  story decide 4 D2 defer --note "see AC-2.1" ·  story decide 4 --rest fix ·
    story decide 4 "Human approved"
    """
    from engine.answer import answer, answer_rest, open_questions

    repository, target = _lives(story)
    done = [answer(repository, target.folder, target.id, question, option, note)] if question else []
    done += [answer_rest(repository, target.folder, target.id, rest)] if rest else []
    places = done or open_questions(repository, target.folder, target.id)
    data: dict[str, object] = {"items": [place.model_dump() for place in places]}
    _say("decide", "moved" if done else "ok", data, report.place_lines(places) or ["nothing is asked"], as_json)


@app.command()
def ask(
    story: Story,
    role: Annotated[str, typer.Argument(help="A role of the machine, such as pedant_validator.")],
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    as_json: Json = False,
) -> None:
    """Ask a role a question in its newest session; it changes nothing in the story.

    Example: story ask 4 pedant_validator "Why is the count in F1 wrong?"
    """
    from engine.follow_up import follow_up
    from engine.wiring import wire

    repository, target = _lives(story)
    watch = Watch()
    ports = wire(repository, tell=lambda _: None, watch=watch)
    with show(watch, _tell, terminal=sys.stderr.isatty()):
        done = follow_up(repository, target.folder, target.id, role, question, ports=ports)
    _say("ask", "waiting" if done.brief else "ok", report.asked_data(done), report.asked_lines(done), as_json)


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

    repository = _repository()
    ports = wire(repository, tell=lambda _: None)
    found = examine(repository, online=online, ports=ports, tell=_tell if online else lambda _: None)
    bad = any(one.wrong for one in found)
    data: dict[str, object] = {"roles": [one.model_dump(mode="json") for one in found]}
    _say("doctor", "problems" if bad else "ok", data, report.in_columns(doctor_rows(found)), as_json)
    raise typer.Exit(3 if bad else 0)


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

    repository = _repository()
    if story is None:
        found = costs(repository, repository.packs())
    else:
        target = find_story(repository, story)
        found = costs(repository, [target.folder], target.id)
    data: dict[str, object] = {"stories": [one.model_dump(mode="json") for one in found]}
    lines = report.in_columns(cost_rows(found, each=story is not None)) if found else ["no agent has run yet"]
    _say("cost", "ok", data, lines, as_json)


@app.command()
def new(
    story: Annotated[str, typer.Argument(help="The new story's id, such as 5 or 2a.")],
    name: Annotated[str, typer.Argument(help="Its name, such as login.")],
    pack: Annotated[str | None, typer.Option(help="The pack, where there are several.")] = None,
    as_json: Json = False,
) -> None:
    """Make a story with its prompts from the template.

    Example: story new 5 login
    """
    from engine.new import new_story

    written = new_story(_repository(), story, name, pack)
    _say("new", "moved", {"written": list(written)}, [f"wrote {path}" for path in written], as_json)


@app.command()
def init(as_json: Json = False) -> None:
    """Set up a repository: story.toml with guessed gates, story.mk for make, .gitattributes.

    Example: cd my-project && story init
    """
    from engine.new import init_repository

    done = init_repository(Path.cwd())
    _say("init", "moved", {"said": list(done)}, done, as_json)


@app.command()
def diff(
    story: Story,
    step: Annotated[int | None, typer.Option(help="One committed step, by its number in the log.")] = None,
) -> None:
    """Show what changed: the story's progress first, then everything else.

    Examples: story diff 4 ·  story diff 4 --step 3
    """
    from engine.diff import story_diff

    repository, target = _lives(story)
    typer.echo(story_diff(repository, target.folder, target.id, step, colour=sys.stdout.isatty()), nl=False)


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

    repository = _repository()
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
def timeline(
    target: Annotated[str | None, typer.Argument(help="A pack or a story; everything if left out.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the chart to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the chart to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Draw what happened, from the journals alone. Exit code 3 when one of them cannot be read or believed.

    Examples: story timeline ·  story timeline 01 --svg timeline.svg ·  story timeline 4 --json
    """
    import time

    from engine.drawing.text import plain
    from engine.target import find_any
    from engine.timeline import picture_lines, read_timeline, save_pictures

    repository = _repository()
    drawn = read_timeline(repository, *find_any(repository, target), now=time.time())
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


@machines.command("check")
def machine_check(
    file: Annotated[Path, typer.Argument(help="A machine file, or the name of a machine.")],
    as_json: Json = False,
) -> None:
    """Prove a machine: every path, every exit, every rule. Exit code 3 when something does not hold.

    Example: story machine check machines/story.yaml
    """
    from engine.check import check_machine_at
    from engine.files.machine_file import find_machine

    root = _root()
    own = root / "machines"
    path = file if file.exists() else find_machine(str(file), own=own)
    problems = check_machine_at(path, own=own if own.is_dir() else None, root=root)
    if as_json:
        data: dict[str, object] = {"problems": [problem.model_dump(mode="json") for problem in problems]}
        typer.echo(report.envelope("machine check", "problems" if problems else "ok", data))
    else:
        for line in report.problem_lines(problems):
            typer.secho(line, fg=_colour(report.colour_of(line)))
    raise typer.Exit(3 if problems else 0)


@machines.command("schema")
def machine_schema() -> None:
    """Print the JSON Schema of machine files.

    Example: story machine schema > machines/machine.schema.json
    """
    import json

    from engine.files.machine_file import machine_schema as schema

    typer.echo(json.dumps(schema(), indent=2))


@machines.command("list")
def machine_list() -> None:
    """List the machines that stories can be adopted under.

    Example: story machine list
    """
    from engine.files.machine_file import machine_names

    typer.echo("\n".join(machine_names(own=_root() / "machines")))


def _refuse(said: str, code: int) -> NoReturn:
    """Say in one line why nothing was done; other programs get the envelope as well."""
    if "--json" in sys.argv:
        words = [word for word in sys.argv[1:] if not word.startswith("-")]
        command = " ".join(words[: 2 if words[:1] == ["machine"] else 1])
        typer.echo(report.envelope(command, "refused", {"error": said}))
    typer.secho(f"story: {plain(said)}", err=True, fg=_colour("red"))
    raise SystemExit(code) from None


def _tell(line: str) -> None:
    """Say on stderr what goes on."""
    typer.secho(plain(line), err=True, dim=sys.stderr.isatty())


def _say(command: str, outcome: Outcome, data: dict[str, object], lines: Sequence[str], as_json: bool) -> None:
    """Say what was done: in lines, or to other programs."""
    typer.echo(report.envelope(command, outcome, data) if as_json else plain("\n".join(lines)))


class _Ansi(StrEnum):
    """The styles of the reports as terminal colours."""

    red = "red"
    yellow = "yellow"
    cyan = "cyan"


def _root() -> Path:
    from engine.files.repository import find_root

    return find_root(Path.cwd())


def _repository() -> Repository:
    from engine.files.repository import state_folder
    from engine.look import open_repository

    root = _root()
    return open_repository(root, state_folder(root))


def _lives(spoken: str) -> tuple[Repository, Target]:
    """The repository in which a story lives, its main tree or its own worktree, and the story there."""
    from engine.homes import home_of, inside
    from engine.target import Target, find_story

    main = _repository()
    found = find_story(main, spoken)
    home = home_of(main, found.folder, found.id)
    return home, Target(inside(home, found.folder), found.id)


def _packs(repository: Repository, spoken: str | None) -> list[Path]:
    from engine.target import find_pack

    return find_pack(repository, spoken)


def _colour(style: str) -> str | None:
    allowed = style in _Ansi.__members__ and not os.environ.get("NO_COLOR")
    return style if allowed else None


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"story {__version__}")
        raise typer.Exit


if __name__ == "__main__":
    main()
