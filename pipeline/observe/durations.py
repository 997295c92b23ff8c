"""A histogram of durations that costs a bisection and two additions an observation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from pipeline.packet import MILLISECOND, SECOND

BOUNDS = tuple(each * MILLISECOND for each in (5, 10, 25, 50, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 5000))
"""Upper bounds of the buckets, nanoseconds; the last bucket has none."""


class Durations:
    """How often durations fell between two bounds, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0
        """Nanoseconds."""

    def add(self, duration: int) -> None:
        """Takes one, in nanoseconds."""
        self.counts[bisect_left(BOUNDS, duration)] += 1
        self.total += duration

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """The buckets as Prometheus has them: an upper bound in seconds, and how many were not longer."""
        count = 0
        for bound, here in zip((*BOUNDS, None), self.counts, strict=True):
            count += here
            yield "+Inf" if bound is None else str(bound / SECOND), count
