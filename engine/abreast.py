"""A story in its worktree, kept abreast of the documents that it shares with the stories in the main tree.

What is committed there of a spec or a tech design is taken over into the worktree before each turn, as if a person had
saved it: what rested on a section that moved is validated again on the branch, and the merge finds nothing new. Which
version was taken over is seen from the branch's own commits, so a killed engine's successor goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.checks.expected import owned_acs
from engine.files.branches import ENGINE, Elsewhere, bring, commit, elsewhere
from engine.files.repository import git
from engine.files.tree import head_of
from engine.inputs import sections_of
from engine.look import Seen
from engine.model.step import Place, Waiting
from engine.ports import Ports


def take_over(seen: Seen, moved: Sequence[Elsewhere], ports: Ports) -> None:
    """Bring documents to what the main tree has, and commit that on the branch."""
    root, names = seen.repository.root, ", ".join(one.path for one in moved)
    for one in moved:
        bring(root, one)
    message = f"docs(story-{seen.shown.id}): take over {names} from the main tree"
    commit(root, [one.path for one in moved], message, ENGINE)
    ports.tell(f"story {seen.shown.id}: {names} changed in the main tree, and was taken over")


def clash(seen: Seen, moved: Sequence[Elsewhere]) -> Waiting | None:
    """Whom a story waits for whose branch changed documents that moved in the main tree as well."""
    main, place = seen.repository.main, seen.repository.root
    if main is None or not any(one.own for one in moved):
        return None
    onto = git(main, "symbolic-ref", "--short", "-q", "HEAD") or head_of(main)
    text = "this branch and the main tree both changed it. Make one text of both, commit it in the main tree, then here"
    items = [
        Place(file=one.path, line=1, text=f"{text} `git -C {place} checkout {onto} -- {one.path}`, and run again.")
        for one in moved
        if one.own
    ]
    return Waiting(for_="person", items=tuple(items))


def moved_on(seen: Seen) -> list[Elsewhere]:
    """The documents of which the main tree has a version that concerns this story, and that was not here yet."""
    return [*_moved(seen)]


def had(seen: Seen) -> dict[str, bytes | None]:
    """The documents that branch and main tree both changed, as the main tree had them when they were here last."""
    main = seen.repository.main
    documents = _documents(seen) if main is not None else set[str]()
    head = head_of(main) if main is not None else ""
    return {one.path: one.had for one in elsewhere(seen.repository.root, head or "", documents) if one.own}


def _documents(seen: Seen) -> set[str]:
    return {document.path for document in (*seen.pack.specs, *seen.pack.designs)}


def _moved(seen: Seen) -> Iterator[Elsewhere]:
    main = seen.repository.main
    head = head_of(main) if main is not None and seen.progress.state not in seen.machine.terminal else None
    if not head:
        return
    specs, acs = {spec.path for spec in seen.pack.specs}, {*owned_acs(seen.pack, seen.source.id)}
    for one in elsewhere(seen.repository.root, head, _documents(seen)):
        if one.here == one.there:
            if not one.kept:
                yield one  # a killed engine did not come to commit it, or a person brought it
            continue
        before, after = one.had if one.own else one.here, one.there
        if one.path in specs:
            same = sections_of(before or b"", acs) == sections_of(after or b"", acs)
        else:
            same = before == after
        if not same:
            yield one
