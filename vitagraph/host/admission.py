"""Admission control: whether the machine can serve one more call well.

First the sum (`vitagraph.host.headroom`): the learned cost of a call, times the calls there
would be, must leave so much free that an answer seldom waits for another. Only connected
calls count. One in which nobody has spoken yet counts little, since turns are what costs.

Then the brake: five measures show how well the running calls are served. Once any of them
exceeds its threshold no call is taken until all have been well below theirs for a while.
Without calls there is nothing to protect, so only a lack of memory refuses the first one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Literal, Protocol

from pipeline.errors import AdmissionError
from vitagraph.host.headroom import AssumedCosts, CallCounts, Headroom, SharedResource

log = logging.getLogger(__name__)

PERIOD = 0.5
"""Seconds between two samples of the measures."""
SMOOTH = 5.0
"""Time constant of the smoothing in seconds, so that one turn of one call is no overload."""
SETTLING = 10.0
"""Seconds in which the first turn of a call is expected, and until the cost of an ended call is gone."""


@dataclass(frozen=True, slots=True)
class Measures:
    """How loaded the process is."""

    lag: float = 0.0
    """Milliseconds by which the event loop is late."""
    cpu: float = 0.0
    """Utilisation of its cores, 0 to 1."""
    memory: float = 0.0
    """Utilisation of its memory, 0 to 1."""
    wait: float = 0.0
    """Seconds that jobs wait for a core or for an instance of the model."""
    queue: float = 0.0
    """Seconds that the oldest packet has waited for a service that nothing downstream blocks."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Values from which no call is taken, in the units of `Measures`."""

    lag: float = 40.0
    """Sound leaves every 20 ms; two frames late on average is audible."""
    cpu: float = 0.9
    """Beyond this, turns at the same time have nothing left."""
    memory: float = 0.9
    """The rest is what running calls may still need."""
    wait: float = 0.5
    """An answer takes three models in turn, so it comes three times as much later."""
    queue: float = 1.0
    """Each answer comes later by this."""
    back: float = 0.8
    """Share of each threshold below which all measures must fall again."""
    calm: float = 3.0
    """Seconds for which they must stay there."""
    assumed: AssumedCosts = field(default_factory=AssumedCosts)


_DETAILS = {
    "lag": "the event loop is {value:.0f} ms late (threshold: {limit:.0f} ms)",
    "cpu": "{value:.0%} of the processor are used (threshold: {limit:.0%})",
    "memory": "{value:.0%} of the memory are used (threshold: {limit:.0%})",
    "wait": "jobs of models wait {value:.1f} s for their turn (threshold: {limit:.1f} s)",
    "queue": "packets wait {value:.1f} s for a service (threshold: {limit:.1f} s)",
}
_BUSY = "the machine is busy"
_BURST = "many calls have come at once"
_NAMES = tuple(each.name for each in fields(Measures))


RefusalKind = Literal["full", "crowd", "busy", "burst", "unhealthy", "shutdown"]
"""`full`: all seats are taken. `crowd`: many calls are still to connect. `burst`: many have just connected."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not taken, and when to try again."""

    reason: str
    """For the caller; follows on `Sorry, `."""
    detail: str
    """For the operator."""
    retry_after: float
    """Seconds."""
    kind: RefusalKind
    """For metrics."""

    @property
    def message(self) -> str:
        """For the caller, as sentences."""
        return f"Sorry, {self.reason}. {try_again(self.retry_after)}"


class CallRefused(AdmissionError):
    """A call is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"Sorry, {refusal.reason}.", retry_after=refusal.retry_after, hint=refusal.detail)
        self.kind = refusal.kind


def try_again(after: float) -> str:
    """When to try again, after so many seconds, as a sentence."""
    seconds = math.ceil(after)
    return f"Try again in {seconds} second{'' if seconds == 1 else 's'}."


class MeasureSource(Protocol):
    """Where admission control reads from."""

    def measure(self) -> Measures:
        """The measures now."""

    def resources(self) -> list[SharedResource]:
        """Every resource that calls share, as it is used now; the cores are called `PROCESSOR`."""


class AdmissionControl:
    """Samples the measures from `start` to `stop`; for the event loop only. `calls` counts the connected calls."""

    def __init__(self, thresholds: Thresholds, source: MeasureSource, calls: Callable[[], CallCounts]) -> None:
        self.measures = Measures()
        """Smoothed, but for the memory."""
        self.exceeded = ""
        """The measure for which no calls are taken; empty if none."""
        self.headroom = Headroom(thresholds.assumed)
        self._shedding: frozenset[str] = frozenset()
        self._thresholds = thresholds
        self._source = source
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._models_until = 0.0
        """Until when jobs of heavy calls may run that outlast their calls."""
        self._calm = 0.0
        self.headroom.learn(source.resources(), CallCounts(), 0)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begins to sample; safe to call twice."""
        if self._timer is None:
            self._timer = self._loop.call_later(PERIOD, self._sample)

    def stop(self) -> None:
        """Stops sampling; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def shed(self, alerts: frozenset[str]) -> None:
        """Takes no call while these alerts fire, even the first; none lifts that."""
        self._shedding = alerts

    def refusal(self, *, heavy: bool = True) -> Refusal | None:
        """Why one more call, of a graph with models or without, would not be taken now; None if it would."""
        calls, limits = self._calls(), self._thresholds
        if self._shedding:
            return Refusal(_BUSY, f"the host sheds load: {', '.join(sorted(self._shedding))}", 2 * limits.calm, "busy")
        memory_short = self.measures.memory >= limits.back * limits.memory
        if self.exceeded and (calls.count or memory_short):
            return Refusal(_BUSY, self._detail(self.exceeded), 2 * limits.calm, "busy")
        if calls.count and (shortage := self.headroom.shortage(calls.and_one(heavy=heavy), heavy=heavy)):
            burst = bool(calls.new)
            return Refusal(_BURST if burst else _BUSY, shortage, SETTLING / 2, "burst" if burst else "busy")
        return None

    def _measured_calls(self) -> CallCounts:
        """The calls that caused what is measured; none while jobs of ended calls may still run."""
        calls, now = self._calls(), self._loop.time()
        if calls.heavy:
            self._models_until = now + SETTLING
        return calls if calls.heavy or now >= self._models_until else CallCounts()

    def _sample(self) -> None:
        self._timer = self._loop.call_later(PERIOD, self._sample)
        # Without calls nobody is hurt, as while models are loaded: what was before them does not count.
        kept = math.exp(-PERIOD / SMOOTH) if self._calls().count else 0.0
        found, old = self._source.measure(), self.measures
        smoothed = {name: kept * getattr(old, name) + (1 - kept) * getattr(found, name) for name in _NAMES}
        self.measures = Measures(**{**smoothed, "memory": found.memory})
        self.headroom.learn(self._source.resources(), self._measured_calls(), PERIOD)
        self._compare()

    def _compare(self) -> None:
        """Closes the door above a threshold, and opens it after `calm` seconds below `back` of all of them."""
        shares = {name: getattr(self.measures, name) / getattr(self._thresholds, name) for name in _NAMES}
        worst = max(shares, key=lambda name: shares[name])
        called = self._calls().count > 0  # else nobody is kept out, whatever is exceeded
        if shares[worst] >= 1:
            if not self.exceeded and called:
                log.warning("no further calls for now: %s", self._detail(worst))
            self.exceeded, self._calm = worst, 0.0
        elif self.exceeded and shares[worst] < self._thresholds.back:
            self._calm += PERIOD
            if self._calm >= self._thresholds.calm or not called:
                self.exceeded = ""
                if called:
                    log.warning("further calls are taken again")
        else:
            self._calm = 0.0

    def _detail(self, name: str) -> str:
        return _DETAILS[name].format(value=getattr(self.measures, name), limit=getattr(self._thresholds, name))
