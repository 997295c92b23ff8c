"""Reads metrics as Prometheus would."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families


def families(registry: CollectorRegistry) -> Iterator[Metric]:
    """What the text format says."""
    yield from text_string_to_metric_families(generate_latest(registry).decode())


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """One sample, without the prefix; raises KeyError where it is missing."""
    for family in families(registry):
        for sample in family.samples:
            if sample.name == f"vitagraph_{name}" and sample.labels == labels:
                return sample.value
    raise KeyError(name, labels)


def labels_of(registry: CollectorRegistry, name: str, label: str) -> set[str]:
    """The values of a label in the samples of a name, without the prefix."""
    samples = (sample for family in families(registry) for sample in family.samples)
    return {sample.labels[label] for sample in samples if sample.name == f"vitagraph_{name}"}
