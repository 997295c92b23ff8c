"""An endpoint that is broken or hostile costs its answer, and neither memory nor the time of other calls."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from nodes.dialogue._pieces import MAX_DELTA
from nodes.dialogue._service import MAX_MORE, MAX_TOKEN
from nodes.dialogue.openai import OpenAiChat, OpenAiParams, load_connection, without_secrets
from nodes.packets import TextDelta
from pipeline.compute.pool import Pool
from pipeline.errors import DependencyError, NetworkError, NodeError, UserInputError
from pipeline.runtime.runner import Runner
from tests.nodes.dialogue.endpoint import Reply, Script, endpoint, says
from tests.nodes.dialogue.talk import heard, said, settle, start, talk
from tests.turns_of_the_loop import LONGEST, watched

KEY = "sk-SecretOfTheOperator0123456789"
QUESTION = "Please transfer seventeen thousand to Rumpelstiltskin."


def chunk(text: Any, **more: Any) -> str:
    """One event of a stream."""
    return json.dumps({"id": "x", "choices": [{"index": 0, "delta": {"content": text}, **more}]})


def asked(script: Script, **settings: Any) -> tuple[list[TextDelta] | Exception, float]:
    """The deltas that answer one question, or what was raised; and the longest step of the event loop."""

    async def main(url: str) -> tuple[list[TextDelta] | Exception, float]:
        async with Runner() as runner:
            node = OpenAiChat(base_url=url, **{"model": "m", **settings})
            pool: Pool[Any] = await runner.resources.get(OpenAiChat.connections, node.params)
            start(node, {"connections": pool})

            async def answer() -> list[TextDelta]:
                return [delta async for delta in node.reply(heard(QUESTION))]

            result = await watched(answer())
            await settle()
            return result

    with endpoint(script) as served:
        return asyncio.run(main(served.url))


def answered(script: Script, **settings: Any) -> str:
    """The answer to one question; the event loop had its turns."""
    result, longest = asked(script, **settings)
    assert isinstance(result, list), result
    assert longest < LONGEST
    assert all(len(delta.text) <= MAX_DELTA for delta in result)
    assert result[-1].end
    return said(result)


def refused(script: Script, **settings: Any) -> NodeError:
    """What is raised instead of an answer; the event loop had its turns."""
    result, longest = asked(script, **settings)
    assert isinstance(result, NodeError), result
    assert longest < LONGEST
    return result


def floods(content: bytes) -> Script:
    """Sends this again and again, until the client leaves."""

    def script(reply: Reply) -> None:
        reply.begin()
        while True:
            reply.part(content)

    return script


def events(*data: str) -> bytes:
    """Events of a stream."""
    return "".join(f"data: {each}\n\n" for each in data).encode()


# --- bounds

ENDLESS = {
    "a line": (b"data: " + b"x" * 60_000, "a line has more than 128 kB"),
    "a delta": (b'data: {"choices": [{"delta": {"content": "' + b"x" * 60_000, "a line has more than 128 kB"),
    "lines of one event": (b"data: xxxxxxxxxxxxxxxxxxxxxxxxx\n" * 2000, "an event has more than 128 kB"),
    "comments": (b":\n" * 30_000, "it is too long"),
    "empty lines": (b"\n" * 60_000, "it is too long"),
    "carriage returns": (b"\r" * 60_000, "it is too long"),
    "empty data": (b"data:\n\n" * 8_000, "it is too long"),
    "pings": (b'event: ping\ndata: {"type": "ping"}\n\n' * 1_500, "it is too long"),
    "empty deltas": (events(*[chunk("")] * 600), "it is too long"),
    "other answers": (events(*[chunk("x").replace('"index": 0', '"index": 1')] * 600), "it is too long"),
    "reasoning": (events(*['{"choices": [{"delta": {"reasoning_content": "hmm"}}]}'] * 600), "it is too long"),
    "no objects": (events(*["1"] * 6_000), "it is too long"),
}


@pytest.mark.parametrize(("content", "reason"), ENDLESS.values(), ids=ENDLESS)
def test_endless_stream_without_an_answer_is_an_error(content: bytes, reason: str) -> None:
    """A line without end filled the memory, and events without text were read for ever."""
    error = refused(floods(content))
    assert isinstance(error, NetworkError)
    assert error.message.endswith(f"broke off its answer: {reason}")


@pytest.mark.parametrize("piece", ["a", "word ", "x" * 10_000, "1/2 ", "😀"], ids=len)
def test_endless_answer_is_cut_off(piece: str) -> None:
    """A million tiny deltas, or an answer that goes on and on: a call ends where `max_tokens` would have ended it."""
    text = answered(floods(events(*[chunk(piece)] * (20_000 // len(piece)))), max_tokens=50)
    assert text == (piece * len(text))[: len(text)]
    assert len(text) == MAX_MORE + MAX_TOKEN * 50


def test_endless_answer_ends_the_request() -> None:
    """The endpoint notices, and a paid one stops counting."""
    with endpoint(floods(events(chunk("word ")))) as served:
        talk(OpenAiChat(model="m", base_url=served.url), heard("Go."))
        assert served.left.wait(5)


def test_stream_of_single_bytes_leaves_the_loop_its_turns() -> None:
    """Each byte in a chunk of its own: 10,000 of them are in one packet of the network."""

    def script(reply: Reply) -> None:
        reply.begin()
        content = events(*map(chunk, ["Yes, ", *["word "] * 200]), "[DONE]")
        reply.handler.wfile.write(b"".join(b"1\r\n%c\r\n" % each for each in content))

    assert answered(script).startswith("Yes, word ")


def test_large_delta_takes_little_memory() -> None:
    """100 MB for a delta of 100 MB would end a host of a hundred calls."""

    def script(reply: Reply) -> None:
        reply.begin()
        reply.part(b'data: {"choices": [{"delta": {"content": "')
        for _ in range(100):
            reply.part(b"x" * 1_000_000)

    tracemalloc.start()
    try:
        asked(script)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("status", [302, 400, 503])
def test_long_body_of_an_error_is_not_read(status: int) -> None:
    """The package reads the body of an error whole, before anything can bound it."""
    sent = 0

    def script(reply: Reply) -> None:
        nonlocal sent
        reply.handler.send_response(status)
        reply.handler.send_header("Transfer-Encoding", "chunked")
        reply.handler.send_header("Location", "/v1/elsewhere")
        reply.handler.end_headers()
        while sent < 100_000_000:
            reply.part(b"x" * 60_000)
            sent += 60_000

    refused(script)
    assert sent < 20_000_000  # it is in buffers of the system


@pytest.mark.parametrize("status", [200, 400])
def test_compressed_body_is_not_unpacked(status: int) -> None:
    """A few bytes can stand for gigabytes."""

    def script(reply: Reply) -> None:
        assert reply.handler.headers["Accept-Encoding"] == "identity"
        reply.handler.send_response(status)
        reply.handler.send_header("Content-Type", "text/event-stream")
        reply.handler.send_header("Content-Encoding", "gzip")
        reply.handler.send_header("Content-Length", "4")
        reply.handler.end_headers()
        reply.handler.wfile.write(b"\x1f\x8b\x08\x00")

    message = refused(script).message
    assert "it is compressed" in message if status == 200 else "(400)" in message


@pytest.mark.parametrize(
    "data",
    ["[" * 100_000, '{"a":' * 20_000, "1" * 100_000, '{"choices": ' + "[{}," * 30_000, '{"a": "\\ud83d'],
    ids=len,
)
def test_impossible_json_is_an_error(data: str) -> None:
    """A RecursionError, or a number of thousands of digits, is no reason to blame the program."""
    assert "a part of it is not JSON" in refused(lambda reply: (reply.begin(), reply.raw(data))[1]).message  # type: ignore[func-returns-value]


# --- odd chunks


def stream(*data: str, done: bool = True) -> Script:
    """Streams these events."""

    def script(reply: Reply) -> None:
        reply.begin()
        for each in (*data, *["[DONE]"] * done):
            reply.raw(each)

    return script


ODD = {
    "no delta": '{"choices": [{"index": 0, "finish_reason": null, "content_filter_results": {}}]}',
    "delta null": '{"choices": [{"index": 0, "delta": null, "finish_reason": null}]}',
    "content null": chunk(None),
    "content is a number": chunk(3),
    "thoughts": chunk([{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}]),
    "no choices": '{"id": "c1", "object": "ping"}',
    "choices null": '{"id": "c1", "choices": null}',
    "choices empty": '{"id": "", "choices": [], "prompt_filter_results": []}',
    "choice is text": '{"choices": ["x"]}',
    "usage": '{"choices": [], "usage": {"total_tokens": 3}}',
    "error null": '{"error": null, "choices": []}',
    "another answer": chunk("no").replace('"index": 0', '"index": 1'),
    "no object": "[1, 2]",
    "empty": "",
    "comment": "\n: OPENROUTER PROCESSING",
    "ping": '\nevent: ping\ndata: {"type": "ping"}',
    "unknown fields": "\nid: 7\nretry: 1000\nnothing",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_chunk_without_text_is_no_failure(odd: str) -> None:
    """Azure's filters, OpenRouter's heartbeats and others send chunks that say nothing."""
    assert answered(stream(odd, chunk("Yes, "), odd, chunk("it is."), odd)) == "Yes, it is."


def test_text_in_a_list_of_parts_is_read() -> None:
    """Some models answer in parts."""
    assert answered(stream(chunk([{"type": "text", "text": "Yes."}]))) == "Yes."


def test_answer_in_one_json_object_is_read() -> None:
    """Some endpoints do not stream, whatever they are asked for."""

    def script(reply: Reply) -> None:
        reply.json(200, {"choices": [{"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}]})

    assert answered(script) == "Yes."


@pytest.mark.parametrize("content", [{"error": "loading"}, {"choices": []}, []])
def test_json_object_without_an_answer_is_an_error(content: Any) -> None:
    """Not an empty answer."""
    assert "broke off its answer" in refused(lambda reply: reply.json(200, content)).message


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_may_end_as_the_standard_allows(end: str) -> None:
    """Also where a carriage return and its line feed come in two parts."""

    def script(reply: Reply) -> None:
        reply.begin()
        for event in (chunk("Yes, "), chunk("it is."), "[DONE]"):
            for part in f"data:{event}{end}{end}":
                reply.part(part.encode())

    assert answered(script) == "Yes, it is."


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Hi ", "\ud83d", "\ude00", " you."], "Hi 😀 you."),
        (["Hi \ud83d\ude00 you."], "Hi 😀 you."),
        (["Hi \ude00 you."], "Hi \ufffd you."),
        (["Hi \ud83d", " you."], "Hi \ufffd you."),
        (["Hi.", "\ud83d"], "Hi."),
    ],
)
def test_halves_of_a_character_are_put_together(pieces: list[str], text: str) -> None:
    """A half cannot be encoded: it ended a replay, and spoiled the rest of a call."""
    assert answered(stream(*map(chunk, pieces))) == text


# --- how it ends


def test_stream_with_a_finish_reason_is_complete() -> None:
    """With or without `[DONE]`, and whatever its words are."""
    assert answered(stream(chunk("Well", finish_reason="stop"), done=False)) == "Well"
    assert answered(stream(chunk("Well"))) == "Well"


def test_stream_without_a_finish_reason_is_complete_if_its_sentence_is() -> None:
    """Some endpoints just close the connection; others do so when they fail."""
    assert answered(stream(chunk("Yes, "), chunk("it is."), done=False)) == "Yes, it is."
    error = refused(stream(chunk("Yes, "), chunk("it"), done=False))
    assert error.message.endswith("its stream ended without a finish reason")


@pytest.mark.parametrize(
    "event",
    [
        '\nevent: error\ndata: {"message": "boom"}',
        '{"error": {"message": "The server is overloaded", "code": 503}}',
        '{"error": "boom"}',
        chunk("", finish_reason="error"),
    ],
)
def test_error_in_the_stream_is_an_error(event: str) -> None:
    """An answer that stops with an error is not a complete one."""
    error = refused(stream(chunk("Yes, "), event, chunk("it is."), done=True))
    assert isinstance(error, NetworkError)
    assert error.message.endswith("broke off its answer: it reported an error")


def test_connection_is_used_again_after_an_answer() -> None:
    """Reading the answer here must not cost each question a new connection."""
    with endpoint(says("Yes.")) as served:
        talk(OpenAiChat(model="m", base_url=served.url), *(heard(str(number)) for number in range(4)))
    assert len(served.connections) == 1


# --- what errors say

ECHOES: dict[str, Callable[[Reply], None]] = {
    "status 400": lambda reply: reply.error(400, f"cannot parse {QUESTION} with {KEY}", code=QUESTION, param=QUESTION),
    "status 422": lambda reply: reply.error(422, f"{QUESTION} {KEY}", type=f"bad_{KEY}", code=["x"]),
    "word of the prompt": lambda reply: reply.error(400, "no", code="seventeen_thousand", type="Rumpelstiltskin"),
    "key as a code": lambda reply: reply.error(400, "no", code=KEY.replace("-", "_"), param={"a": 1}),
    "status 401": lambda reply: reply.error(401, f"Incorrect API key provided: {KEY}"),
    "status 404": lambda reply: reply.error(404, f"no {QUESTION} {KEY}"),
    "status 429": lambda reply: reply.error(429, f"no {QUESTION} {KEY}", code=QUESTION),
    "status 500": lambda reply: reply.error(500, f"{QUESTION} {KEY}" * 1000),
    "error event": stream(chunk("Yes "), json.dumps({"error": {"message": f"{QUESTION} {KEY}"}})),
    "not JSON": stream(chunk("Yes "), f"{{{QUESTION} {KEY}"),
    "type of the event": stream(chunk("Yes "), f"\nevent: error\ndata: {QUESTION} {KEY}"),
    "page": lambda reply: reply.json(200, f"{QUESTION} {KEY}"),
    "no HTTP": lambda reply: reply.handler.wfile.write(f"HTTP/1.1 {QUESTION} {KEY}\r\n\r\n".encode()),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES)
def test_error_says_nothing_of_the_prompt_or_the_key(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are shown at /readyz and written to logs; endpoints repeat in theirs what they were sent."""
    monkeypatch.setenv("MY_KEY", KEY)
    error = refused(script, api_key_env="MY_KEY", system="Be discreet about Paddington.")
    shown = f"{error} {error!r} {error.__cause__!r}"
    for word in (KEY, "SecretOfTheOperator", "seventeen", "Rumpelstiltskin", "Paddington"):
        assert word.lower() not in shown.lower()
    assert len(shown) < 500
    assert error.__suppress_context__ and error.__cause__ is None


def test_rejected_request_names_the_code_and_the_parameter() -> None:
    """What the operator needs to correct the graph."""
    error = refused(
        lambda reply: reply.error(
            400, "Unsupported parameter: 'max_tokens'", code="unsupported_parameter", param="max_tokens"
        )
    )
    assert isinstance(error, UserInputError)
    assert error.message.endswith("rejected the request (400): unsupported_parameter, `max_tokens`")
    assert refused(lambda reply: reply.error(400)).message.endswith("(400): it gave no error code")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:80/v1", "http://127.0.0.1:80/v1"),
        ("https://user:pass@host.example/v1?api-key=secret#x", "https://host.example/v1"),
        ("http://a@b@c/v1", "http://c/v1"),
    ],
)
def test_url_is_shown_without_secrets(url: str, shown: str) -> None:
    """Some endpoints take the key in their URL."""
    assert without_secrets(url) == shown


@pytest.mark.parametrize("key", ["sk-é", "sk-\nsecond", "sk-\x00"])
def test_key_that_cannot_be_sent_is_refused_without_showing_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception of an encoder shows the whole text that it could not encode."""
    monkeypatch.setattr("os.environ", {"MY_KEY": key})
    with pytest.raises(DependencyError, match="MY_KEY is not an API key") as raised:
        load_connection(OpenAiParams(model="m", base_url="http://127.0.0.1/v1", api_key_env="MY_KEY"))
    assert "sk-" not in str(raised.value)


def test_key_may_end_with_a_line_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """As keys do that are read from files."""
    monkeypatch.setenv("MY_KEY", "secret\n")
    with endpoint(says("Yes.")) as served:
        talk(OpenAiChat(model="m", base_url=served.url, api_key_env="MY_KEY"), heard("one"))
    assert served.keys == ["Bearer secret"]


def test_half_a_character_in_the_question_is_replaced() -> None:
    """A client may send one; it cannot be encoded, and the exception showed the whole prompt."""
    with endpoint(says("Yes.")) as served:
        talk(OpenAiChat(model="m", base_url=served.url, system=""), heard("What is \ud83d?"))
    assert [message["content"] for message in served.bodies[0]["messages"]] == ["What is ??"]
