"""What an answer about a number of tests makes of the figures of other places: journalled, then written, once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from engine.actions.read_back import ReadBack
from engine.checks.recount import Recount, recount, stated_by_documents
from engine.errors import EditRefused
from engine.files import disk
from engine.inputs import claims_of
from engine.look import Seen
from engine.markdown.edit import ReplaceLine, apply_edits
from engine.model.events import Corrected, Decided, Figure

_MOST = 5  # files that a row of the log names


def corrections(seen: Seen, at: str) -> Corrected | None:
    """What follows from the first answer of this state that settles a number and is not carried out yet."""
    for id_, decided in seen.progress.decided.items():
        if id_ not in seen.progress.corrected and (decided.bugs or _settled(seen, decided)):
            done = _recount(seen, decided)
            own, _ = claims_of(seen.pack, seen.source.id)
            counted = own is not None and done.own == own + len(decided.bugs)
            return Corrected(
                at=at,
                by=decided.by,
                decision=id_,
                why=f"{decided.decision}: {decided.option}",
                figures=done.figures,
                left=done.left,
                counted=tuple(decided.bugs) if counted else (),
            )
    return None


def write_corrections(seen: Seen) -> None:
    """Bring the files up to the corrections that are not written yet, each line on the freshest text.

    A line that somebody changed meanwhile stays as it is; `told` says so.
    """
    figures = [f for event in seen.progress.unwritten if isinstance(event, Corrected) for f in event.figures]
    for file in dict.fromkeys(figure.file for figure in figures):
        path = _place(seen, file)

        def edit(raw: bytes, file: str = file) -> bytes:
            for figure in figures:
                if figure.file == file:
                    with suppress(EditRefused):
                        raw = apply_edits(raw, [_edit(figure)])
            return raw

        if path.is_file():
            disk.update(path, edit, lock=seen.repository.write_lock(path), still=seen.journal.demand_same)


def told(seen: Seen) -> str:
    """The corrections of this state's answers in words, for the log: where, what not, and what is left."""
    events = [event for id_, event in seen.progress.corrected.items() if id_ in seen.progress.decided]
    figures = [figure for event in events for figure in event.figures]
    stand = [figure for figure in figures if _stands(seen, figure)]
    files = dict.fromkeys(figure.file for figure in stand)
    lines = {file: ", ".join(str(figure.line) for figure in stand if figure.file == file) for file in files}
    named = [f"{file}:{lines[file]}" for file in [*files][:_MOST]]
    more = [f"and {len(files) - _MOST} more files"] if len(files) > _MOST else []
    parts = [f"test counts corrected in {', '.join([*named, *more])}"] if stand else []
    lost = [f"{figure.file}:{figure.line}" for figure in figures if figure not in stand]
    parts += [f"not corrected, since the line is not there any more: {', '.join(lost)}"] if lost else []
    parts += [f"left to correct by hand: {left}" for event in events for left in event.left]
    return "; ".join(parts)


def _settled(seen: Seen, decided: Decided) -> str:
    return seen.machine.decisions[decided.decision].settles.get(decided.option, "")


def _recount(seen: Seen, decided: Decided) -> Recount:
    pack, story = seen.pack, seen.source.id
    if decided.bugs:
        return recount(pack, story, None, bugs=decided.bugs)
    match _settled(seen, decided):
        case "run":
            gates = [name for name, gate in seen.machine.gates.items() if gate.kind == "counts"]
            back = ReadBack(seen.repository.root, seen.evidence, seen.machine, seen.progress)
            new = [test.id for gate in gates for test in back.tests(gate)]
            return recount(pack, story, len(new), tests=new)
        case "spec":
            wanted, said = stated_by_documents(pack, story), "the documents around it"
        case _:
            wanted, said = claims_of(pack, story)[0], "the story itself"
    if wanted is None:
        return Recount(left=(f"{said} give no one number of tests for story {story}",))
    return recount(pack, story, wanted)


def _stands(seen: Seen, figure: Figure) -> bool:
    try:
        raw = _place(seen, figure.file).read_bytes()
        return apply_edits(raw, [_edit(figure)]) == raw
    except (OSError, EditRefused):
        return False


def _place(seen: Seen, file: str) -> Path:
    """Where a document is corrected: the story's own where it lives, all others in the main tree."""
    own = file == seen.source.story.path or file.startswith(f"{seen.source.folder}/")
    return (seen.repository.root if own else seen.repository.main or seen.repository.root) / file


def _edit(figure: Figure) -> ReplaceLine:
    return ReplaceLine(figure.before, figure.after, figure.nth)
