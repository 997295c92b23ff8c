"""What an operator installs: alert rules, a dashboard, and the page that explains the metrics."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from ruamel.yaml import YAML

from tests.programs import program
from tests.vitagraph.observe.reading import families
from tests.vitagraph.observe.test_samples import FakeHost
from vitagraph.alerts.alerts import firing_gauge
from vitagraph.observe.counted import CountedMetrics

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy" / "prometheus" / "vitagraph.rules.yml"
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
_NAME = re.compile(r"\b(?:vitagraph|process)_[a-z_]+\b")
_ROW = re.compile(r"^\| `(vitagraph_\w+)` \| (\w+) \|([^|]*)\|([^|]+)\|", re.MULTILINE)

Table = dict[str, tuple[str, frozenset[str]]]


def promtool(*arguments: str, text: bytes | None = None) -> str:
    """What it says; it must be content."""
    command = [program("promtool", "prometheus"), *arguments]
    ran = subprocess.run(command, cwd=RULES.parent, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert ran.returncode == 0, ran.stdout.decode()
    return ran.stdout.decode()


def everything() -> CollectorRegistry:
    """A registry with every metric of a host."""
    registry = FakeHost().registry
    CountedMetrics(registry).watch(["asr"], ["asr"])
    ProcessCollector(registry=registry)
    firing_gauge(registry).labels("VitagraphDown", "page")
    return registry


def metrics() -> Table:
    """Each metric of a host with its type and labels."""
    host = FakeHost()
    found: Table = {each.name: (each.type, frozenset(vars(each)["_labelnames"])) for each in host.samples.collect()}
    registry = CollectorRegistry()
    counted = CountedMetrics(registry)
    counted.watch(["asr"], ["asr"])
    counted.tokens.labels("chat", "input")
    firing_gauge(registry).labels("VitagraphDown", "page")
    for family in families(registry):
        found[family.name] = (family.type, frozenset(key for each in family.samples for key in each.labels) - {"le"})
    return {f"{name}_total" if kind == "counter" else name: (kind, labels) for name, (kind, labels) in found.items()}


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    document = YAML(typ="safe", pure=True).load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def unknown(expressions: list[str]) -> set[str]:
    """Names in expressions that no host exposes."""
    samples = {sample.name for family in families(everything()) for sample in family.samples}
    suffixes = {
        "counter": ("",),
        "gauge": ("",),
        "histogram": ("_bucket", "_sum", "_count"),
        "summary": ("_sum", "_count"),
    }
    samples |= {name + suffix for name, (kind, _) in metrics().items() for suffix in suffixes[kind]}
    return {name for each in expressions for name in _NAME.findall(each)} - samples


def test_documented_metrics_are_those_of_the_registry() -> None:
    """With their types and labels: who writes an alert finds what there is."""
    rows = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in _ROW.findall(PAGE)}
    assert rows == metrics()


def test_documented_alerts_are_those_of_the_rules() -> None:
    """With their severities."""
    assert dict(re.findall(r"^\| `(Vitagraph\w+)` \| (\w+) \|", PAGE, re.MULTILINE)) == {
        rule["alert"]: rule["labels"]["severity"] for rule in rules()
    }


def test_rules_are_complete_and_lead_to_a_heading() -> None:
    """Who is woken at night finds what to do."""
    headings = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").splitlines()
    anchors = {line.lstrip("# ").lower().replace(" ", "-") for line in headings if line.startswith("#")}
    assert len(rules()) >= 10
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["for"] and rule["annotations"]["summary"]
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/operations.md" and anchor in anchors, rule["alert"]


def test_rules_use_metrics_that_exist() -> None:
    """An alert on a metric that nobody exposes never fires."""
    assert unknown([rule["expr"] for rule in rules()]) == set()


def test_rules_pass_promtool() -> None:
    """Syntax, and that each alert fires on what it is for and on nothing else."""
    assert f"{len(rules())} rules found" in promtool("check", "rules", RULES.name)
    promtool("check", "config", "prometheus.yml")
    tests = YAML(typ="safe", pure=True).load((RULES.parent / "vitagraph.rules.test.yml").read_text(encoding="utf-8"))
    fires = {each["alertname"] for test in tests["tests"] for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert fires == {rule["alert"] for rule in rules()}
    promtool("test", "rules", "vitagraph.rules.test.yml")


def test_metrics_pass_promtool() -> None:
    """Names, units and help texts as Prometheus wants them."""
    assert promtool("check", "metrics", text=generate_latest(everything())) == ""


def test_dashboard_shows_metrics_that_exist() -> None:
    """And each metric of a host is on it."""
    board = json.loads((ROOT / "deploy" / "grafana" / "vitagraph.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert unknown([*expressions, *(each["query"] for each in board["templating"]["list"])]) == set()
    text = "\n".join(expressions)
    assert [name for name in metrics() if name not in text] == []
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
