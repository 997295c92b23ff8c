"""A connection to an OpenAI-compatible endpoint, kept open between answers."""

from __future__ import annotations

import asyncio
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

KEEPALIVE = 50.0
"""Seconds that an idle connection is kept: longer than pauses between answers, and less than the
60 s after which many proxies close it."""


class Connection:
    """A connection for one answer at a time; connects on use, and again if it was closed meanwhile."""

    def __init__(self, base_url: str | None, key: str) -> None:
        """Imports the openai package, which takes half a second; raises ImportError without it."""
        self._base_url, self._key = base_url, key
        self._client = self._make_client()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered = False

    async def ask(self, request: dict[str, Any]) -> AsyncStream[ChatCompletionChunk]:
        """Starts an answer; raises the exceptions of the openai package.

        Connecting times out after 5 s, the request after ten minutes or the caller's deadline.
        """
        import httpx2
        import openai

        client = self._client_of_loop()
        stream: AsyncStream[ChatCompletionChunk]
        try:
            stream = await client.chat.completions.create(**request)
        except openai.APIConnectionError as error:
            # An idle connection may be closed just as it is used; that is no failure of the endpoint.
            was_closed = isinstance(error.__cause__, httpx2.ReadError | httpx2.RemoteProtocolError)
            if not (self._answered and was_closed):
                raise
            stream = await client.chat.completions.create(**request)
        self._answered = True
        return stream

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._client_of_loop().close()

    def _client_of_loop(self) -> AsyncOpenAI:
        """The client for the running loop; connections of an earlier loop ended with that loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                self._client, self._answered = self._make_client(), False
            self._loop = loop
        return self._client

    def _make_client(self) -> AsyncOpenAI:
        import httpx2
        import openai

        limits = httpx2.Limits(max_keepalive_connections=1, keepalive_expiry=KEEPALIVE)
        http = openai.DefaultAsyncHttpxClient(verify=_ssl_context(), limits=limits)
        return openai.AsyncOpenAI(api_key=self._key, base_url=self._base_url, max_retries=0, http_client=http)


@cache
def _ssl_context() -> SSLContext:
    """The SSL context of all connections: it is large and takes 15 ms to create."""
    import httpx2

    return httpx2.create_ssl_context()
