"""The rates of a client: nobody who means well notices them."""

from __future__ import annotations

from collections import Counter

from tests.vitagraph.host.realtime.call import Call
from vitagraph.host.realtime.rate import (
    EVENT_BYTES,
    EVENTS,
    EVENTS_AT_ONCE,
    REFUSED_AT_ONCE,
    RESPONSES_AT_ONCE,
    EventRate,
)

CLEAR = '{"type":"output_audio_buffer.clear"}'


def test_event_rate_refuses_a_flood_then_hangs_up() -> None:
    """It says so once a second, not for each event."""
    rate = EventRate(lambda: 0.0)
    verdicts = [rate.take_event(10) for _ in range(600)]
    counts = Counter(verdicts)
    assert (counts["accept"], counts["refuse"]) == (EVENTS_AT_ONCE, 1)
    assert counts["ignore"] == REFUSED_AT_ONCE - 1
    assert set(verdicts[500:]) == {"hang_up"}


def test_event_rate_accepts_the_rate_for_ever() -> None:
    now = 0.0
    rate = EventRate(lambda: now)
    for step in range(round(60 * EVENTS)):
        now = step / EVENTS
        assert rate.take_event(10) == "accept"


def test_event_rate_counts_long_events_by_their_length() -> None:
    """They take longer to read."""
    rate = EventRate(lambda: 0.0)
    verdicts = [rate.take_event(16 * EVENT_BYTES) for _ in range(20)]
    assert verdicts.count("accept") == EVENTS_AT_ONCE // 17


def test_client_flood_gets_an_error_then_is_hung_up() -> None:
    """Events of any kind, valid or not; what comes after is not even read."""
    call = Call()
    for text in [CLEAR] * 200 + ["{"] * 100:
        call.conversation.receive(text)
    assert call.error()["code"] == "rate_limit_exceeded"
    assert call.asked.hung_up == []
    for text in ["{"] * 300:
        call.conversation.receive(text)
    assert call.asked.hung_up and "too many events" in call.asked.hung_up[0]
    assert len(call.all("error")) < 60


def test_client_that_hears_its_responses_may_ask_for_any_number() -> None:
    """However short they are."""
    call = Call()
    call.pace = 0
    for number in range(20):
        call.type_text(f"Question {number}")
        call.send("response.create")
        cause = call.causes.begin("turn")
        call.change("committed", cause, "typed")
        call.answer(cause, "Yes.")
    assert len(call.asked.said) == 20
    assert call.all("error") == []


def test_client_may_ask_for_so_many_responses() -> None:
    """Each takes a model's time; the text that was typed stays for the next request."""
    call = Call()
    call.pace = 0
    for number in range(8):
        call.type_text(f"Question {number}")
        call.send("response.create")
    assert len(call.asked.said) == RESPONSES_AT_ONCE
    assert call.error()["code"] == "rate_limit_exceeded"
    call.time += 2
    call.send("response.create")
    assert call.asked.said[-1] == "Question 5\nQuestion 6\nQuestion 7"
    assert call.asked.hung_up == []
