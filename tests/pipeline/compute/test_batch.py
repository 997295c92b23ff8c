"""Micro-batches: callers that wait at the same moment share a job, and none waits for others to come."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from pipeline.compute.errors import Broken, Late
from pipeline.compute.executor import Executor
from pipeline.compute.job_context import JOB_CONTEXT, JobContext, Lane
from pipeline.compute.pool import Pool
from pipeline.compute.pool_spec import PoolSpec
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import NodeError
from pipeline.packet import MILLISECOND
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import share

ONE = share(Executor(1))
MS = 0.001


class Doubler:
    """Notes what it computed together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.seconds = 0.0

    def double(self, values: Sequence[int]) -> list[int]:
        self.batches.append(list(values))
        time.sleep(self.seconds)
        if -1 in values:
            raise ValueError("cannot be doubled")
        if -2 in values:
            raise Broken("it is a wreck")
        return [2 * value for value in values if value != -3]


@pytest.fixture
def model() -> Doubler:
    return Doubler()


@pytest.fixture
def pool(model: Doubler) -> Pool[Doubler]:
    return Pool(model, Scheduler(ONE), PoolSpec(lambda: model))


async def ask(pool: Pool[Doubler], value: int, lane: Lane = "normal", batch_key: object = None, most: int = 4) -> int:
    JOB_CONTEXT.set(JobContext(lane, value))
    return await pool.batch(Doubler.double, value, batch_key=batch_key, max_size=most)


def asked(pool: Pool[Doubler], *values: int, **how: object) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(ask(pool, value, **how)) for value in values]  # type: ignore[arg-type]


def test_batch_runs_a_lone_request_at_once(pool: Pool[Doubler], model: Doubler) -> None:
    """Waiting for company would make every quiet call slower."""

    async def main() -> float:
        assert [await ask(pool, value) for value in (1, 2, 3)] == [2, 4, 6]
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0
    assert model.batches == [[1], [2], [3]]


def test_batch_joins_requests_waiting_for_a_thread(pool: Pool[Doubler], model: Doubler) -> None:
    async def main() -> list[int]:
        return list(await asyncio.gather(*asked(pool, *range(10))))

    assert run_virtual(main()) == [2 * value for value in range(10)]
    assert model.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9]]
    seen = pool.statistics()
    assert (seen.requests, seen.joined, seen.active, seen.waiting) == (10, 6, 0, 0)


def test_batch_joins_nothing_under_memory_pressure(pool: Pool[Doubler], model: Doubler) -> None:
    """Four utterances at once need four times the memory of one; afterwards they are as quick as before."""
    pool.instances.scheduler.memory_pressure = True

    async def main() -> None:
        assert await asyncio.gather(*asked(pool, 0, 1, 2)) == [0, 2, 4]
        pool.instances.scheduler.memory_pressure = False
        assert await asyncio.gather(*asked(pool, 3, 4, 5)) == [6, 8, 10]

    run_virtual(main())
    assert model.batches == [[0], [1], [2], [3], [4, 5]]


def test_batch_accepts_requests_until_its_job_starts(pool: Pool[Doubler], model: Doubler) -> None:
    """The model may be free while all cores are busy with other models."""

    async def main() -> list[int]:
        pool.instances.scheduler.submit(lambda: time.sleep(10 * MS))
        first = asked(pool, 1)
        await asyncio.sleep(MS)
        return list(await asyncio.gather(*first, *asked(pool, 2, 3)))

    assert run_virtual(main(), "measured") == [2, 4, 6]
    assert model.batches == [[1, 2, 3]]


def test_batch_joins_only_requests_of_one_batch_key_and_lane(pool: Pool[Doubler], model: Doubler) -> None:
    """What is not urgent would make the urgent slower."""

    async def main() -> list[int]:
        groups = [
            asked(pool, 0),
            asked(pool, 1, 2, batch_key="long"),
            asked(pool, 3, 4, batch_key="short"),
            asked(pool, 5, 6, lane="low", batch_key="long"),
            [asyncio.create_task(pool.run(lambda doubler: doubler.double([7])[0]))],
        ]
        return list(await asyncio.gather(*(task for group in groups for task in group)))

    assert run_virtual(main()) == [2 * value for value in range(8)]
    assert model.batches == [[0], [1, 2], [3, 4], [7], [5, 6]]


def test_batch_isolates_the_request_that_fails(pool: Pool[Doubler], model: Doubler) -> None:
    """One caller's broken recording would silence three others."""

    async def main() -> list[object]:
        return list(await asyncio.gather(*asked(pool, 0, 1, -1, 2), return_exceptions=True))

    ends = run_virtual(main())
    assert [ends[0], ends[1], ends[3]] == [0, 2, 4]
    assert isinstance(ends[2], ValueError)
    assert model.batches == [[0], [1, -1, 2], [1], [-1], [2]]


def test_batch_that_breaks_its_instance_is_retried_on_new_instances(pool: Pool[Doubler], model: Doubler) -> None:
    async def main() -> list[object]:
        return list(await asyncio.gather(*asked(pool, 0, 1, -2), return_exceptions=True))

    first, second, third = run_virtual(main())
    assert (first, second) == (0, 2)
    assert isinstance(third, Broken)
    assert pool.statistics().replaced == 2


def test_batch_with_too_few_outputs_is_an_error(pool: Pool[Doubler]) -> None:
    """One caller would get another's words."""

    async def main() -> None:
        with pytest.raises(NodeError, match="1 items were computed together, and 0 outputs"):
            await ask(pool, -3)

    run_virtual(main())


def test_batch_drops_a_request_cancelled_while_waiting(pool: Pool[Doubler], model: Doubler) -> None:
    async def main() -> list[int]:
        first, left, last = asked(pool, 0, 1, 2)
        await asyncio.sleep(0)
        left.cancel()
        return [await first, await last]

    assert run_virtual(main()) == [0, 4]
    assert model.batches == [[0], [2]]


def test_batch_survives_the_cancellation_of_some_requests(pool: Pool[Doubler], model: Doubler) -> None:
    model.seconds = 10 * MS

    async def main() -> list[int]:
        first, second, third, fourth = asked(pool, 0, 1, 2, 3)
        await first
        await asyncio.sleep(MS)
        second.cancel()  # it would have been alone in asking
        third.cancel()
        return [await fourth, await pool.run(lambda _: 7)]

    assert run_virtual(main(), "measured") == [6, 7]
    assert model.batches == [[0], [1, 2, 3]]


def test_batch_is_cancelled_when_all_its_requests_are(pool: Pool[Doubler], model: Doubler) -> None:
    """Before it starts it is removed; it has taken no instance."""

    async def main() -> list[tuple[int, int]]:
        blocker = pool.instances.scheduler.submit(lambda: time.sleep(10 * MS))
        (left,) = asked(pool, 1)
        await asyncio.sleep(MS)
        before = pool.statistics()
        left.cancel()
        await asyncio.wait([left])
        await asyncio.sleep(0)
        after = pool.statistics()
        await asyncio.wait([blocker.future])
        return [(seen.active, seen.waiting) for seen in (before, after)]

    assert run_virtual(main(), "measured") == [(0, 1), (0, 0)]
    assert model.batches == []


def test_batch_observes_the_deadline(pool: Pool[Doubler]) -> None:
    async def main() -> float:
        blocker = pool.instances.scheduler.submit(lambda: time.sleep(10 * MS))
        JOB_CONTEXT.set(JobContext(deadline=2 * MILLISECOND))
        with pytest.raises(Late):
            await pool.batch(Doubler.double, 1)
        at = asyncio.get_running_loop().time()
        await asyncio.wait([blocker.future])
        return at

    assert run_virtual(main(), "measured") == 2 * MS


def test_batch_on_a_closed_pool_is_refused(pool: Pool[Doubler]) -> None:
    async def main() -> None:
        await pool.close()
        with pytest.raises(NodeError, match="closed"):
            await ask(pool, 1)

    run_virtual(main())


def test_batch_after_executor_shutdown_is_refused(model: Doubler) -> None:
    """Its callers would wait for ever."""
    executor = Executor(1)
    executor.shutdown(wait=True)
    pool = Pool(model, Scheduler(executor))

    async def main() -> None:
        with pytest.raises(RuntimeError, match="shut down"):
            await ask(pool, 1)

    run_virtual(main())
