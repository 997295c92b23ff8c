"""How clearly a voice stands out from the noise around it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from nodes.packets import Audio, Samples

HOLD = 100
"""Frames that wait for the voice detector, which marks a start or an end afterwards: 2 s of 20 ms."""
LEAST = 25
"""Frames of voice and of noise that a measurement needs: 0.5 s of each."""
STEP_DB = 0.5
FULL_SCALE_DB = 20 * math.log10(32768)
_BINS = 200
RANGE_DB = (0.0, 60.0)
"""What is outside is cut to it: below, voice and noise cannot be told apart; above, it is a studio."""


class SpeechClarity:
    """The ratio of a caller's voice to the noise, from 20 ms frames and the marks of the voice detector.

    The power P of a frame is the mean square of its samples. Voice: the mean P of the frames between the start and
    the end of the marked voices. Noise: the median P of all others, in steps of 0.5 dB, which a slammed door or a
    short echo does not move. SNR = 10 lg((voice - noise) / noise), because the voice is heard together with the
    noise. Frames of pure zeros were not sent by a microphone, and count for neither.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, float]] = deque()
        """Time and power of frames whose class is not known yet."""
        self._voiced = False
        self._voice = 0.0
        self._voice_frames = 0
        self._noise = [0] * _BINS
        """How many frames of noise had a level, in steps of 0.5 dB below full scale."""

    def add(self, frames: Sequence[Audio]) -> None:
        """Takes the next frames of the microphone."""
        sent = [frame for frame in frames if not frame.absent]
        for frame, power in zip(sent, _powers([frame.samples for frame in sent]), strict=True):
            if power:
                self._waiting.append((frame.at.pts, power))
                if len(self._waiting) > HOLD:
                    self._count(self._waiting.popleft()[1])

    def speech_began(self, at: int) -> None:
        """A voice began at a time (nanoseconds) that may lie a little back."""
        self._turn(at, voiced=True)

    def speech_ended(self, at: int) -> None:
        """It ended then."""
        self._turn(at, voiced=False)

    def snr_db(self) -> float | None:
        """The ratio in dB, 0 to 60; None with less than 0.5 s of voice or of noise."""
        frames = sum(self._noise)
        if frames < LEAST or self._voice_frames < LEAST:
            return None
        noise, voice = _power(self._median_bin(frames)), self._voice / self._voice_frames
        least, most = RANGE_DB
        return least if voice <= noise else min(most, max(least, 10 * math.log10((voice - noise) / noise)))

    def _turn(self, at: int, *, voiced: bool) -> None:
        """All frames before `at` are of the old class."""
        while self._waiting and self._waiting[0][0] < at:
            self._count(self._waiting.popleft()[1])
        self._voiced = voiced

    def _count(self, power: float) -> None:
        if self._voiced:
            self._voice += power
            self._voice_frames += 1
        else:
            below = int((FULL_SCALE_DB - 10 * math.log10(power)) / STEP_DB)
            self._noise[max(0, min(_BINS - 1, below))] += 1

    def _median_bin(self, frames: int) -> int:
        seen = 0
        for each, count in enumerate(self._noise):
            seen += count
            if 2 * seen >= frames:
                return each
        return _BINS - 1


def _powers(frames: Sequence[Samples]) -> list[float]:
    """The mean square of each frame."""
    if len({frame.size for frame in frames}) == 1 and frames[0].size:
        wide = np.concatenate(frames).astype(np.float32).reshape(len(frames), -1)
        powers: list[float] = (np.einsum("ij,ij->i", wide, wide) / wide.shape[1]).tolist()
        return powers
    return [float(np.square(frame.astype(np.float32)).mean()) if frame.size else 0.0 for frame in frames]


def _power(at: int) -> float:
    """The power in the middle of a bin."""
    return float(10 ** ((FULL_SCALE_DB - (at + 0.5) * STEP_DB) / 10))
