"""A limit: never more than it says, nobody forgotten, and honest about when to ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pipeline.clock import Clock, give_way
from pipeline.errors import classify
from pipeline.params import ms, seconds
from pipeline.policies.limit import WAITING, WAITING_EACH, Limit, LimitReached
from pipeline.policies.spec import LimitSpec
from pipeline.runtime.virtual import run_virtual


class Bench:
    """A limit in virtual time; `run` gives a clock to its main."""

    def __init__(self, spec: LimitSpec) -> None:
        self.clock = Clock(asyncio.get_running_loop())
        self.limit = Limit(spec, self.clock.now, "asr")
        self.order: list[Any] = []
        self.ended: list[int] = []

    async def work(self, session: Any, takes: int = ms(100)) -> None:
        """One request."""
        await self.limit.acquire(session)
        try:
            self.order.append(session)
            await self.clock.sleep(takes)
        finally:
            self.limit.release()
        self.ended.append(self.clock.now())

    def begin(self, session: Any, takes: int = ms(100)) -> asyncio.Task[None]:
        """One request, in a task."""
        return asyncio.get_running_loop().create_task(self.work(session, takes))


def in_virtual(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


def test_limit_queues_requests_beyond_its_concurrency() -> None:
    """A model that can serve two at once would be asked by ten, and all would be late."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=2))
        await asyncio.gather(*(bench.begin(n) for n in range(5)))
        assert bench.ended == [ms(100), ms(100), ms(200), ms(200), ms(300)]
        told = bench.limit.statistics()
        assert (told.admitted, told.waited, told.wait, told.longest) == (5, 3, ms(400), ms(200))
        assert (told.peak, told.active, told.waiting) == (2, 0, 0)

    in_virtual(main())


def test_limit_window_slides_and_is_exact_to_one_request() -> None:
    """A provider that allows three in a second would answer the fourth with an error."""

    async def main() -> None:
        bench = Bench(LimitSpec(max=3, window=seconds(1), when_full="shed"))
        admitted = []
        for _ in range(25):
            try:
                await bench.limit.acquire()
                bench.limit.release()
                admitted.append(bench.clock.now())
            except LimitReached:
                pass
            await bench.clock.sleep(ms(100))
        assert admitted == [ms(n) for n in (0, 100, 200, 1000, 1100, 1200, 2000, 2100, 2200)]

    in_virtual(main())


def test_limit_waiter_starts_when_the_window_opens() -> None:
    """Waiting longer than needed is silence that the person hears."""

    async def main() -> None:
        bench = Bench(LimitSpec(max=2, window=ms(500)))
        await bench.work("a", ms(30))
        await asyncio.gather(*(bench.begin("a", 0) for _ in range(4)))
        assert bench.ended == [ms(30), ms(30), ms(500), ms(530), ms(1000)]

    in_virtual(main())


def test_limit_wait_ends_in_refusal_at_max_wait() -> None:
    """Without a bound on the wait the person would hear nothing, and nobody would know why."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1, max_wait=ms(200)))
        held = bench.begin("a", seconds(1))
        await give_way()
        with pytest.raises(LimitReached) as refused:
            await bench.limit.acquire("b")
        assert bench.clock.now() == ms(200)
        assert refused.value.node == "asr" and refused.value.retry_after == 0.2
        assert classify(refused.value) == "resource" and refused.value.retryable
        assert str(refused.value) == (
            "its limit is reached: 1 at work and 0 waiting\nhint: ask again later, or raise `limit` of the node"
        )
        told = bench.limit.statistics()
        assert (told.timed_out, told.refused, told.waiting) == (1, 0, 0)
        await held

    in_virtual(main())


@pytest.mark.parametrize("when_full", ["shed", "fallback"])
def test_limit_without_queue_refuses_at_once(when_full: Any) -> None:
    """The next member would be asked only after the wait that the graph wanted to avoid."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1, max=1, window=seconds(3), when_full=when_full))
        await bench.work("a")
        with pytest.raises(LimitReached, match="1 begun within 3s") as refused:
            await bench.limit.acquire("b")
        assert bench.clock.now() == ms(100) and refused.value.retry_after == 2.9
        assert bench.limit.statistics().refused == 1

    in_virtual(main())


def test_limit_refuses_at_once_a_wait_that_cannot_succeed() -> None:
    """Where the window opens in nine seconds, a second of waiting is a second of dead air."""

    async def main() -> None:
        bench = Bench(LimitSpec(max=1, window=seconds(10), max_wait=seconds(1)))
        await bench.work("a", seconds(1))
        with pytest.raises(LimitReached) as refused:
            await bench.limit.acquire("a")
        assert bench.clock.now() == seconds(1) and refused.value.retry_after == 9.0

    in_virtual(main())


def test_limit_serves_sessions_in_turn() -> None:
    """One call that asks for much would make all others wait until it is served."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1, max_wait=seconds(60)))
        await asyncio.gather(*(bench.begin(session) for session in ["a", "a", "a", "a", "b", "b", "c"]))
        assert bench.order == ["a", "a", "b", "c", "a", "b", "a"]

    in_virtual(main())


def test_limit_newcomer_does_not_overtake_waiters() -> None:
    """A waiting call would be overtaken again and again, and then refused."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1))
        first, second = bench.begin("a"), bench.begin("b")
        await first
        third = bench.begin("c")
        await asyncio.gather(second, third)
        assert bench.order == ["a", "b", "c"]

    in_virtual(main())


@pytest.mark.parametrize("short_way", [False, True])
def test_limit_newcomer_does_not_overtake_as_the_window_opens(short_way: bool) -> None:
    """A timer that is a little late would cost the one who waits the turn."""

    async def main() -> None:
        bench = Bench(LimitSpec(max=1, window=ms(500)))

        def newcomer() -> None:
            if short_way:
                assert not bench.limit.try_acquire()
                return
            asking = bench.limit.acquire("c")
            assert asking.send(None) is not None  # it waits
            asking.close()

        asyncio.get_running_loop().call_later(0.5, newcomer)  # set before the limit's own timer, so it runs first
        await asyncio.gather(bench.begin("a", 0), bench.begin("b", 0))
        assert bench.order == ["a", "b"] and bench.ended == [0, ms(500)]

    in_virtual(main())


def test_limit_waiting_places_are_bounded_in_total_and_per_session() -> None:
    """In an overload the queue would grow for ever; or one call would keep all others out of it."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1, max_wait=seconds(5)))
        greedy = [bench.begin("greedy", seconds(100)) for _ in range(WAITING_EACH + 3)]
        modest = [bench.begin(n) for n in range(WAITING)]
        await give_way()
        told = bench.limit.statistics()
        assert told.waiting == WAITING
        assert told.refused == 2 + WAITING_EACH
        held, *others = await asyncio.gather(*greedy, *modest, return_exceptions=True)
        assert held is None and all(isinstance(other, LimitReached) for other in others)

    in_virtual(main())


def test_limit_try_acquire_succeeds_only_where_there_is_room() -> None:
    """It would be a way past the limit, or past those who wait."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1))
        assert bench.limit.try_acquire() and not bench.limit.try_acquire()
        waiting = bench.begin("a")
        await give_way()
        bench.limit.release()
        assert not bench.limit.try_acquire()
        await waiting
        assert bench.limit.try_acquire()
        assert bench.limit.statistics().refused == 0

    in_virtual(main())


def test_limit_cancelled_waiter_leaves_no_trace() -> None:
    """After a few interruptions the node would count ghosts, and refuse everybody."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1, max=2, window=seconds(10), max_wait=seconds(60)))
        first, second, third = bench.begin("a"), bench.begin("b"), bench.begin("c")
        await bench.clock.sleep(ms(50))
        second.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        assert bench.order == ["a", "c"] and bench.ended == [ms(100), ms(200)]
        told = bench.limit.statistics()
        assert (told.admitted, told.cancelled, told.active, told.waiting) == (2, 1, 0, 0)

    in_virtual(main())


def test_limit_permit_of_a_cancelled_waiter_goes_to_the_next() -> None:
    """The permit would be lost for good, and with it a place at the node."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=1, max=2, window=seconds(10), max_wait=seconds(60)))
        await bench.limit.acquire("a")
        second, third = bench.begin("b"), bench.begin("c")
        await bench.clock.sleep(ms(50))
        bench.limit.release()
        assert bench.limit.statistics().active == 1  # b has been given it, and does not know yet
        second.cancel()
        await asyncio.gather(second, third, return_exceptions=True)
        assert bench.order == ["c"] and bench.ended == [ms(150)]
        assert bench.limit.statistics().admitted == 2

    in_virtual(main())


def test_limit_window_survives_a_clock_set_back() -> None:
    """A session that begins its clock anew would be refused for as long as it took to open."""

    async def main() -> None:
        time = [seconds(100)]
        limit = Limit(LimitSpec(max=1, window=seconds(1), when_full="shed"), lambda: time[0])
        await limit.acquire()
        time[0] = 0
        assert await limit.acquire() == 0
        with pytest.raises(LimitReached):
            await limit.acquire()

    in_virtual(main())


def test_adaptive_limit_shrinks_with_the_load_and_grows_back() -> None:
    """A loaded machine would take on as much as an idle one, and everybody would wait longer."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=10, adaptive=True, max_wait=seconds(60)))
        bench.limit.pressure(0.75)
        tasks = [bench.begin(n) for n in range(10)]
        await give_way()
        assert bench.limit.factor == 0.25 and bench.limit.statistics().active == 2
        bench.limit.pressure(0.7)
        assert bench.limit.factor == 0.25  # too little to follow
        bench.limit.pressure(0.0)
        assert bench.limit.statistics().active == 10  # those who waited begin at once
        bench.limit.pressure(1.0)
        await asyncio.gather(*tasks)
        assert bench.limit.factor == 0.1 and bench.limit.statistics().peak == 10

    in_virtual(main())


def test_adaptive_limit_always_lets_one_through() -> None:
    """Under load a small limit would become none at all, and the node would be dead."""

    async def main() -> None:
        bench = Bench(LimitSpec(concurrent=2, max=3, window=seconds(1), adaptive=True))
        bench.limit.pressure(1.0)
        await asyncio.gather(bench.begin("a"), bench.begin("b"))
        assert bench.ended == [ms(100), ms(1100)]

    in_virtual(main())


def test_adaptive_limit_with_a_fallback_leaves_a_loaded_machine_alone_and_returns_once() -> None:
    """The large model would take the processor from those who wait, or take turns with the small one."""
    limit = Limit(LimitSpec(concurrent=1, when_full="fallback", adaptive=True), lambda: 0, "chat")
    granted = []
    for level in (0.0, 0.8, 0.9, 0.8, 0.6, 0.8, 0.5, 0.8):
        limit.pressure(level)
        granted.append(limit.try_acquire())
        if granted[-1]:
            limit.release()
    assert granted == [True, True, False, False, False, False, True, True]


def test_adaptive_limit_with_a_fallback_says_that_the_machine_is_loaded() -> None:
    """Its operator would look for the one request that takes the place."""
    limit = Limit(LimitSpec(concurrent=1, when_full="fallback", adaptive=True), lambda: 0, "chat")
    limit.pressure(1.0)
    with pytest.raises(LimitReached, match="the machine is loaded"):
        asyncio.run(limit.acquire())


def test_non_adaptive_limit_ignores_the_load() -> None:
    """What the graph says would change by itself."""
    limit = Limit(LimitSpec(concurrent=2), lambda: 0)
    limit.pressure(1.0)
    assert limit.factor == 1.0
