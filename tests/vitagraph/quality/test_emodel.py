"""The E-model, at points that ITU-T has published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitagraph.quality.emodel import (
    R0,
    burst_ratio,
    delay_impairment,
    loss_impairment,
    mean_opinion_score,
    rating,
)

LOSS = st.floats(0, 1)
DELAY = st.floats(0, 2_000)


def test_default_rating_gives_the_published_opinion() -> None:
    """G.107, table 2 and annex B: R = 93.2 with all parameters at their defaults is a MOS of 4.41."""
    assert rating(0, 0) == R0 == 93.2
    assert round(mean_opinion_score(R0), 2) == 4.41


@pytest.mark.parametrize(("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_opinion_of_a_rating_is_that_of_g_109(r: float, mos: float) -> None:
    """The borders of its categories of quality."""
    assert mean_opinion_score(r) == pytest.approx(mos, abs=0.007)


def test_opinion_is_bounded() -> None:
    """No network makes a call better than 4.5 or worse than 1."""
    assert (mean_opinion_score(-5), mean_opinion_score(0), mean_opinion_score(100)) == (1, 1, 4.5)
    assert mean_opinion_score(3) == 1


@pytest.mark.parametrize(("percent", "impairment"), [(0, 11), (2, 19), (4, 26)])
def test_loss_impairment_of_g_729a_is_that_of_g_113(percent: float, impairment: float) -> None:
    """G.113, appendix I: Ie = 11 and Bpl = 19 give its tabulated values."""
    assert loss_impairment(percent / 100, ie=11, bpl=19) == pytest.approx(impairment, abs=0.5)


@pytest.mark.parametrize(("ms", "impairment"), [(0, 0), (100, 0), (150, 0.2), (200, 3.0), (300, 14.7), (400, 24.1)])
def test_delay_impairment_follows_the_curve_of_g_107(ms: float, impairment: float) -> None:
    """Nothing up to 100 ms, hardly anything at 150 ms, which G.114 allows for most uses; much at 400 ms, its limit."""
    assert delay_impairment(ms) == pytest.approx(impairment, abs=0.1)


def test_losses_in_bursts_are_worse_than_at_random() -> None:
    """Ten lost packets in two gaps."""
    burst = burst_ratio(10, 2, 0.1)
    assert burst == pytest.approx(4.5)
    assert rating(0.1, 50, burst) < rating(0.1, 50)
    assert burst_ratio(0, 0, 0.0) == burst_ratio(3, 3, 0.0) == 1


@given(LOSS, LOSS, DELAY, DELAY, st.floats(1, 8))
def test_opinion_never_rises_with_loss_or_delay(
    loss: float, more: float, ms: float, later: float, burst: float
) -> None:
    """An operator can compare two calls."""
    best = mean_opinion_score(rating(min(loss, more), min(ms, later), burst))
    worst = mean_opinion_score(rating(max(loss, more), max(ms, later), burst))
    assert 1 <= worst <= best + 1e-9 and best <= 4.42
