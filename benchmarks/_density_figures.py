"""From what a caller's socket saw to figures: how late, what is missing, how fast delay comes back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CLOCK = 48_000
"""Of RTP time of Opus."""
FRAME = 960
"""RTP time of 20 ms."""
LATE = 20.0
"""Milliseconds behind its grid from which a frame is late."""
BACK = 20.0
"""Milliseconds above the delay of a clean link within which delay counts as back."""


ENOUGH = 100
"""Packets that must come after a loss for its recovery to count: 2 s."""


@dataclass(slots=True)
class Arrivals:
    """The RTP packets that one caller got: when (kernel's time, ns), RTP time, number, bytes."""

    times: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, time: int, stamp: int, number: int, size: int) -> None:
        """One more packet."""
        self.times.append(time)
        self.stamps.append(stamp)
        self.numbers.append(number)
        self.sizes.append(size)

    def between(self, begin: int, end: int) -> Arrivals:
        """Those that came in this span of the kernel's time."""
        chosen = [at for at, time in enumerate(self.times) if begin <= time < end]
        columns = (self.times, self.stamps, self.numbers, self.sizes)
        return Arrivals(*([column[at] for at in chosen] for column in columns))

    def lateness(self) -> Floats:
        """Milliseconds behind the grid of RTP time, on which the packet that came soonest lies."""
        grid = unwrapped(self.stamps, 32) * 1_000_000_000 / CLOCK
        behind = np.asarray(self.times, np.int64) - (self.times[0] if self.times else 0) - grid
        late: Floats = (behind - behind.min(initial=np.inf)) / 1e6
        return late

    def missing(self) -> int:
        """Frames that did not come: a gap in the numbers, or a hole in RTP time while the voice sounds.

        The shortest packets are those of a silent voice; no hole begins or ends there. Where all
        are alike, only the numbers tell.
        """
        steps = np.diff(unwrapped(self.stamps, 32)) // FRAME - 1
        loud = np.asarray(self.sizes) > min(self.sizes, default=0)
        holes = np.where(loud[1:] & loud[:-1], steps, 0)
        gaps = np.diff(unwrapped(self.numbers, 16)) - 1
        return int(np.maximum(0, np.maximum(holes, gaps)).sum())


def unwrapped(values: list[int], bits: int) -> Ints:
    """Numbers that wrap as numbers that do not, from 0."""
    half = 1 << bits - 1
    numbers = np.asarray(values, np.int64)
    steps = (numbers[1:] - numbers[:-1] + half & (1 << bits) - 1) - half
    return np.concatenate(([0], np.cumsum(steps))) if values else numbers


@dataclass(frozen=True, slots=True)
class TranscriptUpdate:
    """One call as the graph heard it: for each frame, its number in what was sent, and when (ns)."""

    numbers: Ints
    times: Ints
    sent: Ints
    """When each packet was sent, or would have been."""
    lost: NDArray[np.bool_]
    """Which packets the link dropped."""

    @property
    def delays(self) -> Floats:
        """Milliseconds from sending to delivery of each frame that was heard."""
        known = self.numbers < self.sent.size
        return np.asarray((self.times[known] - self.sent[self.numbers[known]]) / 1e6)

    def recoveries(self, clean: float) -> Floats:
        """Milliseconds from each loss until a frame from after it is within `BACK` of `clean`; inf: never.

        What is lost in the last 2 s of the call does not count: little comes after it.
        """
        known = self.numbers < self.sent.size
        numbers, times = self.numbers[known], self.times[known]
        good = self.delays <= clean + BACK
        begins = np.flatnonzero(self.lost & ~np.concatenate(([False], self.lost[:-1])))
        begins = begins[begins < self.sent.size - ENOUGH]
        found = []
        for begin in begins:
            after = np.flatnonzero(good & (numbers > begin))
            found.append((times[after[0]] - self.sent[begin]) / 1e6 if after.size else np.inf)
        return np.asarray(found)


def share(values: Floats, above: float) -> float:
    """The part of the values that is greater."""
    return float(np.mean(values > above)) if values.size else 0.0


def percentile(values: Floats, which: float) -> float:
    """0 where there are none."""
    return float(np.percentile(values, which, method="higher")) if values.size else 0.0
