"""The names of the metrics of a host, as they are at /metrics; without `process_*`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from pipeline.compute.statistics import SchedulerStatistics
from pipeline.runtime.policy_store import PolicyStore
from vitagraph.observe.counted import PREFIX, CountedMetrics
from vitagraph.observe.samples import EngineSamples, HostState, Sources

ALERTS_FIRING = f"{PREFIX}alerts_firing"
_SUFFIXES = {"counter": ("_total",), "summary": ("_sum", "_count"), "histogram": ("", "_bucket", "_sum", "_count")}


@cache
def metric_names() -> frozenset[str]:
    """The names that an alert rule can read; a histogram also has its plain one."""
    return frozenset({*_names(_families()), ALERTS_FIRING})


def _names(families: Iterable[Metric]) -> Iterator[str]:
    for family in families:
        for suffix in _SUFFIXES.get(family.type, ("",)):
            yield family.name + suffix


def _families() -> Iterator[Metric]:
    registry = CollectorRegistry()
    CountedMetrics(registry)
    yield from registry.collect()
    idle = SchedulerStatistics(1, 0, 0, {}, 0, 0, 0.0, {}, {}, 0, 0, 0)
    state = HostState(seats_free=0, ready=True, lag=0.0, blocked=0.0, memory=0.0, cpu=0.0, memory_step=0, stalls=0)
    yield from EngineSamples(Sources(list, dict, lambda: idle, lambda: state), PolicyStore()).collect()
