"""The model behind a role: a client of its provider that we construct, and how it is asked."""

from __future__ import annotations

import os
from dataclasses import dataclass

import anthropic
import openai
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from engine.agents.api_ear import Ear
from engine.agents.choice import KEYS
from engine.agents.player import Player
from engine.errors import UsageError


@dataclass(frozen=True, slots=True)
class Line:
    """A model with the client that it speaks through, which is closed by whoever opened it."""

    model: Model
    client: anthropic.AsyncAnthropic | openai.AsyncOpenAI


def open_line(player: Player, ear: Ear, cache_key: str) -> Line:
    """Construct client and model of a player; what is sent under one `cache_key` shares a prefix.

    The clients do not try again by themselves, and have no deadline of their own: both are the engine's.
    """
    return (_anthropic if player.provider == "anthropic" else _openai)(player, ear, cache_key)


def _anthropic(player: Player, ear: Ear, _: str) -> Line:
    client = anthropic.AsyncAnthropic(
        api_key=api_key(player),
        base_url=player.base_url.rstrip("/").removesuffix("/v1") if player.base_url else None,
        max_retries=0,
        timeout=player.deadlines.total,
        http_client=anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [ear.attach]}),
    )
    how = AnthropicModelSettings(
        max_tokens=player.max_tokens, anthropic_cache_instructions=True, anthropic_cache_messages=True
    )
    if player.effort:
        how["anthropic_effort"] = player.effort  # type: ignore[typeddict-item]  # the server knows them
    provider = AnthropicProvider(anthropic_client=client)
    return Line(AnthropicModel(player.model, provider=provider, settings=how), client)


def _openai(player: Player, ear: Ear, cache_key: str) -> Line:
    client = openai.AsyncOpenAI(
        api_key=api_key(player),
        base_url=player.base_url,
        max_retries=0,
        timeout=player.deadlines.total,
        http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [ear.attach]}),
    )
    how = OpenAIResponsesModelSettings(
        max_tokens=player.max_tokens, openai_store=False, openai_prompt_cache_key=cache_key
    )
    if player.effort:
        how["openai_reasoning_effort"] = player.effort  # type: ignore[typeddict-item]  # the server knows them
    provider = OpenAIProvider(openai_client=client)
    return Line(OpenAIResponsesModel(player.model, provider=provider, settings=how), client)


def api_key(player: Player) -> str:
    """The key of a player; a server of one's own, by `base_url`, may need none."""
    name = player.key or KEYS.get(player.provider)
    if name is None:
        raise UsageError(f"roles.{player.role}: there is no API for provider {player.provider!r}.")
    found = os.environ.get(name)
    if found:
        return found
    if player.base_url and not player.key:
        return "none"
    raise UsageError(
        f"roles.{player.role}: {name} is not set, and {player.provider} asks for a key. Set it, name another variable "
        f"with `key` under [roles.{player.role}] in story.toml, or let another agent play the role."
    )
