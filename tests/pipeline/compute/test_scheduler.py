"""The scheduler: every core used and none twice, and no lane or session starved."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cause import Causes
from pipeline.compute.errors import Late
from pipeline.compute.executor import Executor
from pipeline.compute.job import Job
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext, Lane
from pipeline.compute.lane_queue import LaneQueue, Waiter
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import NodeError
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


# --- order


def test_scheduler_orders_by_lane_and_serves_sessions_in_turn() -> None:
    """One call that asks for much would make all others wait."""
    order: list[str] = []

    async def main() -> None:
        scheduler = Scheduler(ONE)
        blocker = scheduler.submit(pause(0))
        asked: list[tuple[Lane, str]] = [
            ("low", "a"),
            ("normal", "a"),
            ("normal", "a"),
            ("normal", "b"),
            ("normal", "a"),
            ("high", "b"),
        ]
        jobs: list[Job[Any]] = [
            scheduler.submit(partial(order.append, f"{lane}{n}{session}"), context=JobContext(lane, session))
            for n, (lane, session) in enumerate(asked)
        ]
        await ended(blocker, *jobs)

    run_virtual(main())
    assert order == ["high5b", "normal1a", "normal3b", "normal2a", "normal4a", "low0a"]


def test_scheduler_runs_the_earliest_deadline_of_a_session_first() -> None:
    """A sentence that is heard next would be made after one that is heard later."""
    order: list[int] = []

    async def main() -> None:
        scheduler = Scheduler(ONE)
        jobs: list[Job[Any]] = [scheduler.submit(pause(0))]
        for deadline in (None, 3, 1, 2):
            context = JobContext(deadline=deadline and deadline * SECOND)
            jobs.append(scheduler.submit(partial(order.append, deadline or 0), context=context))
        await ended(*jobs)

    run_virtual(main())
    assert order == [1, 2, 3, 0]


def test_scheduler_takes_the_job_context_from_the_context_variable() -> None:
    """A node does not have to know in which lane it is."""

    async def main() -> JobContext:
        JOB_CONTEXT.set(JobContext("low", "call 7"))
        return Scheduler(ONE).submit(pause(0)).context

    assert (run_virtual(main()).lane, run_virtual(main()).session) == ("low", "call 7")


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[Lane, int] | None]:
    """Some that begin to wait, and None where the next one goes."""
    one = st.tuples(st.sampled_from(LANES), st.integers(0, 3))
    return draw(st.lists(st.none() | one | one, min_size=1, max_size=120))


@settings(max_examples=200, deadline=None)
@given(arrivals())
def test_scheduler_queue_starves_no_lane_and_no_session(schedule: list[tuple[Lane, int] | None]) -> None:
    """Of eight that go while low waits one is low, of five one is normal; sessions of a lane take turns."""
    queue: LaneQueue[Waiter] = LaneQueue()
    passed: Counter[Lane] = Counter()
    between: dict[tuple[Lane, object], set[object]] = {}
    for step in [*schedule, *[None] * len(schedule)]:
        if step is not None:
            queue.push(Waiter(JobContext(step[0], step[1]), queue))
            continue
        if (waiter := queue.next()) is None:
            continue
        waiting = {(each.context.lane, each.context.session) for each in queue}
        lane, session = waiter.context.lane, waiter.context.session
        queue.remove(waiter, served=True)
        for other in LANES:
            passed[other] = passed[other] + 1 if any(each == other for each, _ in waiting) and other != lane else 0
        assert passed["low"] <= 7
        assert passed["normal"] <= 4
        # Sessions that have waited since this one went last must have gone in between.
        assert not between.get((lane, session), set()) & {each for where, each in waiting if where == lane}
        for (where, _), unserved in between.items():
            if where == lane:
                unserved.discard(session)
        between[lane, session] = {each for where, each in waiting if where == lane} - {session}
    assert not queue
    assert queue.next() is None


# --- slots


@dataclass
class Machine:
    """Notices how many cores are in use."""

    used: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def job(self, threads: int, seconds: float = 0) -> None:
        with self.lock:
            self.used += threads
            self.most = max(self.most, self.used)
        time.sleep(seconds)
        with self.lock:
            self.used -= threads


def test_scheduler_job_with_two_threads_takes_two_slots() -> None:
    """A library's own threads would compete for the cores with all other jobs."""
    machine = Machine()

    async def main() -> tuple[int, ...]:
        scheduler = Scheduler(THREE)
        jobs: list[Job[Any]] = [
            scheduler.submit(partial(machine.job, min(n, 3), MS), threads=n) for n in (2, 2, 1, 1, 2, 99)
        ]
        seen = scheduler.statistics()
        await ended(*jobs)
        return seen.taken, seen.running, sum(seen.queued.values())

    assert run_virtual(main(), "measured") == (2, 1, 5)
    assert (machine.most, machine.used) == (3, 0)


def test_scheduler_large_job_is_not_overtaken_by_small_ones() -> None:
    """Small jobs that keep coming would keep it out for ever."""
    order: list[str] = []

    async def main() -> None:
        scheduler = Scheduler(THREE)
        small = scheduler.submit(pause(5 * MS))
        large = scheduler.submit(lambda: order.append("large"), threads=3)
        later = scheduler.submit(lambda: order.append("later"))
        await ended(small, large, later)

    run_virtual(main(), "measured")
    assert order == ["large", "later"]


@dataclass
class Asked:
    """One job of a random schedule; times in steps of 0.2 ms of virtual time."""

    lane: Lane
    session: int
    threads: int
    start: int
    delay: int
    work: int
    cancel: int | None
    deadline: int | None
    ran: int = 0
    fails: bool = False


asked = st.lists(
    st.builds(
        Asked,
        lane=st.sampled_from(LANES),
        session=st.integers(0, 2),
        threads=st.integers(1, 4),
        start=st.integers(0, 5),
        delay=st.integers(0, 3),
        work=st.integers(0, 4),
        cancel=st.none() | st.integers(0, 10),
        deadline=st.none() | st.integers(1, 12),
        ran=st.just(0),
        fails=st.booleans(),
    ),
    min_size=1,
    max_size=14,
)
STEP = MILLISECOND // 5


@settings(max_examples=80, deadline=None)
@given(schedule=asked)
@pytest.mark.parametrize("latency", ["zero", "measured"])
def test_scheduler_invariants_hold_in_any_schedule(latency: str, schedule: list[Asked]) -> None:
    """Never more slots than cores; what is cancelled or late never runs; everything else does, once."""
    machine = Machine()

    async def one(scheduler: Scheduler, job: Asked) -> str:
        await asyncio.sleep(job.start * STEP / SECOND)

        def work() -> None:
            job.ran += 1
            machine.job(min(job.threads, 3), job.work * MS / 10)
            if job.fails:
                raise ValueError("its own")

        began: list[float] = []
        due = now() + job.delay * STEP / SECOND
        deadline = None if job.deadline is None else round(now() * SECOND) + job.deadline * STEP
        submitted = submit(
            scheduler,
            work,
            lambda: began.append(now()),
            threads=job.threads,
            delay=job.delay * STEP,
            context=JobContext(job.lane, job.session, deadline=deadline),
        )
        if job.cancel is not None:
            asyncio.get_running_loop().call_later(job.cancel * STEP / SECOND, submitted.cancel)
        ends = (await asyncio.gather(submitted.future, return_exceptions=True))[0]
        assert len(began) <= 1 and all(at >= due - 1e-9 for at in began)
        if began and deadline is not None:
            assert began[0] * SECOND < deadline
        return "ran" if began else type(ends).__name__

    async def main() -> None:
        scheduler = Scheduler(THREE)
        ends = await asyncio.gather(*(one(scheduler, job) for job in schedule))
        for job, end in zip(schedule, ends, strict=True):
            assert job.ran == (end == "ran")
            assert end == "ran" or (end == "CancelledError" and job.cancel is not None) or end == "Late"
        seen = scheduler.statistics()
        assert (seen.done, seen.cancelled, seen.dropped) == tuple(
            ends.count(end) for end in ("ran", "CancelledError", "Late")
        )
        assert (seen.taken, seen.running, seen.delayed, sum(seen.queued.values()), seen.oldest) == (0, 0, 0, 0, 0)

    run_virtual(main(), "zero" if latency == "zero" else "measured")
    assert machine.most <= 3


# --- errors, loops, figures


def test_scheduler_job_errors_are_in_the_future() -> None:
    """And the next job has its thread."""

    async def main() -> int:
        scheduler = Scheduler(ONE)
        first, second = scheduler.submit(lambda: 1 // 0), scheduler.submit(lambda: int("x"))
        with pytest.raises(ZeroDivisionError):
            await first.result()
        with pytest.raises(ValueError, match="invalid literal"):
            await second.result()
        return await scheduler.submit(lambda: 7).result()

    assert run_virtual(main()) == 7


def test_scheduler_refuses_jobs_after_executor_shutdown() -> None:
    """Its caller would wait for ever."""
    executor = Executor(1)

    async def main() -> None:
        scheduler = Scheduler(executor)
        first = scheduler.submit(pause(MS))
        waiting = scheduler.submit(pause(0))
        executor.shutdown()
        await ended(first)
        for job in (waiting, scheduler.submit(pause(0))):
            with pytest.raises(RuntimeError, match="shut down"):
                await job.result()
        assert scheduler.statistics().taken == 0

    run_virtual(main())


def test_scheduler_jobs_end_when_the_executor_cancels_its_futures() -> None:
    """It never will; its caller is not left waiting."""
    executor, entered, leave = Executor(1), threading.Event(), threading.Event()

    def busy() -> None:
        entered.set()
        leave.wait(10)

    async def main() -> None:
        foreign = executor.submit(busy)
        await asyncio.to_thread(entered.wait, 10)
        job, queued = (lambda s: (s.submit(pause(0)), s.submit(pause(0))))(Scheduler(executor))
        executor.shutdown(cancel_futures=True)
        await asyncio.wait([job.future, queued.future])
        assert job.future.cancelled()
        assert isinstance(queued.future.exception(), RuntimeError)
        leave.set()
        await asyncio.wrap_future(foreign)

    asyncio.run(main())


def test_scheduler_serves_only_the_loop_of_its_first_use() -> None:
    """Two loops would each believe to have all cores."""
    scheduler = Scheduler(ONE)
    scheduler.cancel(1)
    scheduler.revoke(Causes().begin("turn"))

    async def main() -> int:
        return await scheduler.submit(lambda: 7).result()

    async def spawns() -> None:
        scheduler.spawn(main)

    assert run_virtual(main()) == 7
    for use in (main(), spawns()):
        with pytest.raises(RuntimeError, match="serve one event loop: make a Runner in each loop"):
            run_virtual(use)


def test_scheduler_statistics_show_load_and_queues() -> None:
    """By these figures calls are let in."""

    async def main() -> None:
        scheduler = Scheduler(ONE)
        jobs: list[Job[Any]] = [scheduler.submit(pause(50 * MS)), scheduler.submit(pause(0), context=JobContext("low"))]
        await asyncio.sleep(20 * MS)
        seen = scheduler.statistics()
        assert (seen.slots, seen.taken, seen.running, sum(seen.started.values())) == (1, 1, 1, 1)
        assert seen.queued == {"high": 0, "normal": 0, "low": 1}
        assert seen.oldest == 20 * MILLISECOND
        assert seen.utilisation == pytest.approx(1 - 2.718281828 ** (-0.02 / 10))
        await ended(*jobs)
        seen = scheduler.statistics()
        assert (seen.taken, sum(seen.started.values()), seen.done, seen.oldest) == (0, 2, 2, 0)
        assert sum(seen.waited.values()) >= 50 * MILLISECOND
        await asyncio.sleep(100)
        assert scheduler.statistics().utilisation < 1e-4

    run_virtual(main(), "measured")


def test_scheduler_order_is_deterministic() -> None:
    """A replay would not be one."""

    def once() -> list[int]:
        order: list[int] = []

        def note(n: int, _: object) -> None:
            order.append(n)

        async def main() -> None:
            scheduler = Scheduler(THREE)
            jobs = []
            for n in range(60):
                context = JobContext(LANES[n % 3], n % 4, deadline=SECOND if n % 5 else None)
                jobs.append(scheduler.submit(pause(0), threads=1 + n % 3, context=context))
                jobs[-1].future.add_done_callback(partial(note, n))
            await ended(*jobs)

        run_virtual(main())
        return order

    assert once() == once()


def test_scheduler_errors_belong_to_the_error_hierarchy() -> None:
    """Policies classify by type."""
    assert issubclass(Late, NodeError)
    assert Late("late").category == "resource"
