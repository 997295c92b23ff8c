"""The input of Smart Turn: a log-mel spectrogram as Whisper's, of the last 8 s, normalised.

Equal to the reference (the feature extractor of Whisper in transformers, padded in front) bit by bit on 81
clips. The spectrum is computed in double precision: the model has 8 bits, and single precision moves its
probability by up to 0.06.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Samples

RATE = 16_000
SECONDS = 8
BANDS = 80
_SIZE = SECONDS * RATE
_WINDOW, _HOP = 400, 160
_BREAK, _STEP = 1000.0, 27 / np.log(6.4)
"""Slaney's mel scale: linear up to 1,000 Hz (15 mel), logarithmic above."""

Floats = NDArray[np.float64]


def features(samples: Samples) -> NDArray[np.float32]:
    """The features of int16 samples at 16 kHz, of which the last 8 s count; shape (1, 80, 800)."""
    sound = samples[-_SIZE:].astype(np.float32) / 32768
    sound = np.pad(sound, (_SIZE - sound.size, 0))
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound.astype(np.float64), _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][: _SIZE // _HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW + 1)[:-1])) ** 2
    levels = np.log10(np.maximum(1e-10, _filters() @ power.T))
    levels = np.maximum(levels, levels.max() - 8)
    found: NDArray[np.float32] = ((levels + 4) / 4).astype(np.float32)[None]
    return found


@cache
def _filters() -> Floats:
    """Triangular filters of equal area from 0 to 8,000 Hz; shape (80, 201)."""
    edges = _hertz(np.linspace(0, _mel(RATE / 2), BANDS + 2))
    widths = np.diff(edges)
    slopes = edges[None] - np.linspace(0, RATE / 2, _WINDOW // 2 + 1)[:, None]
    triangles = np.maximum(0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]))
    filters: Floats = (triangles * (2 / (edges[2:] - edges[:-2]))).T
    return filters


def _mel(hertz: float) -> float:
    return float(15 + np.log(hertz / _BREAK) * _STEP) if hertz >= _BREAK else 3 * hertz / 200


def _hertz(mel: Floats) -> Floats:
    hertz: Floats = np.where(mel >= 15, _BREAK * np.exp((mel - 15) / _STEP), 200 * mel / 3)
    return hertz
