"""A report of a period: each measure with its spread, its trend, and the period before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np

from vitagraph.quality.archive import Period
from vitagraph.quality.measures import MEASURES, Measure
from vitagraph.quality.significance import Trend, mann_kendall

HOUR, DAY = 3_600.0, 86_400.0
WIDTHS = ((2 * DAY, HOUR), (15 * DAY, 6 * HOUR), (200 * DAY, DAY))
"""Periods up to so many seconds are divided into stretches of so many; longer ones into weeks."""
STEP_MS, STEPS = 100, 50
"""Of the distribution of the silences."""
VERSION = 1


class Point(msgspec.Struct, frozen=True):
    """A measure in one stretch of time; None without a value."""

    at: float
    """Its beginning, seconds since 1970."""
    value: float | None
    low: float | None = None
    """5 % of the values are below."""
    high: float | None = None
    """5 % of the values are above."""


class MeasureSummary(msgspec.Struct, frozen=True):
    """One measure over the period, in its `unit`."""

    key: str
    title: str
    unit: str
    better: str
    """`less`, `more` or `neither`."""
    meaning: str
    value: float | None
    """Over the whole period: a share of the totals, or the median of the values, or their mean for counts a call."""
    before: float | None
    """The same in the period before, of the same length."""
    count: int
    """Of values: sessions, or turns for the silence; for a share, of what it is one."""
    mean: float | None
    p5: float | None
    p50: float | None
    p95: float | None
    trend: Trend | None
    """Over the points, with the slope in units a day; None with fewer than 8."""
    points: list[Point]


class Report(msgspec.Struct, frozen=True):
    """A period; times in seconds since 1970."""

    begin: float
    end: float
    width: float
    """Of the stretches of the points, seconds."""
    graph: str
    """Empty for all graphs."""
    sessions: int
    """Calls that were connected and had a seat."""
    sessions_before: int
    not_connected: int
    """Calls whose client never connected; no measure counts them."""
    refused: int
    """Offers that were refused for lack of room or by a fault of ours."""
    outcomes: dict[str, int]
    calls: list[Point]
    """The sessions of each stretch."""
    silences: list[int]
    """How many silences were in each step of 100 ms, up to 5 s; the last number is that of all longer ones."""
    measures: list[MeasureSummary]
    version: int = VERSION

    def measure(self, key: str) -> MeasureSummary:
        """One of the measures; raises KeyError."""
        return {each.key: each for each in self.measures}[key]


def make_report(period: Period, before: Period, graph: str = "") -> Report:
    """The report of a period, compared with the one before it."""
    width = width_of(period.end - period.begin)
    parts = _parts(period, width)
    outcomes = [each.outcome for each in period.sessions]
    return Report(
        begin=period.begin,
        end=period.end,
        width=width,
        graph=graph,
        sessions=sum(each.conversed for each in period.sessions),
        sessions_before=sum(each.conversed for each in before.sessions),
        not_connected=outcomes.count("not_connected"),
        refused=sum(count for _, count in period.refused),
        outcomes={outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
        calls=[Point(part.begin, sum(each.conversed for each in part.sessions)) for part in parts],
        silences=_distribution([silence for each in period.sessions for silence in each.silences_ms]),
        measures=[_summary(measure, period, before, parts) for measure in MEASURES],
    )


def width_of(seconds: float) -> float:
    """How long the stretches of a period are."""
    return next((width for most, width in WIDTHS if seconds <= most), 7 * DAY)


def _parts(period: Period, width: float) -> list[Period]:
    """The stretches of a period, which begin with a local day."""
    first = datetime.fromtimestamp(period.begin).replace(hour=0, minute=0, second=0, microsecond=0)
    at = first.timestamp()
    at += (period.begin - at) // width * width
    parts = []
    while at < period.end:
        parts.append(period.part(max(at, period.begin), min(at + width, period.end)))
        at += width
    return parts


def _summary(measure: Measure, period: Period, before: Period, parts: Sequence[Period]) -> MeasureSummary:
    values = [value for each in period.sessions for value in measure.values(each)]
    low, middle, high = _percentiles(values)
    points = [_point(measure, part) for part in parts]
    known = [(point.at / DAY, point.value) for point in points if point.value is not None]
    return MeasureSummary(
        key=measure.key,
        title=measure.title,
        unit=measure.unit,
        better=measure.better,
        meaning=measure.meaning,
        value=measure.overall(period),
        before=measure.overall(before),
        count=measure.count(period),
        mean=float(np.mean(values)) if values else None,
        p5=low,
        p50=middle,
        p95=high,
        trend=mann_kendall([at for at, _ in known], [value for _, value in known]),
        points=points,
    )


def _point(measure: Measure, part: Period) -> Point:
    low, _, high = _percentiles([value for each in part.sessions for value in measure.values(each)])
    return Point(part.begin, measure.overall(part), low, high)


def _distribution(silences: Sequence[float]) -> list[int]:
    counts = [0] * (STEPS + 1)
    for silence in silences:
        counts[min(STEPS, int(silence // STEP_MS))] += 1
    return counts


def _percentiles(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    low, middle, high = (float(each) for each in np.percentile(values, (5, 50, 95)))
    return low, middle, high


def trend_text(summary: MeasureSummary) -> str:
    """The trend in words: `+12 ms a day (p < 0.001)`, or why there is none."""
    found = summary.trend
    if found is None:
        return "too few values" if summary.value is not None else "-"
    if not found.significant:
        return f"no significant trend (p = {found.p:.2f})"
    chance = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    return f"{found.slope:+,.3g} {summary.unit}".strip() + f" a day ({chance})"


def significant(report: Report) -> list[MeasureSummary]:
    """The measures that have a trend."""
    return [each for each in report.measures if each.trend is not None and each.trend.significant]


def verdict(summary: MeasureSummary) -> str:
    """`better` or `worse` for a significant trend of a measure that has a good side; else empty."""
    found = summary.trend
    if found is None or not found.significant or summary.better == "neither" or not found.slope:
        return ""
    return "better" if (found.slope > 0) == (summary.better == "more") else "worse"
