"""`dialogue.openai`: a language model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field

from nodes.dialogue._connection import Connection
from nodes.dialogue._history import ChatMessage
from nodes.dialogue._pieces import Pieces, Usage
from nodes.dialogue._rejection import TOO_LONG_CODES, refused_field, says_too_long, without
from nodes.dialogue._service import Chat, ChatParams, PromptTooLong
from nodes.dialogue._sse import BrokenAnswer, OverflowInStream, read_answer
from pipeline.compute.errors import PoolExhausted
from pipeline.compute.job_context import JOB_CONTEXT
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, NetworkError, NodeError, UserInputError
from pipeline.packet import SECOND

if TYPE_CHECKING:
    from httpx2 import Response
    from openai import APIStatusError

_CODE = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+){1,5}", re.ASCII)
"""An error code, such as `unsupported_parameter`."""
MAX_REFUSED = 3
"""Fields that are taken out of a request because the endpoint does not accept them."""
LONG = 1000
"""Characters of conversation from which a request that is rejected for no known reason may be too long."""
MAX_CONNECTIONS = 32
"""Default maximum of concurrent requests of all sessions; a call makes one at a time."""
MAX_ANSWER = 1 << 22
"""Bytes that a response may have besides those for its tokens: reasoning, comments, reports of filters."""
MAX_TOKEN = 1 << 10
"""Bytes that a response may have for each token of `max_tokens`."""
MAX_DELAY = 86_400.0
"""Seconds; an endpoint that asks for a longer retry delay is taken to ask for this one."""
MAX_DATE = 100
"""Characters of a date in a header."""
POOL_TIMEOUT = 2 * SECOND
"""Nanoseconds that an answer waits for a connection before the node fails."""


class OpenAiParams(ChatParams):
    """The endpoint and the model."""

    model: str
    """Name of the model at the endpoint, such as `gpt-4o-mini`."""
    base_url: str | None = None
    """Base URL of the API, such as `http://127.0.0.1:8080/v1`; by default that of OpenAI."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable with the API key; optional for your own endpoint."""
    temperature: float | None = Field(None, ge=0, le=2)
    """Sampling temperature, 0 to 2; by default that of the endpoint."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Additional request fields, such as `{top_p: 0.9}`; they override the others."""


def load_connection(params: OpenAiParams) -> Connection:
    """Makes a connection without connecting yet.

    Raises DependencyError without the API key or the package, whose import takes half a second.
    """
    key = os.environ.get(params.api_key_env, "").strip()
    if not key and not params.base_url:
        raise DependencyError(
            f"the environment variable {params.api_key_env} is not set",
            hint="set it to an OpenAI API key, or set `base_url` to an endpoint that needs none",
        )
    if not (key.isascii() and key.isprintable()):
        raise DependencyError(
            f"the environment variable {params.api_key_env} is not an API key: it has characters that no key has",
            hint="copy the key again",
        )
    try:
        return Connection(params.base_url, key or "none")
    except ImportError as error:
        raise DependencyError(
            "dialogue.openai needs the package openai", hint="pip install openai, or use dialogue.llama"
        ) from error


class OpenAiChat(Chat[OpenAiParams]):
    """Answers with a language model behind an OpenAI-compatible endpoint.

    The endpoint can be OpenAI's, or that of llama.cpp, vLLM, Ollama and many others. All sessions
    of a process share up to 32 connections, which are kept open between answers; set
    `pool: {max: 4}` for a small server of your own. Failed requests are not retried here: use
    `retry`. Cancelling an answer closes its stream.
    """

    connections = Pooled(
        load_connection,
        key=lambda p: (p.base_url, p.api_key_env),
        size=lambda _: (1, MAX_CONNECTIONS),
        wait=POOL_TIMEOUT,
        small=True,
    )

    async def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the answer to a prompt."""
        import httpx2  # already loaded, with the connections
        import openai

        # What is raised here may be shown and logged: it has no words of the endpoint, and no exception that has.
        try:
            async with aclosing(self._pieces(messages)) as pieces:
                async for piece in pieces:
                    yield piece
        except PoolExhausted as error:
            raise self._pool_error(error) from error
        except openai.APIStatusError as error:
            raise self._status_error(error, messages) from None
        except OverflowInStream:
            raise self._too_long() from None
        except BrokenAnswer as error:
            raise NetworkError(f"{self._where} broke off its answer: {error}", hint="add a `fallback`") from None
        except (
            openai.OpenAIError,
            httpx2.HTTPError,
            httpx2.InvalidURL,
            httpx2.StreamError,
            json.JSONDecodeError,
        ) as error:
            raise self._connection_error(error) from None

    async def _pieces(self, messages: list[ChatMessage]) -> Pieces:
        # Virtual time advances while this waits for a connection: those that have one may be waiting for time.
        async with self.connections.lease() as connection:
            with self.clock.hold():
                response = await self._ask(connection, messages)
            usage = Usage()
            pieces = read_answer(response, MAX_ANSWER + MAX_TOKEN * self.params.max_tokens, usage)
            try:
                while True:
                    with self.clock.hold():
                        piece = await anext(pieces, None)
                    if piece is None:
                        return
                    yield piece
            finally:
                with self.clock.hold():
                    await pieces.aclose()
                    await response.aclose()
                self.note_tokens("openai", self.params.model, usage)

    async def _ask(self, connection: Connection, messages: list[ChatMessage]) -> Response:
        """Asks; what the endpoint does not know of a request is left out, then and in later requests."""
        import openai

        request, refused = self.request(messages), list(connection.refused.get(self.params.model, ()))
        for field in refused:
            request = without(request, field)
        while True:
            try:
                origin = JOB_CONTEXT.get().origin
                response = await connection.ask(request, origin.trace if origin is not None else "")
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                lacking = refused_field(request, error.body if error.body is not None else error.message)
                if lacking is None or len(refused) == MAX_REFUSED or self._is_too_long(error):
                    raise
                refused.append(lacking)
                request = without(request, lacking)
            else:
                connection.refused[self.params.model] = refused
                return response

    def request(self, messages: list[ChatMessage]) -> dict[str, Any]:
        """The body of a request."""
        params = self.params
        # Which of the two an endpoint knows is found out by its first answer; this guess is usually right.
        limit = "max_tokens" if params.base_url else "max_completion_tokens"
        request = {
            "model": params.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: params.max_tokens,
        }
        if params.temperature is not None:
            request["temperature"] = params.temperature
        return request | {"extra_body": params.extra}

    @staticmethod
    def _is_too_long(error: APIStatusError) -> bool:
        if error.status_code == 413 or error.code in TOO_LONG_CODES or error.type in TOO_LONG_CODES:
            return True
        return error.status_code in (400, 422, 500) and says_too_long(f"{error.body or error.message}")

    def _too_long(self) -> PromptTooLong:
        return PromptTooLong(f"the prompt is too long for {self.params.model}", hint="lower `history`")

    @property
    def _where(self) -> str:
        return without_secrets(self.params.base_url) if self.params.base_url else "OpenAI"

    def _pool_error(self, error: PoolExhausted) -> PoolExhausted:
        most = self.connections.statistics().max_size
        return PoolExhausted(
            f"all {most} connections to {self._where} were busy for too long",
            retry_after=error.retry_after,
            hint="raise `max` of its `pool` if the endpoint can serve more requests at once, or add a `fallback`",
        )

    def _status_error(self, error: APIStatusError, messages: list[ChatMessage]) -> NodeError:
        params, where, status = self.params, self._where, error.status_code
        later = retry_after(error.response.headers)
        if self._is_too_long(error):
            return self._too_long()
        if status in (401, 403):
            return DependencyError(
                f"{where} does not accept the key ({status})",
                hint=f"set the environment variable {params.api_key_env} to a key that may use {params.model}",
            )
        if status == 404:
            return DependencyError(
                f"{where} has no model {params.model!r}, or is not the URL of an API (404)",
                hint="check `model` and `base_url`, which usually ends in /v1",
            )
        if status == 429:
            return NetworkError(
                f"{where} rejected the request: rate limit exceeded (429)",
                hint="set a `limit`, add a `fallback`, or raise the quota there",
                retry_after=later,
            )
        if status >= 500:
            return NetworkError(f"{where} failed ({status})", hint="try again, or add a `fallback`", retry_after=later)
        # Some endpoints say in no known words that the prompt is too long; a shorter one shows whether it was.
        is_long = sum(len(message["content"]) for message in messages[:-1] if message["role"] != "system") >= LONG
        return (PromptTooLong if is_long else UserInputError)(
            f"{where} rejected the request ({status}): {self._reason(error, messages)}",
            hint="check the parameters of the node, `extra` in particular",
        )

    def _reason(self, error: APIStatusError, messages: list[ChatMessage]) -> str:
        """The codes of an error, and the field of the request that it names.

        Its message is left out, for endpoints repeat the prompt or the key in it; so is a code that has words of these.
        """
        key = os.environ.get(self.params.api_key_env, "")
        private = set(re.findall(r"[^\W_]+", " ".join([key, *(message["content"] for message in messages)]).lower()))
        codes = (code for code in (error.code, error.type) if isinstance(code, str) and _CODE.fullmatch(code))
        parts = [code for code in dict.fromkeys(codes) if private.isdisjoint(code.lower().split("_"))]
        if isinstance(error.param, str) and error.param in self.request([]):
            parts.append(f"`{error.param}`")
        return ", ".join(parts) or "it gave no error code"

    def _connection_error(self, error: Exception) -> NodeError:
        import openai

        if isinstance(error, openai.APITimeoutError):
            return NetworkError(f"{self._where} did not answer in time", hint="it may be overloaded; add a `fallback`")
        return NetworkError(
            f"the connection to {self._where} failed", hint="check that it is running and that `base_url` is right"
        )


def without_secrets(url: str) -> str:
    """A URL without its user name, password and query, which may be secret."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The retry delay in response headers, in seconds and at most a day; None if there is none.

    OpenAI sends `retry-after-ms`; `Retry-After` is in seconds or a date, which is compared with
    the endpoint's own clock if the response has a `Date`.
    """
    value = headers.get("retry-after")
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        delay = milliseconds / 1000
    elif (seconds := _number(value)) is not None:
        delay = seconds
    elif (due := _date(value)) is not None:
        delay = (due - (_date(headers.get("date")) or datetime.now(UTC))).total_seconds()
    else:
        return None
    return min(max(0.0, delay), MAX_DELAY)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime((value or "")[:MAX_DATE])
    except (ValueError, OverflowError, TypeError, IndexError):  # all that the module raises for odd dates
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
