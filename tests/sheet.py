"""A story.md in memory: what the engine shows in it, and what a person writes into it."""

from __future__ import annotations

from engine.files.story_file import read_story
from engine.markdown.edit import apply_edits
from engine.model.pack import Source
from engine.model.story import Story
from engine.rules.forgery import Record, against_journal
from engine.rules.notice import Noticed, notice
from engine.rules.projection import adoption, edits
from tests.life import AT, Life, first_event, machine

PATH = "docs/stories/story-4-login/story.md"
RAW = "---\ndepends_on: [0]  # the author's\n---\n# Story 4: Login\n\nThe author's words.\n"


class Sheet:
    """The bytes of story.md, and the life that it shows."""

    def __init__(self, life: Life, raw: bytes = RAW.encode()) -> None:
        self.life, self.raw = life, raw
        if b"\nstate: " not in raw:
            self.raw = apply_edits(raw, adoption(machine(), self.read(raw), first_event()))

    @property
    def text(self) -> str:
        return self.raw.decode()

    @property
    def story(self) -> Story:
        return self.read(self.raw)

    @staticmethod
    def read(raw: bytes) -> Story:
        story, problems = read_story(Source(path=PATH, raw=raw), "4", machine())
        assert problems == []
        return story

    def show(self) -> Sheet:
        """Write what the journal says; a second time changes nothing."""
        self.raw = apply_edits(self.raw, edits(machine(), self.life.progress, self.story, "evidence"))
        again = edits(machine(), self.life.progress, self.story, "evidence")
        assert apply_edits(self.raw, again) == self.raw
        return self

    def edit(self, old: str, new: str) -> Sheet:
        """A person replaces the one place where some words stand."""
        assert self.text.count(old) == 1, (old, self.text)
        self.raw = self.text.replace(old, new).encode()
        return self

    def tick(self, text: str) -> Sheet:
        return self.edit(f"- [ ] {text}", f"- [x] {text}")

    def notice(self) -> Noticed:
        return notice(machine(), self.life.progress, self.story, by="Ana", at=AT)

    def drift(self) -> list[tuple[int, str]]:
        record = Record(self.story, machine(), tuple(self.life.events), "evidence", {})
        return [(line, what) for _, line, what in against_journal(record)]

    def line(self, text: str) -> int:
        """The line that holds these words."""
        return next(n for n, line in enumerate(self.text.split("\n"), 1) if text in line)
