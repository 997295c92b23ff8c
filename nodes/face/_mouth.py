"""The mouth of a speech whose phonemes are known.

Neighbouring sounds blend as dominance functions do: every sound pulls each blendshape
towards its own shape, most in its middle and less with distance, and the weighted mean is
what is seen. So a vowel between two consonants opens less in quick speech, and the t of
"too" is already round. Lips that must touch (p b m, f v) are laid over that.
"""

from __future__ import annotations

import numpy as np

from nodes.face._heard import Voiced
from nodes.face._sounds import Times, released, smooth, sounds_of
from nodes.face._table import TABLE, Floats
from nodes.face.arkit import INDEX
from nodes.packets import Phoneme

_LEAD = 0.02
"""Lips move before the sound comes."""
_REACH = 0.05
"""How far a sound pulls beyond its core: there its pull is 1/e."""
_CORE = 0.035
"""What lies this far inside a sound's ends is its core, of full pull."""
_FAR = 0.3
"""No pull reaches further."""
_REST = 1e-3
"""The pull of the mouth at rest, everywhere."""
_RAMP = 0.065
"""In which lips come together, and part."""
_LOUDER = 0.15
"""How much further a loud voice opens the jaw."""
_OPENING = [INDEX[name] for name in ("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight")]


class SpokenMouth:
    """Blendshapes at any time of a speech, from its phonemes."""

    def __init__(self, phonemes: tuple[Phoneme, ...], duration: float, articulation: float) -> None:
        self.duration = duration
        self.articulation = articulation
        self.sounds = sounds_of(phonemes, duration)

    def weights(self, times: Times, voiced: Voiced) -> Floats:
        """Shape (n, 52)."""
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
