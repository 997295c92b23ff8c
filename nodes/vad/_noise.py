"""How loud a frame is, and how loud the room is without a voice."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from nodes.packets import Samples

BLOCK = 12
"""Frames (of 20 ms) of which the quietest stands for all."""
BLOCKS = 8
"""Blocks of which the quietest is the floor: 2 s, in which everybody draws breath."""
_FULL_SCALE = 20 * math.log10(32768)


class NoiseFloor:
    """The level of the room's noise: the quietest moment of the last two seconds.

    It needs no beginning in silence: as soon as the speaker draws breath it is right.
    """

    __slots__ = ("_blocks", "_count", "_quietest", "_so_far")

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=BLOCKS)
        self._quietest = math.inf
        """Of the whole blocks."""
        self._so_far = math.inf
        """Of the block that is not whole yet."""
        self._count = 0

    def after(self, level: float) -> float:
        """Takes the level of one more frame; the floor in dB."""
        self._so_far = min(self._so_far, level)
        self._count += 1
        if self._count == BLOCK:
            self._blocks.append(self._so_far)
            self._quietest = min(self._blocks)
            self._so_far, self._count = math.inf, 0
        return min(self._quietest, self._so_far)


def loudness(frame: Samples) -> float:
    """The level of a frame in dB of full scale, without any constant offset."""
    level = frame.astype(np.float32)
    mean = float(np.add.reduce(level)) / level.size  # half the time of mean()
    power = float(level.dot(level)) / level.size - mean * mean
    return 10.0 * math.log10(max(power, 0.01)) - _FULL_SCALE
