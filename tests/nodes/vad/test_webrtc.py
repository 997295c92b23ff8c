"""`vad.webrtc`: the default detector."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from nodes.packets import Audio
from nodes.vad.webrtc import WebRtcVad
from pipeline.errors import DependencyError
from pipeline.testing import run_node
from tests.nodes.vad.sounds import heard, hiss, recorded, spans, talk


@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000, 48_000])
@pytest.mark.parametrize("size_ms", [10, 20, 30, 50])
def test_webrtc_vad_finds_a_voice_at_every_rate_and_packet_size(rate: int, size_ms: int) -> None:
    """At every rate of a link: one span, where the voice is."""
    samples = talk(1.0, 1.0, 1.0, rate=rate)
    ((begin, end),) = spans(heard(WebRtcVad(aggressiveness=3), samples, rate=rate, size=rate * size_ms // 1000))
    assert begin == pytest.approx(1.0, abs=0.1)
    assert end == pytest.approx(2.0, abs=0.15)


def test_webrtc_vad_passes_all_audio_in_order() -> None:
    """Speech recognition gets every sample, voiced or not."""
    samples = talk(0.5, 0.5, 0.5)
    out = heard(WebRtcVad(), samples)
    np.testing.assert_array_equal(np.concatenate([packet.samples for packet in out.of(Audio)]), samples)


@pytest.mark.parametrize("level", [-75, -60, -50, -40, -30])
@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_webrtc_vad_ignores_a_noisy_room(level: int, aggressiveness: int) -> None:
    """A call from a noisy room must not start with false speech."""
    assert spans(heard(WebRtcVad(aggressiveness=aggressiveness), hiss(5.0, level=level))) == []


def test_webrtc_vad_ignores_a_click() -> None:
    """A keystroke is no speech."""
    samples = hiss(3.0, level=-65)
    for start in range(16_000, 40_000, 8_000):
        samples[start : start + 160] = 12_000
    assert spans(heard(WebRtcVad(), samples)) == []


@pytest.mark.real_model
def test_webrtc_vad_finds_recorded_sentences_completely() -> None:
    """Words of five people and a reader: none is missed, none starts late."""
    for name, file in [("speech-cards", f"00{n}.wav") for n in range(1, 6)] + [("speech-beckett", "beckett.wav")]:
        voice = recorded(name, file)
        quiet = hiss(1.0, level=-70)
        found = spans(heard(WebRtcVad(), np.concatenate([quiet, voice, quiet])))
        total = sum(end - begin for begin, end in found)
        assert found[0][0] >= 0.9, file
        assert 0.4 * len(voice) / 16_000 <= total <= len(voice) / 16_000 + 0.5, file


def test_webrtc_vad_missing_package_error_has_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised at the start, so that a fallback can take over."""
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(DependencyError) as caught:
        run_node(WebRtcVad(), [])
    assert "webrtcvad-wheels" in caught.value.message
    assert "vad.energy" in caught.value.hint
