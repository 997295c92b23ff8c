"""One clock: exact in virtual time, and never early in real time."""
# ruff: noqa: TID251 - how it sleeps is the subject

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.virtual import VirtualLoop, run_virtual

FRAME = 20 * MILLISECOND


def live_clock() -> Clock:
    return Clock(asyncio.get_running_loop())


def test_clock_frame_times_are_exact_in_virtual_time() -> None:
    """A truncated float is a nanosecond off once in fifty packets: audio with gaps of -1."""

    async def main() -> list[int]:
        clock = live_clock()
        seen = []
        for index in range(5_000):
            await clock.sleep_until(index * FRAME)
            seen.append(clock.now())
        return seen

    assert run_virtual(main()) == [index * FRAME for index in range(5_000)]


@given(st.lists(st.integers(0, 10 * SECOND), max_size=20))
def test_clock_virtual_sleeps_add_up(durations: list[int]) -> None:
    """Sleeping piecewise ends at the same nanosecond as sleeping at once."""

    async def main() -> int:
        clock = live_clock()
        for duration in durations:
            await clock.sleep(duration)
        return clock.now()

    assert run_virtual(main()) == sum(durations)


def test_clock_starts_at_zero() -> None:
    """A session that starts late must not begin its audio late."""

    async def main() -> tuple[int, int]:
        await live_clock().sleep(5 * SECOND)
        clock = live_clock()
        await clock.sleep(-1)
        return clock.now(), await later(clock)

    async def later(clock: Clock) -> int:
        await clock.sleep_until(SECOND)
        await clock.sleep_until(0)
        return clock.now()

    assert run_virtual(main()) == (0, SECOND)


def test_clock_leap_is_seen_at_once_and_lasts() -> None:
    """A drill of what a sleeping laptop does to a call would drill nothing."""

    async def main() -> tuple[int, int]:
        clock = live_clock()
        clock.leap(3 * SECOND)
        at = clock.now()
        await clock.sleep(SECOND)
        return at, clock.now()

    assert run_virtual(main()) == (3 * SECOND, 4 * SECOND)


@pytest.mark.parametrize("factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_clock_live_sleep_is_never_early(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Timers of uvloop fire up to 1.3 ms early: a packet would be sent before its time."""

    async def main() -> list[int]:
        clock = live_clock()
        late = []
        for due in range(7 * MILLISECOND, 120 * MILLISECOND, 7 * MILLISECOND):
            await clock.sleep_until(due)
            late.append(clock.now() - due)
        return late

    with asyncio.Runner(loop_factory=factory) as runner:
        late = sorted(runner.run(main()))
    assert late[0] >= 0
    assert late[len(late) // 2] < 5 * MILLISECOND


def test_clock_live_sleep_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A uvloop timer of less than a millisecond fires at once: each pause would burn a tenth of itself."""
    asked: list[float] = []
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        asked.append(seconds)
        await sleep(seconds)

    async def main() -> None:
        clock = live_clock()
        for due in range(7 * MILLISECOND, 100 * MILLISECOND, 7 * MILLISECOND):
            await clock.sleep_until(due)

    monkeypatch.setattr(asyncio, "sleep", counted)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert len(asked) <= 3 * 14


@pytest.mark.parametrize("factory", [VirtualLoop, asyncio.SelectorEventLoop], ids=["virtual", "live"])
def test_clock_hold_works_on_live_and_virtual_loops(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A node must not need to know which clock it runs on."""

    async def main() -> str:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        thread = threading.Timer(0.01, lambda: loop.call_soon_threadsafe(answer.set_result, "real"))
        thread.start()
        async with asyncio.timeout(5):
            with live_clock().hold():
                said: str = await answer
        thread.join()
        return said

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(main()) == "real"
