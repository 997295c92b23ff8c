"""Statistics over windows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline.packet import SECOND
from pipeline.params import seconds
from tests.vitagraph.alerts.rules import rule
from vitagraph.alerts.series import MetricSeries
from vitagraph.alerts.spec import AlertRule
from vitagraph.alerts.statistics import Labels, RuleStatistic, quantile_of, samples_by_name

WINDOW = seconds(60)


def series(values: list[float], *, counter: bool = False) -> MetricSeries:
    """One value every five seconds."""
    made = MetricSeries(WINDOW, counter=counter)
    for place, value in enumerate(values):
        made.add(place * 5 * SECOND, value)
    return made


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_series_of_steps_gives_the_same_as_all_its_samples(values: list[int]) -> None:
    """Leaving out what does not change loses nothing."""
    made, inside = series([float(value) for value in values]), values[-13:]
    assert (made.value(), made.max(), made.min()) == (inside[-1], max(inside), min(inside))
    spans = inside[:-1] or inside
    assert made.mean() == pytest.approx(sum(spans) / len(spans))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_series_of_a_counter_counts_the_growth_of_its_window(steps: list[int]) -> None:
    """Exactly, whatever came before."""
    totals = [float(sum(steps[: place + 1])) for place in range(len(steps))]
    assert series(totals, counter=True).increase() == sum(steps[1:][-12:])


def test_series_of_a_counter_goes_on_after_a_restart() -> None:
    """From 0, as Prometheus assumes."""
    assert series([10.0, 12.0, 3.0, 4.0], counter=True).increase() == 6
    assert series([10.0, 12.0, 3.0, 4.0], counter=True).rate() == pytest.approx(0.1)


def test_quantile_is_that_of_prometheus() -> None:
    """Linear within a bucket; the last finite bound beyond it; none for an empty histogram."""
    buckets = {0.5: 10.0, 1.0: 30.0, 2.0: 40.0, math.inf: 40.0}
    assert quantile_of(buckets, 0.5) == pytest.approx(0.75)
    assert quantile_of(buckets, 0.1) == pytest.approx(0.2)
    assert quantile_of({1.0: 1.0, math.inf: 9.0}, 0.9) == 1.0
    assert math.isnan(quantile_of({1.0: 0.0, math.inf: 0.0}, 0.9))


class Host:
    """A registry whose samples a rule gets every five seconds."""

    def __init__(self, given: AlertRule) -> None:
        self.registry = CollectorRegistry()
        self.statistic = RuleStatistic(given)
        self.now = 0

    def tick(self) -> dict[Labels, float]:
        """The statistic, five seconds later."""
        self.now += 5 * SECOND
        return self.statistic.update(self.now, samples_by_name(self.registry.collect()))


def test_statistic_adds_up_by_labels_and_leaves_out_others() -> None:
    """A rule of a node covers all its errors but those that it excludes."""
    host = Host(rule(metric="errors_total", by=["node"], without={"category": "bad"}, statistic="rate", window="10s"))
    errors = Counter("errors", "", ["node", "category"], registry=host.registry)
    for node, category in (("asr", "network"), ("asr", "unknown"), ("asr", "bad"), ("tts", "network")):
        errors.labels(node, category)
    host.tick()
    for category in ("network", "unknown", "bad"):
        errors.labels("asr", category).inc(5)
    assert host.tick() == {(("node", "asr"),): 1.0, (("node", "tts"),): 0.0}


def test_statistic_of_one_metric_over_itself_is_a_share() -> None:
    """Unanswered turns of all turns."""
    share = rule(
        metric="turns_total", labels={"outcome": "bad"}, by=[], statistic="ratio", of=["turns_total"], window="10s"
    )
    host = Host(share)
    turns = Counter("turns", "", ["outcome"], registry=host.registry)
    turns.labels("bad"), turns.labels("good")
    assert host.tick() == {}, "nothing happened: there is no share"
    turns.labels("bad").inc(1)
    turns.labels("good").inc(3)
    assert host.tick() == {(): 0.25}


def test_statistic_of_a_histogram_is_over_its_window() -> None:
    """A slow hour ago is over."""
    host = Host(rule(metric="silence", statistic="quantile", quantile=0.5, window="10s", by=[]))
    silence = Histogram("silence", "", ["outcome"], buckets=(1, 2, 4), registry=host.registry)
    for outcome in ("answered", "interrupted"):
        silence.labels(outcome)
    host.tick()
    silence.labels("answered").observe(3)
    assert host.tick() == {(): 3.0}
    host.tick()
    silence.labels("interrupted").observe(1.5)
    assert host.tick() == {(): 1.5}


def test_statistic_forgets_series_that_are_gone() -> None:
    """A graph that is served no more has no alerts."""
    host = Host(rule(metric="waiting"))
    waiting = Gauge("waiting", "", ["link"], registry=host.registry)
    waiting.labels("a").set(2)
    assert host.tick() == {(("link", "a"),): 2.0}
    waiting.remove("a")
    assert host.tick() == {}
