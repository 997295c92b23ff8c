"""What the sound itself tells about the mouth: how loud it is, and how bright."""

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
"""The visemes that a sound can be told apart by."""
_SPREAD = np.array([1, 2, 3, 2, 1]) / 9
"""How neighbouring frames are smoothed."""
_MARGIN = len(_SPREAD) // 2
_AFTER, _BEFORE = 0.04, 0.1
"""A sound counts as near for so many seconds after it went, and before it comes."""
_EASE = 0.06
"""Half the time in which a mouth goes to rest in a silence, and leaves it."""
_FAINT = 100.0
"""What is less loud, of 32768, is not speech but silence."""
_RANGE = 10.0
"""Decibels that make a voice as loud as counts."""


class Loudness:
    """The loudness and brightness of a speech, frame by frame."""

    def __init__(self, samples: Samples, rate: int, fps: int) -> None:
        self.samples, self.rate, self.fps = samples, rate, fps
        # A sixteenth of the samples is enough to know how loud a whole speech is.
        sparse = samples[::16].astype(np.float32)
        self.usual = max(float(np.sqrt(np.mean(sparse**2))) if len(sparse) else 0.0, _FAINT)

    def level(self, first: int, count: int) -> Values:
        """Decibels above the usual."""
        power = _summed(*self._cut(first, count))
        level: Values = 10 * np.log10(power * self.fps / self.rate + 1) - 20 * np.log10(self.usual)
        return level

    def bright(self, first: int, count: int) -> Values:
        """How much of the sound is high: about 0.05 for vowels, 1 and more for an s."""
        sound, at = self._cut(first, count)
        # The first difference is the high frequencies; at another rate they weigh differently.
        sharp = np.diff(sound, prepend=np.float32(0)) * np.float32(self.rate / 22_050)
        floor = self.rate / self.fps * self.usual**2 * 1e-3
        bright: Values = _summed(sharp, at) / (_summed(sound, at) + floor)
        return bright

    def _cut(self, first: int, count: int) -> tuple[Floats, NDArray[np.int_]]:
        """The samples of some frames and their neighbours, one more at both ends, and where each frame begins."""
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
    power[-1] = 0  # it is there so that frames after the end begin somewhere
    return np.convolve(np.add.reduceat(power, at[:-1]), _SPREAD, "valid")


@dataclass(frozen=True, slots=True)
class Voiced:
    """What the sound adds to phonemes, frame by frame."""

    louder: Floats
    """-1 to 1; 0 where the voice is as loud as usual."""
    near: Floats
    """1 where there is sound or just was or will be, 0 in silence: some voices count a pause as a long phoneme."""

    @classmethod
    def of(cls, loudness: Loudness, first: int, count: int) -> Voiced:
        """Of some frames of a speech."""
        back, ahead, ease = (round(seconds * loudness.fps) for seconds in (_AFTER, _BEFORE, _EASE))
        level = loudness.level(first - back - ease, count + back + ahead + 2 * ease)
        nearest = sliding_window_view(level, back + 1 + ahead).max(axis=1)
        window = np.hanning(2 * ease + 3)[1:-1]
        # From silent to audible, in decibels below the usual.
        near = np.convolve(smooth((nearest + 38) / 12), window / window.sum(), "valid")
        own = level[back + ease : back + ease + count]
        return cls(np.clip(own / _RANGE, -1, 1).astype(np.float32), near.astype(np.float32))


class HeardMouth:
    """Blendshapes of a speech whose phonemes are not known: the mouth follows the sound."""

    def __init__(self, loudness: Loudness, duration: float, articulation: float) -> None:
        self.loudness = loudness
        self.duration = duration
        self.articulation = articulation

    def weights(self, first: int, count: int) -> Floats:
        """Shape (n, 52): open as it is loud, narrow when it hisses, round when it is dark."""
        # A mouth has weight, and is a frame ahead of the sound.
        wider = (first - _MARGIN + 1, count + 2 * _MARGIN)
        mix = self._mix(self.loudness.level(*wider), self.loudness.bright(*wider))
        kept = np.stack([np.convolve(share, _SPREAD, "valid") for share in mix], axis=1) * self.articulation
        shape: Floats = kept.astype(np.float32) @ TABLE.arkit[[TABLE.visemes.index(name) for name in _SEEN]]
        times = np.arange(first, first + count) / self.loudness.fps
        return shape * released(times, self.duration)

    def _mix(self, level: Values, bright: Values) -> tuple[Values, ...]:
        """The shares of `_SEEN`."""
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
