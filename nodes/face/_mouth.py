"""Mouth movement from phonemes, with coarticulation by dominance functions.

Every sound pulls each blendshape towards its own shape, most strongly in its middle and less
with distance; the weighted mean is the shape shown. So a vowel between two consonants opens
less in quick speech, and the t of "too" is already round. Lip closures (p b m, f v) are laid
over the result.
"""

from __future__ import annotations

import numpy as np

from nodes.face._heard import Voiced
from nodes.face._sounds import Times, released, smooth, sounds_of
from nodes.face._table import TABLE, Floats
from nodes.face.arkit import INDEX
from nodes.packets import Phoneme

_LEAD = 0.02
"""Seconds by which the lips lead the sound."""
_REACH = 0.05
"""Seconds beyond its core at which the pull of a sound has fallen to 1/e."""
_CORE = 0.035
"""Seconds from the ends of a sound to its core, where its pull is full."""
_FAR = 0.3
"""Seconds beyond which a sound has no pull."""
_REST = 1e-3
"""Constant pull towards the mouth at rest."""
_RAMP = 0.065
"""Seconds in which lips close, and open."""
_LOUDER = 0.15
"""How much a loud voice opens the jaw further, as a share."""
_OPENING = [INDEX[name] for name in ("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight")]


class SpokenMouth:
    """Blendshapes of a speech with phonemes."""

    def __init__(self, phonemes: tuple[Phoneme, ...], duration: float, articulation: float) -> None:
        self.duration = duration
        self.articulation = articulation
        self.sounds = sounds_of(phonemes, duration)

    def weights(self, times: Times, voiced: Voiced) -> Floats:
        """Weights of shape (n, 52) at some times."""
        blend = self._blend(times + _LEAD) * (voiced.near * self.articulation)[:, None]
        blend[:, _OPENING] *= 1 + _LOUDER * voiced.louder[:, None]
        self._touch(blend, times + _LEAD)
        return blend * released(times, self.duration)

    def _blend(self, times: Times) -> Floats:
        near = self._near(times)
        start, end = self.sounds.start[near], self.sounds.end[near]
        core = np.maximum((end - start) / 2 - _CORE, 0)
        away = np.maximum(np.abs(times[:, None] - (start + end) / 2) - core, 0)
        pull = np.exp(-((away / _REACH) ** 2)).astype(np.float32)
        strength = self.sounds.strength[near]
        total = pull @ strength + np.float32(_REST)
        shape: Floats = (pull @ (strength * self.sounds.shape[near])) / total
        return shape

    def _near(self, times: Times) -> slice:
        first = np.searchsorted(self.sounds.end, times[0] - _FAR)
        return slice(int(first), int(np.searchsorted(self.sounds.start, times[-1] + _FAR)))

    def _touch(self, blend: Floats, times: Times) -> None:
        for closure in self.sounds.closures:
            if closure.end + _RAMP < times[0] or closure.start - _RAMP > times[-1]:
                continue
            rise = smooth((times - closure.start) / _RAMP + 1)
            fall = smooth((closure.end - times) / _RAMP + 1)
            share = (rise * fall).astype(np.float32)[:, None]
            blend += share * (TABLE.arkit[closure.viseme] - blend)
