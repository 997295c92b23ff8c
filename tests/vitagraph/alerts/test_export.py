"""The host and Prometheus say the same of the same numbers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.samples import Sample

from pipeline.packet import SECOND
from pipeline.params import show_duration
from tests.programs import program
from vitagraph.alerts.file import builtin_rules
from vitagraph.alerts.prometheus import expression
from vitagraph.alerts.spec import AlertRule
from vitagraph.alerts.state import AlertPhase
from vitagraph.alerts.statistics import Labels, RuleStatistic

STEP = 15
"""Seconds between two samples, and two evaluations."""
STEPS = 200
"""50 minutes; the fault lasts from 10 to 25 minutes."""
Value = Callable[[int], float]


def is_faulty(step: int) -> bool:
    """Whether the fault lasts at a step."""
    return 40 <= step < 100


def gauge(healthy: float, faulty: float) -> Value:
    """Has one of two values."""
    return lambda step: faulty if is_faulty(step) else healthy


def counter(healthy: float, faulty: float) -> Value:
    """Grows by one of two steps."""
    return lambda step: sum(faulty if is_faulty(each) else healthy for each in range(step))


SERIES: Mapping[str, Mapping[str, Value]] = {
    "VitagraphTurnsUnanswered": {
        'vitagraph_turns_total{outcome="unanswered"}': counter(0, 1),
        'vitagraph_turns_total{outcome="answered"}': counter(5, 4),
    },
    "VitagraphTurnsSlow": {
        'vitagraph_turn_silence_seconds_bucket{outcome="answered",le="1.0"}': counter(4, 0),
        'vitagraph_turn_silence_seconds_bucket{outcome="answered",le="2.5"}': counter(4, 1),
        'vitagraph_turn_silence_seconds_bucket{outcome="answered",le="5.0"}': counter(4, 4),
        'vitagraph_turn_silence_seconds_bucket{outcome="answered",le="+Inf"}': counter(4, 4),
    },
    "VitagraphTurnsOverBudget": {
        'vitagraph_turns_over_budget_total{part="text"}': counter(0, 2),
        'vitagraph_turns_over_budget_total{part="speech"}': counter(0, 0),
        'vitagraph_turns_total{outcome="answered"}': counter(5, 5),
    },
    "VitagraphBreakerOpen": {'vitagraph_breaker_state{node="asr",member="a"}': gauge(0, 2)},
    "VitagraphNodeErrors": {
        'vitagraph_node_errors_total{node="asr",category="network"}': counter(0, 3),
        'vitagraph_node_errors_total{node="asr",category="user_input"}': counter(9, 9),
    },
    "VitagraphPacketsLost": {
        "vitagraph_rtp_packets_lost_total": counter(0, 90),
        "vitagraph_rtp_packets_received_total": counter(700, 610),
    },
    "VitagraphMemoryShort": {"vitagraph_memory_used_ratio": gauge(0.4, 0.9)},
    "VitagraphCallsFailed": {'vitagraph_calls_total{outcome="failed"}': counter(0, 1)},
}


def parsed(series: str) -> tuple[str, dict[str, str]]:
    """The name and the labels of a series."""
    name, _, rest = series.partition("{")
    pairs = (pair.partition("=") for pair in rest.removesuffix("}").split(",") if pair)
    return name, {label: json.loads(text) for label, _, text in pairs}


def in_process(rule: AlertRule, series: Mapping[str, Value]) -> list[set[Labels]]:
    """For which labels the host says that it fires, after each step."""
    statistic, phases, found = RuleStatistic(rule), dict[Labels, AlertPhase](), []
    for step in range(STEPS):
        samples: dict[str, list[Sample]] = {}
        for each, value in series.items():
            metric, pairs = parsed(each)
            samples.setdefault(metric, []).append(Sample(metric, pairs, value(step)))
        now, firing = step * STEP * SECOND, set()
        for labels, number in statistic.update(now, samples).items():
            phase = phases.setdefault(labels, AlertPhase(rule.hold, rule.keep_for))
            if phase.update(now, number, holds=rule.holds(number)) == "firing":
                firing.add(labels)
        found.append(firing)
    return found


def expected(rule: AlertRule, firing: list[set[Labels]]) -> Iterator[dict[str, Any]]:
    """What promtool is to find each minute, but for those in which it changes: Prometheus extrapolates rates."""
    for step in range(4, STEPS - 4, 4):
        if all(each == firing[step] for each in firing[step - 3 : step + 4]):
            alerts = [{"exp_labels": {"instance": "a", **dict(labels)}} for labels in firing[step]]
            yield {"eval_time": f"{step * STEP}s", "alertname": rule.name, "exp_alerts": alerts}


@pytest.mark.parametrize("name", SERIES)
def test_export_fires_and_clears_as_the_host_does(name: str, tmp_path: Path) -> None:
    """An operator who changes from one to the other is woken for the same."""
    (rule,) = (each for each in builtin_rules().rules if each.name == name)
    firing = in_process(rule, SERIES[name])
    assert firing[39] == set() and firing[99] and firing[-1] == set()
    keep = {"keep_firing_for": show_duration(rule.keep_for)} if rule.keep_for else {}
    exported = {"alert": name, "expr": expression(rule), "for": show_duration(rule.hold), **keep}
    series = [
        {"series": _with_instance(each), "values": " ".join(f"{value(step):g}" for step in range(STEPS))}
        for each, value in SERIES[name].items()
    ]
    test = {"interval": f"{STEP}s", "input_series": series, "alert_rule_test": list(expected(rule, firing))}
    document = {"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP}s", "tests": [test]}
    (tmp_path / "rules.yml").write_text(
        json.dumps({"groups": [{"name": "one", "rules": [exported]}]}), encoding="utf-8"
    )
    (tmp_path / "test.yml").write_text(json.dumps(document), encoding="utf-8")
    command = [program("promtool", "prometheus"), "test", "rules", "test.yml"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _with_instance(series: str) -> str:
    name, labels = parsed(series)
    return name + "{" + ",".join(f"{key}={json.dumps(each)}" for key, each in {"instance": "a", **labels}.items()) + "}"
