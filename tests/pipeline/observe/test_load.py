"""The load of a process: seen in time, without twitching, and forgotten when it is over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from pipeline.clock import Clock
from pipeline.observe.load import Load
from pipeline.packet import SECOND
from pipeline.params import ms, seconds
from pipeline.policies.limit import Limit
from pipeline.policies.spec import LimitSpec
from pipeline.runtime.virtual import run_virtual


class FakeMachine:
    """A machine of two cores and 1000 bytes; `busy` is the share of the cores that are."""

    cores = 2.0
    memory_limit = 1000

    def __init__(self, now: Callable[[], int]) -> None:
        self.busy = 0.0
        self.used = 100
        self._now = now
        self._spent, self._since = 0.0, 0

    def cpu(self) -> float:
        self._spent += self.busy * self.cores * (self._now() - self._since) / SECOND
        self._since = self._now()
        return self._spent

    def memory(self) -> int:
        return self.used


class Bench:
    """A load in virtual time, and what it told."""

    def __init__(self) -> None:
        self.clock = Clock(asyncio.get_running_loop())
        self.machine = FakeMachine(self.clock.now)
        self.load = Load(self.machine, self.clock)
        self.told: list[float] = []
        self.unlisten = self.load.listen(self.told.append)

    async def at(self, seconds_: float, *, busy: float = 0.0, used: int = 100) -> float:
        """The pressure after so long at that load."""
        self.machine.cpu()
        self.machine.busy, self.machine.used = busy, used
        await self.clock.sleep(seconds(seconds_))
        return self.load.pressure


def in_virtual(script: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        bench = Bench()
        bench.load.start()
        try:
            await script(bench)
        finally:
            bench.load.stop()

    run_virtual(main())


def test_load_pressure_follows_busy_cores() -> None:
    """A machine that is at its end would take on more; or one that was, once, would never do so again."""

    async def script(bench: Bench) -> None:
        assert await bench.at(5, busy=0.6) == 0.0
        assert await bench.at(20, busy=0.84) == pytest.approx(0.5, abs=0.1)
        assert await bench.at(20, busy=1.0) == 1.0
        assert await bench.at(20, busy=0.1) == 0.0
        assert bench.told[-1] == 0.0 and max(bench.told) == 1.0
        assert all(abs(b - a) >= 0.1 or b in (0.0, 1.0) for a, b in zip([0.0, *bench.told], bench.told, strict=False))

    in_virtual(script)


def test_load_pressure_rises_before_memory_runs_out() -> None:
    """The process would be ended by the system in the middle of every call."""

    async def script(bench: Bench) -> None:
        assert await bench.at(10, used=740) == 0.0
        assert 0.4 < await bench.at(10, used=850) < 0.6
        assert await bench.at(20, used=960) == 1.0
        assert bench.load.memory == pytest.approx(0.96, abs=0.001)
        assert await bench.at(20) == 0.0

    in_virtual(script)


def test_load_ignores_short_bursts_of_work() -> None:
    """Each answer that is computed would shrink the limits for a while."""

    async def script(bench: Bench) -> None:
        for _ in range(20):
            await bench.at(0.5, busy=1.0)
            await bench.at(1.5, busy=0.2)
        assert bench.told == []

    in_virtual(script)


def test_load_listener_is_not_notified_of_small_changes() -> None:
    """A limit that changes four times a second is none that anybody can understand."""

    async def script(bench: Bench) -> None:
        await bench.at(20, busy=0.85)
        before = len(bench.told)
        for n in range(60):
            await bench.at(1, busy=0.83 if n % 2 else 0.87)
        assert len(bench.told) == before

    in_virtual(script)


def test_load_does_not_notify_removed_listeners_nor_sample_when_stopped() -> None:
    """A call that has ended would be kept, and called, for ever."""

    async def script(bench: Bench) -> None:
        bench.load.start()  # twice is once
        bench.unlisten()
        assert await bench.at(20, busy=1.0) == 1.0
        bench.load.stop()
        assert await bench.at(20, busy=0.0) == 1.0
        assert bench.told == []
        bench.load.start()
        assert await bench.at(20, busy=0.0) == 0.0

    in_virtual(script)


def test_load_lag_is_zero_in_virtual_time() -> None:
    """A replay would differ with the machine on which it runs."""

    async def script(bench: Bench) -> None:
        await bench.at(60)
        assert bench.load.lag_ms == 0.0 and bench.told == []

    in_virtual(script)


def test_adaptive_limit_follows_the_load_and_recovers() -> None:
    """In an overload the calls that are admitted would all become slow, and stay so."""

    async def script(bench: Bench) -> None:
        limit = Limit(LimitSpec(concurrent=20, adaptive=True), bench.clock.now)
        bench.load.listen(limit.pressure)
        factors = []
        for tenth in [5, 6, 7, 8, 9, 10, 10, 9, 8, 7, 6, 5]:
            await bench.at(10, busy=tenth / 10)
            factors.append(limit.factor)
        assert factors[0] == factors[-1] == 1.0
        assert 0.1 <= min(factors) < 0.2
        lowest = factors.index(min(factors))
        assert factors[: lowest + 1] == sorted(factors[: lowest + 1], reverse=True)
        assert factors[lowest:] == sorted(factors[lowest:])
        assert len(set(factors)) >= 4  # it follows, it does not switch

    in_virtual(script)


class LateClock(Clock):
    """A clock by which a timer of 250 ms is always `late`."""

    _rate = 1.0
    _from = _base = 0

    def now(self) -> int:
        return self._base + round((super().now() - self._from) * self._rate)

    def late(self, late: int) -> None:
        self._base, self._from = self.now(), super().now()
        self._rate = 1 + late / ms(250)


def test_load_lag_equals_timer_lateness() -> None:
    """A figure that nobody can check is none."""

    async def main() -> None:
        clock = LateClock(asyncio.get_running_loop())
        load = Load(FakeMachine(clock.now), clock)
        load.start()
        for late, pressure in [(0, 0.0), (30, 0.56), (100, 1.0), (0, 0.0)]:
            clock.late(ms(late))
            await clock.sleep(seconds(20))
            assert load.lag_ms == pytest.approx(late, abs=0.1)
            assert load.pressure == pytest.approx(pressure, abs=0.1)
        load.stop()

    run_virtual(main())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_load_lag_rises_when_the_loop_is_blocked(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The sound of every call would stutter, and nobody would know why."""

    def hold_up(loop: asyncio.AbstractEventLoop, clock: Clock, until: int) -> None:
        begun = clock.now()
        while clock.now() - begun < ms(60):
            os.getpid()
        if clock.now() < until:
            loop.call_later(0.001, hold_up, loop, clock, until)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock = Clock(loop)
        load = Load(FakeMachine(clock.now), clock, period=ms(10))
        load.start()
        hold_up(loop, clock, clock.now() + ms(1500))
        await clock.sleep(ms(1500))
        assert load.lag_ms > 20 and load.pressure > 0.3
        load.stop()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
