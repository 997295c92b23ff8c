"""How loud a sound was over time, in one byte for each 50 ms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodes.packets import Samples
from pipeline.packet import MILLISECOND, SECOND

STEP = 50 * MILLISECOND
"""Nanoseconds of one value."""
MOST = 4 * 3_600 * SECOND // STEP
"""Values of one envelope: four hours."""


class PeakTrack:
    """The highest amplitude of each step, from time 0 on; what comes after four hours is left out."""

    __slots__ = ("peaks",)

    def __init__(self) -> None:
        self.peaks = bytearray()
        """0 to 255 for 0 to full scale."""

    def add(self, frames: Sequence[Samples], times: Sequence[int]) -> None:
        """Takes frames of up to one step each, at times in nanoseconds."""
        if len({frame.size for frame in frames}) == 1 and frames[0].size:
            highest = np.concatenate(frames).reshape(len(frames), -1).max(axis=1) >> 7
            values: list[int] = highest.tolist()
        else:
            values = [peak(frame) for frame in frames]
        for pts, value in zip(times, values, strict=True):
            self._put(pts // STEP, value)

    def place(self, peaks: bytes, pts: int) -> None:
        """Puts an envelope of its own at a time in nanoseconds."""
        first = pts // STEP
        for offset, value in enumerate(peaks):
            self._put(first + offset, value)

    def _put(self, index: int, value: int) -> None:
        missing = index + 1 - len(self.peaks)
        if missing > 0:
            if index >= MOST:
                return
            self.peaks.extend(bytes(missing))
        if index >= 0 and value > self.peaks[index]:
            self.peaks[index] = value


def peak(samples: Samples) -> int:
    """The highest amplitude of a sound above zero, 0 to 255: half the work, and a voice swings to both sides."""
    return max(0, int(samples.max())) >> 7 if samples.size else 0


def envelope(samples: Samples, rate: int) -> bytes:
    """The envelope of a whole sound."""
    size = rate * STEP // SECOND
    return bytes(peak(samples[start : start + size]) for start in range(0, len(samples), size))
