"""Alert rules as a rule file of Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pipeline.params import show_duration
from vitagraph.alerts.spec import AlertRule, LabelFilter
from vitagraph.alerts.summary import for_prometheus

_HEAD = """\
# Alerts of a host, made from vitagraph/alerts/rules.yaml: change that, and run bin/check --fix.
# docs/observability.md describes them. `page`: a person on a call notices it now.
groups:
  - name: vitagraph
    rules:
"""
INSTANCE = "instance"
"""The label by which Prometheus tells hosts apart; a host has only itself."""


def prometheus_rules(rules: Iterable[AlertRule]) -> str:
    """The rule file, YAML."""
    return _HEAD + "".join(map(_rule, rules))


def runbook_url(runbook: str) -> str:
    """The page of a runbook; one that is a heading is in docs/operations.md."""
    return runbook if "://" in runbook else f"docs/operations.md#{runbook}"


def expression(rule: AlertRule) -> str:
    """The condition in PromQL."""
    return f"{_statistic(rule)} {rule.comparison} {rule.threshold:g}"


def _rule(rule: AlertRule) -> str:
    keep = [f"        keep_firing_for: {show_duration(rule.keep_for)}\n"] if rule.keep_for else []
    return "".join(
        [
            f"      - alert: {rule.name}\n",
            f"        expr: >-\n          {expression(rule)}\n",
            f"        for: {show_duration(rule.hold) if rule.hold else '0s'}\n",
            *keep,
            f"        labels: {{severity: {rule.severity}}}\n",
            "        annotations:\n",
            f"          summary: {_quoted(for_prometheus(rule.summary))}\n",
            f"          runbook_url: {runbook_url(rule.runbook)}\n",
        ]
    )


def _statistic(rule: AlertRule) -> str:
    selected, window = _selector(rule), show_duration(rule.window)
    match rule.statistic:
        case "value":
            return _summed(rule.by, selected)
        case "max" | "min" | "mean":
            function = {"max": "max", "min": "min", "mean": "avg"}[rule.statistic]
            return _summed(rule.by, f"{function}_over_time({selected}[{window}])")
        case "rate" | "increase":
            return _summed(rule.by, f"{rule.statistic}({selected}[{window}])")
        case "quantile":
            by = None if rule.by is None else (*rule.by, "le")
            return f"histogram_quantile({rule.quantile:g}, {_summed(by, f'rate({selected}[{window}])')})"
        case "ratio":
            return _ratio(rule, _summed(rule.by, f"rate({selected}[{window}])"), window)


def _ratio(rule: AlertRule, above: str, window: str) -> str:
    series = [each + _braces(_matchers(rule.of_labels, "=", "=~")) for each in rule.of]
    rates = [_summed(None if rule.by is None else (), f"rate({each}[{window}])") for each in series]
    below = rates[0] if len(rates) == 1 else f"({' + '.join(rates)})"
    return f"{above} / {f'on ({INSTANCE}) group_left () ' if rule.by else ''}{below}"


def _summed(by: tuple[str, ...] | None, inner: str) -> str:
    return inner if by is None else f"sum by ({', '.join((INSTANCE, *by))}) ({inner})"


def _selector(rule: AlertRule) -> str:
    """The metric with its label matchers."""
    return rule.metrics[0] + _braces([*_matchers(rule.labels, "=", "=~"), *_matchers(rule.without, "!=", "!~")])


def _matchers(labels: LabelFilter, one: str, several: str) -> list[str]:
    return [
        f"{name}{one}{json.dumps(value)}" if isinstance(value, str) else f"{name}{several}{json.dumps(_any_of(value))}"
        for name, value in labels.items()
    ]


def _braces(matchers: list[str]) -> str:
    return f"{{{','.join(matchers)}}}" if matchers else ""


def _any_of(values: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, values))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
