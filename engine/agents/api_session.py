"""What a model behind an API was told and answered, kept as it grows, so that any process can go on with it.

A session is a folder of transcripts, and its id the folder's name. Each call begins a session of its own, which holds
all of the one that it goes on with: that one stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse, repair_messages

from engine.agents.player import Player, Transcript
from engine.model.call import Usage

FILE = "conversation.json"


class LostError(Exception):
    """A session cannot be gone on with; `str()` says why."""


@dataclass(slots=True)
class Session:
    """A conversation: `before` counts the messages of the session that it goes on with, `answer` is what was handed in.

    The answer is None until then.
    """

    transcript: Transcript
    before: int = 0
    messages: list[ModelMessage] = field(default_factory=list)
    answer: str | None = None

    @property
    def id(self) -> str:
        """The name by which it is found again."""
        return self.transcript.folder.name

    @property
    def said(self) -> list[ModelResponse]:
        """What the model answered in this call."""
        return [message for message in self.messages[self.before :] if isinstance(message, ModelResponse)]

    @property
    def begun(self) -> bool:
        """Was it told what this call is about?"""
        return len(self.messages) > self.before

    def usage(self) -> Usage:
        """What this call took so far."""
        took = [response.usage for response in self.said]
        return Usage(
            input=sum(one.input_tokens for one in took),
            output=sum(one.output_tokens for one in took),
            cached=sum(one.cache_read_tokens for one in took),
        )

    def keep(self, messages: Sequence[ModelMessage], answer: str | None = None) -> None:
        """Write it all down."""
        self.messages, self.answer = list(messages), answer
        told = ModelMessagesTypeAdapter.dump_python(self.messages, mode="json")
        written = json.dumps({"before": self.before, "answer": answer, "messages": told}, ensure_ascii=False)
        self.transcript.save(FILE, written)
        if self.transcript.began() is None:
            self.transcript.save_session(self.id)


def open_session(player: Player, call: str, resumed: str | None) -> Session:
    """The session of a call: that of its killed run, a new one that goes on with another, or an empty one."""
    mine = player.transcript(call)
    if mine.began() is not None:
        try:
            return _read(mine)
        except LostError:
            pass  # of a killed run nothing can be lost but what it would have spared
    if resumed is None:
        return Session(mine)
    there = player.transcript(resumed)
    if there.folder.name != resumed:
        raise LostError(f"session {resumed[:80]!r} is none of a model behind an API")
    earlier = repair_messages(_read(there).messages)
    return Session(mine, before=len(earlier), messages=earlier)


def _read(transcript: Transcript) -> Session:
    name = transcript.folder.name
    try:
        kept = json.loads((transcript.folder / FILE).read_text("utf-8"))
        messages = ModelMessagesTypeAdapter.validate_python(kept["messages"])
        return Session(transcript, int(kept["before"]), messages, kept["answer"])
    except FileNotFoundError as err:
        raise LostError(f"session {name} is gone: there is no {transcript.folder / FILE}") from err
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as err:
        raise LostError(f"session {name} cannot be read ({type(err).__name__}): {transcript.folder / FILE}") from err
