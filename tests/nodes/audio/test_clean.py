"""`audio.clean`: what we say comes back softer and later, and must not be taken for the caller."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from nodes.audio.clean import Clean
from nodes.packets import Audio, Samples, SoundPlayed
from pipeline.errors import DependencyError
from pipeline.packet import MILLISECOND, SECOND, Event, Packet
from pipeline.testing import root_stamp, run_node
from tests.nodes.vad.sounds import recorded

RATE = 16_000
FRAME = 320
ms = MILLISECOND

pytestmark = pytest.mark.real_model


def power(samples: Samples) -> float:
    """Mean power in dB."""
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-3))


def feed(played: Samples, heard: Samples) -> list[Packet | Event]:
    """What is played and heard, 20 ms at a time."""
    items: list[Packet | Event] = []
    for begin in range(0, heard.size - FRAME + 1, FRAME):
        pts = begin * SECOND // RATE
        items.append(SoundPlayed(pts, played[begin : begin + FRAME], RATE))
        items.append(Audio(root_stamp(pts, 20 * ms), heard[begin : begin + FRAME], RATE))
    return items


def scene(delay: float, gain: float = 0.3) -> tuple[Samples, Samples, Samples]:
    """Ten seconds of our voice, its echo in a quiet room, and a caller who speaks from 8 s on."""
    voice = recorded("speech-beckett", "beckett.wav")[: 9 * RATE]
    played = np.resize(voice, 10 * RATE)
    shift = round(delay * RATE)
    echo = gain * np.concatenate([np.zeros(shift), played[: played.size - shift]])
    room = echo + np.random.default_rng(0).normal(0, 8, played.size)
    caller = np.zeros(played.size)
    words = recorded("speech-cards", "001.wav")[: 2 * RATE - FRAME]
    caller[8 * RATE : 8 * RATE + words.size] = words
    return played, room.astype(np.int16), caller.astype(np.int16)


@pytest.mark.parametrize("delay", [0.1, 0.5, 1.4])
def test_clean_removes_an_echo_up_to_a_second_late(delay: float) -> None:
    played, room, _ = scene(delay)
    packets = run_node(Clean(noise=False), feed(played, room)).of(Audio)
    cleaned = np.concatenate([packet.samples for packet in packets])
    late = slice(6 * RATE, None)
    assert power(cleaned[late]) < power(room[late]) - 15


def test_clean_keeps_the_caller_who_speaks_over_the_echo() -> None:
    played, room, caller = scene(0.3)
    both = (room.astype(int) + caller).clip(-32768, 32767).astype(np.int16)
    packets = run_node(Clean(), feed(played, both)).of(Audio)
    cleaned = np.concatenate([packet.samples for packet in packets])
    spoken = slice(8 * RATE + RATE // 2, 9 * RATE)
    assert power(cleaned[spoken]) > power(caller[spoken]) - 12


def test_clean_keeps_what_the_microphone_heard_for_speech_recognition() -> None:
    played, room, _ = scene(0.3)
    packets = run_node(Clean(), feed(played, room)).of(Audio)
    raw = [packet.raw for packet in packets if packet.raw is not None]
    assert len(raw) == len(packets)
    np.testing.assert_array_equal(np.concatenate(raw), room[: len(packets) * FRAME])


def test_clean_changes_little_of_a_caller_while_nothing_is_played() -> None:
    _, _, caller = scene(0.3)
    audio = [item for item in feed(caller, caller) if isinstance(item, Audio)]
    cleaned = np.concatenate([packet.samples for packet in run_node(Clean(), audio).of(Audio)])
    assert power(cleaned[8 * RATE :]) > power(caller[8 * RATE :]) - 6


def test_clean_passes_packets_that_are_no_multiple_of_10_ms() -> None:
    odd = Audio(root_stamp(0, 15 * ms), np.full(240, 900, np.int16), RATE)
    (packet,) = run_node(Clean(), [odd]).of(Audio)
    assert packet is odd


def test_clean_missing_package_error_has_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(DependencyError) as caught:
        run_node(Clean(), [])
    assert "vitagraph[echo]" in caught.value.hint
