"""One series of a metric over a window of time."""

from __future__ import annotations

from collections import deque

from pipeline.packet import SECOND


class MetricSeries:
    """The values of the last `window` nanoseconds, as steps: a value holds until the next, and is kept if it differs.

    `counter`: the values only grow; a smaller one is a restart from 0, and what was counted before is added.
    """

    __slots__ = ("_base", "_counter", "_latest", "_now", "_steps", "_window")

    def __init__(self, window: int, *, counter: bool) -> None:
        self._window = window
        self._counter = counter
        self._steps: deque[tuple[int, float]] = deque()
        """When each value came, the oldest first; the first may have come before the window, and holds at its start."""
        self._base = self._latest = 0.0
        self._now = 0

    def add(self, now: int, value: float) -> None:
        """Takes the value at a time, nanoseconds; times must grow."""
        self._now = now
        if self._counter:
            if value < self._latest:
                self._base += self._latest
            self._latest = value
            value += self._base
        if not self._steps or self._steps[-1][1] != value:
            self._steps.append((now, value))
        start = now - self._window
        while len(self._steps) > 1 and self._steps[1][0] <= start:
            self._steps.popleft()

    def increase(self) -> float:
        """How much the counter has grown in the window; its first value is no growth."""
        return self._steps[-1][1] - self._steps[0][1]

    def rate(self) -> float:
        """The same for each second of the window."""
        return self.increase() * SECOND / self._window

    def value(self) -> float:
        """The latest value."""
        return self._steps[-1][1]

    def max(self) -> float:
        """The highest value in the window."""
        return max(value for _, value in self._steps)

    def min(self) -> float:
        """The lowest."""
        return min(value for _, value in self._steps)

    def mean(self) -> float:
        """The mean over time since the first value in the window."""
        start = max(self._steps[0][0], self._now - self._window)
        if self._now <= start:
            return self.value()
        ends = [*(at for at, _ in self._steps), self._now][1:]
        spans = zip(self._steps, ends, strict=True)
        return sum(value * (end - max(at, start)) for (at, value), end in spans) / (self._now - start)
