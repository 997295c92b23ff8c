"""Pools with several instances: never more than needed, broken ones replaced."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from pipeline.compute.errors import Broken, Crashed, breaks
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.pool import Pool, Pooled
from pipeline.compute.pool_spec import PoolSpec
from pipeline.compute.resources import Resources
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import NodeError, ResourceError
from pipeline.params import NoParams
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.compute.makers import MS, THREADS, Maker, Model, hold, now

# --- as many as are needed


def test_pool_makes_instances_for_waiters_up_to_its_maximum() -> None:
    """Two callers that come at once would both make the last one."""
    maker = Maker(seconds=MS)
    pool = maker.pool(1, 3)

    async def main() -> list[int]:
        return list(await asyncio.gather(*(pool.run(lambda model: model.compute(model.number, MS)) for _ in range(20))))

    assert set(run_virtual(main(), "measured")) == {1, 2, 3}
    seen = pool.statistics()
    assert (seen.size, seen.made, maker.made, seen.peak, seen.active, seen.requests) == (3, 3, 3, 3, 0, 20)
    assert maker.clashes == 0


def test_pool_makes_no_second_instance_for_a_lone_caller() -> None:
    """It would take memory for a model that is not needed."""
    maker = Maker()
    pool = maker.pool(1, 3)

    async def main() -> None:
        for _ in range(5):
            await pool.run(lambda model: model.compute(0))

    run_virtual(main())
    assert maker.made == 1


def test_pool_prefills_its_minimum_size() -> None:
    """The first calls would wait for what could have been ready."""
    maker = Maker()
    pooled = Pooled(lambda _: maker(), size=lambda _: (3, 5))

    async def main() -> int:
        resources = Resources(THREADS)
        pool = await resources.get(pooled, NoParams())
        await asyncio.sleep(1)
        size = pool.statistics().size
        await resources.close()
        return size

    assert run_virtual(main()) == 3
    assert (maker.made, maker.closed) == (3, 3)


def test_pooled_declares_how_many_threads_a_job_takes() -> None:
    """A library with two threads of its own would be counted as one."""

    async def main() -> list[int]:
        resources, seen = Resources(THREADS), list[int]()
        for threads in (1, 2):
            pool = await resources.get(Pooled(lambda _: None, threads=partial(lambda n, _: n, threads)), NoParams())
            job = asyncio.ensure_future(pool.run(lambda _: time.sleep(2 * MS)))
            await asyncio.sleep(MS)
            seen.append(resources.scheduler.statistics().taken)
            await job
        return seen

    assert run_virtual(main(), "measured") == [1, 2]


@pytest.mark.parametrize(("small", "size"), [(False, 1), (True, 3)])
def test_pool_adds_no_large_instance_under_memory_pressure(small: bool, size: int) -> None:
    """One more model, and the system ends the process with all its calls; a connection costs nothing."""
    pool = Maker(seconds=MS).pool(1, 3, small=small)
    pool.instances.scheduler.memory_pressure = True

    async def calls() -> None:
        await asyncio.gather(*(pool.run(lambda model: model.compute(0, 2 * MS)) for _ in range(6)))

    async def main() -> list[int]:
        await calls()
        short = pool.statistics().size
        pool.instances.scheduler.memory_pressure = False
        await calls()
        return [short, pool.statistics().size]

    assert run_virtual(main(), "measured") == [size, 3]


def test_pool_replaces_a_broken_instance_under_memory_pressure() -> None:
    """Without it no caller would be served any more."""
    pool = Maker().pool(1, 3)
    pool.instances.scheduler.memory_pressure = True

    async def main() -> int:
        with pytest.raises(MemoryError):
            await pool.run(lambda model: model.compute(0, 0, MemoryError()))
        return await pool.run(lambda model: model.compute(7))

    assert run_virtual(main()) == 7


def test_pool_works_on_when_an_instance_cannot_be_made() -> None:
    """The others go on; the next to wait tries again."""
    maker = Maker(None, MemoryError(), None)
    pool = maker.pool(1, 2)

    async def main() -> list[int]:
        both = (pool.run(lambda model: model.compute(model.number, MS)) for _ in range(2))
        first = list(await asyncio.gather(*both))
        assert (pool.statistics().failed, pool.statistics().size) == (1, 1)
        await asyncio.gather(*(pool.run(lambda model: model.compute(0, MS)) for _ in range(2)))
        return first

    assert run_virtual(main(), "measured") == [1, 1]
    assert pool.statistics().size == 2


def test_pool_waiters_get_the_reason_when_no_instance_can_be_made() -> None:
    """And the next caller tries again: the disk may be back."""
    maker = Maker(None, OSError("the disk is gone"), None)
    pool = maker.pool()

    async def main() -> int:
        broken = asyncio.ensure_future(pool.run(lambda model: model.compute(0, 0, MemoryError())))
        waiting = [asyncio.ensure_future(pool.run(lambda model: model.compute(0))) for _ in range(3)]
        ends = await asyncio.gather(broken, *waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [MemoryError, *[ResourceError] * 3]
        assert "the disk is gone" in str(ends[1])
        return await pool.run(lambda model: model.compute(model.number))

    assert run_virtual(main()) == 2
    assert (maker.alive, maker.most, pool.statistics().replaced) == (1, 1, 1)


# --- broken ones


@pytest.mark.parametrize(
    ("error", "broken"),
    [
        (Broken("the device is gone"), True),
        (MemoryError(), True),
        (SystemError("returned NULL without setting an exception"), True),
        (Crashed("a compute job raised PanicException"), True),
        (ValueError("no such word"), False),
        (NodeError("refused"), False),
    ],
)
def test_pool_replaces_an_instance_only_after_a_breaking_error(error: Exception, broken: bool) -> None:
    """A model in an unknown state must not answer again; a wrong word breaks nothing."""
    maker = Maker()
    pool = maker.pool()

    async def main() -> int:
        with pytest.raises(type(error)):
            await pool.run(lambda model: model.compute(0, 0, error))
        return await pool.run(lambda model: model.number)

    assert breaks(error) is broken
    assert run_virtual(main()) == (2 if broken else 1)
    assert (maker.closed, pool.statistics().replaced, maker.most) == (int(broken), int(broken), 1)


class Panic(BaseException):
    """As libraries in Rust raise it."""


def test_pool_replaces_an_instance_after_a_panic() -> None:
    """It comes to the caller as an ordinary error."""
    maker = Maker()
    pool = maker.pool()

    def panic(_: Model) -> None:
        raise Panic

    async def main() -> int:
        with pytest.raises(Crashed, match="Panic"):
            await pool.run(panic)
        return await pool.run(lambda model: model.number)

    assert run_virtual(main()) == 2


def test_pooled_may_define_which_errors_break_an_instance() -> None:
    """Only the library's user knows what its errors mean."""
    maker = Maker()
    pool = maker.pool(broken=lambda error: "device" in str(error))

    async def main() -> int:
        for error in (MemoryError(), ValueError("device lost")):
            with pytest.raises(type(error)):
                await pool.run(partial(Model.compute, value=0, error=error))
        return await pool.run(lambda model: model.number)

    assert run_virtual(main()) == 2


def test_pool_replaces_an_instance_that_breaks_during_a_stream() -> None:
    maker = Maker()
    pool = maker.pool()

    async def main() -> int:
        with pytest.raises(Broken):
            _ = [value async for value in pool.stream(lambda model: model.count(3, 0, Broken("half way")))]
        return await pool.run(lambda model: model.number)

    assert run_virtual(main()) == 2


def test_pool_replaces_an_instance_that_breaks_after_its_caller_left() -> None:
    """No caller gets the error, but the next one must not get the broken instance."""
    maker = Maker()
    pool = maker.pool()

    async def main() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(MS):
                await pool.run(lambda model: model.compute(0, 10 * MS, MemoryError()))
        return await pool.run(lambda model: model.number)

    assert run_virtual(main(), "measured") == 2


def test_pool_replaces_a_broken_instance_that_cannot_be_closed() -> None:
    """It is broken, after all."""

    class Wreck:
        def close(self) -> None:
            raise OSError("device is gone")

    made: list[Wreck] = []

    def make() -> Wreck:
        made.append(Wreck())
        return made[-1]

    pool = Pool(make(), Scheduler(THREADS), PoolSpec(make))

    def fail(_: Wreck) -> None:
        raise Broken("device is gone")

    async def main() -> bool:
        with pytest.raises(Broken):
            await pool.run(fail)
        return await pool.run(lambda wreck: wreck is made[1])

    assert run_virtual(main())
    assert pool.member is made[1]


# --- closing


def test_pool_close_waits_for_running_jobs_and_closes_all_instances() -> None:
    """Those that are being made too."""
    maker = Maker(seconds=5 * MS)
    pool = maker.pool(1, 3)

    async def main() -> None:
        working = [asyncio.ensure_future(pool.run(lambda model: model.compute(0, 10 * MS))) for _ in range(2)]
        await asyncio.sleep(2 * MS)
        await pool.close()
        await asyncio.gather(*working)
        with pytest.raises(ResourceError, match="has been closed"):
            await pool.run(lambda model: model.compute(0))

    run_virtual(main(), "measured")
    assert (maker.made, maker.closed, maker.clashes) == (2, 2, 0)


def test_pool_close_ends_waiting_callers() -> None:
    """It would wait for an instance that is never made."""
    pool = Maker().pool()

    async def waiting() -> None:
        JOB_CONTEXT.set(JobContext("low"))
        await pool.run(lambda model: model.compute(0))

    async def main() -> float:
        held = await hold(pool)
        task = asyncio.create_task(waiting())
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(1)
        await held.aclose()
        await closing
        with pytest.raises(ResourceError, match="has been closed"):
            await task
        return now()

    assert run_virtual(main()) == 1.0


def test_pool_close_makes_no_new_instance() -> None:
    maker = Maker(None, OSError("the disk is gone"))
    pool = maker.pool()

    async def main() -> None:
        with pytest.raises(MemoryError):
            await pool.run(lambda model: model.compute(0, 0, MemoryError()))
        await pool.close()

    run_virtual(main())
    assert (maker.made, maker.alive) == (1, 0)


def test_pool_close_error_is_raised_after_all_are_closed() -> None:
    closed: list[int] = []

    class Stubborn:
        def close(self) -> None:
            closed.append(1)
            raise OSError(f"device {len(closed)} is gone")

    async def main() -> None:
        pool = Pool(Stubborn(), Scheduler(THREADS), PoolSpec(Stubborn, min_size=2, max_size=2))
        pool.fill()
        await asyncio.sleep(1)
        with pytest.raises(OSError, match="device 1"):
            await pool.close()

    run_virtual(main())
    assert len(closed) == 2
