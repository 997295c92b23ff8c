"""Alerts of a registry in virtual time, and what is done about them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from pipeline.clock import Clock
from pipeline.packet import SECOND
from pipeline.runtime.virtual import run_virtual
from tests.vitagraph.alerts.rules import rule
from tests.vitagraph.alerts.talking import Line
from tests.vitagraph.host.dialling import hosting
from tests.vitagraph.observe.reading import value
from vitagraph.alerts.actions import AlertActions
from vitagraph.alerts.alerts import RECENT, Alerts
from vitagraph.alerts.spec import AlertRule, AlertRules
from vitagraph.host.admission import CallRefused
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.observe.timeline import AlertState

WALL = 1_000_000.0


class Watched:
    """A gauge with a rule for each of its series."""

    def __init__(self, *rules: AlertRule) -> None:
        self.registry = CollectorRegistry()
        self.gauge = Gauge("waiting", "", ["link"], registry=self.registry)
        self.clock = Clock(asyncio.get_running_loop())
        self.told: list[tuple[float, AlertState]] = []
        self.alerts = Alerts(rules, self.registry, wall=lambda: WALL + self.now())
        self.alerts.listen(lambda rule, alert: self.told.append((self.now(), alert)))
        self.alerts.start()

    def now(self) -> float:
        """Seconds."""
        return self.clock.now() / SECOND

    async def set(self, seconds: float, **links: float) -> None:
        """Sets values for so long."""
        for link, number in links.items():
            self.gauge.labels(link).set(number)
        await self.clock.sleep(round(seconds * SECOND))


def watching(scene: Callable[[Watched], Awaitable[None]], *rules: AlertRule) -> Watched:
    """Plays a scene."""

    async def main() -> Watched:
        watched = Watched(*rules)
        await scene(watched)
        watched.alerts.stop()
        return watched

    return run_virtual(main())


def test_alerts_fire_and_clear_for_each_series() -> None:
    """With since when, what, and what to do; the console shows both lists."""

    async def scene(watched: Watched) -> None:
        await watched.set(62, a=0, b=3)
        (active,) = watched.alerts.active()
        assert active == AlertState("Trouble", "page", "b: 3", "failures", WALL + 35, None, 3, 2, {"link": "b"})
        assert value(watched.registry, "alerts_firing", alert="Trouble", severity="page") == 1
        await watched.set(20, b=2)
        assert watched.alerts.active() == []
        (recent,) = watched.alerts.recent()
        assert (recent.since, recent.cleared) == (WALL + 35, WALL + 75)
        assert value(watched.registry, "alerts_firing", alert="Trouble", severity="page") == 0

    made = rule(metric="waiting", above=2, hold="30s", keep_for="15s", severity="page", summary="{link}: {value}")
    watched = watching(scene, made)
    assert [(at, alert.cleared is not None) for at, alert in watched.told] == [(35, False), (75, True)]


def test_alerts_show_the_latest_value() -> None:
    """Whether it gets better or worse."""

    async def scene(watched: Watched) -> None:
        await watched.set(6, a=3)
        await watched.set(6, a=9)
        assert [alert.value for alert in watched.alerts.active()] == [9]

    assert len(watching(scene, rule(metric="waiting")).told) == 1


def test_alerts_remember_a_bounded_number() -> None:
    """An alert that comes and goes for a year fills no memory."""

    async def scene(watched: Watched) -> None:
        for _ in range(RECENT + 5):
            await watched.set(5, a=1)
            await watched.set(5, a=0)
        assert len(watched.alerts.recent()) == RECENT

    watching(scene, rule(metric="waiting"))


def test_alerts_survive_a_listener_that_raises() -> None:
    """One that cannot be told does not keep it from the others."""
    problems: list[Any] = []

    def raises(rule: AlertRule, alert: AlertState) -> None:
        raise ZeroDivisionError

    async def scene(watched: Watched) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))
        watched.alerts.listen(raises)
        got: list[str] = []
        watched.alerts.listen(lambda rule, alert: got.append(rule.name))
        await watched.set(6, a=1)
        await watched.set(6, a=0)
        assert got == ["Trouble", "Trouble"]

    watching(scene, rule(metric="waiting"))
    assert [type(problem) for problem in problems] == [ZeroDivisionError] * 2


def test_alert_actions_log_shed_and_collect(caplog: pytest.LogCaptureFixture) -> None:
    """A page is an error; calls are shed until the last of its alerts has cleared; memory is given back once."""
    done: list[object] = []
    actions = AlertActions(done.append, lambda: done.append("collect"))
    both = rule(actions=["log", "shed", "collect"], metric="waiting", severity="page")

    def alert(link: str, cleared: float | None) -> AlertState:
        return AlertState("Trouble", "page", "It is 1.", "failures", 0, cleared, 1, 0, {"link": link})

    for link, cleared in (("a", None), ("b", None), ("a", 9.0), ("b", 9.0)):
        actions(both, alert(link, cleared))
    shed = frozenset({"Trouble"})
    assert done == [shed, "collect", shed, "collect", shed, frozenset()]
    assert [record.levelno for record in caplog.records] == [
        logging.ERROR,
        logging.ERROR,
        logging.WARNING,
        logging.WARNING,
    ]
    assert "alert Trouble (page): It is 1. See failures." in caplog.text


def test_alert_that_sheds_refuses_calls_until_it_clears() -> None:
    """And the refusal names it, for the operator."""
    crowded = rule(name="Crowded", metric="vitagraph_sessions", by=[], above=1, actions=["shed"])

    async def scene(manager: CallManager) -> None:
        clock = Clock(asyncio.get_running_loop())
        calls = [await manager.join(Line(), Offer()) for _ in range(2)]
        await clock.sleep(7 * SECOND)
        with pytest.raises(CallRefused) as refused:
            await manager.join(Line(), Offer())
        assert "Crowded" in refused.value.hint
        calls[0].hang_up("enough")
        await clock.sleep(7 * SECOND)
        assert manager.not_ready() == ""
        calls[1].hang_up("enough")

    hosting(scene, alerts=AlertRules((crowded,)))
