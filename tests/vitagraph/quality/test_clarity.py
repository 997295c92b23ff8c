"""The ratio of voice to noise."""

from __future__ import annotations

import numpy as np
import pytest

from nodes.packets import Audio
from pipeline.cause import Causes
from pipeline.packet import MILLISECOND, Stamp
from vitagraph.quality.clarity import SpeechClarity

RATE, FRAME = 16_000, 320
NONE = Causes().begin("turn")


def listen(
    voice: float,
    noise: float,
    *,
    seconds: tuple[float, float, float] = (2, 2, 2),
    late: float = 0.4,
    clicks: bool = False,
) -> SpeechClarity:
    """A pause, a voice of an effective value, a pause, all with noise; the marks come `late` seconds afterwards."""
    rng = np.random.default_rng(3)
    before, during, after = (round(each * RATE) for each in seconds)
    sound = rng.normal(0, noise, before + during + after)
    time = np.arange(during) / RATE
    syllables = np.abs(np.sin(2 * np.pi * 2 * time)) * np.sin(2 * np.pi * 200 * time)
    sound[before : before + during] += voice * syllables / np.sqrt(np.mean(syllables**2))
    if clicks:
        sound[: before // 10] += 8_000
    samples = np.clip(sound, -32768, 32767).astype(np.int16)
    marks = [(before / RATE, True), ((before + during) / RATE, False)]
    clarity = SpeechClarity()
    for begin in range(0, len(samples) - FRAME + 1, FRAME):
        while marks and begin / RATE >= marks[0][0] + late:
            at, began = marks.pop(0)
            (clarity.speech_began if began else clarity.speech_ended)(round(at * 1_000) * MILLISECOND)
        pts = begin * 1_000_000_000 // RATE
        clarity.add([Audio(Stamp(pts, 20 * MILLISECOND, NONE), samples[begin : begin + FRAME], RATE)])
    return clarity


@pytest.mark.parametrize("snr", [5, 10, 20, 30, 40])
def test_clarity_is_the_ratio_that_was_mixed(snr: float) -> None:
    """Within 2 dB, from a noisy street to a quiet room, though the marks of the voice detector come late."""
    voice = 3_000
    measured = listen(voice, voice / 10 ** (snr / 20)).snr_db()
    assert measured == pytest.approx(snr, abs=2)


@pytest.mark.parametrize("late", [0.0, 0.2, 1.0])
def test_clarity_does_not_depend_on_when_the_detector_tells(late: float) -> None:
    """A mark is about a moment that has passed."""
    assert listen(3_000, 95, late=late).snr_db() == pytest.approx(30, abs=2)


def test_clarity_is_not_changed_by_a_slammed_door() -> None:
    """The median of the noise, not its mean."""
    assert listen(3_000, 95, clicks=True).snr_db() == pytest.approx(30, abs=2)


def test_clarity_needs_half_a_second_of_both() -> None:
    """No number rather than a wrong one: nobody spoke, or nobody paused, or the microphone is off."""
    assert SpeechClarity().snr_db() is None
    assert listen(3_000, 95, seconds=(2, 0.3, 2)).snr_db() is None
    assert listen(3_000, 95, seconds=(0.1, 3, 0.1), late=0).snr_db() is None
    assert listen(0, 0).snr_db() is None


def test_clarity_stays_within_its_range() -> None:
    """A voice that is no louder than the noise, and one without any noise to speak of."""
    assert listen(0, 500).snr_db() == pytest.approx(0, abs=0.5)
    assert listen(9_000, 0.6).snr_db() == 60


def test_clarity_leaves_out_what_was_not_sent() -> None:
    """Silence in place of sound is not a quiet room."""
    clarity = listen(3_000, 95)
    quiet = np.zeros(FRAME, np.int16)
    for number in range(400):
        at = Stamp(number * 20 * MILLISECOND, 20 * MILLISECOND, NONE)
        clarity.add([Audio(at, quiet, RATE)])
        clarity.add([Audio(at, quiet + 3, RATE, absent=True)])
    assert clarity.snr_db() == pytest.approx(30, abs=2)
