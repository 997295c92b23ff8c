"""The audio of a turn, with a short lead-in from before it."""

from __future__ import annotations

import numpy as np

from nodes.packets import Audio, Samples, duration_of
from pipeline.packet import MILLISECOND, SECOND

_STEP = 10
"""Seconds of audio by which the buffer grows."""
_QUIET = 100 * MILLISECOND
"""The length of the quiet moment at which a long turn is cut, nanoseconds."""


class TurnBuffer:
    """A growing buffer of samples; during silence only the lead-in is kept."""

    def __init__(self) -> None:
        self.rate = 0
        self.pts = 0
        """Start of the buffered audio, nanoseconds."""
        self._store = np.empty(0, np.int16)
        self._used = 0

    def add(self, audio: Audio) -> None:
        """Appends a packet; of one that was cleaned, what the microphone heard."""
        samples = audio.samples if audio.raw is None else audio.raw
        count = len(samples)
        if not self._used:
            self.pts, self.rate = audio.at.pts, audio.rate
        if self._used + count > len(self._store):
            grown = np.empty(self._used + max(count, _STEP * audio.rate), np.int16)
            grown[: self._used] = self._store[: self._used]
            self._store = grown
        self._store[self._used : self._used + count] = samples
        self._used += count

    @property
    def duration(self) -> int:
        """Nanoseconds of buffered audio."""
        return duration_of(self._used, self.rate) if self.rate else 0

    @property
    def end(self) -> int:
        """End of the buffered audio, nanoseconds."""
        return self.pts + self.duration

    def keep_last(self, duration: int) -> None:
        """Drops all but the last `duration` ns, once twice as much is buffered; so it is cheap to call often."""
        count = duration * self.rate // SECOND
        if self._used > 2 * count:
            dropped = self._used - count
            self._store[:count] = self._store[dropped : self._used].copy()
            self.pts += duration_of(dropped, self.rate)
            self._used = count

    def start_at(self, pts: int) -> None:
        """Drops audio before a time."""
        dropped = min(self._used, max(0, (pts - self.pts) * self.rate // SECOND))
        if dropped:
            left = self._used - dropped
            self._store[:left] = self._store[dropped : self._used].copy()
            self.pts += duration_of(dropped, self.rate)
            self._used = left

    def split_quietly(self, last: int) -> TurnBuffer:
        """Cuts the buffer where the last `last` ns are quietest, so that no word is cut; returns what comes after."""
        tail = self._store[max(0, self._used - last * self.rate // SECOND) : self._used]
        size = self.rate * _QUIET // SECOND
        after = TurnBuffer()
        if len(tail) > size:
            power = np.concatenate(([0.0], np.cumsum(tail.astype(np.float64) ** 2)))
            middle = self._used - len(tail) + int(np.argmin(power[size:] - power[:-size])) + size // 2
            after.rate, after.pts = self.rate, self.pts + duration_of(middle, self.rate)
            after._store = self._store[middle : self._used].copy()
            after._used, self._used = self._used - middle, middle
        return after

    def since(self, pts: int) -> Samples:
        """The samples from a time on, as a view."""
        return self._store[min(self._used, max(0, (pts - self.pts) * self.rate // SECOND)) : self._used]

    def snapshot(self) -> Samples:
        """A copy of the buffered samples."""
        return self._store[: self._used].copy()
