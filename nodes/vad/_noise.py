"""Loudness of a frame, and of the background noise."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from nodes.packets import Samples

BLOCK = 12
"""Frames (of 20 ms) per block; only the quietest counts."""
BLOCKS = 8
"""Blocks whose minimum is the noise floor: 2 s, long enough to contain a breath."""
_FULL_SCALE = 20 * math.log10(32768)


class NoiseFloor:
    """Estimates the noise level as the quietest moment of the last two seconds.

    Needs no silence at the start: it is right as soon as the speaker takes a breath.
    """

    __slots__ = ("_blocks", "_count", "_quietest", "_so_far")

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=BLOCKS)
        self._quietest = math.inf
        """Minimum of the complete blocks, dB."""
        self._so_far = math.inf
        """Minimum of the current block, dB."""
        self._count = 0

    def after(self, level: float) -> float:
        """Adds the level of a frame and returns the noise floor, both in dB."""
        self._so_far = min(self._so_far, level)
        self._count += 1
        if self._count == BLOCK:
            self._blocks.append(self._so_far)
            self._quietest = min(self._blocks)
            self._so_far, self._count = math.inf, 0
        return min(self._quietest, self._so_far)


def loudness(frame: Samples) -> float:
    """Level of a frame in dBFS, ignoring a constant offset."""
    level = frame.astype(np.float32)
    mean = float(np.add.reduce(level)) / level.size  # takes half the time of mean()
    power = float(level.dot(level)) / level.size - mean * mean
    return 10.0 * math.log10(max(power, 0.01)) - _FULL_SCALE
