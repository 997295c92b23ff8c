"""Post-processing of synthesised speech: equal loudness, trimmed ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Phoneme, Samples, duration_of
from nodes.tts._phonemes import moved
from pipeline.packet import SECOND

LEAD = 30_000_000
"""Nanoseconds of silence before the first sound: time for the lips to form it, and no click."""
_ECHO = 80_000_000
"""Nanoseconds that the last phoneme may last beyond the audible sound, as a final p does."""
_FRAME = 0.005
_AUDIBLE = 10 ** (-45 / 20)
"""Share of the loudest frame below which the ends count as silence: -45 dB."""
_ACTIVE = 10 ** (-35 / 20)
"""Share of the loudest frame below which frames do not count towards loudness: -35 dB."""
_KNEE = 0.7
"""Share of full scale above which the limiter acts."""
_MOST_GAIN = 8.0


@dataclass(frozen=True, slots=True)
class SynthesizedSpeech:
    """Synthesised speech; the samples are empty if the text has nothing to say."""

    samples: Samples
    rate: int
    phonemes: tuple[Phoneme, ...] = ()


NOTHING = SynthesizedSpeech(np.zeros(0, np.int16), 24_000)
"""The speech of a text with nothing to say."""


def finished(
    raw: NDArray[np.float32], rate: int, phonemes: tuple[Phoneme, ...], *, loudness: float, tail: int
) -> SynthesizedSpeech:
    """Normalises raw samples (full scale 1) to `loudness` dBFS, with `LEAD` ns before and `tail` ns after the sound."""
    levels = _levels(raw, round(rate * _FRAME))
    peak = float(levels.max(initial=0))
    if peak < 1e-4:
        return NOTHING
    heard = np.flatnonzero(levels > peak * _AUDIBLE) * round(rate * _FRAME)
    start = int(heard[0]) - LEAD * rate // SECOND
    end = int(heard[-1]) + round(rate * _FRAME) + tail * rate // SECOND
    active = levels[levels > peak * _ACTIVE]
    gain = 10 ** (loudness / 20) / float(np.sqrt(np.mean(active**2)))
    cut = _cut(raw, start, end)
    samples = (_limited(cut * min(gain, _MOST_GAIN)) * 32767).astype(np.int16)
    duration = duration_of(len(samples), rate)
    # Some voices include the final silence in the last phoneme; the lips must not wait for it.
    last = duration - max(0, tail - _ECHO)
    return SynthesizedSpeech(samples, rate, moved(phonemes, -duration_of(start, rate), last, duration))


def joined(parts: Sequence[SynthesizedSpeech]) -> SynthesizedSpeech:
    """Speeches of equal rate as one; those without samples are left out."""
    heard = [part for part in parts if len(part.samples)]
    if not heard:
        return NOTHING
    phonemes: list[Phoneme] = []
    at = 0
    for part in heard:
        begin = duration_of(at, part.rate)
        phonemes += [Phoneme(each.symbol, begin + each.start, begin + each.end) for each in part.phonemes]
        at += len(part.samples)
    return SynthesizedSpeech(np.concatenate([part.samples for part in heard]), heard[0].rate, tuple(phonemes))


def _levels(raw: NDArray[np.float32], frame: int) -> NDArray[np.float32]:
    whole = np.pad(raw, (0, -len(raw) % frame)).reshape(-1, frame)
    return np.sqrt(np.mean(whole**2, axis=1, dtype=np.float32))


def _cut(raw: NDArray[np.float32], start: int, end: int) -> NDArray[np.float32]:
    inside = raw[max(0, start) : min(len(raw), end)]
    return np.pad(inside, (max(0, -start), max(0, end - len(raw))))


def _limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Soft limiter: leaves samples below the knee unchanged and keeps the rest below full scale."""
    over = np.abs(samples) - _KNEE
    bent = np.sign(samples) * (_KNEE + (1 - _KNEE) * np.tanh(over / (1 - _KNEE)))
    return np.where(over > 0, bent, samples).astype(np.float32)
