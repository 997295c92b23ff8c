"""The statistic of a rule, from the samples of one moment after another."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from vitagraph.alerts.series import MetricSeries
from vitagraph.alerts.spec import AlertRule, LabelFilter, Statistic

Labels = tuple[tuple[str, str], ...]
"""The labels of an alert, in order of their names."""
Samples = Mapping[str, Sequence[Sample]]
"""By the name of the sample."""

_OF: Mapping[Statistic, Callable[[MetricSeries], float]] = {
    "value": MetricSeries.value,
    "max": MetricSeries.max,
    "min": MetricSeries.min,
    "mean": MetricSeries.mean,
    "increase": MetricSeries.increase,
}
"""Every other statistic is made of rates."""


def samples_by_name(families: Iterable[Metric]) -> Samples:
    """The samples of metrics, as a rule reads them."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for family in families:
        for sample in family.samples:
            found[sample.name].append(sample)
    return found


class RuleStatistic:
    """Computes the statistic of one rule; keeps the series that it needs for as long as its window."""

    def __init__(self, rule: AlertRule) -> None:
        self._rule = rule
        self._counter = rule.statistic in ("rate", "increase", "ratio", "quantile")
        self._of_series = _OF.get(rule.statistic, MetricSeries.rate)
        self._series: dict[tuple[int, Labels], MetricSeries] = {}
        """By the place of their metric in `rule.metrics`; a ratio may read one metric twice."""

    def update(self, now: int, samples: Samples) -> dict[Labels, float]:
        """The statistic for each combination of labels, from the samples at a time, nanoseconds; times must grow."""
        rule = self._rule
        self._take(now, samples)
        if rule.statistic == "quantile":
            return self._quantiles()
        values = self._sums(0, rule.by)
        if rule.statistic != "ratio":
            return values
        totals: dict[Labels, float] = defaultdict(float)
        for place in range(1, len(rule.metrics)):
            for key, value in self._sums(place, None if rule.by is None else ()).items():
                totals[key] += value
        of = {key: totals.get(key if rule.by is None else (), 0.0) for key in values}
        return {key: value / of[key] for key, value in values.items() if of[key] > 0}

    def _take(self, now: int, samples: Samples) -> None:
        """Adds the samples to their series, and forgets series that are gone."""
        rule, seen = self._rule, dict[tuple[int, Labels], MetricSeries]()
        window = rule.window if rule.statistic != "value" else 0
        for place, name in enumerate(rule.metrics):
            for sample in samples.get(name, ()):
                if not _passes(sample.labels, *((rule.labels, rule.without) if place == 0 else (rule.of_labels, {}))):
                    continue
                key = (place, tuple(sorted(sample.labels.items())))
                series = self._series.get(key) or MetricSeries(window, counter=self._counter)
                series.add(now, sample.value)
                seen[key] = series
        self._series = seen

    def _sums(self, place: int, by: Sequence[str] | None) -> dict[Labels, float]:
        """The statistic of each series of one of the rule's metrics, added up by labels."""
        sums: dict[Labels, float] = defaultdict(float)
        for (number, labels), series in self._series.items():
            if number == place:
                sums[_reduced(labels, by)] += self._of_series(series)
        return dict(sums)

    def _quantiles(self) -> dict[Labels, float]:
        by = self._rule.by
        buckets: dict[Labels, dict[float, float]] = defaultdict(lambda: defaultdict(float))
        for (_, labels), series in self._series.items():
            rest = tuple(each for each in labels if each[0] != "le")
            buckets[_reduced(rest, by)][float(dict(labels)["le"])] += series.rate()
        found = {key: quantile_of(rates, self._rule.quantile) for key, rates in buckets.items()}
        return {key: value for key, value in found.items() if not math.isnan(value)}


def quantile_of(buckets: Mapping[float, float], quantile: float) -> float:
    """A quantile of a histogram, as Prometheus's histogram_quantile: linear within the bucket that has it.

    `buckets`: by their upper bound, how many are at most that; the last bound is infinite. NaN for an empty
    histogram; the highest finite bound for a quantile beyond it.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0 or len(bounds) < 2:
        return math.nan
    rank = quantile * total
    place = next((place for place, bound in enumerate(bounds) if buckets[bound] >= rank), len(bounds) - 1)
    if place == len(bounds) - 1:
        return bounds[-2]
    start, before = (bounds[place - 1], buckets[bounds[place - 1]]) if place else (0.0, 0.0)
    if place == 0 and bounds[0] <= 0:
        return bounds[0]
    count = buckets[bounds[place]] - before
    return start + (bounds[place] - start) * (rank - before) / count if count > 0 else bounds[place]


def _passes(labels: Mapping[str, str], wanted: LabelFilter, unwanted: LabelFilter) -> bool:
    return all(labels.get(name, "") in _values(value) for name, value in wanted.items()) and not any(
        labels.get(name, "") in _values(value) for name, value in unwanted.items()
    )


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _reduced(labels: Labels, by: Sequence[str] | None) -> Labels:
    return labels if by is None else tuple(each for each in labels if each[0] in by)
