"""New stories from the template, and new repositories with guessed gates."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from engine.errors import UsageError
from engine.files import disk
from engine.files.config import NAME as CONFIG
from engine.files.machine_file import shipped_folder
from engine.files.pack import list_stories, natural
from engine.look import Repository
from engine.target import find_pack

PACK = "docs/stories"
_ID = re.compile(r"\d+[a-z]?")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAKE = """\
# Story engine: include this file in your Makefile with `include story.mk`.
STORY_CLI ?= story

.PHONY: advance run timeline status check decide rewind overrule diff explain adopt graph story
advance: ## advance one story: make advance STORY=4
\t@$(STORY_CLI) advance $(STORY)
run: ## advance every story that may move, side by side: make run [PACK=docs/stories]
\t@$(STORY_CLI) run $(PACK)
timeline: ## what happened, and what is to come: make timeline [PACK=docs/stories] [PLAN=1]
\t@$(STORY_CLI) timeline $(PACK) $(if $(PLAN),--plan)
status: ## where every story stands
\t@$(STORY_CLI) status
check: ## find problems without asking a model
\t@$(STORY_CLI) check $(STORY)
rewind: ## bring a story back: make rewind STORY=4 TO=approving [WHY="wrong spec"] [CODE=1]
\t@$(STORY_CLI) rewind $(STORY) --to $(TO) $(if $(WHY),--because "$(WHY)") $(if $(CODE),--code)
overrule: ## go on against a gate or a verdict: make overrule STORY=4 TO=self_review WHY="the linter has a bug"
\t@$(STORY_CLI) overrule $(STORY) --to $(TO) --because "$(WHY)"
decide: ## list or answer questions: make decide STORY=4 [Q=D2 OPTION=fix NOTE=...]
\t@$(STORY_CLI) decide $(STORY) $(if $(Q),"$(Q)") $(if $(OPTION),"$(OPTION)") $(if $(NOTE),--note "$(NOTE)")
diff: ## what a story changed: make diff STORY=4 [STEP=3]
\t@$(STORY_CLI) diff $(STORY) $(if $(STEP),--step $(STEP))
explain: ## why a story stands where it stands: make explain STORY=4
\t@$(STORY_CLI) explain $(STORY)
adopt: ## bring raw stories under their machine
\t@$(STORY_CLI) adopt $(PACK) $(if $(STORY),--story $(STORY)) \\
\t\t$(if $(COMPLETE),--complete "$(COMPLETE)" --because "$(WHY)")
graph: ## draw a story's machine: make graph STORY=4
\t@$(STORY_CLI) graph $(STORY)
story: ## a new story from the template: make story STORY=5 NAME=login
\t@$(STORY_CLI) new $(STORY) $(NAME)
"""
ATTRIBUTES = "**/evidence/journal.jsonl merge=binary\n"


def new_story(repository: Repository, id_: str, name: str, pack: str | None) -> list[str]:
    """Write story.md and its prompts from the template; nothing is overwritten."""
    if not _ID.fullmatch(id_):
        raise UsageError(f"{id_!r} is no story id. Ids are a number and perhaps a letter, such as 5 or 2a.")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no story name. Names are small letters, digits and dashes, such as login.")
    folders = find_pack(repository, pack) if pack or repository.packs() else [repository.root / PACK]
    if len(folders) > 1:
        known = ", ".join(folder.relative_to(repository.root).as_posix() for folder in folders)
        raise UsageError(f"there are several packs: {known}. Say which with --pack.")
    home = folders[0] / f"story-{id_}-{name}"
    taken = [story.file for story in list_stories(repository.root, folders[0]) if story.id == id_]
    if taken or home.exists():
        raise UsageError(f"story {id_} is there already: {(taken or [home])[0].relative_to(repository.root)}.")
    words = {
        "n": id_,
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "prev": _before(repository, folders[0], id_),
    }
    written = []
    for template in sorted(template_folder().glob("*.md")):
        path = home / template.name.replace("-N.", f"-{id_}.")
        disk.replace(path, _fill(template.read_text("utf-8"), words).encode())
        written.append(path.relative_to(repository.root).as_posix())
    return written


def init_repository(root: Path) -> list[str]:
    """Write story.toml, story.mk and .gitattributes where they are missing, and say what was guessed."""
    said = []
    config = root / CONFIG
    if config.exists():
        said.append(f"kept {CONFIG}: it is there already")
    else:
        gates = dict(_guess(root))
        disk.replace(config, _config_text(gates).encode())
        said.append(f"wrote {CONFIG}")
        said += [f"  gate {name}: {command} (from {where})" for name, (command, where) in gates.items()]
        missing = [name for name in ("tests", "typecheck", "lint") if name not in gates]
        said += [f"  gate {name}: not guessed; set its command in {CONFIG}" for name in missing]
    said.append(_write_once(root / "story.mk", MAKE))
    said.append(_add_line(root / ".gitattributes", ATTRIBUTES))
    makefile = root / "Makefile"
    included = makefile.exists() and "story.mk" in makefile.read_text("utf-8", errors="replace")
    if not included:
        said.append("next: add `include story.mk` to your Makefile, for `make advance STORY=4`")
    said.append("next: `story new 1 login`, or `story adopt` for stories that are there already")
    return said


def template_folder() -> Path:
    """The folder of the story template that comes with the engine."""
    machines = shipped_folder()
    return machines.parent / "stories-template"


def _guess(root: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """(gate, (command, where it was found)), the surest source first."""
    if (root / "pyproject.toml").exists():
        text = (root / "pyproject.toml").read_text("utf-8", errors="replace")
        try:
            tools = set(tomllib.loads(text).get("tool", {}))
        except (tomllib.TOMLDecodeError, TypeError, RecursionError):
            tools = set()
        if "pytest" in tools or (root / "tests").is_dir():
            yield "tests", ("python -m pytest -q --junitxml={report}", "pyproject.toml")
        if "mypy" in tools:
            yield "typecheck", ("mypy .", "pyproject.toml")
        if "ruff" in tools:
            yield "lint", ("ruff check .", "pyproject.toml")
        return
    if (root / "package.json").exists():
        try:
            scripts = dict(json.loads((root / "package.json").read_text("utf-8", errors="replace"))["scripts"])
        except (ValueError, TypeError, KeyError, RecursionError):
            scripts = {}
        test = str(scripts.get("test", ""))
        if "vitest" in test:
            yield "tests", ("npm test -- --reporter=junit --outputFile={report}", "package.json")
        elif test:
            yield "tests", ("npm test", "package.json")
        for gate in ("typecheck", "lint"):
            if gate in scripts:
                yield gate, (f"npm run {gate}", "package.json")
        return
    if (root / "Makefile").exists():
        text = (root / "Makefile").read_text("utf-8", errors="replace")
        for gate, target in (("tests", "test"), ("typecheck", "typecheck"), ("lint", "lint")):
            if re.search(rf"^{target}:", text, re.M):
                yield gate, (f"make {target}", "Makefile")


def _config_text(gates: dict[str, tuple[str, str]]) -> str:
    lines = [
        "# Story engine. Every key is explained in the engine's docs/configuration.md.",
        "",
        "[packs]",
        '# paths = ["docs/stories"]          # left out: packs are found by their stories',
        '# machines = {"0" = "infrastructure"} # which stories live another life than machines/story.yaml',
        "",
    ]
    for name in ("tests", "typecheck", "lint"):
        command = gates.get(name, ("", ""))[0]
        said = json.dumps([command]) if command else '["false"]  # set the command'
        lines += [f"[gates.{name}]", f"run = {said}"]
        if name == "tests" and "{report}" not in command:
            lines += ['junit = ["**/junit*.xml"]  # where its JUnit report appears']
        lines.append("")
    lines += ["[standing]", '# effort = "all"   # or "blockers only"; left out: a person is asked', ""]
    return "\n".join(lines)


def _write_once(path: Path, text: str) -> str:
    if path.exists():
        return f"kept {path.name}: it is there already"
    disk.replace(path, text.encode())
    return f"wrote {path.name}"


def _add_line(path: Path, line: str) -> str:
    old = path.read_bytes() if path.exists() else b""
    if line.encode() in old:
        return f"kept {path.name}: it has the line already"
    gap = b"" if not old or old.endswith(b"\n") else b"\n"
    disk.replace(path, old + gap + line.encode())
    return f"wrote {path.name}"


def _fill(text: str, words: dict[str, str]) -> str:
    """Fill the placeholders; lines about the story before are left out where there is none."""
    lines = [line for line in text.split("\n") if words["prev"] or "<prev>" not in line]
    filled = "\n".join(lines)
    for name, value in words.items():
        filled = filled.replace(f"<{name}>", value)
    return filled


def _before(repository: Repository, folder: Path, id_: str) -> str:
    """The story that comes before this one in the pack, "" for the first."""
    ids = [story.id for story in list_stories(repository.root, folder)] if folder.is_dir() else []
    earlier = [other for other in ids if natural(other) < natural(id_)]
    return earlier[-1] if earlier else ""
