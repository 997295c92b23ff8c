"""`vad.energy`: the last fallback of detectors."""

from __future__ import annotations

import numpy as np
import pytest

from nodes.packets import Audio
from nodes.vad._noise import NoiseFloor, loudness
from nodes.vad.energy import EnergyVad
from tests.nodes.vad.sounds import buzz, heard, hiss, recorded, spans, talk


@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000, 48_000])
@pytest.mark.parametrize("level", [-80, -60, -40])
def test_energy_vad_finds_a_voice_in_quiet_and_in_noise(rate: int, level: int) -> None:
    """One span, where the voice is."""
    ((begin, end),) = spans(heard(EnergyVad(), talk(1.0, 1.5, 1.0, level=level, rate=rate), rate=rate))
    assert begin == pytest.approx(1.0, abs=0.04)
    assert end == pytest.approx(2.5, abs=0.04)


def test_energy_vad_passes_all_audio_in_order() -> None:
    """Speech recognition gets every sample, voiced or not."""
    samples = talk(0.5, 0.5, 0.5)
    out = heard(EnergyVad(), samples, size=500)
    np.testing.assert_array_equal(np.concatenate([packet.samples for packet in out.of(Audio)]), samples)


@pytest.mark.parametrize("level", [-90, -60, -45, -30, -20])
def test_energy_vad_ignores_steady_noise(level: int) -> None:
    """A loud fan must not keep a turn open."""
    assert spans(heard(EnergyVad(), hiss(6.0, level=level))) == []


def test_energy_vad_adapts_to_a_fan_that_is_switched_on() -> None:
    """After a few seconds the person is detected above it."""
    samples = np.concatenate([hiss(2.0, level=-70), hiss(6.0, level=-38), buzz(1.0), hiss(2.0, level=-38)])
    found = spans(heard(EnergyVad(), samples))
    assert found[-1] == pytest.approx((8.0, 9.0), abs=0.05)
    assert found[0][1] < 4.5


def test_energy_vad_detects_speech_from_the_first_moment() -> None:
    """It needs no silence at the start."""
    voice = np.concatenate([buzz(0.3), np.zeros(1_600, np.int16), buzz(0.5), np.zeros(16_000, np.int16)])
    assert spans(heard(EnergyVad(), voice))[-1][1] == pytest.approx(0.9, abs=0.03)


def test_energy_vad_ignores_a_constant_offset() -> None:
    """Cheap sound cards have a DC offset."""
    assert loudness(np.full(320, 5_000, np.int16)) < -90
    assert loudness(buzz(0.02) + np.int16(5_000)) == pytest.approx(loudness(buzz(0.02)), abs=0.1)


def test_energy_vad_full_scale_is_zero_db() -> None:
    """Levels in the parameters are in dBFS."""
    square = np.tile([32_767, -32_767], 160).astype(np.int16)
    assert loudness(square) == pytest.approx(0.0, abs=0.01)
    assert loudness(np.zeros(320, np.int16)) < -100


def test_energy_vad_noise_floor_covers_two_seconds_only() -> None:
    """It is the minimum of two seconds, not of the whole call."""
    floor = NoiseFloor()
    assert floor.after(-70.0) == -70.0
    assert [floor.after(-40.0) for _ in range(200)][-1] == -40.0


@pytest.mark.real_model
def test_energy_vad_follows_a_recorded_speaker() -> None:
    """In ten seconds of one speaker most speech is found, and pauses are pauses."""
    voice = recorded("speech-beckett", "beckett.wav")
    quiet = hiss(1.0, level=-60)
    found = spans(heard(EnergyVad(), np.concatenate([quiet, voice, quiet])))
    assert found[0][0] >= 0.95
    assert found[-1][1] <= 1.0 + len(voice) / 16_000 + 0.1
    assert sum(end - begin for begin, end in found) > 0.6 * len(voice) / 16_000
