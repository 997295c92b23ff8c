"""How loud a sound was over time, in one byte for each 50 ms."""

from __future__ import annotations

import numpy as np

from nodes.packets import Samples
from pipeline.packet import MILLISECOND, SECOND

STEP = 50 * MILLISECOND
"""Nanoseconds of one value."""
BLOCK = 25
"""Frames that are looked at together."""
MOST = 4 * 3_600 * SECOND // STEP
"""Values of one envelope: four hours."""


class PeakTrack:
    """The highest amplitude of each step, from time 0 on; what comes after four hours is left out.

    Frames of a live sound are looked at half a second at a time, which costs a fifth of looking at each.
    """

    __slots__ = ("_peaks", "_pts", "_waiting")

    def __init__(self) -> None:
        self._peaks = bytearray()
        self._waiting: list[Samples] = []
        self._pts: list[int] = []

    @property
    def peaks(self) -> bytearray:
        """0 to 255 for 0 to full scale."""
        self._flush()
        return self._peaks

    def add(self, samples: Samples, pts: int) -> None:
        """Takes a frame of up to one step at a time in nanoseconds."""
        if self._waiting and samples.size != self._waiting[0].size:
            self._flush()
        self._waiting.append(samples)
        self._pts.append(pts)
        if len(self._waiting) == BLOCK:
            self._flush()

    def _flush(self) -> None:
        if self._waiting and self._waiting[0].size:
            highest = np.concatenate(self._waiting).reshape(len(self._waiting), -1).max(axis=1) >> 7
            for pts, value in zip(self._pts, highest.tolist(), strict=True):
                self._put(pts // STEP, max(0, value))
        self._waiting.clear()
        self._pts.clear()

    def place(self, peaks: bytes, pts: int) -> None:
        """Puts an envelope of its own at a time in nanoseconds."""
        first = pts // STEP
        for offset, value in enumerate(peaks):
            self._put(first + offset, value)

    def _put(self, index: int, value: int) -> None:
        missing = index + 1 - len(self._peaks)
        if missing > 0:
            if index >= MOST:
                return
            self._peaks.extend(bytes(missing))
        if index >= 0 and value > self._peaks[index]:
            self._peaks[index] = value


def peak(samples: Samples) -> int:
    """The highest amplitude of a sound above zero, 0 to 255: half the work, and a voice swings to both sides."""
    return max(0, int(samples.max())) >> 7 if samples.size else 0


def envelope(samples: Samples, rate: int) -> bytes:
    """The envelope of a whole sound."""
    size = rate * STEP // SECOND
    return bytes(peak(samples[start : start + size]) for start in range(0, len(samples), size))
