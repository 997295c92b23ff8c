"""Spawned jobs: coroutines that wait in their lane until a core is free, and take none while they run."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cause import Causes
from pipeline.compute.errors import Late
from pipeline.compute.executor import Executor
from pipeline.compute.job import Job
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext, Lane
from pipeline.compute.pool import Pooled
from pipeline.compute.resources import Resources
from pipeline.compute.scheduler import Scheduler
from pipeline.packet import MILLISECOND, SECOND
from pipeline.params import NoParams
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import share
from tests.pipeline.compute.makers import submit

ONE, THREE = share(Executor(1)), share(Executor(3))
MS = 0.001
LOW = JobContext("low")


def now() -> float:
    return asyncio.get_running_loop().time()


def pause(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


async def fails() -> None:
    pytest.fail("it should never start")


@given(st.lists(st.integers(0, 10 * SECOND), min_size=1, max_size=10))
def test_spawned_job_starts_when_its_delay_has_passed(delays: list[int]) -> None:
    """In virtual time to the nanosecond."""

    async def main() -> list[int]:
        began: list[int] = []
        await asyncio.sleep(0.25)
        scheduler = Scheduler(THREE)

        async def work() -> None:
            began.append(round(now() * SECOND))

        jobs = [scheduler.spawn(work, delay=delay) for delay in delays]
        await asyncio.gather(*(job.result() for job in jobs))
        assert len({job.id for job in jobs}) == len(jobs)
        return began

    assert run_virtual(main()) == sorted(SECOND // 4 + delay for delay in delays)


def test_spawned_job_waits_in_its_lane_until_a_core_is_free() -> None:
    """A health check that begins while callers wait for a core takes the next one from them."""
    order: list[str] = []

    async def work() -> None:
        order.append("spawned")

    async def main() -> None:
        scheduler = Scheduler(ONE)
        blocker = scheduler.submit(pause(10 * MS))
        spawned = scheduler.spawn(work)
        urgent = [scheduler.submit(partial(order.append, lane), context=JobContext(lane)) for lane in LANES[1::-1]]
        await asyncio.sleep(5 * MS)
        assert (order, scheduler.statistics().queued["low"]) == ([], 1)
        await asyncio.wait([job.future for job in (blocker, spawned, *urgent)])

    run_virtual(main(), "measured")
    assert order == ["high", "normal", "spawned"]


def test_spawned_job_starts_though_a_thread_is_stuck_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model that hangs on the only core stops neither health checks nor the reopening of remote members."""
    monkeypatch.setattr("pipeline.compute.scheduler.MAX_TASK_WAIT", 20 * MS)
    release = threading.Event()

    async def work() -> str:
        return "ran"

    async def main() -> None:
        scheduler = Scheduler(ONE)
        stuck = scheduler.submit(release.wait)
        try:
            assert await asyncio.wait_for(scheduler.spawn(work).result(), 5) == "ran"
            assert not stuck.future.done()
        finally:
            release.set()
            await stuck.result()

    asyncio.run(main())


def test_spawned_job_takes_no_core_while_it_waits() -> None:
    """One probe of a remote service would keep a core idle for a second."""

    async def main() -> float:
        scheduler = Scheduler(ONE)
        sleeping = [scheduler.spawn(partial(asyncio.sleep, 1.0)) for _ in range(2)]
        seen = scheduler.statistics()
        assert (seen.taken, seen.running, sum(seen.started.values())) == (0, 2, 2)
        await scheduler.submit(pause(0)).result()
        early = now()
        await asyncio.gather(*(job.result() for job in sleeping))
        assert now() == 1.0
        assert (scheduler.statistics().running, scheduler.statistics().done) == (0, 3)
        return early

    assert run_virtual(main()) == 0.0


def test_spawned_job_computes_in_its_own_context() -> None:
    """A sound that is renewed for later would be computed before the answer that a caller waits for."""

    async def main() -> None:
        scheduler = Scheduler(ONE)

        async def work() -> JobContext:
            await asyncio.sleep(0)
            return scheduler.submit(pause(0)).context

        JOB_CONTEXT.set(JobContext("high", "call 7"))
        assert await scheduler.spawn(work).result() == scheduler.spawn(work).context
        assert (await scheduler.spawn(work).result()).lane == "low"
        mine = JobContext("normal", "call 8")
        assert await scheduler.spawn(work, delay=SECOND, context=mine).result() is mine
        assert JOB_CONTEXT.get().lane == "high"

    run_virtual(main())


def test_spawned_job_keeps_its_result_and_its_error() -> None:
    async def main() -> None:
        scheduler = Scheduler(ONE)

        async def divide(by: int) -> float:
            await asyncio.sleep(1)
            return 1 / by

        def broken() -> Coroutine[Any, Any, int]:
            raise KeyError("raised before the first await")

        assert await scheduler.spawn(partial(divide, 2)).result() == 0.5
        with pytest.raises(ZeroDivisionError):
            await scheduler.spawn(partial(divide, 0)).result()
        with pytest.raises(KeyError):
            await scheduler.spawn(broken).result()
        assert scheduler.statistics().done == 3

    run_virtual(main())


@pytest.mark.parametrize("state", ["delayed", "queued", "starting", "running", "ended"])
def test_spawned_job_can_be_cancelled_in_every_state(state: str) -> None:
    """The next check of a node that is no longer there."""
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(1)  # Tidying up takes time; a second cancellation would cut it short.
            told.append("cancelled")
            raise
        told.append("ended")

    async def main() -> tuple[int, int]:
        scheduler = Scheduler(ONE)
        blocker = scheduler.submit(pause(MS)) if state == "queued" else None
        job = scheduler.spawn(work, delay=SECOND if state == "delayed" else 0)
        if state != "starting":  # its task has not taken its first step
            await asyncio.sleep({"running": 0.5, "ended": 2}.get(state, 0))
        job.cancel()
        scheduler.cancel(job.id)
        await asyncio.wait([job.future, *([blocker.future] if blocker else [])])
        assert job.future.cancelled() is (state != "ended")
        seen = scheduler.statistics()
        assert (seen.running, seen.delayed, sum(seen.queued.values())) == (0, 0, 0)
        return seen.cancelled, seen.done - (blocker is not None)

    before_start = state in ("delayed", "queued")
    assert run_virtual(main()) == ((1, 0) if before_start else (0, 1))
    assert told == {"running": ["cancelled"], "ended": ["ended"]}.get(state, [])


def test_spawned_job_is_cancelled_with_the_caller_that_waits_for_it() -> None:
    async def main() -> int:
        scheduler = Scheduler(ONE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await scheduler.spawn(partial(asyncio.sleep, 5.0)).result()
        await asyncio.sleep(0.1)
        return scheduler.statistics().running

    assert run_virtual(main()) == 0


def test_spawned_job_respects_deadline_and_cause() -> None:
    """As every other job does."""
    causes = Causes()
    turn = causes.begin("turn")

    async def main() -> None:
        scheduler = Scheduler(ONE)
        late = scheduler.spawn(fails, delay=5 * SECOND, context=JobContext("low", deadline=SECOND))
        running = scheduler.spawn(partial(asyncio.sleep, 5.0), context=JobContext("low", cause=turn))
        with pytest.raises(Late):
            await late.result()
        causes.revoke(turn, "vad")
        scheduler.revoke(turn)
        stale = scheduler.spawn(fails, context=JobContext("low", cause=turn))
        await asyncio.wait([running.future, stale.future])
        assert now() == 1.0
        assert running.future.cancelled() and stale.future.cancelled()

    run_virtual(main())


def test_scheduler_close_cancels_spawned_jobs_and_waits_for_their_tasks() -> None:
    """A task that outlives its runner uses models that are closed."""
    closed_at: list[float] = []

    async def tidies() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            closed_at.append(now())

    async def main() -> None:
        scheduler = Scheduler(ONE)
        jobs = [scheduler.spawn(tidies), scheduler.spawn(fails, delay=SECOND)]
        await asyncio.sleep(0)
        blocker = scheduler.submit(pause(MS))
        jobs.append(scheduler.spawn(fails))
        await scheduler.close()
        jobs.append(scheduler.spawn(fails))
        assert [job.future.cancelled() for job in jobs] == [True] * 4
        await blocker.result()
        await scheduler.close()

    run_virtual(main())
    assert closed_at == [1.0]


def test_resources_close_cancels_spawned_jobs_that_use_a_pool() -> None:
    async def main() -> None:
        resources = Resources(ONE)
        pool = await resources.get(Pooled(lambda _: "model"), NoParams())

        async def probe() -> None:
            async with pool.lease():
                await asyncio.sleep(100)

        job = resources.scheduler.spawn(probe)
        await asyncio.sleep(1)
        await resources.close()
        assert job.future.cancelled() and now() == 1.0

    run_virtual(main())


# --- any schedule


@dataclass
class Asked:
    """One job of a random schedule; times in steps of 0.2 ms of virtual time."""

    spawned: bool
    lane: Lane
    session: int
    start: int
    delay: int
    work: int
    cancel: int | None
    deadline: int | None
    fails: bool
    began: float | None = None


asked = st.lists(
    st.builds(
        Asked,
        spawned=st.booleans(),
        lane=st.sampled_from(LANES),
        session=st.integers(0, 2),
        start=st.integers(0, 5),
        delay=st.integers(0, 3),
        work=st.integers(0, 4),
        cancel=st.none() | st.integers(0, 10),
        deadline=st.none() | st.integers(1, 12),
        fails=st.booleans(),
        began=st.none(),
    ),
    min_size=1,
    max_size=14,
)
STEP = MILLISECOND // 5


async def play(scheduler: Scheduler, job: Asked) -> tuple[str, float]:
    """Submits one job and tells how it ended, and when."""
    await asyncio.sleep(job.start * STEP / SECOND)
    deadline = None if job.deadline is None else round(now() * SECOND) + job.deadline * STEP
    context = JobContext(job.lane, job.session, deadline=deadline)
    due = now() + job.delay * STEP / SECOND

    def begin() -> None:
        job.began = now()
        assert due - 1e-9 <= job.began and (deadline is None or job.began * SECOND < deadline)

    def compute() -> None:
        time.sleep(job.work * MS / 10)
        if job.fails:
            raise ValueError("its own")

    async def work() -> None:
        assert JOB_CONTEXT.get() is context
        begin()
        await asyncio.sleep(job.work * STEP / SECOND)
        if job.fails:
            raise ValueError("its own")

    if job.spawned:
        submitted: Job[Any] = scheduler.spawn(work, delay=job.delay * STEP, context=context)
    else:
        submitted = submit(scheduler, compute, begin, delay=job.delay * STEP, context=context)
    if job.cancel is not None:
        asyncio.get_running_loop().call_later(job.cancel * STEP / SECOND, submitted.cancel)
    ends = (await asyncio.gather(submitted.future, return_exceptions=True))[0]
    return type(ends).__name__, now()


@settings(max_examples=80, deadline=None)
@given(schedule=asked)
@pytest.mark.parametrize("latency", ["zero", "measured"])
def test_scheduler_invariants_hold_with_spawned_jobs_in_any_schedule(
    latency: Literal["zero", "measured"], schedule: list[Asked]
) -> None:
    """Each ends once, in time or with its own error; what is cancelled early never starts; nothing is left."""

    async def main() -> list[tuple[str, float]]:
        scheduler = Scheduler(THREE)
        ends = await asyncio.gather(*(play(scheduler, job) for job in schedule))
        for job, (end, _) in zip(schedule, ends, strict=True):
            if end == "NoneType":
                assert job.began is not None and not job.fails
            elif end == "ValueError":
                assert job.began is not None and job.fails
            elif end == "Late":
                assert job.began is None and job.deadline is not None
            else:
                assert (end, job.cancel is None) == ("CancelledError", False)
        seen = scheduler.statistics()
        assert (seen.taken, seen.running, seen.delayed, sum(seen.queued.values())) == (0, 0, 0, 0)
        assert sum(seen.started.values()) == seen.done
        assert seen.done + seen.cancelled + seen.dropped == len(schedule)
        assert seen.dropped == [end for end, _ in ends].count("Late")
        assert len(asyncio.all_tasks()) == 1
        return ends

    ends = run_virtual(main(), latency)
    if latency == "zero":
        for job in schedule:
            job.began = None
        assert run_virtual(main(), latency) == ends
