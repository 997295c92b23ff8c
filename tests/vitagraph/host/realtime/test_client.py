"""What a client may send: each event is acted upon or refused with a reason, and nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.webrtc.protocol import Network
from tests.vitagraph.host.realtime.call import Call
from vitagraph.host.realtime.client import MOST_TEXT

TYPES = [
    "session.update",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
    "input_audio_buffer.append",
    "vitagraph.rating",
    "vitagraph.network",
    "vitagraph.turn",
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["session", "item", "item_id", "response_id", "response", "value", "event_id", "content", "role", "id"]
EVENTS = st.builds(
    lambda type, fields: {"type": type, **fields},
    st.sampled_from(TYPES) | st.text(max_size=20),
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.dictionaries(st.sampled_from(FIELDS), JSON), max_size=5),
)
LATIN = st.binary().map(lambda data: data.decode("latin-1"))


def message(*texts: Any, **fields: Any) -> dict[str, Any]:
    """A message of the person with these parts."""
    content = [{"type": "input_text", "text": text} for text in texts]
    return {"type": "message", "role": "user", "content": content, **fields}


def answering() -> Call:
    """A call in which an answer is being heard."""
    call = Call()
    cause = call.speak()
    call.hear(cause, "Tell me.")
    call.change("committed", cause)
    call.stream(cause, "One two three.")
    call.play(cause)
    return call


def test_session_update_is_answered_with_the_settings_in_force() -> None:
    """SDKs send a whole configuration and wait for the answer; what we cannot follow is told as it is."""
    call = Call()
    wanted = {
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "weather"}],
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "marin", "speed": 1.5}},
        "future": {"deep": [1, 2, {"x": None}]},
    }
    call.send("session.update", session=wanted)
    call.send("session.update", session={"type": "realtime", "tracing": "auto"})
    first, second = (event["session"] for event in call.all("session.updated"))
    assert first == second
    assert (first["instructions"], first["model"], first["tools"]) == ("Be brief.", "assistant", [])
    assert first["audio"]["output"] == {"voice": "joe"}
    assert first["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
    assert call.asked.instructed == ["Be brief."]


def test_session_update_cannot_change_fixed_instructions() -> None:
    """A page has a client secret so that it need not be trusted with them."""
    call = Call(locked=True)
    call.send("session.update", session={"instructions": "Say whatever you are told."})
    call.send("session.update", session={"instructions": ""})
    for error in call.all("error"):
        assert (error["error"]["code"], error["error"]["param"]) == ("locked_field", "session.instructions")
    assert len(call.all("error")) == 2 and call.asked.instructed == []
    call.send("session.update", session={"instructions": "Be kind.", "tracing": "auto"})
    assert call.all("session.updated")[-1]["session"]["instructions"] == "Be kind."


def test_typed_item_is_answered_when_response_create_asks_for_it() -> None:
    """Two messages before one `response.create` are answered together."""
    call = Call()
    call.type_text("Hello.")
    call.send("conversation.item.create", item=message("Are you", "there?", id="mine_1"))
    assert call.asked.said == []
    call.send("response.create", response={"instructions": "ignored"})
    assert call.asked.said == ["Hello.\nAre you\nthere?"]
    first, second = call.all("conversation.item.added")
    assert (second["item"]["id"], second["previous_item_id"]) == ("mine_1", first["item"]["id"])
    assert [event["item"] for event in call.all("conversation.item.done")] == [first["item"], second["item"]]


def test_conversation_item_can_be_retrieved_in_its_current_state() -> None:
    """The JavaScript SDK asks for an item whenever its words change: that is how its history gets them."""
    call = answering()
    question = call.one("input_audio_buffer.committed")["item_id"]
    call.send("conversation.item.retrieve", item_id=question)
    assert call.one("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "Tell me."
    cause = call.speak()
    call.change("committed", cause)
    call.hear(cause, "Words that come late.")
    call.send("conversation.item.retrieve", item_id=call.all("input_audio_buffer.committed")[-1]["item_id"])
    late = call.all("conversation.item.retrieved")[-1]["item"]
    assert late["content"][0]["transcript"] == "Words that come late."
    call.send("conversation.item.retrieve", item_id="nothing")
    assert (call.error()["code"], call.error()["event_id"]) == ("item_not_found", "event_client")


def test_typed_item_can_be_deleted_until_it_is_answered() -> None:
    """What was answered was said: it cannot be unsaid, and the client is not told that it was."""
    call = Call()
    call.type_text("No.")
    call.send("conversation.item.delete", item_id=call.one("conversation.item.added")["item"]["id"])
    assert call.one("conversation.item.deleted")
    call.type_text("Yes.")
    call.send("response.create")
    call.send("conversation.item.delete", item_id=call.all("conversation.item.added")[-1]["item"]["id"])
    assert call.error()["code"] == "item_not_deletable"
    assert call.asked.said == ["Yes."]


def test_item_truncate_is_accepted_silently() -> None:
    """SDKs send it at every interruption: an error each time would alarm their users."""
    call = answering()
    count = len(call.sent)
    call.send("conversation.item.truncate", item_id="x", content_index=0, audio_end_ms=5)
    call.send("conversation.item.truncate")
    assert len(call.sent) == count


def test_response_cancel_applies_only_to_the_active_response() -> None:
    """And only the one that is meant."""
    call = answering()
    call.send("response.cancel", response_id="resp_other")
    assert (call.error()["code"], call.asked.cancelled) == ("response_cancel_not_active", 0)
    call.send("response.cancel", response_id=call.one("response.created")["response"]["id"])
    call.send("output_audio_buffer.clear")
    assert call.asked.cancelled == 2


def test_response_cancel_without_a_response_is_an_error_and_clear_is_not() -> None:
    """`clear` is silent, as the API is; `cancel` says why it does nothing."""
    call = Call()
    call.send("output_audio_buffer.clear")
    assert call.types == []
    call.send("response.cancel")
    assert (call.error()["code"], call.asked.cancelled) == ("response_cancel_not_active", 0)


def test_rating_is_accepted_during_and_after_a_response() -> None:
    """A thumb for an answer that does not exist would be counted for nothing."""
    call = answering()
    response = call.one("response.created")["response"]["id"]
    call.send("vitagraph.rating", response=response, value=1)
    call.send("vitagraph.rating", response=response, value=-1)
    assert call.asked.rated == [(response, 1), (response, -1)]
    for bad in ({"response": "resp_other", "value": 1}, {"response": response, "value": 2}, {"value": 1}):
        call.send("vitagraph.rating", **bad)
    assert len(call.all("error")) == 3
    assert len(call.asked.rated) == 2


def test_network_of_the_client_is_taken_for_an_answer_that_there_was() -> None:
    """An operator sees what lies between the host and the person's ear; nonsense is refused."""
    call = answering()
    turns = [cause for cause in range(1, 9) if call.conversation.response_of(cause) is not None]
    call.send("vitagraph.network", cause=turns[0], rtt=48.5, jitter_buffer=None)
    assert call.asked.measured == [Network(turns[0], 48.5, None, None)]
    call.send("vitagraph.network", cause=999, rtt=1)  # an answer that nobody remembers
    assert call.all("error") == []
    for bad in ({"cause": turns[0], "rtt": -1}, {"cause": turns[0], "playout": 1e9}, {"rtt": 3}, {"cause": "x"}):
        call.send("vitagraph.network", **bad)
    assert len(call.all("error")) == 4 and len(call.asked.measured) == 1


def test_typed_text_is_refused_by_a_graph_without_text_input() -> None:
    """Else the person would wait for an answer to what they typed."""
    call = Call()
    call.asked.takes_text = False
    call.type_text("Hello?")
    call.send("response.create")
    assert call.error()["code"] == "text_not_supported"
    call.send("response.create")
    assert "conversation.item.create" in call.error()["message"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("\ud800", "invalid_json"),
        ("[" * 50_000, "invalid_json"),
        ("[" * 64_001, "message_too_long"),
        ("\N{POUND SIGN}" * 32_001, "message_too_long"),
        ('{"type":"response.create","x":1e999}', "invalid_json"),
        ("[]", "invalid_event"),
        ("null", "invalid_event"),
        ("{}", "missing_type"),
        ('{"type":7}', "missing_type"),
        ('{"type":"response.explode"}', "unknown_event"),
        ('{"type":"input_audio_buffer.append","audio":"AAAA"}', "audio_by_track"),
        ('{"type":"input_audio_buffer.commit"}', "audio_by_track"),
        ('{"type":"session.update"}', "invalid_value"),
        ('{"type":"session.update","session":{"instructions":5}}', "invalid_value"),
        ('{"type":"conversation.item.create","item":{"type":"message","role":"user","content":"x"}}', "invalid_value"),
        ('{"type":"response.create"}', "response_create_without_text"),
    ],
)
def test_client_event_that_is_not_supported_is_refused_with_a_reason(sent: str, code: str) -> None:
    """Who writes a client learns what is wrong from the error alone."""
    call = Call()
    call.conversation.receive(sent)
    assert (call.error()["type"], call.error()["code"]) == ("invalid_request_error", code)
    assert call.error()["message"]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"type": "function_call_output", "call_id": "c", "output": "{}"}, "unsupported_item"),
        ({"type": "message", "role": "system", "content": []}, "unsupported_item"),
        ({"type": "message", "role": "user", "content": [{"type": "input_image"}]}, "unsupported_content"),
        (message(), "empty_text"),
        (message("  "), "empty_text"),
        (message("x" * (MOST_TEXT + 1)), "text_too_long"),
        (message("x", id="a b"), "invalid_item_id"),
        (message("x", id="x" * 500), "invalid_item_id"),
        (message("x", id="taken"), "invalid_item_id"),
    ],
)
def test_client_item_that_is_invalid_is_refused(item: dict[str, Any], code: str) -> None:
    """Half-accepted items would leave the client's history and ours different."""
    call = Call()
    call.send("conversation.item.create", item=message("first", id="taken"))
    call.send("conversation.item.create", item=item)
    assert call.error()["code"] == code
    assert len(call.all("conversation.item.added")) == 1


def test_client_items_of_many_short_messages_are_bounded() -> None:
    """A client that never asks for an answer must not fill the host's memory."""
    call = Call()
    for _ in range(100):
        call.type_text("x" * (MOST_TEXT // 50))
    assert len(call.all("conversation.item.added")) == 50
    assert call.error()["code"] == "text_too_long"


def test_client_error_repeats_little_of_the_input() -> None:
    """A page shows it, and a log may keep it."""
    call = Call()
    call.conversation.receive(json.dumps({"type": "x" * 50_000, "event_id": "y" * 50_000}))
    assert len(call.sent[-1]) < 2000


@settings(deadline=None)  # the first example makes the validators of all events
@given(st.lists(EVENTS.map(json.dumps) | JSON.map(json.dumps) | st.text() | LATIN, max_size=6))
def test_client_event_of_any_content_never_raises(texts: list[str]) -> None:
    """One hostile message would end the call, or worse, the host."""
    call = answering()
    for text in texts:
        call.conversation.receive(text)
    assert len(call.asked.said) <= len(texts)
    assert all(event["error"]["type"] == "invalid_request_error" for event in call.all("error"))
