"""Replies and file edits from a YAML file: for demos, tests, dry runs and simulations.

    replies:
      - {story: "1", act: builder, turn: 1, reply: {verdict: PASS, …}}
      - story: "1"
        act: impl
        files: {src/greet.py: "def greet(): …"}
        replace: [{file: docs/x.md, old: "14 tests", new: "15 tests"}]
        reply: {files: [src/greet.py]}

`story`, `act`, `role` and `turn` choose; what is left out matches all, and the most exact match wins. `<story>` and
`<round>` in a reply are filled in. A mapping becomes the fenced JSON block that agents answer with. `takes` are the
seconds until it answers: of one reply, or beside `replies` of all that say nothing else.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from engine.agents.protocol import Clock
from engine.errors import FormatError
from engine.model.base import Value
from engine.model.call import Brief, Reply

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class Replace(Value):
    """Replace one text in one file; the text must be there, or be replaced already."""

    file: str
    old: str
    new: str


class Scripted(Value):
    """One reply, and what it is a reply to."""

    story: Text | None = None
    act: str | None = None
    role: str | None = None
    turn: int | None = None
    files: dict[str, str] = {}
    replace: tuple[Replace, ...] = ()
    reply: str | dict[str, object] = ""
    fails: str = Field("", description="Fail technically with this reason.")
    takes: float | None = Field(None, ge=0, description="Seconds until it answers.")

    def matches(self, brief: Brief) -> int:
        """How many of its keys name this brief; -1 when one of them names another."""
        score = 0
        for key in ("story", "act", "role", "turn"):
            wanted = getattr(self, key)
            if wanted is not None:
                if wanted != getattr(brief, key):
                    return -1
                score += 1
        return score


class Script(Value):
    """A scripted agent's file."""

    replies: tuple[Scripted, ...]
    takes: float = Field(0, ge=0)


class ScriptedAgent:
    """Plays any role from a script."""

    in_copy = False

    def __init__(self, script: Path, *, root: Path, clock: Clock) -> None:
        self._script, self._root, self._clock = script, root, clock

    async def run(self, brief: Brief) -> Reply:
        """Answer with the line of the script that matches best, after making its file edits."""
        started = self._clock()
        script = read_script(self._script)
        best = max(script.replies, key=lambda line: line.matches(brief), default=None)
        why = ""
        if best is None or best.matches(brief) < 0:
            why = f"{self._script} has no reply for story {brief.story}, {brief.act} turn {brief.turn}"
        elif best.fails:
            why = best.fails
        if best is None or why:
            return Reply(status="failed", text="", why=why, started=started, ended=self._clock())
        await asyncio.sleep(script.takes if best.takes is None else best.takes)
        self._edit(best)
        return Reply(
            status="ok",
            text=_words(best.reply, brief),
            started=started,
            ended=self._clock(),
            session=brief.session or f"scripted-{brief.call}",
            model="scripted",
        )

    def _edit(self, line: Scripted) -> None:
        for name, content in line.files.items():
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        for change in line.replace:
            path = self._root / change.file
            text = path.read_bytes().decode("utf-8") if path.is_file() else ""
            if change.new in text and (change.old in change.new or change.old not in text):
                continue  # made before, by a run that was killed
            if change.old not in text:
                raise FormatError(f"{change.old!r} does not occur.", path=change.file, remedy="Correct the script.")
            path.write_bytes(text.replace(change.old, change.new).encode("utf-8"))


def read_script(path: Path) -> Script:
    """Read and check a script."""
    try:
        return Script.model_validate(yaml.load(path.read_text("utf-8"), Loader=_LOADER))
    except ValidationError as err:
        fault = err.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the script"
        raise FormatError(f"{where}: {fault['msg']}.", path=str(path), remedy="Correct it.") from err
    except yaml.MarkedYAMLError as err:
        line = err.problem_mark.line + 1 if err.problem_mark else None
        raise FormatError(f"no YAML: {err.problem}.", path=str(path), line=line, remedy="Correct it.") from err
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as err:
        why = " ".join(str(err).split()) or type(err).__name__
        raise FormatError(f"the script cannot be read: {why}.", path=str(path), remedy="Correct it.") from err


def _words(reply: str | dict[str, object], brief: Brief) -> str:
    if isinstance(reply, str):
        return reply
    text = json.dumps(reply, indent=2, ensure_ascii=False)
    filled = text.replace('"<story>"', json.dumps(brief.story)).replace('"<round>"', str(brief.turn))
    return f"```json\n{filled}\n```\n"
