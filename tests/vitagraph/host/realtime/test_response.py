"""One answer."""

from __future__ import annotations

import json

import pytest

from pipeline.packet import SECOND
from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.items import Items
from vitagraph.host.realtime.response import MOST_TEXT, Response


def response() -> tuple[Response, list[str]]:
    """An answer whose turn is committed, and what is sent of it."""
    sent: list[str] = []
    writer = EventWriter(sent.append, "a")
    writer.open()
    made = Response(writer, Items(writer))
    made.open()
    return made, sent


@pytest.mark.parametrize(
    ("text", "heard", "told"),
    [
        ("One.\n\nTwo three.", ["One.", "Two"], "One.\n\nTwo"),
        ("  One. Two.", ["One.", "Two."], "One. Two."),
        ("**One.** Two.", ["One.", "Two."], "One. Two."),
        ("One.", [], ""),
        ("", ["One."], "One."),
    ],
)
def test_response_heard_text_is_a_prefix_of_the_text(text: str, heard: list[str], told: str) -> None:
    """A page strikes out what follows it: with other spaces it would not find where that begins."""
    made, _ = response()
    made.add_text(text)
    for piece in heard:
        made.speech_started()
        made.speech_ended(piece, SECOND, last=False)
    assert made.heard == told


def test_response_text_of_an_endless_answer_is_bounded() -> None:
    """A model that loops must not fill the memory of host and page."""
    made, sent = response()
    for _ in range(100):
        made.add_text("x" * 1000)
    made.finish()
    (done,) = [event for event in map(json.loads, sent) if event["type"] == "response.output_audio_transcript.done"]
    assert len(done["transcript"]) == MOST_TEXT


def test_response_ends_once() -> None:
    """A client would count a second end as that of the next answer."""
    made, sent = response()
    made.speech_started()
    made.speech_ended("One.", SECOND, last=True)
    made.cancel("turn_detected")
    made.finish()
    made.dismiss()
    assert sum(json.loads(text)["type"] == "response.done" for text in sent) == 1


def test_response_text_after_the_cut_is_not_sent() -> None:
    """Captions would grow after the person had interrupted."""
    made, sent = response()
    made.add_text("One two.")
    made.speech_started()
    made.cancel("turn_detected")
    made.add_text(" Three.")
    made.speech_ended("One", SECOND, last=False)
    assert not any("Three" in text for text in sent)
