"""The verbs that change something: stories, their packs, a repository."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine import report
from engine.errors import UsageError
from engine.live import Watch, plain, show
from engine.verbs.common import (
    STOPPED,
    AnyPack,
    Json,
    On,
    Story,
    Where,
    app,
    lives,
    packs_of,
    repository_here,
    say,
    tell,
)
from engine.verbs.fleet import Branch, Server, run_there

if TYPE_CHECKING:
    from engine.look import Repository
    from engine.ports import Ports
    from engine.report import Outcome


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

    main = repository_here()
    asked = find_story(main, story)
    repository, target = lives(story)
    for given in reply or ():
        role, separator, file = given.partition("=")
        if not separator:
            raise UsageError(f"--reply {given!r}: write it as ROLE=FILE, such as engineer=answer.md.")
        take_reply(repository, target.folder, target.id, role, Path(file))
    watch, purse = Watch(), Purse()

    def ports_of(home: Repository) -> Ports:
        return wire(home, tell=tell, watch=watch, commit=commit, purse=purse)

    if dry_run:
        result = foresee(repository, target.folder, target.id, ports=ports_of(repository))
    else:
        with show(watch, tell, terminal=sys.stderr.isatty()):
            result = advance_story(main, asked.folder, asked.id, ports_of=ports_of, one_step=step)
        notify(main, target.id, result)
    repository, target = lives(story)
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
    on: On = Where.here,
    temporal: Server = None,
    branch: Branch = "",
    as_json: Json = False,
) -> None:
    """Advance every story that may move, side by side, until nothing moves without a person.

    Validation runs ahead of execution; one story at a time is executed in the tree. Exit code 1 when one was refused.

    Examples: story run ·  story run --watch ·  story run docs/stories --json ·  story run --on temporal ·  make run
    """
    if on is Where.temporal or temporal:
        if commit or go_on:
            raise UsageError("on Temporal each step is committed, and packs go on: leave out --commit and --watch.")
        run_there(pack, temporal, branch, as_json)
    if branch:
        raise UsageError("--branch is for packs on Temporal: add `--on temporal`.")
    from engine.lanes import Told
    from engine.notify import notifier
    from engine.pipeline import run_packs
    from engine.screen import AtRest, show_run
    from engine.wiring import providers_of, wire

    repository = repository_here()
    watch, terminal = Watch(), sys.stderr.isatty()
    told = Told(
        step=lambda name, step: tell(f"story {name}: {step.source} → {step.dest}"),
        waits=notifier(repository, tell),
        rests=AtRest(None if terminal else tell),
        wrong=tell,
        shown=lambda now: show_run(now, watch, tell, terminal=terminal),
    )
    done = run_packs(
        repository,
        packs_of(repository, pack),
        ports_of=lambda home: wire(home, tell=tell, watch=watch, commit=commit),
        providers=lambda machine: providers_of(machine, repository),
        told=told,
        watch=go_on,
    )
    refused = any(left.error for left in done.left)
    outcome: Outcome = "refused" if refused else "moved" if done.steps else "waiting"
    say("run", outcome, report.ran_data(done), report.ran_lines(done), as_json)
    raise typer.Exit(STOPPED if done.stopped else 1 if refused else 0)


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

    repository, target = lives(story)
    done = [answer(repository, target.folder, target.id, question, option, note)] if question else []
    done += [answer_rest(repository, target.folder, target.id, rest)] if rest else []
    places = done or open_questions(repository, target.folder, target.id)
    data: dict[str, object] = {"items": [place.model_dump() for place in places]}
    say("decide", "moved" if done else "ok", data, report.place_lines(places) or ["nothing is asked"], as_json)


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

    repository, target = lives(story)
    watch = Watch()
    ports = wire(repository, tell=lambda _: None, watch=watch)
    with show(watch, tell, terminal=sys.stderr.isatty()):
        done = follow_up(repository, target.folder, target.id, role, question, ports=ports)
    say("ask", "waiting" if done.brief else "ok", report.asked_data(done), report.asked_lines(done), as_json)


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

    repository = repository_here()
    ports = wire(repository, tell=lambda _: None)
    folders, written = packs_of(repository, pack), list[str]()
    ids = attest(repository, folders, complete, because, tuple(story or ()))
    for folder in folders:
        told = {"author": ports.author(), "machine": machine, "because": because}
        written += run(repository, folder, ids, clock=ports.clock, **told)
    lines = [f"adopted {path}" for path in written] or ["nothing to adopt"]
    say("adopt", "moved" if written else "ok", {"written": list(written)}, lines, as_json)


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

    repository, target = lives(story)
    ports = wire(repository, tell=lambda _: None)
    who = {"author": ports.author(), "to": to, "because": because}
    done = run(repository, target.folder, target.id, code=code, clock=ports.clock, **who)
    say("rewind", "moved", report.rewound_data(done), report.rewound_lines(target.id, done), as_json)


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

    repository, target = lives(story)
    step = run(
        repository, target.folder, target.id, to=to, because=because, ports=wire(repository, tell=lambda _: None)
    )
    data: dict[str, object] = {"step": {"from": step.source, "to": step.dest, "why": step.why}}
    say("overrule", "moved", data, [f"story {target.id}: {step.source} → {step.dest}: {step.why}"], as_json)


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

    written = new_story(repository_here(), story, name, pack)
    say("new", "moved", {"written": list(written)}, [f"wrote {path}" for path in written], as_json)


@app.command()
def init(as_json: Json = False) -> None:
    """Set up a repository: story.toml with guessed gates, story.mk for make, .gitattributes.

    Example: cd my-project && story init
    """
    from engine.new import init_repository

    done = init_repository(Path.cwd())
    say("init", "moved", {"said": list(done)}, done, as_json)
