"""Whether a measure changes over time, or only varies: the Mann-Kendall test, and Theil and Sen's slope.

    S = sum over i < j of sign(y_j - y_i)
    var(S) = (n (n - 1) (2n + 5) - sum over groups of t equal values of t (t - 1) (2t + 5)) / 18
    Z = (S - sign(S)) / sqrt(var(S)),  p = erfc(|Z| / sqrt 2)    two-sided
    slope = median over i < j of (y_j - y_i) / (t_j - t_i)

Sources: M. G. Kendall, Rank Correlation Methods, 1975; R. O. Gilbert, Statistical Methods for Environmental
Pollution Monitoring, 1987, chapter 16 (test, ties, slope); P. K. Sen, JASA 63, 1968 (slope).

The test asks nothing of the distribution of the values, and single outliers hardly move it. It takes the values for
independent of each other: a rhythm of the day or of the week that is longer than the period looks like a trend, and
one that is shorter hides a weak trend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

LEAST = 8
"""Values below which nothing is said: the normal approximation of S needs them."""
ALPHA = 0.01
"""A report tests a dozen measures: at the usual 0.05 every second report would find a trend where there is none."""


class Trend(msgspec.Struct, frozen=True):
    """The result for one series."""

    n: int
    p: float
    """How often chance alone gives such an order of the values, 0 to 1."""
    slope: float
    """The change in a unit of time."""

    @property
    def significant(self) -> bool:
        """Whether it is a trend, as far as one can tell."""
        return self.p < ALPHA


def mann_kendall(times: Sequence[float], values: Sequence[float]) -> Trend | None:
    """The trend of values at increasing times; None with fewer than 8. Takes time and memory of n squared."""
    n = len(values)
    if n < LEAST:
        return None
    y, t = np.asarray(values, np.float64), np.asarray(times, np.float64)
    before, after = np.triu_indices(n, 1)
    rises = y[after] - y[before]
    s = float(np.sign(rises).sum())
    ties = np.unique(y, return_counts=True)[1]
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    z = (s - math.copysign(1, s)) / math.sqrt(variance) if s and variance > 0 else 0.0
    slope = float(np.median(rises / (t[after] - t[before])))
    return Trend(n, math.erfc(abs(z) / math.sqrt(2)), slope)
