"""Alert files: what is in force with one, and the errors of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pipeline.errors import GraphError
from tests.vitagraph.alerts.rules import rule
from tests.vitagraph.conftest import Run
from tests.vitagraph.host.dialling import hosting
from vitagraph import exits
from vitagraph.alerts.file import builtin_rules, rules_of
from vitagraph.alerts.statistics import samples_by_name
from vitagraph.alerts.summary import filled, for_prometheus
from vitagraph.host.call_manager import CallManager
from vitagraph.observe.counted import CountedMetrics
from vitagraph.observe.names import metric_names

MINE = """
webhook: https://example.org/alerts
off: [VitagraphTurnsCutOff]
alerts:
  - name: VitagraphSeatsGone
    metric: vitagraph_seats_free
    below: 5
    for: 30s
    severity: page
    summary: "{value} lines are free."
    runbook: https://example.org/runbook
    actions: [log, shed]
  - {name: Quiet, metric: vitagraph_sessions, by: [], below: 1, severity: ticket, summary: Nobody calls., runbook: x}
"""
VALID = "name: A, metric: vitagraph_ready, below: 1, severity: page, summary: Out., runbook: x"


def written(folder: Path, text: str) -> Path:
    """An alert file."""
    file = folder / "alerts.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def error_of(folder: Path, text: str) -> str:
    """What is said of a wrong one."""
    with pytest.raises(GraphError) as raised:
        rules_of(written(folder, text))
    return str(raised.value)


def test_alert_file_replaces_adds_and_turns_off(tmp_path: Path) -> None:
    """The rest is as it comes with the program."""
    before, found = builtin_rules(), rules_of(written(tmp_path, MINE))
    names = {each.name for each in found.rules}
    assert names == {each.name for each in before.rules} - {"VitagraphTurnsCutOff"} | {"Quiet"}
    seats = next(each for each in found.rules if each.name == "VitagraphSeatsGone")
    assert (seats.comparison, seats.threshold, seats.hold, seats.actions) == ("<", 5, 30_000_000_000, ("log", "shed"))
    assert found.webhook == "https://example.org/alerts" and before.webhook == ""
    assert rules_of(None) is before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alerts: 3", "alerts.yaml:1:9: wrong value for `alerts`"),
        ("alarms: []", "alerts.yaml:1:1: unknown key `alarms`\n  expected: webhook, off, alerts\n  hint: did you mean"),
        ("off: [VitagraphSeatsGon]", "alerts.yaml:1:7: there is no built-in alert `VitagraphSeatsGon`"),
        ("webhook: example.org", "alerts.yaml:1:10: wrong value for `webhook`"),
        ("alerts: [tea]", "alerts.yaml:1:10: an alert is a mapping"),
        (f"alerts: [{{{VALID}, treshold: 1}}]", "`A` has no parameter `treshold`"),
        (f"alerts: [{{{VALID}, for: 5}}]", "a duration needs a unit: did you mean 5ms?"),
        (f"alerts: [{{{VALID}, above: 3}}]", "exactly one of `above`, `below` and `equals` is the threshold"),
        (f"alerts: [{{{VALID}, statistic: ratio}}]", "`of` is for `statistic: ratio`, which needs it"),
        (f"alerts: [{{{VALID}, window: 5m}}]", "`window` means nothing for `statistic: value`"),
        (f"alerts: [{{{VALID}, statistic: maximum}}]", "did you mean `max`?"),
        (f"alerts: [{{{VALID}}}, {{{VALID}}}]", "the alert `A` is written twice"),
        (f"alerts: [{{{VALID.replace('Out.', chr(39) + '{value:dollars}' + chr(39))}}}]", "no format"),
        (f"alerts: [{{{VALID.replace('Out.', chr(39) + '{node}' + chr(39))}, by: []}}]", "add these labels to `by`"),
        (f"alerts: [{{{VALID.replace('_ready', '_redy')}}}]", "yaml:1:28: a host has no metric `vitagraph_redy`"),
        (f"alerts: [{{{VALID.replace('_ready', '_redy')}}}]", "did you mean `vitagraph_ready`?"),
        ("alerts: [{name: A}]", "`A` needs `metric`"),
        ("[]", "an alert file is a mapping"),
    ],
)  # fmt: skip
def test_alert_file_errors_say_where_and_what(text: str, said: str, tmp_path: Path) -> None:
    """An operator corrects it without reading the source."""
    assert said in error_of(tmp_path, text)


def test_alert_file_reports_all_errors_at_once(tmp_path: Path) -> None:
    """In the order of the file."""
    lines = error_of(tmp_path, f"off: [No]\nalerts:\n  - {{{VALID}, fro: 1s}}\n  - tea\n").splitlines()
    assert [line.partition(": ")[0] for line in lines if line.startswith(str(tmp_path))] == [
        f"{tmp_path / 'alerts.yaml'}:{place}" for place in ("1:7", "3:93", "4:5")
    ]


def test_alert_file_knows_the_metrics_of_a_host() -> None:
    """A new source of metrics can be alarmed about, and a metric that is gone cannot."""

    async def scene(manager: CallManager) -> set[str]:
        return set(samples_by_name(manager.metrics.registry.collect()))

    found, known = hosting(scene), metric_names()
    assert found - known == set()
    histograms = {family.name for family in _counted() if family.type == "histogram"}
    assert {name for name in known - found - histograms if not name.endswith("_bucket")} <= known


def _counted() -> Any:
    registry = CollectorRegistry()
    CountedMetrics(registry)
    return registry.collect()


def test_builtin_rules_compare_quantiles_with_bounds_of_buckets() -> None:
    """A quantile is only known to lie between two bounds: a threshold between them is exceeded too early."""
    bounds = {
        (family.name, float(sample.labels["le"]))
        for family in _counted()
        for sample in family.samples
        if "le" in sample.labels
    }
    bounds |= {(name, le) for name, le in _bounds()}
    quantiles = [each for each in builtin_rules().rules if each.statistic == "quantile"]
    assert quantiles and [each.name for each in quantiles if (each.metric, each.threshold) not in bounds] == []


def _bounds() -> Any:
    registry = CollectorRegistry()
    counted = CountedMetrics(registry)
    counted.turn_silence.labels("answered").observe(1)
    for family in registry.collect():
        for sample in family.samples:
            if "le" in sample.labels:
                yield family.name, float(sample.labels["le"])


def test_summary_is_filled_as_prometheus_would() -> None:
    """The same sentence in the log and in the Alertmanager."""
    labels = {"node": "asr"}
    assert filled("`{node}`: {value:percent} of {gone}", 0.12345, labels) == "`asr`: 12.35% of "
    assert [filled("{value:duration}", each, {}) for each in (0.0625, 4.9, 125)] == ["62.5ms", "4.9s", "2m 5s"]
    assert filled("{value}", 1 / 3, {}) == "0.333"
    assert for_prometheus("`{node}`: {value:duration}") == "`{{ $labels.node }}`: {{ $value | humanizeDuration }}"


def test_rule_of_a_series_may_name_any_label() -> None:
    """Each series has its own."""
    assert rule(metric="a", summary="The link {link}.").by is None


def test_alerts_command_lists_checks_and_exports(tmp_path: Path, run: Run) -> None:
    """What is in force can be seen before a host is started."""
    file = written(tmp_path, MINE)
    listed = run("alerts", "--alerts", file)
    assert "Quiet" in listed.out and "VitagraphTurnsCutOff" not in listed.out
    assert (
        run("alerts", "--check", file).out == f"{file}: ok, {len(rules_of(file).rules)} alerts with the built-in ones\n"
    )
    assert "VitagraphTurnsCutOff" in run("alerts", "--prometheus").out
    wrong = run("alerts", "--check", written(tmp_path, "alarms: []"))
    assert wrong.code == exits.GRAPH and "did you mean `alerts`?" in wrong.err
