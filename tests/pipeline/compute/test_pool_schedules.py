"""Pools: who waits is served in turn and told in time, whatever the schedule."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cause import Causes
from pipeline.compute.errors import Broken, Late, PoolExhausted
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext, Lane
from pipeline.compute.pool import Pool
from pipeline.packet import SECOND
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.compute.makers import MS, Maker, Model, now

# --- waiting


def test_pool_exhausted_error_has_retry_after() -> None:
    """A caller that waits for ever is a silent assistant."""
    pool = Maker().pool(wait=5 * SECOND)

    async def main() -> tuple[float, float]:
        for _ in range(2):
            member = await pool._leases.enter()
            await asyncio.sleep(2)
            pool._leases.release(member)
        await pool._leases.enter()
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
        await pool._leases.enter()
        return list(await asyncio.gather(asking(0, None), asking(1, None), asking(2, 1.5), asking(2, 60), asking(3, 1)))

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
        member = await pool._leases.enter()
        waiting = asyncio.ensure_future(pool._leases.enter())
        await asyncio.sleep(4)
        pool._leases.release(member)
        pool._leases.release(await waiting)
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
        member = await pool._leases.enter()
        waiting = asyncio.create_task(asking())
        await asyncio.sleep(1)
        cause.revoke(turn, "vad")
        pool._leases.release(member)
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert run_virtual(main())
    assert pool.statistics().active == 0


def test_pool_job_cancelled_before_start_returns_its_instance_at_once() -> None:
    """While all threads are busy elsewhere a member would be kept for nobody."""
    pool = Maker().pool()

    async def main() -> tuple[int, int]:
        scheduler = pool._scheduler
        others = [scheduler.submit(lambda: time.sleep(20 * MS)) for _ in range(3)]
        job = asyncio.ensure_future(pool.run(lambda _: pytest.fail("left")))
        await asyncio.sleep(MS)
        before = pool.statistics().active
        job.cancel()
        await asyncio.wait([job])
        await asyncio.sleep(0)
        after = pool.statistics().active
        await asyncio.wait([other.future for other in others])
        return before, after

    assert run_virtual(main(), "measured") == (1, 0)


def test_pool_exhausted_is_retryable_and_late_is_not() -> None:
    """Whoever has time left may come again."""
    assert PoolExhausted("busy", retry_after=1).retryable
    assert not Late("late").retryable


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
            self.got.append(await pool.batch(together, (3, seconds, error), most=3))
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
@given(schedule=schedules, least=st.integers(1, 3), more=st.integers(0, 2))
def test_pool_invariants_hold_in_any_schedule(
    latency: Literal["zero", "measured"], schedule: list[Asking], least: int, more: int
) -> None:
    """Never over the maximum, no lease lost, the broken ones replaced and counted, nobody forgotten."""
    maker = Maker()
    pool = maker.pool(least, least + more)

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
        await asyncio.gather(*(pool.run(lambda model: model.compute(0, MS / 5)) for _ in range(least + more)))
        await asyncio.sleep(1)
        seen = pool.statistics()
        assert (seen.active, seen.waiting) == (0, 0)
        assert least <= seen.members <= least + more
        assert seen.made - seen.replaced == seen.members == maker.alive == len(pool._leases.members.free)
        assert seen.peak <= least + more
        await pool.close()

    run_virtual(main(), latency)
    assert maker.most <= least + more
    assert (maker.clashes, maker.alive, maker.made) == (0, 0, maker.closed)
