"""A second opinion on whether a sound is a voice, from Silero's model, wherever that is installed.

Measured on sounds over an answer: the highest probability since the onset is at least 0.5 within
300 ms for all of 126 voices, and for 4 of 70 noises that vad.webrtc takes for a voice; at least 0.7
for one of them. Its own threshold is lower than that of a detector because it only judges sounds
that a detector has already marked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nodes.packets import Samples
from nodes.silero import RATE, WINDOW, SileroStream, load_silero
from pipeline.errors import DependencyError

VOICE = 0.5
"""Highest probability since the onset below which a sound is a noise."""
CERTAIN = 0.7
"""Probability from which a sound that was taken for a noise is a voice after all."""


def load_opinion(params: object) -> Any:
    """Silero's model; None where its packages are missing, so that every sound counts as a voice."""
    try:
        return load_silero(params)
    except DependencyError:
        return None


class VoiceOpinion:
    """How much one sound is like a voice."""

    __slots__ = ("_model", "_rest", "_step", "_stream", "last", "most")

    def __init__(self, model: Any, rate: int) -> None:
        usable = model is not None and rate % RATE == 0
        self._model = model if usable else None
        self._step = rate // RATE
        self._stream = SileroStream()
        self._rest = np.zeros(0, np.int16)
        self.most = 0.0 if usable else 1.0
        """The highest probability of a voice since the onset, 0 to 1."""
        self.last = self.most
        """The present one."""

    @property
    def voice(self) -> bool:
        """Whether it may be a voice."""
        return self.most >= VOICE

    def listen(self, samples: Samples) -> None:
        """Takes the next samples of the sound."""
        if self._model is None:
            return
        rest = np.concatenate((self._rest, samples[:: self._step]))
        whole = rest.size - rest.size % WINDOW
        for start in range(0, whole, WINDOW):
            self.last = self._stream.probability(self._model, rest[start : start + WINDOW])
            self.most = max(self.most, self.last)
        self._rest = rest[whole:]

    def forget(self) -> None:
        """From now on only what follows counts."""
        if self._model is not None:
            self.most = self.last = 0.0
