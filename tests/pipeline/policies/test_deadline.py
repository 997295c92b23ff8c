"""Deadlines of a stream: no attempt is silent for longer than its graph allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import pytest
import uvloop
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.clock import Clock
from pipeline.errors import classify
from pipeline.params import ms, seconds
from pipeline.policies.deadline import DeadlineExceeded, Overrun, Watch
from pipeline.policies.spec import DeadlineSpec
from pipeline.runtime.virtual import run_virtual

Loops = pytest.mark.parametrize(
    "factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


class Timers:
    """Counts the timers that a watch sets, and how many of them live at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = asyncio.get_running_loop()
        self.made: list[asyncio.TimerHandle] = []
        self.ran = 0
        self._real: Callable[..., asyncio.TimerHandle] = self.loop.call_later
        monkeypatch.setattr(self.loop, "call_later", self._call_later)

    def _call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        if args:
            return self._real(delay, callback, *args)  # of a sleep
        assert self.alive() == 0, "a second timer was set while one lived"

        def fire() -> None:
            self.ran += 1
            callback()

        self.made.append(self._real(delay, fire))
        return self.made[-1]

    def alive(self) -> int:
        """Timers that may still fire."""
        return len(self.made) - self.ran - sum(timer.cancelled() for timer in self.made)


def not_expected(missed: Overrun) -> None:
    pytest.fail(f"nothing was late, but it told of {missed}")


def watched(
    spec: DeadlineSpec, gaps: list[int], then: int | None = None, holds: Sequence[int] = ()
) -> tuple[list[Overrun], int]:
    """Plays outputs with these gaps and holds (ns), and the end after `then` more; the overruns, and when they came."""

    async def main() -> tuple[list[Overrun], int]:
        loop = asyncio.get_running_loop()
        clock, seen = Clock(loop), list[Overrun]()
        when = 0

        def overrun(missed: Overrun) -> None:
            nonlocal when
            seen.append(missed)
            when = clock.now()

        watch = Watch(spec, loop)
        watch.begin(overrun)
        for gap, hold in zip_longest(gaps, holds, fillvalue=0):
            await clock.sleep(gap)
            if hold:
                watch.hold()
                await clock.sleep(hold)
            watch.output()
        if then is not None:
            await clock.sleep(then)
            watch.end()
        await clock.sleep(seconds(100))
        return seen, when

    return run_virtual(main())


def expected(spec: DeadlineSpec, gaps: list[int], then: int) -> Overrun | None:
    """What a plain reading of the three deadlines gives."""
    events, time = [0], 0
    for gap in (*gaps, then):
        time += gap
        events.append(time)
    missed: list[tuple[int, int, Overrun]] = []
    for outputs, (last, event) in enumerate(pairwise(events)):
        limit = spec.stall if outputs else spec.first
        if limit is not None and last + limit < event:
            missed.append((last + limit, 0, Overrun("stall" if outputs else "first", limit, last + limit, outputs)))
        if spec.total is not None and last <= spec.total < event:
            missed.append((spec.total, 1, Overrun("total", spec.total, spec.total, outputs)))
    return min(missed, key=lambda each: each[:2])[2] if missed else None


# Odd gaps and even limits: an output and a deadline never fall on one nanosecond, where either may be right.
LIMITS = st.none() | st.integers(1, 400).map(lambda n: n * 2_000_000)
GAPS = st.integers(0, 300).map(lambda n: n * 1_000_000 + 1)


@given(LIMITS, LIMITS, LIMITS, st.lists(GAPS, max_size=8), GAPS)
@example(first=ms(500), stall=ms(50), total=None, gaps=[ms(1), ms(50) + 1], then=ms(1))
@example(first=ms(2), stall=ms(2), total=ms(500), gaps=[300_001, 300_001, 300_001], then=ms(5))
def test_deadline_overrun_is_reported_once_and_exactly(
    first: int | None, stall: int | None, total: int | None, gaps: list[int], then: int
) -> None:
    """A member that is silent would be waited for longer than the graph says; or a good one be cut off."""
    spec = DeadlineSpec(first=first, stall=stall, total=total)
    missed = expected(spec, gaps, then)
    seen, when = watched(spec, gaps, then)
    assert seen == ([missed] if missed else [])
    assert when == (missed.after if missed else 0)


def test_deadlines_first_stall_and_total_are_independent() -> None:
    """The field's fault: a deadline between bytes alone lets a silent attempt live for ever."""
    spec = DeadlineSpec(first=ms(1500), stall=ms(800), total=seconds(5))
    assert watched(spec, [])[0] == [Overrun("first", ms(1500), ms(1500), 0)]
    assert watched(spec, [ms(1400), ms(700)])[0] == [Overrun("stall", ms(800), ms(2900), 2)]
    assert watched(spec, [ms(700)] * 7)[0] == [Overrun("total", seconds(5), seconds(5), 7)]


@given(
    LIMITS,
    LIMITS,
    LIMITS,
    st.lists(st.tuples(GAPS, st.integers(0, 900).map(ms)), max_size=6),
    GAPS,
)
def test_deadline_excludes_time_blocked_by_backpressure(
    first: int | None, stall: int | None, total: int | None, outputs: list[tuple[int, int]], then: int
) -> None:
    """A voice that is ahead of what is played would be cut off as if it were slow."""
    spec = DeadlineSpec(first=first, stall=stall, total=total)
    missed = expected(spec, [gap for gap, _ in outputs], then)
    seen, _ = watched(spec, [gap for gap, _ in outputs], then, [held for _, held in outputs])
    assert seen == ([missed] if missed else [])


def test_deadline_watch_ends_an_attempt_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was flushed while it waited for room would take the next attempt's deadlines away."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock, timers, seen = Clock(loop), Timers(monkeypatch), list[Overrun]()
        watch = Watch(DeadlineSpec(first=ms(100), stall=ms(30), total=ms(200)), loop)
        watch.begin(seen.append)
        watch.hold()
        await clock.sleep(seconds(1))
        watch.end()
        watch.output()
        assert seen == [] and timers.alive() == 0
        watch.begin(seen.append)
        await clock.sleep(seconds(1))
        assert seen == [Overrun("first", ms(100), ms(100), 0)]

    run_virtual(main())


def test_deadline_watch_makes_no_timer_per_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat model's every token would cost a timer, of all calls together thousands a second."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock, timers = Clock(loop), Timers(monkeypatch)
        watch = Watch(DeadlineSpec(first=seconds(1), stall=seconds(1), total=seconds(60)), loop)
        watch.begin(not_expected)
        for _ in range(10_000):
            await clock.sleep(ms(1))
            watch.output()
        assert timers.alive() == 1
        assert len(timers.made) <= 12
        watch.end()
        assert timers.alive() == 0

    run_virtual(main())


def test_deadline_watch_serves_successive_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of one packet would strike the next; or a session end with timers left."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock, timers = Clock(loop), Timers(monkeypatch)
        seen: list[Overrun] = []
        watch = Watch(DeadlineSpec(first=ms(100), stall=ms(30), total=ms(200)), loop)
        for _ in range(3):
            watch.begin(seen.append)
            await clock.sleep(ms(90))
            watch.output()
            watch.begin(seen.append)
            await clock.sleep(ms(90))
            watch.end()
            watch.end()
        assert seen == [] and timers.alive() == 0
        watch.begin(seen.append)
        await clock.sleep(seconds(1))
        assert seen == [Overrun("first", ms(100), ms(100), 0)] and timers.alive() == 0
        watch.hold()
        watch.output()
        await clock.sleep(seconds(1))
        assert len(seen) == 1 and timers.alive() == 0

    run_virtual(main())


def test_deadline_watch_without_deadlines_makes_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """`deadline: {first: null, ...}` would still cost."""

    async def main() -> None:
        timers = Timers(monkeypatch)
        watch = Watch(DeadlineSpec(first=None, stall=None, total=None), timers.loop)
        watch.begin(not_expected)
        watch.output()
        watch.end()
        assert timers.made == []

    run_virtual(main())


@Loops
def test_deadline_on_a_live_loop_is_never_early_and_does_not_spin(
    factory: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timers of uvloop are up to 1.3 ms early: an attempt would be cut off before its time, or a core burn."""

    async def main() -> None:
        timers = Timers(monkeypatch)
        loop = timers.loop
        limits = range(ms(1), ms(5), 190_000)
        for limit in limits:
            missed: asyncio.Future[Overrun] = loop.create_future()
            watch = Watch(DeadlineSpec(first=limit, stall=None, total=None), loop)
            watch.begin(missed.set_result)
            told = await missed
            assert told.which == "first" and limit <= told.after
        assert len(timers.made) <= 3 * len(limits)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


@pytest.mark.parametrize(
    ("missed", "message"),
    [
        (
            Overrun("first", ms(1500), ms(1502), 0),
            "no output within 1500ms (deadline `first`); outputs so far: 0",
        ),
        (
            Overrun("stall", ms(800), ms(2900), 1),
            "no further output within 800ms (deadline `stall`); outputs so far: 1",
        ),
        (Overrun("total", seconds(5), seconds(5), 7), "not done within 5s (deadline `total`); outputs so far: 7"),
    ],
)
def test_deadline_exceeded_error_names_the_deadline_and_the_outputs(missed: Overrun, message: str) -> None:
    """An operator would not know which number of the YAML to change."""
    error = DeadlineExceeded(missed, node="asr")
    assert error.message == message and error.node == "asr" and error.overrun is missed
    assert f"deadline: {{{missed.which}: ...}}" in error.hint
    assert classify(error) == "resource" and not error.retryable
