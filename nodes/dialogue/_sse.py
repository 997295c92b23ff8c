"""Reads the answer of an OpenAI-compatible endpoint, which may be broken or hostile.

What an endpoint sends is bounded in the length of a line and in total, and the event loop gets
its turn after every 4 kB. Exceptions here never contain what the endpoint sent: endpoints
repeat the prompt, and even the key, in their error messages.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from nodes.dialogue._pieces import AnswerCut, Characters, Usage
from nodes.dialogue._rejection import says_too_long
from pipeline.clock import give_way

if TYPE_CHECKING:
    from httpx2 import Response

MAX_LINE = 1 << 17
"""Bytes of a line, and of the data of an event."""
SLICE = 1 << 12
"""Bytes that are parsed before other tasks of the event loop run: at most some 10 ms, if each is a line."""
DRAIN = 0.1
"""Seconds to wait for the end of a response whose answer is complete, so that its connection can be used again."""
TAIL = 200
"""Characters at the end of an answer that tell whether it is complete."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
MAX_TOLD = 1 << 24
"""Tokens of one request from which what an endpoint says is not believed."""
_CUT = frozenset(("length", "max_tokens", "model_length", "content_filter"))
"""Finish reasons of an answer that was stopped: it has used all its tokens, or a filter of the endpoint objects."""
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]*_`]{0,8}\s{0,8}\Z")


class BrokenAnswer(Exception):
    """The endpoint's answer cannot be used; the message has none of the endpoint's own words."""


class OverflowInStream(BrokenAnswer):
    """The endpoint reported, after its response had begun, that the prompt does not fit into the model's context."""


class SseDecoder:
    """Splits bytes into the events of a text/event-stream: pairs of type and data.

    Comments, empty events and fields that mean nothing here are left out. Raises BrokenAnswer
    for a line or an event above 128 kB.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._type = ""
        self._after_return = False
        """Whether the last character was a carriage return, which a line feed may follow."""

    def feed(self, part: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that this part of the stream completes."""
        start = 1 if self._after_return and part.startswith(b"\n") else 0
        self._after_return = part.endswith(b"\r")
        for end in _LINE_END.finditer(part, start):
            self._append(part[start : end.start()])
            start = end.end()
            line = bytes(self._line)
            self._line.clear()
            if event := self._field(line):
                yield event
        self._append(part[start:])

    def finish(self) -> Iterator[tuple[str, bytes]]:
        """The event that the end of the stream completes, if there is one."""
        line = bytes(self._line)
        self._line.clear()
        for each in (line, b""):
            if event := self._field(each):
                yield event

    def _append(self, part: bytes) -> None:
        self._line += part
        if len(self._line) > MAX_LINE:
            raise BrokenAnswer(f"a line has more than {MAX_LINE >> 10} kB")

    def _field(self, line: bytes) -> tuple[str, bytes] | None:
        if not line:
            event = (self._type, b"\n".join(self._data)) if self._data or self._type else None
            self._data, self._size, self._type = [], 0, ""
            return event
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value)
            if self._size > MAX_LINE:
                raise BrokenAnswer(f"an event has more than {MAX_LINE >> 10} kB")
            if value:
                self._data.append(value)
        elif name == b"event":
            self._type = value[:TAIL].decode("utf-8", "replace")
        return None


class AnswerParser:
    """Takes the text out of the chunks of a chat completion."""

    def __init__(self) -> None:
        self.done = False
        """Whether the endpoint has said that its stream ends."""
        self.cut = False
        """Whether the answer was stopped before its end."""
        self.told: tuple[int, int] | None = None
        """Tokens of the prompt and of the answer, where the endpoint says them."""
        self._finished = False
        self._tail = ""
        self._characters = Characters()

    def text(self, kind: str, data: bytes) -> str:
        """The text of an event; empty if it has none. Raises BrokenAnswer for an error and for what is not JSON."""
        self.done = self.done or data.startswith(b"[DONE]")
        if self.done:
            return ""
        if kind == "error":
            raise self._reported(data.decode("utf-8", "replace"))
        if not data:
            return ""
        try:
            chunk = json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise BrokenAnswer("a part of it is not JSON") from None
        if not isinstance(chunk, dict):
            return ""
        if chunk.get("error"):
            raise self._reported(json.dumps(chunk["error"], ensure_ascii=False))
        self.told = _usage(chunk.get("usage")) or self.told
        return self._noted("".join(self._texts(chunk.get("choices"))))

    def _reported(self, error: str) -> BrokenAnswer:
        overflows = not self._tail and says_too_long(error)
        return OverflowInStream("the prompt is too long") if overflows else BrokenAnswer("it reported an error")

    def check_complete(self) -> None:
        """Raises BrokenAnswer if the stream ended in the middle of the answer.

        Where neither `[DONE]` nor a finish reason came, that is judged by the words.
        """
        if not (self.done or self._finished or _SENTENCE_END.search(self._tail)):
            raise BrokenAnswer("its stream ended without a finish reason")

    def _texts(self, choices: Any) -> Iterator[str]:
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict) or choice.get("index") not in (0, None):
                continue  # further answers, where a request asks for several
            reason = choice.get("finish_reason")
            if reason == "error":
                raise BrokenAnswer("it reported an error")
            self._finished = self._finished or bool(reason)
            self.cut = self.cut or (isinstance(reason, str) and reason.lower() in _CUT)
            message = choice.get("delta") or choice.get("message")
            content = (message.get("content") or message.get("refusal")) if isinstance(message, dict) else None
            for each in content if isinstance(content, list) else (content,):
                text = each.get("text") if isinstance(each, dict) and each.get("type") == "text" else each
                if isinstance(text, str):
                    yield text

    def _noted(self, text: str) -> str:
        text = self._characters.join(text)
        self._tail = (self._tail + text)[-TAIL:]
        return text


def _usage(told: Any) -> tuple[int, int] | None:
    """The tokens of prompt and answer in a `usage` object, if it is a sane one."""
    numbers = [told.get(name) for name in ("prompt_tokens", "completion_tokens")] if isinstance(told, dict) else []
    read, written = (numbers[0], numbers[1]) if numbers else (None, None)
    if isinstance(read, int) and isinstance(written, int) and 0 <= read < MAX_TOLD and 0 <= written < MAX_TOLD:
        return read, written
    return None


async def read_answer(response: Response, most: int, usage: Usage) -> AsyncGenerator[str, None]:
    """The text of an answer, piece by piece, from at most `most` bytes; its tokens are counted in `usage`.

    Raises BrokenAnswer or an error of httpx2, and AnswerCut at the end of an answer that has used all its tokens.
    """
    parser = AnswerParser()
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BrokenAnswer("it is compressed, although that was not asked for")
    async with aclosing(response.aiter_raw()) as parts:
        if response.headers.get("content-type", "").startswith(("application/json", "text/html")):
            usage.written = 1
            yield await read_body(parts, most, parser)
        else:
            async with aclosing(read_stream(parts, most, parser)) as pieces:
                async for piece in pieces:
                    usage.written += 1
                    yield piece
            await _drain(parts)
    usage.read, usage.written = parser.told or (usage.read, usage.written)
    if parser.cut:
        raise AnswerCut


async def read_stream(parts: AsyncIterator[bytes], most: int, parser: AnswerParser) -> AsyncGenerator[str, None]:
    """The text of a streamed answer, piece by piece, from at most `most` bytes; raises BrokenAnswer."""
    decoder = SseDecoder()
    async with aclosing(_sliced(parts, most)) as slices:
        async for part in slices:
            for event in decoder.feed(part):
                if text := parser.text(*event):
                    yield text
            if parser.done:
                return
    for event in decoder.finish():
        if text := parser.text(*event):
            yield text
    parser.check_complete()


async def read_body(parts: AsyncIterator[bytes], most: int, parser: AnswerParser) -> str:
    """The text of an answer that is one JSON object; raises BrokenAnswer."""
    body = bytearray()
    async with aclosing(_sliced(parts, min(most, MAX_LINE))) as slices:
        async for part in slices:
            body += part
    text = parser.text("", bytes(body))
    if not text:
        raise BrokenAnswer("it is no answer of a chat model")
    return text


async def _sliced(parts: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    async for part in parts:
        most -= len(part)
        if most < 0:
            raise BrokenAnswer("it is too long")
        for start in range(0, len(part), SLICE):
            yield part[start : start + SLICE]
            await give_way()


async def _drain(parts: AsyncIterator[bytes]) -> None:
    import httpx2  # already loaded, with the connection

    with suppress(TimeoutError, BrokenAnswer, httpx2.HTTPError):
        async with asyncio.timeout(DRAIN), aclosing(_sliced(parts, MAX_LINE)) as rest:
            async for _ in rest:
                pass
