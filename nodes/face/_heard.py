"""Mouth movement from the sound itself: loudness and brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from nodes.face._sounds import released, smooth
from nodes.face._table import TABLE, Floats
from nodes.packets import Samples

Values = NDArray[np.float64]

_SEEN = ("SS", "O", "E", "aa")
"""The visemes that can be distinguished by sound alone."""
_SPREAD = np.array([1, 2, 3, 2, 1]) / 9
"""Smoothing weights over neighbouring frames."""
_MARGIN = len(_SPREAD) // 2
_AFTER, _BEFORE = 0.04, 0.1
"""Seconds after a sound ended, and before it starts, in which it still counts as near."""
_EASE = 0.06
"""Half the time in seconds that the mouth takes to come to rest in a silence, or to leave it."""
_FAINT = 100.0
"""Root mean square, of 32768, below which audio is silence."""
_RANGE = 10.0
"""Decibels above the usual level at which loudness saturates."""


class Loudness:
    """Loudness and brightness of a speech, per frame."""

    def __init__(self, samples: Samples, rate: int, fps: int) -> None:
        self.samples, self.rate, self.fps = samples, rate, fps
        # A sixteenth of the samples is enough to estimate the overall level.
        sparse = samples[::16].astype(np.float32)
        self.usual = max(float(np.sqrt(np.mean(sparse**2))) if len(sparse) else 0.0, _FAINT)

    def level(self, first: int, count: int) -> Values:
        """Level of each frame, in dB relative to the usual level of the speech."""
        power = _summed(*self._cut(first, count))
        level: Values = 10 * np.log10(power * self.fps / self.rate + 1) - 20 * np.log10(self.usual)
        return level

    def bright(self, first: int, count: int) -> Values:
        """Share of high frequencies per frame: about 0.05 for vowels, 1 and more for an s."""
        sound, at = self._cut(first, count)
        # The first difference keeps the high frequencies; its gain depends on the sample rate.
        sharp = np.diff(sound, prepend=np.float32(0)) * np.float32(self.rate / 22_050)
        floor = self.rate / self.fps * self.usual**2 * 1e-3
        bright: Values = _summed(sharp, at) / (_summed(sound, at) + floor)
        return bright

    def _cut(self, first: int, count: int) -> tuple[Floats, NDArray[np.int_]]:
        """The samples of some frames with a margin and one sample more at both ends, and where each frame begins."""
        edges = np.arange(first - _MARGIN, first + count + _MARGIN + 1) * self.rate / self.fps
        at = np.clip(edges.astype(int), 0, len(self.samples))
        sound = np.zeros(at[-1] - at[0] + 2, np.float32)
        begin = max(at[0] - 1, 0)
        inside = self.samples[begin : at[-1]]
        sound[begin - at[0] + 1 :][: len(inside)] = inside
        return sound, at - at[0] + 1


def _summed(sound: Floats, at: NDArray[np.int_]) -> Values:
    """The energy of each frame, smoothed over its neighbours."""
    power = sound * sound
    power[-1] = 0  # padding, so that frames after the end have a start
    return np.convolve(np.add.reduceat(power, at[:-1]), _SPREAD, "valid")


@dataclass(frozen=True, slots=True)
class Voiced:
    """What the sound adds to the phonemes, per frame."""

    louder: Floats
    """Relative loudness, -1 to 1; 0 is the usual level."""
    near: Floats
    """1 in and close to sound, 0 in silence: some voices report a pause as a long phoneme."""

    @classmethod
    def of(cls, loudness: Loudness, first: int, count: int) -> Voiced:
        """Computes both for `count` frames from `first` on."""
        back, ahead, ease = (round(seconds * loudness.fps) for seconds in (_AFTER, _BEFORE, _EASE))
        level = loudness.level(first - back - ease, count + back + ahead + 2 * ease)
        nearest = sliding_window_view(level, back + 1 + ahead).max(axis=1)
        window = np.hanning(2 * ease + 3)[1:-1]
        # From silent to audible, in dB below the usual level.
        near = np.convolve(smooth((nearest + 38) / 12), window / window.sum(), "valid")
        own = level[back + ease : back + ease + count]
        return cls(np.clip(own / _RANGE, -1, 1).astype(np.float32), near.astype(np.float32))


class HeardMouth:
    """Blendshapes of a speech without phonemes: the mouth follows the sound."""

    def __init__(self, loudness: Loudness, duration: float, articulation: float) -> None:
        self.loudness = loudness
        self.duration = duration
        self.articulation = articulation

    def weights(self, first: int, count: int) -> Floats:
        """Weights of shape (n, 52): open when loud, narrow for a hiss, round for a dark sound."""
        # The mouth moves smoothly, and one frame ahead of the sound.
        wider = (first - _MARGIN + 1, count + 2 * _MARGIN)
        mix = self._mix(self.loudness.level(*wider), self.loudness.bright(*wider))
        kept = np.stack([np.convolve(share, _SPREAD, "valid") for share in mix], axis=1) * self.articulation
        shape: Floats = kept.astype(np.float32) @ TABLE.arkit[[TABLE.visemes.index(name) for name in _SEEN]]
        times = np.arange(first, first + count) / self.loudness.fps
        return shape * released(times, self.duration)

    def _mix(self, level: Values, bright: Values) -> tuple[Values, ...]:
        """The share of each viseme of `_SEEN`."""
        opened = smooth((level + 22) / 28)
        hiss = smooth((bright - 0.5) / 0.6)
        dark = 1 - smooth((bright - 0.012) / 0.03)
        wide = smooth((bright - 0.05) / 0.1)
        voiced = opened * (1 - hiss)
        return (
            hiss * smooth((level + 30) / 20),
            voiced * dark,
            voiced * wide * (1 - dark),
            voiced * (1 - dark) * (1 - wide),
        )
