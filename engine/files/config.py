"""story.toml: packs, gates, roles, limits and standing answers, every key checked."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError

from engine.errors import FormatError
from engine.files.toml_lines import line_in, line_with
from engine.model.base import Value
from engine.model.call import Price
from engine.model.machine import AtLeastOne, Duration, Phase

NAME = "story.toml"
_READABLE = "Make it a readable file, or remove it."


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Many = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Packs(Value):
    """Where the packs are; empty means: wherever stories are found."""

    paths: Many = ()
    machine: str = "story"
    machines: dict[str, str] = Field({}, description='Machine per story id, such as {"0" = "infrastructure"}.')


class GateConfig(Value):
    """The commands behind a gate, each run by the shell to its end, and where its JUnit reports appear.

    `{report}` in a command is replaced by the path of a fresh file, which is read as a report.
    """

    run: Many = Field(min_length=1)
    junit: Many = ()
    timeout: Duration = "15m"


Money = Annotated[float, Field(gt=0)]


class RoleConfig(Value):
    """Who plays a role: a person by hand, a script, a model over its API, or the Codex or Claude Code CLI.

    `auto` takes the CLI of the role's provider where it is on PATH and logged in, else the API where its key is set,
    else a person. What stands in the machine (`provider`, `model`, `effort`) may be set anew here.
    """

    agent: Literal["auto", "person", "scripted", "api", "codex", "claude"] = "auto"
    script: str | None = None
    provider: Literal["anthropic", "openai"] | None = None
    model: str | None = None
    effort: str | None = None
    base_url: str | None = Field(None, description="Of a server that speaks the provider's protocol.")
    key: str | None = Field(None, description="The variable that holds the API key, such as ANTHROPIC_API_KEY.")
    max_tokens: Annotated[int, Field(ge=1)] = 16_000
    requests: Annotated[int, Field(ge=1)] = Field(200, description="Requests to the model in one run, at most.")
    start: Duration = "2m"
    silence: Duration = "5m"
    total: Duration | None = Field(None, description="Without it the role's `timeout` in the machine.")
    price: Price | None = None


class Sandbox(Value):
    """What caged commands get besides the tree and the machine's own programs. Sizes are in megabytes."""

    show: Many = Field((), description="Paths below home to show read-only, such as ~/.cargo.")
    keep: Many = Field((), description="Paths below home that may be written as well, such as ~/.cache/pip.")
    env: Many = Field((), description="Variables to hand on; secrets among them are seen by agents.")
    memory: Annotated[int, Field(ge=64)] = 4096
    processes: Annotated[int, Field(ge=8)] = 4096


class Bound(Value):
    """Limits of money in US dollars, of calls of agents, and of their time."""

    cost: Money | None = None
    calls: Annotated[int, Field(ge=1)] | None = None
    time: Duration | None = None


class Limits(Value):
    """What bounds one run of the engine, and one story over all its runs."""

    steps: Annotated[int, Field(ge=1)] = 200
    run: Bound = Bound()
    story: Bound = Bound()


class Notify(Value):
    """The command that is run when a person is needed; `{story}` and `{text}` say which and what."""

    command: str | None = None


class Standing(Value):
    """Answers given once for all stories, and who gives them."""

    effort: Literal["all", "blockers only"] | None = None
    by: str = ""


class PipelineConfig(Value):
    """What many stories may do at once, over what their machines say; `commit` makes each step a commit."""

    commit: bool = False
    isolation: Literal["tree", "worktree"] | None = Field(None, description="Where stories are executed.")
    concurrency: dict[Phase, AtLeastOne] = {}
    roles: dict[str, AtLeastOne] = {}
    providers: dict[str, AtLeastOne] = {}


class Config(Value):
    """Everything story.toml may say."""

    packs: Packs = Packs()
    gates: dict[str, GateConfig] = {}
    roles: dict[str, RoleConfig] = {}
    limits: Limits = Limits()
    sandbox: Sandbox = Sandbox()
    notify: Notify = Notify()
    standing: Standing = Standing()
    pipeline: PipelineConfig = PipelineConfig()


def read_config(root: Path) -> Config:
    """Read a repository's story.toml; a repository without one has the defaults."""
    path = root / NAME
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        return Config()
    except OSError as err:
        raise FormatError(f"cannot be read: {err.strerror}.", path=NAME, line=1, remedy=_READABLE) from err
    except UnicodeDecodeError as err:
        line = 1 + path.read_bytes().count(b"\n", 0, err.start)
        raise FormatError("this is not UTF-8 text.", path=NAME, line=line, remedy="Save it as UTF-8.") from err
    except (ValueError, RecursionError) as err:  # ValueError: also a number of more than 4,300 digits
        raise FormatError(f"not TOML: {err}.", path=NAME, line=line_in(str(err), text), remedy="Correct it.") from err
    try:
        config = Config.model_validate(data)
    except ValidationError as err:
        raise _first_fault(err, text) from err
    if config.standing.effort == "blockers only" and not config.standing.by.strip():
        message = "standing.effort: leaving issues is a risk that somebody accepts by name."
        remedy = 'Write who: `by = "Ana"` under [standing].'
        raise FormatError(message, path=NAME, line=line_with(text, ["standing", "effort"]), remedy=remedy)
    many = [phase for phase in ("execution", "verification") if config.pipeline.concurrency.get(phase, 1) > 1]
    if many and config.pipeline.isolation != "worktree":
        message = f"pipeline.concurrency: several stories in {many[0]} would change code in one tree."
        remedy = 'Write `isolation = "worktree"` under [pipeline], or 1.'
        raise FormatError(message, path=NAME, line=line_with(text, ["pipeline", "concurrency"]), remedy=remedy)
    for folder in config.packs.paths:
        _demand_folder(root, folder, text)
    return config


def seconds(duration: str) -> float:
    """The seconds of a duration such as 90s, 15m or 2h."""
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def demand_known_names(root: Path, config: Config, roles: Collection[str], gates: Collection[str]) -> None:
    """Refuse a role or gate that no machine has: it would be a setting that nobody ever reads."""
    for table, given, known in (("roles", config.roles, roles), ("gates", config.gates, gates)):
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f" Did you mean {near[0]!r}?" if near else ""
                text = (root / NAME).read_text("utf-8", errors="replace")
                message = f"no machine has {table[:-1]} {name!r}; there are {', '.join(map(repr, sorted(known)))}."
                line = line_with(text, [table, name])
                raise FormatError(message, path=NAME, line=line, remedy=f"Correct or remove [{table}.{name}].{meant}")


def _demand_folder(root: Path, folder: str, text: str) -> None:
    """A pack that is not there would be a pack without stories; one outside is not ours to write."""
    real = (root / folder.replace("\0", "?")).resolve()
    if real.is_dir() and real.is_relative_to(root.resolve()):
        return
    why = "leads out of the repository" if real.is_dir() else "is no folder"
    line = line_with(text, ["packs", "paths"])
    raise FormatError(f"packs.paths: {folder!r} {why}.", path=NAME, line=line, remedy="Correct the path.")


def _first_fault(err: ValidationError, text: str) -> FormatError:
    fault = err.errors()[0]
    place = [str(part) for part in fault["loc"]]
    line = line_with(text, place)
    if fault["type"] == "extra_forbidden":
        allowed = _allowed(place[:-1])
        near = difflib.get_close_matches(place[-1], allowed, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        message = f"unknown key {'.'.join(place)!r}; allowed are {', '.join(map(repr, allowed))}."
        return FormatError(message, path=NAME, line=line, remedy=f"Correct or remove it.{meant}")
    return FormatError(f"{'.'.join(place)}: {fault['msg']}.", path=NAME, line=line, remedy="Correct it.")


def _allowed(place: list[str]) -> list[str]:
    tables: dict[str, type[Value]] = {
        "packs": Packs,
        "gates": GateConfig,
        "roles": RoleConfig,
        "limits": Limits,
        "sandbox": Sandbox,
        "notify": Notify,
        "standing": Standing,
        "pipeline": PipelineConfig,
    }
    model = tables.get(place[0], Config) if place else Config
    return list(model.model_fields)


def line_of(root: Path, place: list[str]) -> int | None:
    """The line of story.toml that holds a key, None where none does."""
    try:
        return line_with((root / NAME).read_text("utf-8", errors="replace"), place)
    except OSError:
        return None
