"""Two channels as one: mixed, unless mixing them would cancel the sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nodes.packets import Samples

OPPOSED = 1 / 16
"""With less than this share of the channels' power the mix is lost sound: 12 dB. Unrelated channels keep a half."""
_FADING = 0.9
"""The share of the power that is kept from one piece to the next: some ten pieces decide."""


class Downmix:
    """Mixes stereo to mono; channels in antiphase, such as of a badly wired microphone, give the louder one alone."""

    def __init__(self) -> None:
        self._mixed = self._left = self._right = 0.0

    def mono(self, stereo: Samples) -> Samples:
        """One channel, shape (n,), of interleaved samples of shape (2 n,)."""
        channels: NDArray[np.float32] = stereo.reshape(-1, 2).T.astype(np.float32)
        left, right = channels
        mixed: NDArray[np.float32] = (left + right) * np.float32(0.5)
        self._mixed = _FADING * self._mixed + _power(mixed)
        self._left = _FADING * self._left + _power(left)
        self._right = _FADING * self._right + _power(right)
        if self._mixed < OPPOSED * (self._left + self._right) / 2:
            mixed = left if self._left >= self._right else right
        return np.rint(mixed).astype(np.int16)


def _power(samples: NDArray[np.float32]) -> float:
    return float(samples @ samples)
