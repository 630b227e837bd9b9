"""The documents, kept true: commands, help texts, configuration, links, words, and the README's own output."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_origin

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.exceptions import TyperException

from engine.adopt import adopt
from engine.agents.reply import read_report
from engine.agents.scripted import ScriptedAgent, read_script
from engine.cli import app
from engine.files.config import Config, RoleConfig
from engine.files.machine_file import find_machine, read_machine
from engine.graph import edges
from engine.look import open_repository
from engine.model.call import Brief
from engine.model.verdict import Verdict
from engine.new import MAKE
from tests.cli.run import run, spawn
from tests.faults.slice_repo import commit, git

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/*/README.md")])
PLAIN = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
DECISIONS = sorted(DOCS.glob("decisions/0*.md"))
WORDS = [
    *("pack", "story", "machine", "state", "exit", "checklist", "item", "guard", "fact", "action", "role", "session"),
    *("verdict", "finding", "gate", "decision", "loop", "evidence", "journal", "call", "step", "phase", "agent"),
    *("brief", "drift", "problem"),
]
_FENCE = re.compile(r"^( *)(`{3,})([\w-]*)[^\n`]*\n(.*?)^\1\2`*[ \t]*$", re.M | re.S)
_LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_OURS = re.compile(r"(?<![\w.])/(?:work|root|home|Users|tmp|var/tmp)/")


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page."""

    page: Path
    kind: str
    text: str


def fences(page: Path, *kinds: str) -> list[Fence]:
    """The fenced blocks of a page, of some kinds or of all."""
    found = [Fence(page, m[3], m[4]) for m in _FENCE.finditer(page.read_text("utf-8"))]
    return [fence for fence in found if not kinds or fence.kind in kinds]


def commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every line in a console or sh block that calls `story`."""
    for page in PAGES:
        for fence in fences(page, "console", "sh"):
            prompt = "$ " if fence.kind == "console" else ""
            typed = [line.removeprefix(prompt) for line in fence.text.splitlines() if line.startswith(prompt)]
            for part in (part.strip() for line in typed for part in re.split(r"&&|\|", line)):
                if part.startswith("story "):
                    yield page.relative_to(ROOT).as_posix(), part


def parse(line: str) -> None:
    """Parse a command line as `story` does, without running it."""
    words = shlex.split(line, comments=True)
    command, context = typer.main.get_command(app), None
    while hasattr(command, "resolve_command"):
        context = command.make_context(words[0], words[1:], parent=context)
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        words = [name, *rest]
    command.make_context(words[0], words[1:], parent=context)


def verbs() -> Iterator[tuple[str, ...]]:
    """The words of every verb, () for the command itself."""

    def walk(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*words, name))

    yield from walk(typer.main.get_command(app), ())


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    """Every key of a configuration, dotted; the name of a table of one's own stands as `<gate>` for `gates`."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        inner = field.annotation
        here = f"{prefix}{name}"
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= keys(inner, f"{here}.")
        elif tables := [arg for arg in get_args(inner) if isinstance(arg, type) and issubclass(arg, BaseModel)]:
            named = f".<{name.removesuffix('s')}>" if get_origin(inner) is dict else ""
            found |= keys(tables[0], f"{here}{named}.")
        else:
            found[here] = field
    return found


def rows(page: Path, columns: int) -> list[list[str]]:
    """The cells of all table rows of a page that have so many columns."""
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) == columns]


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_commands_of_the_documents_parse() -> None:
    """Every `story …` in a console or sh block names a verb, options and arguments that exist."""
    found = list(commands())
    for page, line in found:
        try:
            parse(line)
        except TyperException as err:
            pytest.fail(f"{page}: {line}: {err}")
    assert "README.md" in {page for page, _ in found}


def test_no_document_names_a_verb_that_is_not_there() -> None:
    """Inline code that begins with `story` and a word names a verb."""
    known = {words[0] for words in verbs() if words}
    for page in PAGES:
        text = _FENCE.sub("", page.read_text("utf-8"))
        named = set(re.findall(r"`story ([a-z]+)\b", text))
        assert named <= known, f"{page.name} names {named - known}"


@pytest.mark.parametrize("words", list(verbs()), ids=" ".join)
def test_help_texts_are_those_of_the_command(words: tuple[str, ...], tmp_path: Path) -> None:
    """docs/commands.md holds the help of each verb under its own heading, word for word."""
    page = DOCS / "commands.md"
    part = re.split(rf"^## {' '.join(('story', *words))}$", page.read_text("utf-8"), flags=re.M)
    assert len(part) == 2, f"docs/commands.md needs one heading `## {' '.join(('story', *words))}`"
    block = _FENCE.search(part[1])
    said = run(tmp_path, *words, "--help", env=PLAIN).out
    assert block is not None
    assert block[4].strip() == said.strip()


def test_help_is_the_same_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The help that the tests compare is what a shell shows, but for the program's name."""
    shown = spawn(tmp_path, "advance", "--help", env=PLAIN).out
    assert shown.replace("python -m engine", "story") == run(tmp_path, "advance", "--help", env=PLAIN).out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    """Every link to a file of the repository leads to a file, and its anchor to a heading."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}"
        assert target.is_relative_to(ROOT), f"{page.name} links out of the repository: {link}"
        if anchor:
            body = _FENCE.sub("", target.read_text("utf-8"))
            assert anchor in {slug(heading) for heading in re.findall(r"^#+ +(.+)$", body, re.M)}, link


def test_every_key_of_the_configuration_is_documented() -> None:
    """docs/configuration.md has a row for each key that story.toml may hold, with its default, and no other row."""
    told = {row[0].strip("`"): row for row in rows(DOCS / "configuration.md", 5) if "." in row[0]}
    known = keys(Config)
    assert list(told) == list(known)
    for key, field in known.items():
        default = field.default
        wanted = "required" if field.is_required() else "none" if default is None else f"`{_toml(default)}`"
        assert told[key][2] == wanted, key
        assert all(told[key]), key


def test_the_examples_of_the_configuration_are_accepted() -> None:
    """Each key's example sets just that key to a value that is accepted and is not the default."""
    for row in rows(DOCS / "configuration.md", 5):
        if "." not in row[0]:
            continue
        table, _, key = re.sub(r"<(\w+)>", r"\1", row[0].strip("`")).rpartition(".")
        text = row[3].strip("`")
        needed = 'run = ["true"]\n' if table.startswith("gates.") and key != "run" else ""
        if table.endswith(".price"):
            needed = "".join(f"{other} = 1\n" for other in ("input", "output") if other != key)
        read = tomllib.loads(f"[{table}]\n{needed}{text}\n")
        assert text.startswith(f"{key} = "), row[0]
        least = "" if not needed or table.endswith(".price") else f"[{table}]\n{needed}"
        assert Config.model_validate(read) != Config.model_validate(tomllib.loads(least))


OPEN = {"packs.machines", "pipeline.concurrency", "pipeline.roles", "pipeline.providers"}
"""Tables whose keys are the user's own."""


def test_the_whole_example_of_the_configuration_is_accepted() -> None:
    """The story.toml at the end of the page is valid and shows every key."""
    [fence] = fences(DOCS / "configuration.md", "toml")
    read = tomllib.loads(fence.text)
    Config.model_validate(read)

    def leaves(value: object, prefix: str = "") -> Iterator[str]:
        if isinstance(value, dict) and prefix not in OPEN:
            for key, below in value.items():
                yield from leaves(below, f"{prefix}.{key}" if prefix else key)
        else:
            yield prefix

    shown = {re.sub(r"^(gate|role)s\.\w+", r"\1s.<\1>", key) for key in leaves(read)}
    assert shown == set(keys(Config))


def test_the_script_of_the_configuration_is_accepted(tmp_path: Path) -> None:
    """The example of a scripted agent's file can be read, and its first reply is an answer that counts."""
    [fence] = fences(DOCS / "configuration.md", "yaml")
    script = tmp_path / "agents.yaml"
    script.write_text(fence.text, "utf-8")
    assert len(read_script(script).replies) == 3
    brief = Brief(call="c", story="1", act="builder", role="builder_validator", turn=1, text="")
    reply = asyncio.run(ScriptedAgent(script, root=tmp_path, clock=lambda: "2026-01-01T00:00:00Z").run(brief))
    assert isinstance(read_report(reply.text, "verdict", story="1", turn=1), Verdict)


def test_the_glossary_holds_the_words_of_the_domain() -> None:
    """Each word has one row with a meaning, and no word has two."""
    told = [row[0].strip("*") for row in rows(DOCS / "glossary.md", 2) if row[0].startswith("**")]
    assert sorted(set(told)) == sorted(told)
    assert set(WORDS) <= set(told)
    [agents] = [row[1] for row in rows(DOCS / "glossary.md", 2) if row[0] == "**agent**"]
    assert set(re.findall(r"`(\w+)`", agents)) == set(get_args(RoleConfig.model_fields["agent"].annotation))


def test_the_codes_of_adopted_stories_are_documented() -> None:
    """docs/story-format.md explains exactly the S-codes that the engine reports."""
    sources = [*(ROOT / "engine").rglob("*.py")]
    known = {code for path in sources for code in re.findall(r'"(S\d{3})"', path.read_text("utf-8"))}
    told = [row[0] for row in rows(DOCS / "story-format.md", 3) if re.fullmatch(r"S\d{3}", row[0])]
    assert told == sorted(known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_document_mentions_a_path_of_a_machine(page: Path) -> None:
    """No page names a folder of the machine that it was written on."""
    text = page.read_text("utf-8")
    assert not _OURS.search(text), _OURS.search(text)
    assert str(ROOT) not in text
    assert str(Path.home()) + "/" not in text


def test_the_changelog_begins_with_what_is_not_released() -> None:
    """The first section of CHANGELOG.md is Unreleased, and it has entries."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    sections = re.findall(r"^## (.+)$", text, re.M)
    assert sections[0] == "[Unreleased]"
    assert re.search(r"^- ", text.split("\n## ")[1], re.M)
    kinds = set(re.findall(r"^### (.+)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_fits_a_screen(page: Path) -> None:
    """A decision has context, decision and consequences, is listed, and is no longer than a screen."""
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.M) == ["Context", "Decision", "Consequences"]
    assert text.startswith(f"# {page.name[:4]}: ")
    assert len(text.splitlines()) <= 50
    assert f"({page.name})" in (DOCS / "decisions" / "README.md").read_text("utf-8")


def test_the_picture_of_the_readme_is_a_part_of_the_machine() -> None:
    """Every way in the README's picture is an exit of the shipped machine, and yellow states ask a person."""
    machine = read_machine(find_machine("story")).machine
    [fence] = fences(ROOT / "README.md", "mermaid")
    drawn = re.findall(r"^ +(\S+) --> (\S+)$", fence.text, re.M)
    inner = {(source, dest) for source, dest in drawn if "[*]" not in (source, dest)}
    assert inner <= set(edges(machine))
    assert ("[*]", machine.initial) in drawn
    assert {source for source, dest in drawn if dest == "[*]"} <= set(machine.terminal)
    shown = {state for pair in inner for state in pair}
    human = set(re.findall(r"^ +class (\w+) human$", fence.text, re.M))
    assert human == {state for state in shown if machine.states[state].asks}


def test_what_the_readme_shows_is_what_happens(tmp_path: Path) -> None:
    """The README's command, run on the example project, prints what stands there and changes story.md so."""
    root = tmp_path / "shelf"
    shutil.copytree(ROOT / "examples/shelf", root, ignore=shutil.ignore_patterns("__pycache__", ".git", "evidence"))
    git(root, "init", "-q")
    git(root, "config", "user.name", "Ana Person")
    git(root, "config", "user.email", "ana@example.org")
    repository = open_repository(root, tmp_path / "state")
    adopt(repository, root / "docs/stories", (), author="Ana", clock=lambda: "2026-01-01T00:00:00Z")
    story = root / "docs/stories/story-1-shelf/story.md"
    commit(root, "adopt")
    [shown] = fences(ROOT / "README.md", "console")
    command, _, wanted = shown.text.removeprefix("$ story ").partition("\n")
    done = run(root, *shlex.split(command), env=PLAIN)
    assert (done.code, done.out) == (0, wanted)
    [diff] = fences(ROOT / "README.md", "diff")
    changed = git(root, "diff", "-U1", story.relative_to(root).as_posix())
    assert _TIME.sub("T", changed[changed.index("@@") :]) == _TIME.sub("T", diff.text)


@pytest.mark.parametrize("ours", [True, False], ids=["Makefile", "story.mk"])
def test_the_make_targets_are_those_of_the_table(ours: bool, tmp_path: Path) -> None:
    """Each `make …` of docs/commands.md calls the verb beside it, and story.mk has no target that is not there."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text("utf-8") if ours else MAKE, "utf-8")
    for name in ("pyproject.toml", "constraints.txt", ".venv/.ready"):  # so that nothing is left to be set up
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    told = [row for row in rows(DOCS / "commands.md", 2) if row[0].startswith("`make ")]
    targets = {row[0].strip("`").split()[1] for row in told}
    assert {*re.search(r"^\.PHONY: (.+)$", MAKE, re.M)[1].split()} == targets  # type: ignore[index]
    for typed, called in told:
        command = ["make", "--dry-run", *shlex.split(typed.strip("`"))[1:]]
        said = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, check=True).stdout
        wanted = re.match("`(.+?)`", called)
        assert wanted is not None
        assert shlex.split(said.replace("\\\n", " ").replace(".venv/bin/", "")) == shlex.split(wanted[1])


def test_what_other_programs_read_is_documented(tmp_path: Path) -> None:
    """docs/commands.md names every field of `story status --json`."""
    root = tmp_path / "shelf"
    shutil.copytree(ROOT / "examples/shelf", root, ignore=shutil.ignore_patterns("__pycache__", ".git", "evidence"))
    [story, *_] = run(root, "status", "--json").data["stories"]
    text = (DOCS / "commands.md").read_text("utf-8")
    assert [field for field in story if f"`{field}`" not in text] == []


def _toml(value: object) -> str:
    """A default as story.toml spells it."""
    match value:
        case str():
            return f'"{value}"'
        case tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + "}"
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)
