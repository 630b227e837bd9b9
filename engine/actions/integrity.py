"""Hold a gate's run against the tree: tests stay as Red left them, no stub stays, nothing else is touched.

hold ── before the run: what it is held against, read from journal and evidence
see, see_again ── the tree, as the commands began and as they left it
faults ── what is wrong with it, each in words that name the file
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.actions.frozen import Base, Frozen, read_base, read_frozen
from engine.actions.situation import Situation
from engine.checks.expected import OwnedFiles, matches, owned_files
from engine.files import tree as files
from engine.files.evidence import evidence_folder
from engine.model.call import Tree
from engine.model.machine import AgentAct, GateDef
from engine.rules.history import Progress

_TEST_NAME = re.compile(
    r"(?:test_[^/]*\.py|[^/]*_test\.\w+|[^/]*\.(?:test|spec)\.(?!md$)\w+|conftest\.py)|(?:.*/)?(?:tests|__tests__)/.+"
)
_PROGRESS = re.compile(
    r"(?:.*/)?story-\d+[a-z]?-[^/]+/(?:story\.md|prompt-[^/]+\.md|evidence/[^/]+\.(?:md|jsonl))"
    r"|(?:.*/)?\d+[a-z]?-[^/]+\.evidence/[^/]+\.(?:md|jsonl)"
    r"|(?:.*/)?\.[^/]+\.(?:md|jsonl)\.[^/]+\.story-(?:tmp|swap)"
)
"""What the engine and the validators write of any story while this one is built, and what it leaves for a moment."""
PROTECTED = re.compile(r"(?:.*/)?(?:evidence|[^/]+\.evidence)/.*|(?:\.git|machines)(?:/.*)?|story\.toml")
"""What no agent may change, whatever its story names."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a run is held against. `kind` says how strictly; `amending` holds the decision that lets tests change."""

    kind: Literal["baseline", "red", "tests"]
    owned: OwnedFiles
    progress: tuple[str, ...]
    shared: tuple[str, ...]
    base: Base | None = None
    frozen: Frozen | None = None
    amending: str = ""
    narrowed: bool = False

    def is_test(self, path: str) -> bool:
        """Is it a file of tests, by its name or because the story says so?"""
        return is_test_file(path) or self.owned.names_test(path)

    def is_progress(self, path: str) -> bool:
        """Does the engine itself write it, for this story or another? It never counts as a change."""
        return bool(_PROGRESS.fullmatch(path)) or any(matches(path, pattern) for pattern in self.progress)

    def may_change(self, path: str) -> bool:
        """Is a change of this file the story's own?"""
        if path.rsplit("/", 1)[-1] in files.LOCK_FILES or self.is_progress(path):
            return True
        return self.owned.names(path) or any(matches(path, pattern) for pattern in self.shared)


def is_test_file(path: str) -> bool:
    """Do runners take it for tests, or for what tests stand on: test_x.py, x.spec.ts, tests/…, conftest.py?"""
    return bool(_TEST_NAME.fullmatch(path) or _TEST_NAME.fullmatch(path.rsplit("/", 1)[-1]))


def hold(name: str, gate: GateDef, situation: Situation) -> Held | None:
    """Say what a gate's run is held against; None for gates that run no tests."""
    if gate.kind not in ("red", "tests"):
        return None
    progress = situation.progress
    owned = owned_files(situation.pack, situation.story.id)
    written = tuple(_progress(situation)), (*_shared(situation), *_corrected(progress))
    if name in {other.baseline for other in situation.machine.gates.values()}:
        return Held("baseline", owned, *written)
    ended = progress.first.get(baseline_of(name, situation) or "")
    base = read_base(situation.evidence(ended)) if ended else None
    narrowed = base is not None and owned != base.owned and not _validated(situation)
    if base is not None and narrowed:
        owned = base.owned  # a Files table that grew since the validators read it counts for nothing
    if gate.kind == "red":
        return Held("red", owned, *written, base=base, narrowed=narrowed)
    frozen = read_frozen(situation.evidence(progress.frozen)) if progress.frozen else None
    amended = progress.amended
    amending = f"{amended.decision}: {amended.option} ({amended.by})" if amended and frozen else ""
    return Held("tests", owned, *written, base, frozen, amending, narrowed)


def baseline_of(name: str, situation: Situation) -> str | None:
    """The gate that a gate of tests is compared with: its own baseline, else that of the red gate."""
    gates = situation.machine.gates
    red = (gate.baseline for gate in gates.values() if gate.kind == "red" and gate.baseline)
    return gates[name].baseline or next(red, None)


def see(held: Held, root: Path, scratch: Path) -> Tree:
    """Look at the tree before the commands run."""
    head, every = files.head_of(root), files.list_files(root)
    tests = _tests(held, root, every)
    if held.kind == "baseline":
        return Tree(head=head, dirty=_dirty(held, root, head, scratch), tests=tests)
    code = (path for path in every if held.owned.names(path) and not held.is_test(path))
    stubs = files.find_stubs(root, code) if held.kind == "tests" else []
    changed, unknown = _changed(held.base, root, head, scratch)
    return Tree(head=head, changed=changed, unknown=unknown, tests=tests, stubs=tuple(stubs))


def see_again(held: Held, before: Tree, root: Path, scratch: Path) -> Tree:
    """Look again when the commands have ended: what did they change themselves?"""
    tests = _tests(held, root, files.list_files(root))
    wrote = {path for path in {*before.tests, *tests} if before.tests.get(path) != tests.get(path)}
    dirty = _dirty(held, root, before.head, scratch) if held.kind == "baseline" else {}
    made = {path for path, sha in dirty.items() if before.dirty.get(path) != sha} - wrote
    return before.model_copy(update={"made": tuple(sorted(made)), "wrote": tuple(sorted(wrote)), "dirty": dirty})


def faults(held: Held, tree: Tree) -> list[str]:
    """What is wrong with the tree that a gate ran in, each in words that name the files."""
    if held.kind == "baseline":
        return []
    found = _named("test file changed while the tests ran", tree.wrote)
    if held.frozen and not held.amending:
        found += _thawed(held.frozen, tree)
    found += _named("stub left", tree.stubs)
    found += _named("changed outside the Files table", _outside(held, tree))
    if held.base and held.base.head is not None and tree.changed is None:
        found.append(f"what changed since the baseline cannot be told: {tree.unknown}")
    return found


def notes(held: Held) -> list[str]:
    """What is no fault and must be said all the same."""
    narrow = "story.md was edited since it was validated: the Files table of the baseline counts"
    said = [narrow] if held.narrowed else []
    said += [f"tests frozen anew, as decided: {held.amending}"] if held.amending else []
    if held.base and held.base.head is None:
        said.append("no git: what changed outside the Files table cannot be checked")
    return said


def amended_tests(held: Held, tree: Tree) -> set[str]:
    """The test files that differ from Red by a person's leave, now or before."""
    if held.frozen is None:
        return set()
    old = held.frozen.tests
    return {*held.frozen.amended, *(path for path, sha in tree.tests.items() if old.get(path) != sha)}


def _thawed(frozen: Frozen, tree: Tree) -> list[str]:
    now, then = tree.tests, frozen.tests
    return [
        *_named("test file changed since Red", [path for path in then if path in now and now[path] != then[path]]),
        *_named("test file removed since Red", [path for path in then if path not in now]),
        *_named("new test file since Red", [path for path in now if path not in then]),
    ]


def _outside(held: Held, tree: Tree) -> list[str]:
    let_in = held.frozen.amended if held.frozen else frozenset[str]()
    if held.amending:
        let_in = frozenset(amended_tests(held, tree))
    made = held.base.made if held.base else frozenset[str]()
    found = []
    for spelled in tree.changed or ():
        path = files.read_path(spelled)
        excused = spelled in let_in or (spelled in made and not held.is_test(path))
        if not excused and not held.may_change(path):
            found.append(spelled)
    return found


def _tests(held: Held, root: Path, every: Iterable[str]) -> dict[str, str]:
    """The digests of the test files, also of frozen ones that nothing names as tests any more."""
    frozen = map(files.read_path, held.frozen.tests) if held.frozen else ()
    hashes = files.digests(root, {*(path for path in every if held.is_test(path)), *frozen})
    return {path: sha for path, sha in hashes.items() if sha}


def _dirty(held: Held, root: Path, head: str | None, scratch: Path) -> dict[str, str]:
    differs = files.differing(root, head, scratch) if head is not None else None
    return files.digests(root, (path for path in differs or () if not held.is_progress(path)))


def _changed(base: Base | None, root: Path, head: str | None, scratch: Path) -> tuple[tuple[str, ...] | None, str]:
    """The paths that differ from the baseline's tree, or why that cannot be told."""
    if base is None or base.head is None:
        return None, "the baseline recorded no commit"
    differs = files.differing(root, base.head, scratch) if head is not None else None
    if differs is None:
        return None, "git is gone" if head is None else f"its commit {base.head[:12]} is not in this repository"
    dirty = {files.read_path(path) for path in base.dirty}
    now = files.digests(root, differs | dirty)
    left = {path for path, sha in now.items() if path not in base.dirty or base.dirty[path] != sha}
    return tuple(sorted(left)), ""


def _validated(situation: Situation) -> bool:
    """Is story.md still what its validators read?"""
    judged = [inputs.get("story") for inputs in situation.progress.judged.values()]
    return all(story == situation.inputs.get("story") for story in judged)


def _progress(situation: Situation) -> Iterable[str]:
    """Patterns of what the engine writes of this story."""
    path = situation.story.story.path
    yield path
    yield f"{evidence_folder(Path(path), situation.pack.layout).as_posix()}/**"


def _shared(situation: Situation) -> Iterable[str]:
    """Patterns of the documents that the machine's agents write, of this story and its pack."""
    pack, own = situation.pack, situation.story
    if pack.layout == "folders":
        yield f"{own.folder}/**"
    documents = {"spec": pack.specs, "design": pack.designs, "plan": pack.plans}
    acts = (act for state in situation.machine.states.values() for act in state.acts())
    for pattern in {pattern for act in acts if isinstance(act, AgentAct) for pattern in act.writes}:
        if pattern in documents:
            yield from (source.path for source in documents[pattern])
        elif "/" in pattern:
            yield pattern
        elif pattern != "files":
            yield from (f"{story.folder}/{pattern}" for story in pack.stories if pack.layout == "folders")


def _corrected(progress: Progress) -> Iterable[str]:
    """The documents in which an answer of a person corrected figures."""
    return (figure.file for event in progress.corrected.values() for figure in event.figures)


def _named(what: str, paths: Iterable[str]) -> list[str]:
    """One sentence a kind of fault, with the first three paths."""
    every = list(paths)
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""
    return [f"{what}: {', '.join(every[:3])}{more}"] if every else []
