"""The scheduler: jobs begin when they are due, and cancelled or late ones are not run."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cause import Causes
from pipeline.compute.errors import Late
from pipeline.compute.executor import Executor
from pipeline.compute.job import Job, stopped
from pipeline.compute.job_context import JobContext
from pipeline.compute.scheduler import Scheduler
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.leaks import share
from tests.pipeline.compute.makers import submit

ONE, THREE = share(Executor(1)), share(Executor(3))
MS = 0.001


def now() -> float:
    return asyncio.get_running_loop().time()


def pause(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


async def ended(*jobs: Job[Any]) -> None:
    await asyncio.wait([job.future for job in jobs])


# --- delays and deadlines


@given(st.lists(st.integers(0, 10 * SECOND), min_size=1, max_size=10))
def test_scheduler_delays_are_exact(delays: list[int]) -> None:
    """In virtual time to the nanosecond."""

    async def main() -> list[int]:
        began: list[int] = []
        await asyncio.sleep(0.25)
        scheduler = Scheduler(THREE)
        await ended(
            *(submit(scheduler, pause(0), lambda: began.append(round(now() * SECOND)), delay=delay) for delay in delays)
        )
        return began

    assert run_virtual(main()) == sorted(SECOND // 4 + delay for delay in delays)


def test_scheduler_delayed_job_blocks_no_other_job() -> None:
    """A reminder of tomorrow at the head of the high lane would stop every call."""

    async def main() -> tuple[float, int, float]:
        scheduler = Scheduler(ONE)
        tomorrow = scheduler.submit(pause(0), delay=86_400 * SECOND, context=JobContext("high"))
        await scheduler.submit(pause(0), context=JobContext("low")).result()
        early, delayed = now(), scheduler.statistics().delayed
        await tomorrow.result()
        return early, delayed, now()

    assert run_virtual(main()) == (0.0, 1, 86_400.0)


def test_scheduler_drops_a_job_when_its_deadline_passes() -> None:
    """Speech for a moment that has gone would delay the speech for the next one."""

    async def main() -> tuple[float, int]:
        scheduler = Scheduler(ONE)
        blocker = scheduler.submit(pause(30 * MS))
        late = scheduler.submit(
            lambda: pytest.fail("late"), context=JobContext(deadline=round(now() * SECOND) + 5 * MILLISECOND)
        )
        with pytest.raises(Late, match="deadline passed"):
            await late.result()
        at = now()
        await ended(blocker)
        return at, scheduler.statistics().dropped

    assert run_virtual(main(), "measured") == (5 * MS, 1)


def test_scheduler_deadline_before_the_delay_fails_at_the_deadline() -> None:
    """A job that cannot start in time fails as early as possible."""

    async def main() -> float:
        scheduler = Scheduler(ONE)
        with pytest.raises(Late):
            await scheduler.submit(pause(0), delay=5 * SECOND, context=JobContext(deadline=SECOND)).result()
        return now()

    assert run_virtual(main()) == 1.0


# --- cancelling


def test_scheduler_cancel_removes_waiting_jobs_and_signals_running_ones() -> None:
    """Work for a caller that has left would delay all others."""
    entered, told = threading.Event(), list[bool]()

    def long() -> None:
        entered.set()
        until = time.monotonic() + 10
        while not stopped() and time.monotonic() < until:
            time.sleep(MS)
        told.append(stopped())

    async def main() -> tuple[int, int, bool]:
        scheduler = Scheduler(ONE)
        running = scheduler.submit(long)
        waiting = scheduler.submit(lambda: pytest.fail("cancelled"))
        delayed = scheduler.submit(lambda: pytest.fail("cancelled"), delay=SECOND)
        await asyncio.to_thread(entered.wait, 10)
        for job in (waiting, delayed, running, running):
            scheduler.cancel(job.id)
        scheduler.cancel(12_345)
        seen = scheduler.statistics()
        gone = waiting.future.cancelled() and delayed.future.cancelled()
        await running.future
        return seen.cancelled, seen.queued["normal"] + seen.delayed, gone

    assert asyncio.run(main()) == (2, 0, True)
    assert told == [True]
    assert not stopped()


def test_scheduler_cancelled_caller_cancels_its_job() -> None:
    """A call that has ended leaves nothing in the queue."""

    async def main() -> int:
        scheduler = Scheduler(ONE)
        blocker = scheduler.submit(pause(5 * MS))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(MS):
                await scheduler.submit(lambda: pytest.fail("left")).result()
        await ended(blocker)
        return scheduler.statistics().cancelled

    assert run_virtual(main(), "measured") == 1


def test_scheduler_starts_jobs_behind_a_cancelled_large_job() -> None:
    """They waited for it only."""

    async def main() -> float:
        scheduler = Scheduler(THREE)
        small = scheduler.submit(pause(30 * MS))
        large = scheduler.submit(pause(0), threads=3)
        behind = scheduler.submit(pause(0))
        large.cancel()
        await behind.result()
        at = now()
        await ended(small)
        return at

    assert run_virtual(main(), "measured") < 20 * MS


def test_scheduler_cancels_jobs_of_a_revoked_cause() -> None:
    """The answer to what a person has taken back would be computed to its end."""
    entered, told, causes = threading.Event(), list[bool](), Causes()
    turn, other = causes.begin("turn"), causes.begin("other")

    def long() -> None:
        entered.set()
        until = time.monotonic() + 10
        while not stopped() and time.monotonic() < until:
            time.sleep(MS)
        told.append(stopped())

    async def main() -> list[bool]:
        scheduler = Scheduler(ONE)
        causes.interrupt = lambda _, cause: scheduler.revoke(cause)
        jobs = [scheduler.submit(long, context=JobContext(cause=turn))]
        jobs += [scheduler.submit(pause(0), context=JobContext(cause=cause)) for cause in (turn, other)]
        await asyncio.to_thread(entered.wait, 10)
        causes.revoke(turn, "vad")
        cancelled = [job.future.cancelled() for job in jobs]
        await ended(*jobs)
        return cancelled

    assert asyncio.run(main()) == [False, True, False]
    assert told == [True]


def test_scheduler_skips_jobs_of_a_revoked_cause_without_a_flush() -> None:
    """The fence holds even where the flush does not come by."""
    causes = Causes()
    turns = [causes.begin("turn") for _ in range(2000)]

    async def main() -> int:
        scheduler = Scheduler(ONE)
        jobs: list[Job[Any]] = [
            scheduler.submit(pause(0)),
            *(scheduler.submit(lambda: pytest.fail("dead"), context=JobContext(cause=turn)) for turn in turns),
        ]
        for turn in turns:
            causes.revoke(turn, "vad")
        jobs.append(scheduler.submit(lambda: pytest.fail("dead"), context=JobContext(cause=turns[0])))
        await ended(*jobs)
        return scheduler.statistics().cancelled

    assert run_virtual(main()) == 2001
