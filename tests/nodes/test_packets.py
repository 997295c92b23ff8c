"""Packets that come from a cache of other processes are such as a node gives: no noise, and no face out of joint."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.packets import (
    ANGLES,
    RATES,
    SHAPES,
    Audio,
    AvatarFrames,
    Phoneme,
    Speech,
    TextDelta,
    Transcript,
    Utterance,
    Word,
    duration_of,
)
from pipeline.packet import Packet, Stamp
from pipeline.params import ms, seconds
from pipeline.policies.cache_packets import NOBODY, PacketPacking

RATE = 22_050
SECOND = Stamp(0, seconds(1), NOBODY)
SAMPLES = np.zeros(RATE, np.int16)
SPEECH = Speech(SECOND, SAMPLES, RATE, "Hi.", (Phoneme("h", 0, ms(400)), Phoneme("aɪ", ms(400), ms(900))))
FRAMES = AvatarFrames(SECOND, np.zeros((60, SHAPES), np.float32), np.zeros((60, ANGLES), np.float32))
TRANSCRIPT = Transcript(SECOND, "Hi.", True, "en", 0.9, (Word("Hi.", 0, ms(900)),))
PACKING = PacketPacking({kind: {} for kind in (Speech, AvatarFrames, Transcript, TextDelta)})


def changed(packet: Packet, **fields: Any) -> Packet:
    """The packet with some fields changed, as a stranger would."""
    return msgspec.structs.replace(packet, **fields)


@pytest.mark.parametrize("packet", [SPEECH, FRAMES, TRANSCRIPT, TextDelta(SECOND, "Hi.")], ids=repr)
def test_packets_of_nodes_pass(packet: Packet) -> None:
    """A check that refused them would leave the cache without use."""
    packet.check()
    (made,) = PACKING.unpack(PACKING.pack([packet]))
    assert made.at.duration == packet.at.duration


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("count", [0, 1, 1234])
def test_sound_of_any_rate_and_length_passes(rate: int, count: int) -> None:
    """The duration of samples is rounded to nanoseconds."""
    at, samples = Stamp(0, duration_of(count, rate), NOBODY), np.zeros(count, np.int16)
    for packet in (Audio(at, samples, rate), Utterance(at, samples, rate, True), Speech(at, samples, rate, "")):
        packet.check()


REFUSED: dict[str, Packet] = {
    "another rate": changed(SPEECH, rate=16_000),
    "nearly the same rate": changed(SPEECH, rate=24_000),
    "a rate of nothing": changed(SPEECH, rate=0),
    "a negative rate": changed(SPEECH, rate=-RATE),
    "a rate above all": Speech(Stamp(0, 0, NOBODY), SAMPLES[:0], RATES[1] + 1, ""),
    "a rate below all": Speech(Stamp(0, 0, NOBODY), SAMPLES[:0], RATES[0] - 1, ""),
    "two channels": changed(SPEECH, samples=SAMPLES.reshape(-1, 2)),
    "half of the samples": changed(SPEECH, samples=SAMPLES[::2]),
    "another duration": changed(SPEECH, at=Stamp(0, seconds(2), NOBODY)),
    "phonemes before the start": changed(SPEECH, phonemes=(Phoneme("h", -1, ms(400)),)),
    "phonemes beyond the end": changed(SPEECH, phonemes=(Phoneme("h", 0, seconds(9)),)),
    "phonemes that end before they start": changed(SPEECH, phonemes=(Phoneme("h", ms(400), 0),)),
    "phonemes out of order": changed(SPEECH, phonemes=(Phoneme("h", ms(400), ms(500)), Phoneme("i", 0, ms(400)))),
    "audio of another rate": Audio(SECOND, SAMPLES, 8_000),
    "an utterance of another rate": Utterance(SECOND, SAMPLES, 8_000, True),
    "words before the start": changed(TRANSCRIPT, words=(Word("Hi.", -5, 1),)),
    "a confidence above 1": changed(TRANSCRIPT, confidence=2.0),
    "a confidence below 0": changed(TRANSCRIPT, confidence=-0.1),
    "a confidence that is no number": changed(TRANSCRIPT, confidence=float("nan")),
    "a shape too few": changed(FRAMES, weights=FRAMES.weights[:, 1:]),
    "a frame too few": changed(FRAMES, weights=FRAMES.weights[1:]),
    "an angle too many": changed(FRAMES, pose=np.zeros((60, ANGLES + 1), np.float32)),
    "frames in one row": changed(FRAMES, weights=FRAMES.weights.ravel()),
    "frames of no rate": changed(FRAMES, rate=0),
    "frames of another rate": changed(FRAMES, rate=10_000),
    "weights above 1": changed(FRAMES, weights=FRAMES.weights + 2),
    "weights below 0": changed(FRAMES, weights=FRAMES.weights - 1),
    "weights that are no numbers": changed(FRAMES, weights=FRAMES.weights * np.float32("nan")),
    "a head turned round twice": changed(FRAMES, pose=FRAMES.pose + 4 * np.float32(np.pi)),
}


@pytest.mark.parametrize("packet", REFUSED.values(), ids=REFUSED)
def test_packet_with_impossible_values_is_refused(packet: Packet) -> None:
    """Sound of one rate played at another is noise, and a weight of a million breaks a face."""
    with pytest.raises(ValueError, match=r"."):
        packet.check()


VALID = PACKING.pack([SPEECH, TRANSCRIPT])
CHANGES = st.lists(st.tuples(st.integers(0, 250) | st.integers(len(VALID) - 250, len(VALID)), st.binary(min_size=1)))


@settings(max_examples=2_000, deadline=None)
@given(CHANGES, st.booleans())
def test_damaged_value_gives_valid_packets_or_none(changes: list[tuple[int, bytes]], drop: bool) -> None:
    """Whatever is damaged, neither an exception nor sound of another rate comes of it."""
    data = VALID
    for place, change in changes:
        data = data[:place] + change + data[place + (0 if drop else len(change)) :]
    try:
        packets = PACKING.unpack(data)
    except ValueError:
        return
    for packet in packets:
        packet.check()
