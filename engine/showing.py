"""What a question shows a person besides its options: what changed since she answered last, who says which number."""

from __future__ import annotations

from engine.checks.expected import owned_files
from engine.checks.recount import count_sources
from engine.look import Seen
from engine.model.events import Decided, Stepped
from engine.model.machine import AskAct
from engine.snapshot import changed_since

_MOST = 20  # files that are listed


def shown_with(seen: Seen, act: AskAct) -> tuple[str, ...]:
    """The lines of a question that is about to be put; none where there is nothing to show."""
    match seen.machine.decisions[act.ask].shows:
        case "counts":
            return tuple(_counts(seen))
        case "changes":
            return tuple(_changes(seen, act.ask))
        case _:
            return ()


def _counts(seen: Seen) -> list[str]:
    gates = [name for name, gate in seen.machine.gates.items() if gate.kind == "counts"]
    ran = [ended.why for name in gates if (ended := seen.progress.latest.get((name, "")))]
    said = count_sources(seen.pack, seen.source.id)
    return ["Who says what:", "", *(f"- {one}" for one in said), *(f"- the last run, {why}" for why in ran)]


def _changes(seen: Seen, decision: str) -> list[str]:
    """What she said when she was asked before, which files changed since, and which items of hers are ticked."""
    answers = [n for n, e in enumerate(seen.events) if isinstance(e, Decided) and e.decision == decision and e.by]
    if not answers:
        return []
    last = seen.events[answers[-1]]
    left = next((n for n in range(answers[-1], len(seen.events)) if isinstance(seen.events[n], Stepped)), None)
    if not isinstance(last, Decided) or left is None:
        return []
    note = f": {' '.join(last.note.split())}" if last.note else ""
    lines = [f"You answered {last.option!r} before ({last.at}){note}", ""]
    changed = changed_since(seen, left)
    if changed is None:
        lines += ["What changed since cannot be told: there is no snapshot of then.", ""]
    else:
        owned = owned_files(seen.pack, seen.source.id)
        own = [(path, lines_) for path, lines_ in changed if owned.names(path)]
        other = len(changed) - len(own)
        lines += ["Files of the story that changed since:", ""] if own else ["No file of the story changed since."]
        lines += [f"- `{path.replace('`', '')}` {said}" for path, said in own[:_MOST]]
        more = max(0, len(own) - _MOST)
        lines += [f"- and {more} more"] if more else []
        lines += ["", f"Other files that changed: {other}; `git diff` shows them.", ""] if other else [""]
    section = _section(seen, decision)
    held = [item for item in seen.shown.items if item.own and item.ticked and item.section == section]
    if held:
        lines += [f"Do your own items under {section} still hold? Untick what does not:", ""]
        lines += [f"- `{item.text.replace('`', '')}` (line {item.line})" for item in held] + [""]
    return lines[:-1] if lines[-1] == "" else lines


def _section(seen: Seen, decision: str) -> str:
    """The section of the checklist in which the question's box stands."""
    boxes = seen.machine.decisions[decision].box
    return next((name for name, items in seen.machine.checklist.items() if set(items) & set(boxes)), "")
