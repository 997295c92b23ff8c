"""`dialogue.echo`: plays the caller's audio back."""

from __future__ import annotations

import numpy as np

from nodes.dialogue.echo import Echo
from nodes.packets import Speech, Utterance
from pipeline.packet import MILLISECOND, Packet
from pipeline.testing import root_stamp, run_node


def utterance(samples: int, *, whole: bool = True) -> Utterance:
    """An utterance of so many samples at 16 kHz."""
    return Utterance(root_stamp(), np.arange(samples, dtype=np.int16), 16_000, whole)


def test_dialogue_echo_returns_the_same_samples() -> None:
    """The face follows the loudness of exactly these samples."""
    feed: list[Packet] = [utterance(1600)]
    (speech,) = run_node(Echo(), feed).of(Speech)
    assert np.array_equal(speech.samples, np.arange(1600, dtype=np.int16))
    assert (speech.rate, speech.at.duration, speech.last, speech.text) == (16_000, 100 * MILLISECOND, True, "")


def test_dialogue_echo_ignores_partial_utterances_and_silence() -> None:
    """A person must not hear themselves while they speak."""
    feed: list[Packet] = [utterance(1600, whole=False), utterance(0)]
    assert run_node(Echo(), feed).packets == []


def test_dialogue_echo_answer_is_stamped_after_the_utterance() -> None:
    """Latency is measured from this stamp."""
    feed: list[Packet] = [Utterance(root_stamp(0, 500 * MILLISECOND), np.ones(8000, np.int16), 16_000, True)]
    (speech,) = run_node(Echo(), feed).of(Speech)
    assert speech.at.pts >= 500 * MILLISECOND
