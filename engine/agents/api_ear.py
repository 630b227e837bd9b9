"""What comes from a provider, heard byte by byte: kept raw, and held against the deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from httpx2 import AsyncByteStream, Response

from engine.agents.api_failure import LateError
from engine.agents.player import Transcript
from engine.process import Deadlines


class Ear:
    """Hears all that a client receives; a model that thinks in silence still sends signs of life."""

    def __init__(self, transcript: Transcript, deadlines: Deadlines) -> None:
        self._transcript, self._deadlines = transcript, deadlines
        self._timer: asyncio.Timeout | None = None
        self._any = False

    async def attach(self, response: Response) -> None:
        """Hear a response, before anybody reads it."""
        assert isinstance(response.stream, AsyncByteStream)
        response.stream = _Heard(response.stream, self)

    def hear(self, piece: bytes) -> None:
        """Keep what came, and begin to wait anew."""
        self._transcript.hear(piece)
        self._any = True
        if self._timer is not None and not self._timer.expired():
            silence = self._deadlines.silence
            self._timer.reschedule(None if silence is None else asyncio.get_running_loop().time() + silence)

    @asynccontextmanager
    async def patience(self) -> AsyncIterator[None]:
        """Wait for one answer: for its beginning, then for each further sign of life."""
        self._any = False
        try:
            async with asyncio.timeout(self._deadlines.start) as self._timer:
                yield
        except TimeoutError as err:
            if self._timer is None or not self._timer.expired():
                raise
            if self._any:
                raise LateError(f"nothing came for {self._deadlines.silence:g} seconds") from err
            raise LateError(f"no answer began within {self._deadlines.start:g} seconds") from err
        finally:
            self._timer = None


class _Heard(AsyncByteStream):
    def __init__(self, stream: AsyncByteStream, ear: Ear) -> None:
        self._stream, self._ear = stream, ear

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._ear.hear(piece)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
