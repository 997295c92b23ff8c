"""Pools: callers are served in turn, or get an error in time, in any schedule."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cause import Causes
from pipeline.compute.errors import Broken, Late, PoolExhausted
from pipeline.compute.executor import Executor
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext, Lane
from pipeline.compute.pool import Pool
from pipeline.compute.scheduler import Scheduler
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import share
from tests.pipeline.compute.makers import MS, Maker, Model, hold, now

# --- waiting


def test_pool_exhausted_error_has_retry_after() -> None:
    """A caller that waits for ever is a silent assistant."""
    pool = Maker().pool(wait=5 * SECOND)

    async def main() -> tuple[float, float]:
        for _ in range(2):
            held = await hold(pool)
            await asyncio.sleep(2)
            await held.aclose()
        async with pool.lease():
            with pytest.raises(PoolExhausted, match=r"waited 5 s for .* which has 1") as caught:
                await pool.run(lambda model: model.compute(0))
        return now(), caught.value.retry_after or 0

    assert run_virtual(main()) == (9.0, 2.0)
    seen = pool.statistics()
    assert (seen.exhausted, seen.waited, seen.longest, seen.waiting) == (1, 5 * SECOND, 5 * SECOND, 0)


def test_pool_caller_waits_until_its_own_deadline() -> None:
    """One timer serves all: it must be set anew for the next."""
    pool = Maker().pool(wait=5 * SECOND)

    async def asking(after: float, within: float | None) -> tuple[str, float]:
        await asyncio.sleep(after)
        deadline = None if within is None else round((now() + within) * SECOND)
        JOB_CONTEXT.set(JobContext(deadline=deadline))
        ends = await asyncio.gather(pool.run(lambda model: model.compute(0)), return_exceptions=True)
        return type(ends[0]).__name__, now()

    async def main() -> list[tuple[str, float]]:
        async with pool.lease():
            asks = asking(0, None), asking(1, None), asking(2, 1.5), asking(2, 60), asking(3, 1)
            return list(await asyncio.gather(*asks))

    assert run_virtual(main()) == [
        ("PoolExhausted", 5.0),
        ("PoolExhausted", 6.0),
        ("Late", 3.5),
        ("PoolExhausted", 7.0),
        ("Late", 4.0),
    ]


def test_pool_wait_timeout_does_not_apply_to_the_work() -> None:
    """The time-out is for the wait, not for the work."""
    pool = Maker().pool(wait=5 * SECOND)

    async def main() -> int:
        held = await hold(pool)
        waiting = asyncio.ensure_future(hold(pool))
        await asyncio.sleep(4)
        await held.aclose()
        await (await waiting).aclose()
        await asyncio.sleep(10)
        return await pool.run(lambda model: model.compute(7))

    assert run_virtual(main()) == 7


def test_pool_serves_sessions_in_turn() -> None:
    """One call with a long answer would keep all others out."""
    pool, served = Maker().pool(), list[str]()

    async def caller(session: str, lane: Lane = "normal") -> None:
        JOB_CONTEXT.set(JobContext(lane, session))
        await pool.run(lambda model: model.compute(0))
        served.append(session)

    async def main() -> None:
        await asyncio.gather(
            *(asyncio.create_task(caller("greedy")) for _ in range(4)),
            asyncio.create_task(caller("late")),
            asyncio.create_task(caller("urgent", "high")),
        )

    run_virtual(main())
    assert served == ["greedy", "urgent", "greedy", "late", "greedy", "greedy"]


def test_pool_grants_no_instance_for_a_revoked_cause() -> None:
    """Where no flush comes by, the fence holds all the same."""
    pool, cause = Maker().pool(), Causes()
    turn = cause.begin("turn")

    async def asking() -> None:
        JOB_CONTEXT.set(JobContext(cause=turn))
        await pool.run(lambda _: pytest.fail("dead"))

    async def main() -> bool:
        held = await hold(pool)
        waiting = asyncio.create_task(asking())
        await asyncio.sleep(1)
        cause.revoke(turn, "vad")
        await held.aclose()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert run_virtual(main())
    assert pool.statistics().active == 0


def test_pool_job_takes_no_instance_before_it_starts() -> None:
    """While all threads are busy elsewhere an instance would be kept for a job that may never run."""
    pool = Maker().pool()

    async def main() -> list[tuple[int, int]]:
        scheduler = pool.instances.scheduler
        others = [scheduler.submit(lambda: time.sleep(20 * MS)) for _ in range(3)]
        job = asyncio.ensure_future(pool.run(lambda _: pytest.fail("left")))
        await asyncio.sleep(MS)
        before = pool.statistics()
        job.cancel()
        await asyncio.wait([job])
        await asyncio.sleep(0)
        after = pool.statistics()
        await asyncio.wait([other.future for other in others])
        return [(seen.active, seen.waiting) for seen in (before, after)]

    assert run_virtual(main(), "measured") == [(0, 1), (0, 0)]


def test_pool_exhausted_is_retryable_and_late_is_not() -> None:
    """A caller that has time left may try again."""
    assert PoolExhausted("busy", retry_after=1).retryable
    assert not Late("late").retryable


# --- one wait: for an instance and for cores


def test_pool_urgent_caller_is_not_behind_one_that_waits_for_a_core() -> None:
    """The model would be kept for what is not urgent while all cores are busy with other models."""
    pool, order = Maker().pool(), list[str]()

    async def asking(lane: Lane) -> None:
        JOB_CONTEXT.set(JobContext(lane, lane))
        await pool.run(lambda model: order.append(lane))

    async def main() -> None:
        others = [pool.instances.scheduler.submit(lambda: time.sleep(10 * MS)) for _ in range(3)]
        waiting = []
        for lane in reversed(LANES):
            waiting.append(asyncio.create_task(asking(lane)))
            await asyncio.sleep(MS)
        await asyncio.wait([*waiting, *(other.future for other in others)])

    run_virtual(main(), "measured")
    assert order == ["high", "normal", "low"]


def test_pools_take_turns_for_a_core() -> None:
    """A model that many wait for would keep all cores from the others."""
    order: list[str] = []

    async def main() -> None:
        scheduler = Scheduler(share(Executor(1)))
        busy, quiet = (Pool(name, scheduler) for name in ("busy", "quiet"))
        asks = [busy.run(order.append) for _ in range(5)] + [quiet.run(order.append) for _ in range(2)]
        await asyncio.gather(*asks)

    run_virtual(main())
    assert order == ["busy", "busy", "quiet", "busy", "quiet", "busy", "busy"]


def test_pool_lease_needs_no_core() -> None:
    """A connection would wait for the end of what other sessions compute, as would a job that needs many cores."""
    pool = Maker().pool()

    async def main() -> float:
        scheduler = pool.instances.scheduler
        others = [scheduler.submit(lambda: time.sleep(20 * MS)) for _ in range(3)]
        large = scheduler.submit(lambda: None, threads=3)
        held = await hold(pool)
        waiting = asyncio.create_task(hold(pool))
        await asyncio.sleep(MS)
        await held.aclose()
        await (await waiting).aclose()
        at = now()
        await asyncio.wait([large.future, *(other.future for other in others)])
        return at

    assert run_virtual(main(), "measured") < 20 * MS


def test_pool_caller_that_waits_for_cores_only_is_not_refused() -> None:
    """The limit is for the wait for an instance, of which there is one."""
    pool = Maker().pool(wait=5 * MILLISECOND)

    async def main() -> tuple[int, str]:
        others = [pool.instances.scheduler.submit(lambda: time.sleep(20 * MS)) for _ in range(3)]
        patient = asyncio.create_task(pool.run(lambda model: model.compute(7)))
        JOB_CONTEXT.set(JobContext(deadline=10 * MILLISECOND))
        ends = await asyncio.gather(pool.run(lambda _: pytest.fail("late")), return_exceptions=True)
        assert 10 * MS <= now() < 20 * MS
        await asyncio.wait([other.future for other in others])
        return await patient, type(ends[0]).__name__

    assert run_virtual(main(), "measured") == (7, "Late")
    assert pool.statistics().exhausted == 0


@pytest.mark.parametrize("nanoseconds", range(1, 40))
def test_pool_wait_ends_at_every_reading_of_the_clock(nanoseconds: int) -> None:
    """Where a timer is rounded to just before the end of the wait, it must not be set again and again."""
    pool = Maker().pool(wait=5 * SECOND + nanoseconds)

    async def main() -> float:
        await asyncio.sleep(0.001234567 * nanoseconds)
        began = now()
        async with pool.lease():
            with pytest.raises(PoolExhausted):
                await pool.run(lambda model: model.compute(0))
        return now() - began

    assert run_virtual(main()) == pytest.approx(5)


def test_pool_error_of_an_abandoned_job_is_not_reported_as_lost() -> None:
    """Its caller has left; asyncio would log an error that nothing is wrong with."""
    pool, reports = Maker().pool(), list[Any]()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
        asks = [pool.run(lambda model: model.compute(0, 5 * MS, ValueError("its own"))) for _ in range(2)]
        tasks = [asyncio.create_task(each) for each in asks]
        await asyncio.sleep(7 * MS)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await pool.run(lambda model: model.compute(0))
        del tasks, task
        gc.collect()

    run_virtual(main(), "measured")
    assert reports == []


# --- any schedule


@dataclass
class Asking:
    """One caller of a random schedule; times in steps of 0.2 ms of virtual time."""

    kind: Literal["run", "stream", "batch"]
    lane: Lane
    session: int
    start: int
    work: int
    leave: int | None
    error: Callable[[], Exception] | None
    got: list[int] = field(default_factory=list)

    async def call(self, pool: Pool[Model]) -> None:
        await asyncio.sleep(self.start * MS / 5)
        JOB_CONTEXT.set(JobContext(self.lane, self.session))
        seconds, error = self.work * MS / 10, self.error() if self.error else None
        if self.kind == "run":
            self.got.append(await pool.run(lambda model: model.compute(3, seconds, error)))
        elif self.kind == "batch":
            self.got.append(await pool.batch(together, (3, seconds, error), max_size=3))
        else:
            stream = pool.stream(lambda model: model.count(3, seconds, error))
            try:
                async for value in stream:
                    self.got.append(value)
            finally:
                await stream.aclose()


def together(model: Model, items: Any) -> list[int]:
    return [model.compute(*item) for item in items]


def wrong() -> Exception:
    return ValueError("its own")


def wreck() -> Exception:
    return Broken("a wreck")


schedules = st.lists(
    st.builds(
        Asking,
        kind=st.sampled_from(["run", "stream", "batch"]),
        lane=st.sampled_from(LANES),
        session=st.integers(0, 2),
        start=st.integers(0, 5),
        work=st.integers(0, 4),
        leave=st.none() | st.integers(0, 12),
        error=st.sampled_from([None, None, None, wrong, wreck]),
        got=st.builds(list),
    ),
    min_size=1,
    max_size=10,
)


@pytest.mark.parametrize("latency", ["zero", "measured"])
@settings(max_examples=80, deadline=None)
@given(schedule=schedules, min_size=st.integers(1, 3), more=st.integers(0, 2))
def test_pool_invariants_hold_in_any_schedule(
    latency: Literal["zero", "measured"], schedule: list[Asking], min_size: int, more: int
) -> None:
    """Never over the maximum, no instance lost, broken ones replaced and counted, every caller served."""
    maker = Maker()
    pool = maker.pool(min_size, min_size + more)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(asking.call(pool)) for asking in schedule]
        for asking, task in zip(schedule, tasks, strict=True):
            if asking.leave is not None:
                loop.call_later((asking.start + asking.leave) * MS / 5, task.cancel)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for asking, end in zip(schedule, ends, strict=True):
            if end is None:
                assert asking.error is None and asking.got == ([0, 1, 2] if asking.kind == "stream" else [3])
            elif isinstance(end, asyncio.CancelledError):
                assert asking.leave is not None
            else:
                assert asking.error is not None and type(end) is type(asking.error())
        await asyncio.gather(*(pool.run(lambda model: model.compute(0, MS / 5)) for _ in range(min_size + more)))
        await asyncio.sleep(1)
        seen = pool.statistics()
        assert (seen.active, seen.waiting) == (0, 0)
        assert min_size <= seen.size <= min_size + more
        assert seen.made - seen.replaced == seen.size == maker.alive == len(pool.instances.free)
        assert seen.peak <= min_size + more
        await pool.close()

    run_virtual(main(), latency)
    assert maker.most <= min_size + more
    assert (maker.clashes, maker.alive, maker.made) == (0, 0, maker.closed)
