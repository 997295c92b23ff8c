"""A connection to an OpenAI-compatible endpoint, kept open between answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any

from pipeline.clock import give_way

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import AsyncStream
    from openai.types.chat import ChatCompletionChunk

MAX_ERROR = 1 << 16
"""Bytes that are read of the body of an error."""
KEEPALIVE = 50.0
"""Seconds that an idle connection is kept: longer than pauses between answers, and less than the
60 s after which many proxies close it."""


class Connection:
    """A connection for one answer at a time; connects on use, and again if it was closed meanwhile."""

    def __init__(self, base_url: str | None, key: str) -> None:
        """Imports the openai package, which takes half a second; raises ImportError without it."""
        import httpx2
        import openai

        limits = httpx2.Limits(max_keepalive_connections=1, keepalive_expiry=KEEPALIVE)
        http = openai.DefaultAsyncHttpxClient(
            verify=_ssl_context(),
            limits=limits,
            headers={"Accept-Encoding": "identity"},  # a few compressed bytes can stand for gigabytes
            event_hooks={"response": [_bound_other_bodies]},
        )
        self._client = openai.AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=http)
        self._answered = False
        self.refused: dict[str, list[str]] = {}
        """By model, the fields of a request that the endpoint does not accept."""

    async def ask(self, request: dict[str, Any], trace: str = "") -> Response:
        """The response that begins an answer; raises the exceptions of the openai package.

        `trace` is the W3C traceparent of the turn.

        Connecting times out after 5 s, the request after ten minutes or the caller's deadline.
        """
        import httpx2
        import openai

        headers = {"traceparent": trace} if trace else {}
        stream: AsyncStream[ChatCompletionChunk]  # of which only the response is used: it bounds nothing
        try:
            stream = await self._client.chat.completions.create(**request, extra_headers=headers)
        except openai.APIConnectionError as error:
            # An idle connection may be closed just as it is used; that is no failure of the endpoint.
            was_closed = isinstance(error.__cause__, httpx2.ReadError | httpx2.RemoteProtocolError)
            if not (self._answered and was_closed):
                raise
            stream = await self._client.chat.completions.create(**request, extra_headers=headers)
        self._answered = True
        return stream.response

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._client.close()


async def _bound_other_bodies(response: Response) -> None:
    """Cuts the body of a redirect or an error, which the packages read whole before anything here sees it."""
    import httpx2

    class Cut(httpx2.AsyncByteStream):
        def __init__(self, body: httpx2.AsyncByteStream) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = MAX_ERROR
            async for part in self._body:
                yield part[:left]
                left -= len(part)
                if left <= 0:
                    return
                await give_way()

        async def aclose(self) -> None:
            await self._body.aclose()

    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.headers.pop("content-encoding", None)
        response.stream = Cut(response.stream)


@cache
def _ssl_context() -> SSLContext:
    """The SSL context of all connections: it is large and takes 15 ms to create."""
    import httpx2

    return httpx2.create_ssl_context()
