"""How loaded this process is: the event loop's lag, its share of the cores, its memory.

Each is smoothed, then normalised: 0 where it is no concern, 1 where the person notices or
the process is about to be ended. The pressure is the highest of them; who listens is told
when it has moved by a step, and when it is back at 0 or has reached 1.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND, SECOND
from pipeline.params import ms, seconds

_STEP = 0.1
Listener = Callable[[float], None]


class Machine(Protocol):
    """Where a Load reads from; see `pipeline.observe.probes.Probes`."""

    @property
    def cores(self) -> float:
        """Cores that the process may use."""

    @property
    def memory_limit(self) -> int:
        """Bytes that it may use."""

    def cpu(self) -> float:
        """Seconds of processor time used so far."""

    def memory(self) -> int:
        """Bytes in use."""


@dataclass(slots=True)
class _Gauge:
    """One measure, smoothed by time: what happened `settles` ago counts for a third of what happens now."""

    easy: float
    """Up to here it is no concern."""
    full: float
    """From here on it is as bad as it gets."""
    settles: float
    """Nanoseconds."""
    value: float = 0.0

    def add(self, sample: float, elapsed: int) -> None:
        self.value += (sample - self.value) * (1 - math.exp(-elapsed / self.settles))

    def pressure(self) -> float:
        return min(1.0, max(0.0, (self.value - self.easy) / (self.full - self.easy)))


class Load:
    """Samples every `period` nanoseconds, from `start` to `stop`; both are safe to call twice.

    In virtual time the lag is 0, and the cores are as busy as the replay makes them: pass a
    `machine` of your own there.
    """

    def __init__(self, machine: Machine, clock: Clock, period: int = ms(250)) -> None:
        self.pressure = 0.0
        """From 0, all is well, to 1; it moves by a tenth at least, or to an end."""
        self._machine = machine
        self._clock = clock
        self._period = period
        self._lag = _Gauge(5 * MILLISECOND, 50 * MILLISECOND, seconds(1))
        self._cpu = _Gauge(0.7, 0.98, seconds(2))
        self._memory = _Gauge(0.75, 0.95, seconds(2))
        self._listeners: list[Listener] = []
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0
        self._spent = 0.0

    @property
    def lag_ms(self) -> float:
        """Milliseconds by which the loop is late for what is due, smoothed."""
        return self._lag.value / MILLISECOND

    @property
    def cpu(self) -> float:
        """The share of its cores that the process uses, 0 to 1, smoothed."""
        return self._cpu.value

    @property
    def memory(self) -> float:
        """The share of its memory that the process uses, 0 to 1, smoothed."""
        return self._memory.value

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls it with each new pressure, from the event loop; returns what ends that. It must not raise."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def start(self) -> None:
        """Begins to sample, in the running loop."""
        if self._timer is None:
            self._last, self._spent = self._clock.now(), self._machine.cpu()
            self._memory.value = self._machine.memory() / self._machine.memory_limit
            self._arm()

    def stop(self) -> None:
        """Ends it; the last figures stay."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._period / SECOND, self._sample)

    def _sample(self) -> None:
        now, spent = self._clock.now(), self._machine.cpu()
        elapsed = max(1, now - self._last)
        self._arm()
        # A uvloop timer may be a millisecond early.
        self._lag.add(max(0, elapsed - self._period), elapsed)
        self._cpu.add((spent - self._spent) * SECOND / elapsed / self._machine.cores, elapsed)
        self._memory.add(self._machine.memory() / self._machine.memory_limit, elapsed)
        self._last, self._spent = now, spent
        self._weigh()

    def _weigh(self) -> None:
        pressure = max(self._lag.pressure(), self._cpu.pressure(), self._memory.pressure())
        at_an_end = pressure in (0.0, 1.0) and pressure != self.pressure
        if at_an_end or abs(pressure - self.pressure) >= _STEP:
            self.pressure = pressure
            for listener in tuple(self._listeners):
                listener(pressure)
