"""Rules for tests."""

from __future__ import annotations

from typing import Any

from vitagraph.alerts.spec import AlertRule


def rule(**given: Any) -> AlertRule:
    """A rule that fires above 0."""
    threshold = {} if {"above", "below", "equals"} & given.keys() else {"above": 0}
    texts = {"severity": "ticket", "summary": "It is {value}.", "runbook": "failures"}
    return AlertRule.model_validate({"name": "Trouble", **texts, **threshold, **given})
