"""Stories and prompts are all there, complete, and carry their own number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.catalogue import echo, problem
from engine.checks.reading import PROMPT_NAME, Page, Phase, Reading, Story, name_of
from engine.checks.text import plain
from engine.model.problem import Problem

_STORY_SECTIONS = (
    ("Prerequisites", r"prerequisite|depend|requires|before you start"),
    ("ACs Covered", r"\bacs?\b|acceptance|\btcs?\b|covered"),
    ("Files", r"\bfiles?\b|deliverables"),
    ("Test Breakdown", r"\btests?\b"),
    ("Prompts", r"\bprompts?\b"),
    ("Exit Criteria", r"exit|done when|definition of done|completion"),
)
_PROMPT_SECTIONS = (
    ("Context", r"context|background|overview"),
    ("Task", r"\btasks?\b|steps|instructions|what to (?:do|build)"),
    ("Done When", r"done when|definition of done|verification|exit|acceptance"),
)
_NAMES: dict[Phase, str] = {
    "setup": "prompt-{id}.1-setup.md",
    "red": "prompt-{id}.1-skeleton-red.md",
    "green": "prompt-{id}.2-green.md",
    "verify": "prompt-{id}.R-verify.md",
}
_PROMPT_TITLE = re.compile(r"\bPrompt\s+(\d+[a-z]?)\.(\d+[a-z]?|R)\b", re.I)
_STORY_TITLE = re.compile(r"^Story\s+(\d+[a-z]?)\b", re.I)


def check_structure(reading: Reading) -> Iterator[Problem]:
    """Look at each story by itself."""
    with_prompts = reading.pack.layout == "folders" or any(story.prompts for story in reading.stories)
    for page in reading.pages():
        if len(page.raw) < len(page.whole):
            message = f"From here on, {page.path} is not checked, since it has {len(page.whole):,} bytes."
            yield problem("C004", page.at(len(page.lines) + 1), message, story=page.story)
    for twin in reading.twins:
        message = f"Story {twin.id} is also {reading.by_id[twin.id].page.path}."
        yield problem("C106", twin.page.at(1), message, story=twin.id)
    for story in reading.stories:
        if not any(line.text.strip() and not line.text.startswith("# ") for line in story.page.prose):
            yield problem("C101", story.page.at(1), f"Story {story.id} has no text.", story=story.id)
            continue
        if with_prompts:
            yield from _prompts(reading, story)
        yield from _sections(reading, story)
        yield from _titles(story)


def _prompts(reading: Reading, story: Story) -> Iterator[Problem]:
    """Each phase has its prompt, and each prompt lies where it belongs."""
    needed: tuple[Phase, ...] = ("setup", "verify") if story.setup else ("red", "green", "verify")
    for phase in needed:
        if not story.prompts_of(phase):
            name = missing_prompt(story, phase)
            message = f"Story {story.id} has no {phase} prompt: {name} does not exist."
            place = story.page.at(story.listed.get(name, 1))
            yield problem("C102", place, message, name=name, story=story.id)
    for prompt in story.prompts:
        m = PROMPT_NAME.fullmatch(name_of(prompt.path))
        if m and m[1] != story.id and reading.pack.layout == "folders":
            message = f"{name_of(prompt.path)} is a prompt of story {m[1]}, but lies in story {story.id}."
            yield problem("C109", prompt.at(1), message, name=m[1], story=story.id)


def missing_prompt(story: Story, phase: Phase) -> str:
    """The name of a prompt that should be there: as story.md lists it, else the usual one."""
    usual = _NAMES[phase].format(id=story.id)
    number = usual.split("-")[1]
    listed = (n for n in story.listed if n.startswith(f"prompt-{number}-") or n == f"prompt-{number}.md")
    return next(listed, usual)


def _sections(reading: Reading, story: Story) -> Iterator[Problem]:
    if reading.pack.layout == "folders":
        for name in _lacking(story.page, _STORY_SECTIONS):
            message = f'Story {story.id} has no section "{name}".'
            yield problem("C103", story.page.at(1), message, name=name, story=story.id)
    for prompt in story.prompts:
        for name in _lacking(prompt, _PROMPT_SECTIONS):
            message = f'{name_of(prompt.path)} has no section "{name}".'
            yield problem("C104", prompt.at(1), message, name=name, story=story.id)


def _lacking(page: Page, wanted: tuple[tuple[str, str], ...]) -> list[str]:
    titles = [h.text for h in page.document.headings if h.level > 1 and not h.nested]
    return [name for name, words in wanted if not any(re.search(words, t, re.I) for t in titles)]


def _titles(story: Story) -> Iterator[Problem]:
    """The first heading of a story or prompt says which one it is."""
    for page in (story.page, *story.prompts):
        first = next((h for h in page.document.headings if not h.nested), None)
        if first is None or first.level > 1:
            continue
        title = plain(first.text)
        said, right = _number(page, story, title)
        if said != right:
            message = f"The title says {said}, but this is {right}."
            later = [
                echo(page.at(h.line), f"{said} again")
                for h in page.document.headings[1:]
                if _number(page, story, plain(h.text))[0] == said and h.level == 1
            ]
            yield problem("C105", page.at(first.line), message, name=right, story=story.id, echoes=later)


def _number(page: Page, story: Story, title: str) -> tuple[str, str]:
    """(the number that a title says, the right one); equal where the title says none."""
    prompt, named = _PROMPT_TITLE.search(title), PROMPT_NAME.fullmatch(name_of(page.path))
    if page.role == "prompt" and named and prompt:
        said, right = f"{prompt[1]}.{prompt[2]}".upper(), f"{named[1]}.{named[2]}".upper()
        if said != right:
            return f"Prompt {prompt[1]}.{prompt[2]}", f"Prompt {named[1]}.{named[2]}"
        title = title[prompt.end() :].lstrip(" :–—-")
    told = _STORY_TITLE.search(title)
    if told and told[1].lower().lstrip("0") != story.id.lower().lstrip("0"):
        return f"Story {told[1]}", f"Story {story.id}"
    return "", ""
