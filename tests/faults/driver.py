"""Run one `advance` in a forked process, and let something happen at one of its durable moments."""

from __future__ import annotations

import os
import signal
import subprocess
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from engine.advance import advance
from engine.errors import EngineError
from engine.look import open_repository
from engine.wiring import wire
from tests.faults.broken import BREAKS
from tests.faults.points import SLICE, TIME, Fault, Points, watch
from tests.faults.shadow import Shadow

PACK = "docs/stories"
__all__ = ["PACK", "TIME", "Struck", "advance_struck", "commit_and_switch", "drive", "mint", "save"]


def save(story: Path) -> None:
    """A person saves story.md with a word of hers changed, as an editor does: a new file in its place."""
    put(story, story.read_bytes().replace(b"The author's words", b"The author's new words"))


def put(story: Path, text: bytes) -> None:
    """Save as an editor does: a new file in the old one's place."""
    mine = story.with_suffix(".editor")
    mine.write_bytes(text)
    mine.rename(story)


def commit_and_switch(root: Path) -> None:
    """Commit what is there and check out the branch `other`."""
    for words in (("add", "-A"), ("commit", "-qm", "half way", "--allow-empty"), ("checkout", "-q", "other")):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def mint(root: Path) -> str:
    """The end of a call's id: random in life; here the same in every run, but for the branch."""
    return (root / ".git/HEAD").read_text().strip()[-1]


@dataclass(frozen=True)
class Struck:
    """How a driven advance ended: -9 when it was killed, 70 with a traceback; else whom it waits for, or why not."""

    code: int
    said: str
    points: list[str]


def drive(root: Path, mode: str = "count", strike: int = 0) -> Struck:
    """Advance story 1 of the first slice in a process of its own until it waits, is refused or is killed."""
    fault = Fault(mode, frozenset([strike]), kinds=SLICE, step=False)
    if mode in ("save", "save+kill"):
        stories = sorted((root / PACK).glob("story-*/story.md"))
        act = lambda *_: [save(story) for story in stories]  # noqa: E731
        fault = replace(fault, mode=mode.replace("save", "act"), act=act)
    elif mode == "branch":
        fault = replace(fault, mode="act", act=lambda *_: commit_and_switch(root))
    return advance_struck(root, fault)


def advance_struck(root: Path, fault: Fault) -> Struck:
    """Advance story 1 in a process of its own, with a fault in it."""
    pid, reader = start(root, fault)
    return end(pid, reader)


def start(root: Path, fault: Fault) -> tuple[int, int]:
    """Begin to advance in a process of its own; `end` waits for it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        write = os.write
        signal.alarm(300)  # an engine that never ends is killed, and fails the test by its exit code
        try:
            os.close(reader)
            code, said = _advance(root, fault)
            write(writer, said.encode())
        except BaseException:
            write(writer, traceback.format_exc().encode())
        finally:
            os._exit(code)
    os.close(writer)
    return pid, reader


def end(pid: int, reader: int) -> Struck:
    """Wait for a process that was started."""
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said, _, names = text.partition("\n")
    return Struck(code, text, []) if code == 70 else Struck(code, said, names.split(",") if names else [])


def _advance(root: Path, fault: Fault) -> tuple[int, str]:
    state = root.parent / "state"
    folders = sorted((root / PACK).glob("story-1-*"))
    shadow = Shadow(*folders, *(folder / "evidence" for folder in folders)) if "cut" in fault.mode else None
    points = Points(root, fault, shadow)
    repository = open_repository(root, state)
    ports = wire(repository, tell=lambda _: None, clock=lambda: fault.clock)
    ports = replace(ports, mint=lambda: mint(root) + fault.mint, author=lambda: "Ana Person <ana@example.org>")
    watch(points, root.parent / "calls.log")
    if fault.broken:
        BREAKS[fault.broken]()
    try:
        result = advance(repository, root / PACK, "1", ports=ports, one_step=fault.step)
        said = result.waiting.for_ if result.waiting else "?"
        code = 0
    except EngineError as err:
        code, said = 1, f"{type(err).__name__}: {err}"
    except OSError as err:  # the command line tells these in one line, by their path
        if not err.filename:
            raise
        code, said = 1, f"OSError: {err.filename}: {err.strerror}"
    if "\n" in said:
        raise AssertionError(f"more than one line: {said!r}")
    return code, f"{said}\n{','.join(points.names)}"
