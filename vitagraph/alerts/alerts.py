"""Evaluates the alert rules of a host in its process, with reactivex, on the loop's clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import reactivex
from prometheus_client import CollectorRegistry, Gauge
from reactivex import Observable, Subject
from reactivex import operators as ops
from reactivex.abc import DisposableBase

from pipeline.clock import Clock
from pipeline.runtime.bus import ClockScheduler
from vitagraph.alerts.spec import AlertRule
from vitagraph.alerts.state import AlertPhase
from vitagraph.alerts.statistics import Labels, RuleStatistic, Samples, samples_by_name
from vitagraph.alerts.summary import filled
from vitagraph.observe.guard import make_guard
from vitagraph.observe.names import ALERTS_FIRING
from vitagraph.observe.timeline import AlertState

log = logging.getLogger(__name__)

PERIOD = 5.0
"""Seconds between two evaluations."""
RECENT = 100
"""The latest alerts that have cleared and are remembered."""

Values = dict[Labels, float]
"""A statistic by the labels of the alert that it is for."""
AlertListener = Callable[[AlertRule, AlertState], None]
"""Called in the event loop when an alert fires, and again, with `cleared` set, when it clears; must be quick."""


class Alerts:
    """The alerts of a host, from `start` to `stop`; for the event loop only.

    `registry` has the host's metrics, and gets `vitagraph_alerts_firing`. Each `period` seconds
    it is read once for all rules. `wall` gives seconds since 1970.
    """

    def __init__(
        self,
        rules: Sequence[AlertRule],
        registry: CollectorRegistry,
        *,
        period: float = PERIOD,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._period = period
        self._wall = wall
        self._collect = registry.collect
        self._listeners: list[AlertListener] = []
        self._active: dict[str, dict[Labels, AlertState]] = {rule.name: {} for rule in rules}
        self._recent: deque[AlertState] = deque(maxlen=RECENT)
        self._loop = asyncio.get_running_loop()
        self._clock = Clock(self._loop)
        self._samples: Subject[Samples] = Subject()
        self._subscriptions: list[DisposableBase] = []
        self._gauge = firing_gauge(registry)
        self._guarded = make_guard(log)

    def start(self) -> None:
        """Begins to evaluate."""
        for rule in self._rules:
            self._gauge.labels(rule.name, rule.severity)
            self._subscriptions.append(self._firing(rule).subscribe(partial(self._compare, rule), _lost(rule)))
        scheduler = ClockScheduler(self._loop, self._clock)
        ticks = reactivex.interval(self._period, scheduler=scheduler)
        self._subscriptions.append(ticks.subscribe(lambda _: self._guarded(partial(self._tick))))

    def stop(self) -> None:
        """Stops evaluating; safe to call twice. What fires stays as it is."""
        for subscription in self._subscriptions:
            subscription.dispose()
        self._subscriptions.clear()

    def listen(self, listener: AlertListener) -> None:
        """Calls it with each alert that fires or clears from now on. What it raises is logged."""
        self._listeners.append(listener)

    def active(self) -> list[AlertState]:
        """The alerts that fire, the newest first."""
        alerts = [alert for active in self._active.values() for alert in active.values()]
        return sorted(alerts, key=lambda alert: -alert.since)

    def recent(self) -> list[AlertState]:
        """The latest that have cleared, the newest first."""
        return list(reversed(self._recent))

    def _tick(self) -> None:
        self._samples.on_next(samples_by_name(self._collect()))

    def _firing(self, rule: AlertRule) -> Observable[Values]:
        """For which labels a rule fires, at each moment, with their values."""
        statistic, phases, now = RuleStatistic(rule), dict[Labels, AlertPhase](), self._clock.now

        def values(samples: Samples) -> Values:
            return statistic.update(now(), samples)

        def firing(values: Values) -> Values:
            return _advance(rule, phases, now(), values)

        return self._samples.pipe(ops.map(values), ops.map(firing))

    def _compare(self, rule: AlertRule, firing: Values) -> None:
        """Takes what fires now: tells what is new, and what has cleared."""
        active = self._active[rule.name]
        for labels in [each for each in active if each not in firing]:
            cleared = msgspec.structs.replace(active.pop(labels), cleared=self._wall())
            self._recent.append(cleared)
            self._tell(rule, cleared)
        for labels, value in firing.items():
            known = active.get(labels)
            active[labels] = _alert(rule, labels, value, known.since if known else self._wall())
            if known is None:
                self._tell(rule, active[labels])
        self._gauge.labels(rule.name, rule.severity).set(len(active))

    def _tell(self, rule: AlertRule, alert: AlertState) -> None:
        for listener in self._listeners:
            self._loop.call_soon(listener, rule, alert)  # which logs what one raises, and goes on


def firing_gauge(registry: CollectorRegistry) -> Gauge:
    """The metric of the alerts that fire."""
    return Gauge(ALERTS_FIRING, "Alerts that fire.", ("alert", "severity"), registry=registry)


def _advance(rule: AlertRule, phases: dict[Labels, AlertPhase], now: int, values: Values) -> Values:
    """Moves the state machine of each combination of labels on; those that fire, with their latest values."""
    firing: Values = {}
    for labels in {**phases, **values}:
        phase = phases.setdefault(labels, AlertPhase(rule.hold, rule.keep_for))
        value = values.get(labels)
        match phase.update(now, value, holds=value is not None and rule.holds(value)):
            case "firing":
                firing[labels] = phase.value
            case "inactive":
                del phases[labels]
    return firing


def _alert(rule: AlertRule, labels: Labels, value: float, since: float) -> AlertState:
    return AlertState(
        rule.name,
        rule.severity,
        filled(rule.summary, value, dict(labels)),
        rule.runbook,
        since,
        None,
        value,
        rule.threshold,
        dict(labels),
    )


def _lost(rule: AlertRule) -> Callable[[Exception], None]:
    return lambda error: log.error("the alert %s is evaluated no more", rule.name, exc_info=error)
