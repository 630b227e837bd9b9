"""What went wrong between us and a provider: whether it passes, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelUnavailableError,
    UsageLimitExceeded,
)

from engine.agents.choice import KEYS
from engine.agents.player import Player

TRIES = 6
"""How often one request is tried again in one call."""
_FIRST, _LONGEST = 1.0, 60.0
_LATER = "Try again later, or let another agent play the role."


class CutError(Exception):
    """The stream of an answer ended before the answer did."""


class LateError(Exception):
    """A deadline was missed; `str()` says which."""


class SpentError(Exception):
    """The run may take no more money; `str()` says how much it took."""


class StoppedError(Exception):
    """The model stopped without an answer; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A technical failure. `again` says that this very request is worth another try, `after` that many seconds.

    `passes` says that the call is worth another one; `lost` that the session is what stands in the way, `held` that
    a limit of the engine's own does.
    """

    why: str
    passes: bool = False
    again: bool = False
    after: float = 0.0
    lost: bool = False
    held: bool = False


def failure_of(err: Exception, player: Player, *, resumed: bool) -> Failure:
    """What an error means; `resumed` says that the conversation goes on with an earlier session."""
    who, said = f"{player.provider} ({player.model})", _words(err)
    table = f"[roles.{player.role}] in story.toml"
    key = player.key or KEYS.get(player.provider, "the key")
    at = f" ({player.base_url})" if player.base_url else ""
    match err:
        case ModelQuotaExceededError():
            return Failure(f"{who}: quota or credit is used up: {said}. Raise it there, or let another agent play.")
        case ModelContextWindowExceededError():
            todo = "" if resumed else f" Choose a model with a larger context: `model` under {table}."
            return Failure(f"{who}: the conversation has outgrown its context: {said}.{todo}", lost=resumed)
        case ModelAuthenticationError():
            return Failure(f"{who}: the key in {key} is refused: {said}. Correct it, or what it may do.")
        case ModelNotFoundError():
            return Failure(
                f"{who}: there is no such model or address: {said}. Correct `model` or `base_url` of {table}."
            )
        case ModelHTTPError(status_code=410):
            return Failure(f"{who}: the model is there no more: {said}. Correct `model` of {table}.")
        case ModelRequestRejectedError():
            return Failure(f"{who}: the request is refused: {said}. Correct what it names under {table}.")
        case ModelRateLimitError():
            return Failure(
                f"{who}: too many requests: {said}. {_LATER}", passes=True, again=True, after=err.retry_after or 0
            )
        case ModelUnavailableError() | ModelServerError():
            return Failure(
                f"{who}: the server fails: {said}. {_LATER}", passes=True, again=True, after=err.retry_after or 0
            )
        case ModelConnectionError():
            todo = f"Is the network there, and the server up? {_LATER}"
            return Failure(f"{who}: no connection{at}: {said}. {todo}", passes=True, again=True)
        case CutError():
            todo = f"Is it such a server (`base_url` under {table})? {_LATER}"
            return Failure(f"{who}{at}: {said}. {todo}", passes=True, again=True)
        case LateError():
            return Failure(f"{who}: {said}. {_LATER} `start`, `silence` and `total` are under {table}.", passes=True)
        case SpentError():
            return Failure(f"{who}: {said}.", passes=True, held=True)
        case UsageLimitExceeded():
            todo = f"Raise `requests` under {table}, or make the task smaller."
            return Failure(f"{who}: no answer after {player.requests} requests. {todo}")
        case StoppedError():
            return Failure(f"{who}: {said}.")
        case _:
            return Failure(f"{who}: {said}. Is `base_url` under {table} that of such a server?")


def back_off(tries: int, chance: float) -> float:
    """Seconds to wait after so many tries: doubled each time, between half and all of it."""
    return min(_LONGEST, _FIRST * 2.0**tries) * (0.5 + chance / 2)


def _words(err: Exception) -> str:
    """What the provider said, on one line."""
    told = [str(err)]
    if isinstance(err, ModelHTTPError):
        told = [f"status {err.status_code}", *_messages(err.body)]
        if err.suggested_model_id:
            told.append(f"did you mean {err.suggested_model_id}?")
    elif isinstance(err, ModelAPIError | AgentRunError):
        told = [err.message]
    return ", ".join(" ".join(part.split())[:300] for part in told if part).rstrip(".")


def _messages(body: object) -> Iterator[str]:
    if isinstance(body, dict):
        inner = body.get("error", body)
        yield str(inner.get("message", inner)) if isinstance(inner, dict) else str(inner)
    elif body is not None:
        yield str(body)
