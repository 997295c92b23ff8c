"""Whatever bytes an endpoint sends, they are an answer or a BrokenAnswer, however the network cuts them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from nodes.dialogue._sse import MAX_LINE, AnswerParser, BrokenAnswer, SseDecoder, read_body, read_stream
from nodes.dialogue.openai import MAX_DELAY, retry_after
from tests.fuzzing import examples
from tests.growth import check_linear
from tests.turns_of_the_loop import LONGEST, watched

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
CONTENT = st.one_of(
    st.text(max_size=20), JSON, st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": JSON}))
)
DELTA = st.one_of(st.none(), JSON, st.fixed_dictionaries({"content": CONTENT}))
CHOICE = st.fixed_dictionaries(
    {}, optional={"index": JSON, "delta": DELTA, "message": DELTA, "finish_reason": st.one_of(st.just("stop"), JSON)}
)
CHUNK = st.fixed_dictionaries({}, optional={"choices": st.one_of(JSON, st.lists(CHOICE, max_size=3)), "error": JSON})
LINE = st.one_of(
    CHUNK.map(lambda chunk: b"data: " + json.dumps(chunk).encode()),
    st.sampled_from([b"", b"data: [DONE]", b"data:", b": ping", b"event: error", b"event: ping", b"id: 1", b"data: {"]),
    st.binary(max_size=20),
)
STREAM = st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


async def parts_of(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    """The parts of a response."""
    for part in parts:
        yield part


async def read(parts: Sequence[bytes]) -> str:
    """The text of a streamed answer."""
    return "".join([piece async for piece in read_stream(parts_of(parts), 1 << 20, AnswerParser())])


def outcome(parts: Sequence[bytes]) -> str:
    """The text of an answer, or the reason why it is none."""
    result, longest = asyncio.run(watched(read(parts)))
    assert longest < LONGEST
    if isinstance(result, str):
        result.encode()  # has no half of a character
        return result
    assert isinstance(result, BrokenAnswer), result
    return f"broken: {result}"


@examples(1000)
@given(st.one_of(STREAM, st.binary(max_size=60)), st.lists(st.integers(0, 200), max_size=8))
def test_any_stream_is_an_answer_or_broken_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    """A line feed may come in another part than its carriage return, and a character in two."""
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    parts = [stream[begin:end] for begin, end in itertools.pairwise(places)]
    assert outcome(parts) == outcome([stream]) == outcome([stream[n : n + 1] for n in range(len(stream))])


@examples(500)
@given(st.one_of(CHUNK.map(lambda chunk: json.dumps(chunk).encode()), st.binary(max_size=60)))
def test_any_body_is_an_answer_or_broken(body: bytes) -> None:
    """An endpoint that does not stream may send anything as well."""
    result, _ = asyncio.run(watched(read_body(parts_of([body]), 1 << 20, AnswerParser())))
    assert isinstance(result, str | BrokenAnswer)


def test_decoder_takes_linear_time_however_a_line_is_cut() -> None:
    """A line that comes byte by byte was copied for each of them."""

    def work(size: int) -> object:
        decoder = SseDecoder()
        for _ in range(size):
            assert not list(decoder.feed(b"x"))
        return decoder

    check_linear(lambda size: lambda: work(size), MAX_LINE // 8)


DATES = st.sampled_from(["Sun, 06 Nov 2044 12:00:00 GMT", "Sun, 06 Nov 99999999999999999999 12:00:00 GMT", "6 Nov"])


@examples(1000)
@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.one_of(DATES, st.text())))
def test_retry_delay_of_any_headers_is_none_or_at_most_a_day(headers: dict[str, str]) -> None:
    """A year of twenty digits raised an OverflowError, and 1e300 seconds ended in one."""
    delay = retry_after(headers)
    assert delay is None or 0 <= delay <= MAX_DELAY
    assert retry_after({**headers, "retry-after": "1e300", "retry-after-ms": ""}) == MAX_DELAY
