"""A connection to an OpenAI-compatible endpoint, kept from one answer to the next."""

from __future__ import annotations

import asyncio
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

KEPT = 50.0
"""Seconds for which an idle connection is kept: a pause between two answers, and less than the
60 s after which many a proxy hangs up by itself."""


class Connection:
    """For one answer at a time; it connects when it is asked, and where it was hung up on since."""

    def __init__(self, base_url: str | None, key: str) -> None:
        """Imports OpenAI's package, for half a second; raises ImportError where there is none."""
        self._base_url, self._key = base_url, key
        self._client = self._make()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered = False

    async def ask(self, request: dict[str, Any]) -> AsyncStream[ChatCompletionChunk]:
        """Begins an answer; raises what OpenAI's package raises.

        Connecting may take 5 s; for the rest the deadline of whoever asks counts, if it is below ten minutes.
        """
        import httpx2
        import openai

        client = self._here()
        stream: AsyncStream[ChatCompletionChunk]
        try:
            stream = await client.chat.completions.create(**request)
        except openai.APIConnectionError as error:
            # An idle connection may be hung up at the moment at which it is used: that is nobody's failure.
            hung_up = isinstance(error.__cause__, httpx2.ReadError | httpx2.RemoteProtocolError)
            if not (self._answered and hung_up):
                raise
            stream = await client.chat.completions.create(**request)
        self._answered = True
        return stream

    async def aclose(self) -> None:
        """Hangs up."""
        await self._here().close()

    def _here(self) -> AsyncOpenAI:
        """The client of the running loop. What was connected in a loop before it went with that loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                self._client, self._answered = self._make(), False
            self._loop = loop
        return self._client

    def _make(self) -> AsyncOpenAI:
        import httpx2
        import openai

        limits = httpx2.Limits(max_keepalive_connections=1, keepalive_expiry=KEPT)
        http = openai.DefaultAsyncHttpxClient(verify=_trusted(), limits=limits)
        return openai.AsyncOpenAI(api_key=self._key, base_url=self._base_url, max_retries=0, http_client=http)


@cache
def _trusted() -> SSLContext:
    """Of all connections, for it is large and takes 15 ms to make."""
    import httpx2

    return httpx2.create_ssl_context()
