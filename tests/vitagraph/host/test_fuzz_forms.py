"""Fuzzing of what a client sends as it comes over the wire: forms, offers and events, brief whatever they hold."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import brief, examples
from tests.vitagraph.host.fakes import OFFER
from tests.vitagraph.host.realtime.call import Call
from tests.vitagraph.host.realtime.test_client import answering
from vitagraph.host.errors import ApiError
from vitagraph.host.forms import InvalidForm, parse_form
from vitagraph.host.offer import decode_session
from vitagraph.host.realtime.client import MESSAGE_BYTES

PIECES = (
    b"--x",
    b"--x--",
    b"\r\n--x",
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b'Content-Disposition: form-data; name="sdp"',
    b"Content-Disposition: form-data; name=session; filename=a",
    b"Content-Type: text/plain; charset=utf-16",
    b"Content-Transfer-Encoding: base64",
    OFFER.encode(),
    b'{"instructions": "x"}',
    b'; name="',
    b"\xff",
)
BODIES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=16).map(b"".join)
LONG = st.tuples(BODIES, st.integers(1, 4_000)).map(lambda pair: (pair[0] * pair[1])[:132_000])
"""As long as a form may be, of the same over and over."""
HEADERS = st.lists(
    st.sampled_from(
        ["multipart/form-data", "; boundary=x", '; boundary="x"', "; boundary=", "; charset=utf-7", ";", '"']
    )
    | st.text(max_size=6),
    max_size=6,
).map("".join)


@examples(1_500)
@given(header=HEADERS | st.just("multipart/form-data; boundary=x"), body=BODIES | LONG)
def test_fuzz_form_is_read_or_refused(header: str, body: bytes) -> None:
    with brief(), suppress(InvalidForm):
        for value in parse_form(header, body).values():
            value.decode()


JSON_PIECES = ("{", "}", "[", "]", ":", ",", '"', '"a"', "1", "-", "1e400", "9" * 30, "null", "\\u", '{"a":', "\ud800")
JSON_TEXTS = st.lists(st.sampled_from(JSON_PIECES) | st.text(max_size=4), max_size=20).map("".join)
LONG_JSON = st.tuples(JSON_TEXTS, st.integers(1, 16_000), JSON_TEXTS).map(
    lambda parts: (parts[0] * parts[1])[:63_000] + parts[2]
)


@examples(1_500)
@given(text=JSON_TEXTS | LONG_JSON)
def test_fuzz_session_of_any_json_is_read_or_refused(text: str) -> None:
    with brief(), suppress(ApiError):
        json.dumps(decode_session(text.encode("utf-8", "surrogatepass")))


TYPES = (
    "session.update",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "vitagraph.rating",
    "input_audio_buffer.append",
)
FIELDS = ("session", "item", "item_id", "response", "value", "event_id", "content", "role", "type", "id", "text")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(TYPES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=16,
)
MESSAGES = st.builds(
    lambda type, fields: json.dumps({"type": type, **fields}),
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5),
)
TYPED = st.builds(
    lambda text, role, kind, id: json.dumps(
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": role, "id": id, "content": [{"type": kind, "text": text}]},
        }
    ),
    st.text(max_size=40),
    st.sampled_from(["user", "user", "system"]),
    st.sampled_from(["input_text", "input_text", "input_audio"]),
    st.none() | st.text("ab_ ", max_size=3),
)


@examples(800)
@given(texts=st.lists(MESSAGES | TYPED | JSON_TEXTS | LONG_JSON, min_size=1, max_size=8))
def test_fuzz_event_is_acted_upon_or_refused(texts: list[str]) -> None:
    call = answering()
    for text in texts:
        call.time += 2
        with brief():
            call.conversation.receive(text[:MESSAGE_BYTES])
    _check(call)


@examples(100)
@given(texts=st.lists(MESSAGES | TYPED | JSON_TEXTS, min_size=1, max_size=4), times=st.integers(1, 200))
def test_fuzz_flood_of_events_is_refused_and_ended(texts: list[str], times: int) -> None:
    call = Call()
    for text in texts * times:
        call.conversation.receive(text)
    assert bool(call.asked.hung_up) >= (len(texts) * times > 600)
    _check(call)


def _check(call: Call) -> None:
    for event in call.all("error"):
        assert event["error"]["type"] == "invalid_request_error" and event["error"]["message"]
