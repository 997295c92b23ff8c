"""Post-processing: equal loudness, trimmed ends."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nodes.packets import Phoneme
from nodes.tts._sound import NOTHING, SynthesizedSpeech, finished
from pipeline.params import ms

RATE = 16_000


def tone(seconds: float, level: float) -> NDArray[np.float32]:
    return np.asarray(level * np.sin(np.arange(round(RATE * seconds)) * 0.2), np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(RATE * seconds), np.float32)


def end(raw: NDArray[np.float32], loudness: float = -20) -> SynthesizedSpeech:
    return finished(raw, RATE, (), loudness=loudness, tail=ms(100))


@pytest.mark.parametrize("level", [0.05, 0.2, 0.9])
def test_tts_sound_has_equal_loudness_for_every_sentence(level: float) -> None:
    """A quiet voice and a loud fallback sound alike."""
    spoken = end(np.concatenate([tone(0.5, level), silence(0.5), tone(0.5, level)]))
    active = spoken.samples[np.abs(spoken.samples) > 300].astype(float) / 32768
    assert 20 * np.log10(np.sqrt(np.mean(active**2))) == pytest.approx(-20, abs=1)


def test_tts_sound_limiter_bends_peaks_without_wrapping() -> None:
    """A click at ten times the level must not overflow."""
    raw = tone(1, 0.1)
    raw[5000] = 1.0
    samples = end(raw, loudness=-10).samples
    assert samples.max() <= 32767
    assert samples[5000 - np.flatnonzero(raw)[0] :].max() > 25_000


def test_tts_sound_trims_silence_equally_for_all_voices() -> None:
    """300 ms of leading silence are 300 ms of latency."""
    spoken = end(np.concatenate([silence(0.3), tone(0.5, 0.2), silence(0.6)]))
    assert len(spoken.samples) / RATE == pytest.approx(0.03 + 0.5 + 0.1, abs=0.01)
    abrupt = end(tone(0.5, 0.2))
    assert len(abrupt.samples) / RATE == pytest.approx(0.63, abs=0.01)


def test_tts_sound_trim_moves_the_phonemes() -> None:
    phonemes = (Phoneme(" ", 0, ms(300)), Phoneme("a", ms(300), ms(1400)))
    raw = np.concatenate([silence(0.3), tone(0.5, 0.2), silence(0.6)])
    spoken = finished(raw, RATE, phonemes, loudness=-20, tail=ms(200))
    assert [p.symbol for p in spoken.phonemes] == [" ", "a", " "]
    assert spoken.phonemes[1].start == pytest.approx(ms(30), abs=ms(6))
    assert spoken.phonemes[1].end == pytest.approx(ms(30 + 500 + 80), abs=ms(10))
    assert spoken.phonemes[2].end == len(spoken.samples) * 10**9 // RATE


def test_tts_sound_does_not_amplify_noise() -> None:
    """A text without sound stays silent."""
    assert end(silence(1)) is NOTHING
    assert end(np.zeros(0, np.float32)) is NOTHING
