"""What a host does when an alert fires or clears."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vitagraph.alerts.spec import AlertRule
from vitagraph.observe.timeline import AlertState

log = logging.getLogger(__name__)


class AlertActions:
    """Carries out the `actions` of rules; an AlertListener.

    `shed` takes the names of the firing alerts for which no call is taken, none for calls as usual;
    `collect` gives memory back. Both are quick.
    """

    def __init__(self, shed: Callable[[frozenset[str]], None], collect: Callable[[], None]) -> None:
        self._shed = shed
        self._collect = collect
        self._shedding: set[tuple[str, tuple[tuple[str, str], ...]]] = set()

    def __call__(self, rule: AlertRule, alert: AlertState) -> None:
        """Takes an alert that has fired, or cleared."""
        if "log" in rule.actions:
            _log(alert)
        if "shed" in rule.actions:
            key = (alert.name, tuple(alert.labels.items()))
            (self._shedding.add if alert.cleared is None else self._shedding.discard)(key)
            self._shed(frozenset(name for name, _ in self._shedding))
        if "collect" in rule.actions and alert.cleared is None:
            self._collect()


def _log(alert: AlertState) -> None:
    if alert.cleared is not None:
        log.warning("alert %s has cleared after %.0f s", alert.name, alert.cleared - alert.since)
    else:
        level = logging.ERROR if alert.severity == "page" else logging.WARNING
        log.log(level, "alert %s (%s): %s See %s.", alert.name, alert.severity, alert.summary, alert.runbook)
