"""`dialogue.openai`: a language model behind an OpenAI-compatible endpoint, theirs or any other."""

from __future__ import annotations

import json
import math
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from nodes.dialogue._connection import Connection
from nodes.dialogue._history import ChatMessage
from nodes.dialogue._service import Chat, ChatParams, Pieces, PromptTooLong
from pipeline.compute.errors import PoolExhausted
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError, NetworkError, NodeError, UserInputError
from pipeline.packet import SECOND

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletionChunk

_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")
"""What OpenAI and llama.cpp call a prompt that does not fit."""
MOST = 32
"""Answers that all sessions ask for at a time, where the graph says nothing. A call wants one at a time."""
WAIT = 2 * SECOND
"""Nanoseconds that an answer waits for a connection: after that, those who guard the node shall say something."""


class OpenAiParams(ChatParams):
    """An endpoint, and a model that it has."""

    model: str
    """The model's name at the endpoint, such as `gpt-4o-mini`."""
    base_url: str | None = None
    """Where the API begins, such as `http://127.0.0.1:8080/v1`; without it, OpenAI's own."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; an endpoint of your own may do without."""
    temperature: float | None = Field(None, ge=0, le=2)
    """How much chance there is in the choice of words, 0 to 2; without it, the endpoint's own."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """More fields of the request, such as `{top_p: 0.9}`; they win over the others."""


def load_connection(params: OpenAiParams) -> Connection:
    """A connection, which is not made yet; importing OpenAI's package takes half a second."""
    key = os.environ.get(params.api_key_env)
    if not key and not params.base_url:
        raise DependencyError(
            f"the environment variable {params.api_key_env} is not set",
            hint="put OpenAI's key there, or set `base_url` to an endpoint that needs none",
        )
    try:
        return Connection(params.base_url, key or "none")
    except ImportError as error:
        raise DependencyError(
            "dialogue.openai needs the package openai", hint="pip install openai, or use dialogue.llama"
        ) from error


class OpenAiChat(Chat[OpenAiParams]):
    """Answers with a language model behind an OpenAI-compatible endpoint.

    OpenAI's own, or that of llama.cpp, vLLM, Ollama and many others. All sessions of a
    process share up to 32 connections to it, which are kept from one answer to the next;
    `pool: {max: 4}` is for a small server of your own. What fails is not tried twice here:
    say so with `retry`. An answer that is no longer wanted is hung up on.
    """

    connections = Pooled(
        load_connection,
        key=lambda p: (p.base_url, p.api_key_env),
        members=lambda _: (1, MOST),
        wait=WAIT,
        small=True,
    )

    async def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Streams the model's answer to a prompt."""
        import openai  # already loaded, with the connections

        try:
            async with aclosing(self._chunks(messages)) as chunks:
                async for chunk in chunks:
                    if chunk.choices and (piece := chunk.choices[0].delta.content):
                        yield piece
        except PoolExhausted as error:
            raise self._exhausted(error) from error
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            raise self._broken(error) from error

    async def _chunks(self, messages: list[ChatMessage]) -> AsyncGenerator[ChatCompletionChunk, None]:
        # Time goes on while it waits for those who have the connections, for they may wait for time.
        async with self.connections.lease() as connection:
            with self.clock.hold():
                stream = await connection.ask(self._request(messages))
            try:
                while True:
                    with self.clock.hold():
                        chunk = await anext(stream, None)
                    if chunk is None:
                        return
                    yield chunk
            finally:
                with self.clock.hold():
                    await stream.close()

    def _request(self, messages: list[ChatMessage]) -> dict[str, Any]:
        params = self.params
        # OpenAI's newer models refuse the older name, other endpoints do not know the newer.
        limit = "max_tokens" if params.base_url else "max_completion_tokens"
        request = {"model": params.model, "messages": messages, "stream": True, limit: params.max_tokens}
        if params.temperature is not None:
            request["temperature"] = params.temperature
        return request | {"extra_body": params.extra}

    @property
    def _where(self) -> str:
        return self.params.base_url or "OpenAI"

    def _exhausted(self, error: PoolExhausted) -> PoolExhausted:
        most = self.connections.statistics().most
        return PoolExhausted(
            f"all {most} connections to {self._where} were in use for as long as an answer may wait for one",
            retry_after=error.retry_after,
            hint="raise `max` of its `pool` if the endpoint can answer more at a time, or add a `fallback`",
        )

    def _refused(self, error: APIStatusError) -> NodeError:
        params, where, status = self.params, self._where, error.status_code
        later = retry_after(error.response.headers)
        if error.code in _TOO_LONG or error.type in _TOO_LONG:
            return PromptTooLong(f"the prompt is too long for {params.model}", hint="lower `history`")
        if status in (401, 403):
            return DependencyError(
                f"{where} does not accept the key ({status})",
                hint=f"put a key that may use {params.model} into the environment variable {params.api_key_env}",
            )
        if status == 404:
            return DependencyError(
                f"{where} has no model {params.model!r}, or no API is there (404)",
                hint="check `model` and `base_url`, which mostly ends in /v1",
            )
        if status == 429:
            return NetworkError(
                f"{where} takes no more requests now (429)",
                hint="set a `limit`, add a `fallback`, or raise the quota there",
                retry_after=later,
            )
        if status >= 500:
            return NetworkError(f"{where} failed ({status})", hint="try again, or add a `fallback`", retry_after=later)
        return UserInputError(
            f"{where} refused the request ({status}): {error.message}",
            hint="check the node's parameters, above all `extra`",
        )

    def _broken(self, error: Exception) -> NodeError:
        import openai

        if isinstance(error, openai.APITimeoutError):
            return NetworkError(f"{self._where} did not answer in time", hint="is it overloaded? add a `fallback`")
        if isinstance(error, openai.APIConnectionError):
            return NetworkError(
                f"the connection to {self._where} failed", hint="is it running, and is `base_url` right?"
            )
        return NetworkError(f"{self._where} broke off its answer: {error}", hint="add a `fallback`")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which an endpoint takes another request, by its headers; None where they do not say.

    `retry-after-ms` is what OpenAI sends; `Retry-After` has seconds or a date, by the endpoint's clock
    where it tells that (`Date`).
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return seconds
    due = _date(value)
    return None if due is None else max(0.0, (due - (_date(headers.get("date")) or datetime.now(UTC))).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
