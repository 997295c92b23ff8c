"""The Mann-Kendall test and the slope of Theil and Sen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vitagraph.quality.significance import ALPHA, LEAST, mann_kendall

SERIES = st.lists(st.integers(-1_000, 1_000), min_size=LEAST, max_size=60)


def test_trend_of_a_series_that_was_computed_by_hand() -> None:
    """n = 8, one pair out of order: S = 26, var = 8 7 21 / 18 = 65.33, Z = 25 / 8.083 = 3.093, p = 0.00198."""
    trend = mann_kendall(range(8), [1, 2, 4, 3, 5, 6, 7, 8])
    assert trend is not None
    assert trend.p == pytest.approx(math.erfc(25 / math.sqrt(65 + 1 / 3) / math.sqrt(2)))
    assert trend.p == pytest.approx(0.00198, abs=1e-5)
    assert trend.slope == 1 and trend.significant


def test_trend_is_corrected_for_ties() -> None:
    """[1, 1, 2, 2, 3, 3, 4, 4]: S = 24, var = (8 7 21 - 4 (2 1 9)) / 18 = 61.33, Z = 23 / 7.83."""
    trend = mann_kendall(range(8), [1, 1, 2, 2, 3, 3, 4, 4])
    assert trend is not None
    assert trend.p == pytest.approx(math.erfc(23 / math.sqrt(61 + 1 / 3) / math.sqrt(2)))


def test_slope_ignores_an_outlier_and_uneven_times() -> None:
    """Two a day, with days missing, and one value that is far off."""
    times = [0, 1, 2, 5, 6, 9, 10, 11, 12]
    values = [2.0 * time for time in times]
    values[4] = 900
    trend = mann_kendall(times, values)
    assert trend is not None and trend.slope == pytest.approx(2)


def test_trend_of_too_few_or_equal_values_is_none() -> None:
    """Nothing is said of a week, and a flat line has no trend."""
    assert mann_kendall(range(7), range(7)) is None
    flat = mann_kendall(range(20), [5.0] * 20)
    assert flat is not None and flat.p == 1 and flat.slope == 0 and not flat.significant


def test_noise_is_seldom_called_a_trend() -> None:
    """One in a hundred, as ALPHA says: an operator is not sent looking for nothing."""
    rng = np.random.default_rng(5)
    found = [mann_kendall(range(28), rng.normal(size=28).tolist()) for _ in range(2_000)]
    share = sum(trend is not None and trend.significant for trend in found) / len(found)
    assert share == pytest.approx(ALPHA, abs=0.006)


@given(st.lists(st.floats(0.01, 100), min_size=LEAST, max_size=80))
def test_steadily_rising_series_is_significant(steps: list[float]) -> None:
    """However uneven its steps are."""
    values = np.cumsum(steps).tolist()
    trend = mann_kendall(range(len(values)), values)
    assert trend is not None and trend.significant and trend.slope > 0


@given(SERIES)
def test_trend_of_the_reversed_series_has_the_other_sign(series: list[int]) -> None:
    """As sure, the other way."""
    there, back = (mann_kendall(range(len(series)), values) for values in (series, series[::-1]))
    assert there is not None and back is not None
    assert back.p == pytest.approx(there.p) and back.slope == pytest.approx(-there.slope)


@given(SERIES, st.integers(1, 50), st.integers(-500, 500))
def test_trend_does_not_depend_on_the_unit(series: list[int], factor: int, shift: int) -> None:
    """Seconds or milliseconds: the same finding."""
    assume(len(set(series)) > 1)
    plain = mann_kendall(range(len(series)), series)
    other = mann_kendall(range(len(series)), [factor * value + shift for value in series])
    assert plain is not None and other is not None
    assert other.p == pytest.approx(plain.p) and other.slope == pytest.approx(factor * plain.slope)
