"""The audio of a turn: a few hundred milliseconds of lead while nobody speaks, then all of it."""

from __future__ import annotations

import numpy as np

from nodes.packets import Audio, Samples, duration_of

_STEP = 10
"""Seconds of audio by which the store grows."""


class TurnBuffer:
    """One growing store of samples, kept short while it is only the lead-in."""

    def __init__(self) -> None:
        self.rate = 0
        self.pts = 0
        """Where the kept audio begins."""
        self._store = np.empty(0, np.int16)
        self._used = 0

    def add(self, audio: Audio) -> None:
        """Appends a packet."""
        count = len(audio.samples)
        if not self._used:
            self.pts, self.rate = audio.at.pts, audio.rate
        if self._used + count > len(self._store):
            grown = np.empty(self._used + max(count, _STEP * audio.rate), np.int16)
            grown[: self._used] = self._store[: self._used]
            self._store = grown
        self._store[self._used : self._used + count] = audio.samples
        self._used += count

    @property
    def duration(self) -> int:
        """Nanoseconds that are kept."""
        return duration_of(self._used, self.rate) if self.rate else 0

    @property
    def end(self) -> int:
        """Where the kept audio ends."""
        return self.pts + self.duration

    def keep_last(self, duration: int) -> None:
        """Forgets all but the last nanoseconds; does it rarely, so that it costs little."""
        count = duration * self.rate // 1_000_000_000
        if self._used > 2 * count:
            dropped = self._used - count
            self._store[:count] = self._store[dropped : self._used].copy()
            self.pts += duration_of(dropped, self.rate)
            self._used = count

    def start_at(self, pts: int) -> None:
        """Forgets what came before a time."""
        dropped = min(self._used, max(0, (pts - self.pts) * self.rate // 1_000_000_000))
        if dropped:
            left = self._used - dropped
            self._store[:left] = self._store[dropped : self._used].copy()
            self.pts += duration_of(dropped, self.rate)
            self._used = left

    def snapshot(self) -> Samples:
        """A copy of what is kept."""
        return self._store[: self._used].copy()
