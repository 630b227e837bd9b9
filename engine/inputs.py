"""What a story rests on besides its own story.md: prompts, spec sections, its stated tests, what `check` finds."""

from __future__ import annotations

import fnmatch
import hashlib
from pathlib import Path

from engine.checks.check import check_pack
from engine.checks.expected import expected_tests, owned_acs
from engine.files.pack import exists_in
from engine.files.story_file import author_text
from engine.markdown.trace import spec_sections
from engine.model.machine import Machine
from engine.model.pack import Pack, StorySource
from engine.model.problem import Problem


def read_inputs(pack: Pack, source: StorySource, heading: str) -> dict[str, str]:
    """The hashes of what validations rest on: the author's text, the prompts, the spec sections of its ACs."""
    sections = [section for spec in pack.specs for section in spec_sections(spec.raw).items()]
    wanted = set(owned_acs(pack, source.id))
    spec = "".join(f"{name}\n{section.text.strip()}\n" for name, section in sections if name in wanted)
    prompts = b"".join(
        prompt.path.rsplit("/", 1)[-1].encode() + b"\0" + prompt.raw.strip() + b"\0" for prompt in source.prompts
    )
    return {
        "story": _hash(author_text(source.story, heading)),
        "prompts": _hash(prompts),
        "spec": _hash(spec.encode()),
    }


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
