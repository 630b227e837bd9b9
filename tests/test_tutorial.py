"""docs/tutorial.md, played word for word: its files are written, its commands run, and what they print is compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/tutorial.md"
_PART = re.compile(r"(?:Save as `([^`]+)`:\n\n)?^```([\w-]*)\n(.*?)^```$", re.M | re.S)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:Z| UTC)?")


class File(NamedTuple):
    """A file that the reader saves."""

    name: str
    text: str


class Command(NamedTuple):
    """A command that she types, and what it prints."""

    typed: str
    prints: str


def parts(page: str) -> Iterator[File | Command]:
    """What the reader does, in order."""
    for match in _PART.finditer(page):
        name, kind, text = match.groups()
        if name:
            yield File(name, text)
        elif kind == "console":
            for typed, prints in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
                yield Command(typed, prints)


def shell(folder: Path, bin_: Path) -> dict[str, str]:
    """The environment of a reader: `story` and `python` on the path, a state folder of her own, no key."""
    bin_.mkdir()
    (bin_ / "story").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m engine "$@"\n')
    (bin_ / "story").chmod(0o755)
    (bin_ / "python").symlink_to(sys.executable)
    left = ("PYTEST_", "COV_", "GIT_", "STORY_", "ANTHROPIC_", "OPENAI_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left) and key != "PYTHONPATH"}
    paths = [str(bin_), str(Path(sys.executable).parent), kept["PATH"]]
    return kept | {
        "PATH": os.pathsep.join(paths),
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "COLUMNS": "100",
    }


def play(page: str, folder: Path) -> list[tuple[Command, str]]:
    """Do all that the page says; each command with what it really prints."""
    root = folder / "greeter"
    root.mkdir()
    environ, done = shell(folder, folder / "bin"), []
    for part in parts(page):
        if isinstance(part, File):
            path = root / part.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(part.text)
            continue
        ran = subprocess.run(
            ["/bin/sh", "-c", part.typed],
            cwd=root,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, f"{part.typed}\n{ran.stdout}{ran.stderr[-3000:]}"
        done.append((part, ran.stdout))
    return done


@pytest.mark.long
def test_the_tutorial_says_what_happens(tmp_path: Path) -> None:
    """Every command of the page ends well and prints what stands there, but for the time; both stories are complete."""
    done = play(PAGE.read_text("utf-8"), tmp_path)
    for command, printed in done:
        assert _TIME.sub("T", printed) == _TIME.sub("T", command.prints), command.typed
    typed = [command.typed for command, _ in done]
    assert typed.count("story run --commit") == 6
    states = [
        re.search(r"^state: (\w+)$", path.read_text(), re.M)[1] for path in tmp_path.glob("greeter/docs/*/*/story.md")
    ]
    assert states == ["complete", "complete"]
