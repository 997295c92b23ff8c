"""Which response belongs to which cause, and which one is active."""

from __future__ import annotations

from pipeline.cause import Cause
from tests.vitagraph.host.realtime.call import Call
from vitagraph.host.realtime.response_tracker import KEPT, MOST_RATED


def test_response_tracker_finds_a_response_by_its_cause() -> None:
    """The report of where the silence went is shown beside the answer that it is about."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    assert call.conversation.response_of(cause.id) == call.one("response.created")["response"]["id"]
    assert call.conversation.response_of(cause.id + 1) is None


def test_response_tracker_forgets_old_causes_but_accepts_their_ratings() -> None:
    """A page shows more answers than the host needs to know all about."""
    call = Call()
    for _ in range(KEPT + 1):
        cause = call.speak()
        call.change("committed", cause)
        call.answer(cause, "Yes.")
    first = call.all("response.created")[0]["response"]["id"]
    assert MOST_RATED > KEPT
    assert call.conversation.response_of(1) is None
    call.send("vitagraph.rating", response=first, value=1)
    assert call.asked.rated == [(first, 1)]


def interrupted(reason: str) -> tuple[Call, Cause, Cause]:
    """The second turn is committed while it is not known yet how much was heard of the answer to the first."""
    call = Call()
    first = call.speak()
    call.change("committed", first)
    call.stream(first, "One two.")
    call.play(first)
    call.change("interrupted", first, reason)
    second = call.speak()
    call.change("committed", second)
    return call, first, second


def test_response_tracker_delays_a_response_until_the_one_before_is_over() -> None:
    """How much of the old one was heard is told a moment after the new turn is committed."""
    call, first, second = interrupted("a new turn")
    call.stream(second, "Three.")
    assert len(call.all("response.created")) == 1
    call.played(first, "One", 100)
    assert call.types.index("response.done") < len(call.types) - call.types[::-1].index("response.created") - 1
    assert len(call.all("response.created")) == 2


def test_response_tracker_starts_a_response_being_heard_at_once() -> None:
    """A sink that dies never tells how far it got: the conversation goes on all the same."""
    call, first, second = interrupted("a new turn")
    call.answer(second, "Three.")
    call.played(first, "One", 100)
    assert [event["response"]["status"] for event in call.all("response.done")] == ["cancelled", "completed"]


def test_response_tracker_never_reports_a_response_cancelled_while_waiting() -> None:
    """Else a client would see an answer begin that nobody wants any more."""
    call, first, second = interrupted("voice")
    call.change("interrupted", second, "voice")
    call.played(first, "One", 100)
    assert len(call.all("response.created")) == 1
    call.send("response.cancel")
    assert call.error()["code"] == "response_cancel_not_active"


def test_response_tracker_does_not_take_a_response_of_two_sources_twice() -> None:
    """The text comes as deltas, sentences and speech; two equal pieces of one kind are two."""
    call = Call()
    cause = call.speak()
    call.change("committed", cause)
    call.stream(cause, "No.", " No.", " No.")
    deltas = call.all("response.output_audio_transcript.delta")
    assert "".join(each["delta"] for each in deltas) == "No. No. No."
