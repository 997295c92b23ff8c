"""Computes lateness, missing frames and recovery times from recorded packets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CLOCK = 48_000
"""Hz, of the RTP time of Opus."""
FRAME = 960
"""20 ms in RTP time."""
LATE = 20.0
"""Milliseconds behind its nominal time from which a frame is late."""
BACK = 20.0
"""Milliseconds above the delay of a clean link within which the delay has recovered."""


ENOUGH = 100
"""Packets that must follow a loss for its recovery to count: 2 s."""


@dataclass(slots=True)
class Arrivals:
    """The RTP packets that one caller received: time (kernel's, ns), RTP time, sequence number, bytes."""

    times: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, time: int, stamp: int, number: int, size: int) -> None:
        """Adds a packet."""
        self.times.append(time)
        self.stamps.append(stamp)
        self.numbers.append(number)
        self.sizes.append(size)

    def between(self, begin: int, end: int) -> Arrivals:
        """The packets that arrived in this span of the kernel's time."""
        chosen = [at for at, time in enumerate(self.times) if begin <= time < end]
        columns = (self.times, self.stamps, self.numbers, self.sizes)
        return Arrivals(*([column[at] for at in chosen] for column in columns))

    def lateness(self) -> Floats:
        """Milliseconds by which each packet is behind its RTP time; the earliest packet defines zero."""
        grid = unwrapped(self.stamps, 32) * 1_000_000_000 / CLOCK
        behind = np.asarray(self.times, np.int64) - (self.times[0] if self.times else 0) - grid
        late: Floats = (behind - behind.min(initial=np.inf)) / 1e6
        return late

    def missing(self) -> int:
        """Frames that did not arrive: gaps in the sequence numbers, or in RTP time during speech.

        The shortest packets are silence; gaps in RTP time next to them do not count. If all
        packets have the same size, only the sequence numbers count.
        """
        steps = np.diff(unwrapped(self.stamps, 32)) // FRAME - 1
        loud = np.asarray(self.sizes) > min(self.sizes, default=0)
        holes = np.where(loud[1:] & loud[:-1], steps, 0)
        gaps = np.diff(unwrapped(self.numbers, 16)) - 1
        return int(np.maximum(0, np.maximum(holes, gaps)).sum())


def unwrapped(values: list[int], bits: int) -> Ints:
    """Unwraps counters of so many bits; the result starts at 0."""
    half = 1 << bits - 1
    numbers = np.asarray(values, np.int64)
    steps = (numbers[1:] - numbers[:-1] + half & (1 << bits) - 1) - half
    return np.concatenate(([0], np.cumsum(steps))) if values else numbers


@dataclass(frozen=True, slots=True)
class DeliveredAudio:
    """The frames of one call that the graph received: the number of the sent packet, and the time (ns)."""

    numbers: Ints
    times: Ints
    sent: Ints
    """When each packet was sent, or would have been sent (ns)."""
    lost: NDArray[np.bool_]
    """Whether the link dropped each packet."""

    @property
    def delays(self) -> Floats:
        """Milliseconds from sending to delivery of each received frame."""
        known = self.numbers < self.sent.size
        return np.asarray((self.times[known] - self.sent[self.numbers[known]]) / 1e6)

    def recoveries(self, clean: float) -> Floats:
        """Milliseconds from each loss until a later frame has a delay within `BACK` of `clean`; inf: never.

        Losses in the last 2 s of the call are left out, because too few packets follow.
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
    """The fraction of the values above a threshold."""
    return float(np.mean(values > above)) if values.size else 0.0


def percentile(values: Floats, which: float) -> float:
    """A percentile of the values; 0 without values."""
    return float(np.percentile(values, which, method="higher")) if values.size else 0.0
