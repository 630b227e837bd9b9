"""What a story rests on: its author's text, prompts, spec sections, files; its stated tests, what `check` finds."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from engine.checks.check import check_pack
from engine.checks.expected import expected_tests, matches, owned_acs, owned_files
from engine.files.evidence import evidence_folder
from engine.files.pack import exists_in
from engine.files.story_file import author_text
from engine.files.tree import digests, list_files
from engine.markdown.trace import spec_sections
from engine.model.machine import Machine
from engine.model.pack import Pack, StorySource
from engine.model.problem import Problem


def read_inputs(pack: Pack, source: StorySource, heading: str, root: Path) -> dict[str, str]:
    """The parts of what evidence rests on, each with its hash: see `engine.model.inputs`.

    Of documents the words count, not how lines end and what is blank at their ends; of code every byte, and its
    content alone: no commit, no time, no mode.
    """
    wanted = set(owned_acs(pack, source.id))
    spec: dict[str, str] = {}
    for document in pack.specs:
        for name, section in spec_sections(document.raw).items():
            if name in wanted:
                spec[f"spec:{name}"] = spec.get(f"spec:{name}", "") + section.text + "\n"
    prompts = {f"prompts:{prompt.path.rsplit('/', 1)[-1]}": _words(prompt.raw) for prompt in source.prompts}
    return {
        "story": _hash(_words(author_text(source.story, heading))),
        **{part: _hash(words) for part, words in sorted(prompts.items())},
        **{part: _hash(_words(text.encode())) for part, text in sorted(spec.items())},
        **_code(pack, source, root),
    }


def sections_of(spec: bytes, acs: Collection[str]) -> dict[str, bytes]:
    """What counts of the sections of some ACs."""
    sections = spec_sections(spec)
    return {name: _words(section.text.encode()) for name, section in sections.items() if name in acs}


def _code(pack: Pack, source: StorySource, root: Path) -> dict[str, str]:
    """A part for each path or pattern that the story owns; what the engine writes of stories is nobody's code."""
    owned = owned_files(pack, source.id)
    written = {story.story.path for story in pack.stories}
    folders = tuple(f"{evidence_folder(Path(path), pack.layout).as_posix()}/" for path in written)
    every: list[str] | None = None
    parts = {}
    for pattern in sorted({*owned.new, *owned.modified, *owned.tests}):
        anywhere = pattern in owned.tests and "/" not in pattern
        if anywhere or pattern.endswith("/") or re.search(r"[*?{]", pattern):
            every = list_files(root) if every is None else every
            paths = [path for path in every if matches(path.rsplit("/", 1)[-1] if anywhere else path, pattern)]
        else:
            paths = [pattern]
        paths = [path for path in paths if path not in written and not path.startswith(folders)]
        held = "".join(f"{path}\0{sha}\n" for path, sha in digests(root, paths).items() if sha)
        parts[f"code:{pattern}"] = _hash(held.encode())
    return parts


def _words(raw: bytes) -> bytes:
    """A document without what does not count: line ends, trailing blanks, blank lines at its ends."""
    lines = re.split(rb"\r\n|\r|\n", raw.removeprefix(b"\xef\xbb\xbf"))
    return b"\n".join(line.rstrip() for line in lines).strip(b"\n")


def story_problems(pack: Pack, root: Path, story_id: str) -> tuple[Problem, ...]:
    """What `story check` finds that is about this story."""
    found = check_pack(pack, exists_in(root))
    return tuple(problem for problem in found if problem.concerns(story_id))


def claims_of(pack: Pack, story_id: str) -> tuple[int | None, tuple[str, ...]]:
    """The story's own test count, and the TCs it answers for by test."""
    return expected_tests(pack, story_id)


def missing_prompts(machine: Machine, source: StorySource) -> list[str]:
    """The prompt files that the machine's prompts name and the story does not have, as globs."""
    names = [prompt.path.rsplit("/", 1)[-1] for prompt in source.prompts]
    needed = [prompt.file for prompt in machine.prompts.values() if prompt.file]
    return [pattern for pattern in needed if not any(fnmatch.fnmatch(name, pattern) for name in names)]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
