"""The user's side of a conversation."""

from __future__ import annotations

from tests.vitagraph.host.realtime.call import Call


def test_input_audio_fallback_detector_begins_no_second_speech() -> None:
    """A client pairs each start with its stop."""
    call = Call()
    call.begin(1000)
    call.begin(1200)
    call.silence(2000)
    call.silence(2000)
    assert call.types == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]


def test_input_audio_turn_cut_for_its_length_is_two_items() -> None:
    """The person speaks on: the words after the cut belong to another message."""
    call = Call()
    call.begin(1000)
    cause = call.causes.begin("turn")
    call.change("committed", cause, "longest")
    call.silence(31_000)
    started, stopped = call.one("input_audio_buffer.speech_started"), call.one("input_audio_buffer.speech_stopped")
    assert call.one("input_audio_buffer.committed")["item_id"] == started["item_id"] != stopped["item_id"]


def test_input_audio_speech_before_the_session_starts_with_it() -> None:
    """The start of a voice is looked for backwards; a time below zero is none for a client."""
    call = Call()
    call.begin(-40)
    assert call.one("input_audio_buffer.speech_started")["audio_start_ms"] == 0
