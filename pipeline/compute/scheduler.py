"""Decides which job is computed next, so that the machine's cores are all used and never more.

All decisions fall in the event loop, so that they are the same in every replay: a job is
given to a thread only when that thread can begin with it. Each job takes as many slots as
it has threads; there are as many slots as cores. A job that needs more slots than are
free is waited for rather than passed over: else small jobs would keep it out for ever.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from pipeline.cause import Cause
from pipeline.compute.errors import Late
from pipeline.compute.executor import Executor
from pipeline.compute.job import Job, TaskJob, ThreadJob
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext
from pipeline.compute.lane_queue import LaneQueue
from pipeline.compute.statistics import SchedulerStatistics
from pipeline.packet import SECOND

T = TypeVar("T")

BACKGROUND = JobContext("low")
"""The context of what no caller waits for."""
_MEMORY = 10.0
"""Seconds after which two thirds of what the utilisation tells are forgotten."""


class Scheduler:
    """Gives jobs to the threads of an executor. Serves one event loop at a time."""

    def __init__(self, executor: Executor) -> None:
        self.slots = executor.workers
        self._executor = executor
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = self.slots
        self._jobs: dict[int, Job[Any]] = {}
        """Those that have not ended, by their ids."""
        self._queue: LaneQueue[Job[Any]] = LaneQueue()
        self._ids = self._started = self._done = self._dropped = self._cancelled = 0
        self._waited = 0.0
        self._closed = False

    def now(self) -> int:
        """Nanoseconds on the running event loop's clock, by which deadlines are counted."""
        return round(self._here().time() * SECOND)

    def submit(
        self,
        work: Callable[[], T],
        *,
        threads: int = 1,
        delay: int = 0,
        context: JobContext | None = None,
        begin: Callable[[], None] | None = None,
    ) -> Job[T]:
        """Queues a call for a compute thread; what it returns or raises is in the job's future.

        It takes `threads` cores and is due in `delay` nanoseconds. Its context is `JOB_CONTEXT`
        by default. `begin` is called in the event loop at the moment when it starts.
        """
        context = JOB_CONTEXT.get() if context is None else context
        now, slots = self._here().time(), min(threads, self.slots)
        return self._enter(ThreadJob(context, now, self._new_id(), slots, self.cancel, begin, work=work), delay)

    def spawn(
        self, work: Callable[[], Coroutine[Any, Any, T]], *, delay: int = 0, context: JobContext = BACKGROUND
    ) -> Job[T]:
        """Queues a coroutine function for the event loop; what it returns or raises is in the job's future.

        It is due in `delay` nanoseconds, waits in its lane until it is its turn and a core is free, and
        then runs as a task. The task takes no core itself; what it computes is queued with `context`.
        Cancelling the job cancels the task. After `close` the job is cancelled at once.
        """
        loop, variables = self._here(), copy_context()
        variables.run(JOB_CONTEXT.set, context)
        job = TaskJob(context, loop.time(), self._new_id(), 1, self.cancel, work=work, variables=variables)
        if not self._closed:
            return self._enter(job, delay)
        self._cancelled += 1
        job.future = loop.create_future()
        job.future.cancel()
        return job

    async def close(self) -> None:
        """Cancels all spawned jobs and waits for the tasks that run; thread jobs go on."""
        self._closed = True
        spawned = [job for job in self._jobs.values() if isinstance(job, TaskJob)]
        for job in spawned:
            self._call_off(job)
        self._dispatch()
        if tasks := [job.task for job in spawned if job.task is not None]:
            await asyncio.wait(tasks)

    def cancel(self, id: int) -> None:
        """Calls a job off: it never starts, or is told to stop. Nothing happens where it has ended."""
        if (job := self._jobs.get(id)) is not None:
            self._call_off(job)
            self._dispatch()

    def revoke(self, cause: Cause) -> None:
        """Calls off all that is for a cause that has died."""
        for job in [job for job in self._jobs.values() if job.context.cause is cause]:
            self._call_off(job)
        self._dispatch()

    def statistics(self) -> SchedulerStatistics:
        """What it does at this moment."""
        now = self._here().time()
        self._weigh(now)
        queued = {lane: self._queue.count(lane) for lane in LANES}
        running = sum(job.running for job in self._jobs.values())
        return SchedulerStatistics(
            slots=self.slots,
            taken=self.slots - self._free,
            running=running,
            queued=queued,
            delayed=len(self._jobs) - running - sum(queued.values()),
            oldest=round(max((now - job.since for job in self._queue), default=0.0) * SECOND),
            utilisation=self._utilisation,
            started=self._started,
            waited=round(self._waited * SECOND),
            done=self._done,
            dropped=self._dropped,
            cancelled=self._cancelled,
        )

    def _here(self) -> asyncio.AbstractEventLoop:
        """The running loop. One before it may have been closed with jobs out that it will not hear of."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError("a scheduler serves one event loop at a time")
            self._loop, self._free, self._jobs, self._queue = loop, self.slots, {}, LaneQueue()
            self._utilisation, self._weighed = 0.0, loop.time()
        return loop

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    def _enter(self, job: Job[T], delay: int) -> Job[T]:
        """Starts the job, queues it, or sets the timer of its delay."""
        loop, context = self._here(), job.context
        self._jobs[job.id] = job
        if delay <= 0 and job.slots <= self._free and not self._queue and context.is_live and context.deadline is None:
            self._start(job)  # The usual case, by the short way.
            return job
        job.future = loop.create_future()
        if delay <= 0:
            self._due(job)
        else:
            job.since += delay / SECOND
            job.timer = loop.call_at(_earliest(job.since, context.deadline), self._due, job)
        return job

    def _due(self, job: Job[Any]) -> None:
        """It may start from now on, until its deadline."""
        self._queue.push(job)
        if job.context.deadline is not None:
            job.timer = self._here().call_at(job.context.deadline / SECOND, self._expire, job)
        self._dispatch()

    def _dispatch(self) -> None:
        """Starts those whose turn it is, as long as there are slots for the next one."""
        while (job := self._queue.next()) is not None:
            if not job.context.is_live:
                self._call_off(job)
            elif job.context.deadline is not None and self.now() >= job.context.deadline:
                self._give_up(job)
            elif job.slots > self._free:
                return
            else:
                self._queue.take(job)
                self._start(job)

    def _start(self, job: Job[Any]) -> None:
        loop = self._here()
        if job.timer is not None:
            job.timer.cancel()
        if job.begin is not None:
            job.begin()
        now = loop.time()
        try:
            running = job.launch(loop, self._executor)
        except RuntimeError as error:  # The executor has been shut down.
            self._refuse(job, error)
            return
        self._weigh(now)
        self._free -= job.occupied
        self._started += 1
        self._waited += now - job.since
        job.running = True
        if not hasattr(job, "future"):
            job.future = running
        running.add_done_callback(partial(self._ended, job))

    def _ended(self, job: Job[Any], running: asyncio.Future[Any]) -> None:
        self._weigh(running.get_loop().time())
        self._free += job.occupied
        self._done += 1
        del self._jobs[job.id]
        if job.future is not running and not job.future.done():
            _copy(running, job.future)
        self._dispatch()

    def _expire(self, job: Job[Any]) -> None:
        self._give_up(job)
        self._dispatch()

    def _give_up(self, job: Job[Any]) -> None:
        self._dropped += 1
        self._forget(job)
        if not job.future.done():
            hint = "more cores, or fewer calls at a time"
            job.future.set_exception(Late("it was dropped: its deadline passed before it could start", hint=hint))

    def _call_off(self, job: Job[Any]) -> None:
        job.stop()
        if not job.running:
            self._cancelled += 1
            self._forget(job)
            job.future.cancel()

    def _refuse(self, job: Job[Any], error: RuntimeError) -> None:
        del self._jobs[job.id]
        if not hasattr(job, "future"):
            job.future = self._here().create_future()
        job.future.set_exception(error)

    def _forget(self, job: Job[Any]) -> None:
        """Removes one that has not started."""
        del self._jobs[job.id]
        if job.timer is not None:
            job.timer.cancel()
        if job.queued:
            self._queue.remove(job)

    def _weigh(self, now: float) -> None:
        """Notes how many slots were taken since the last change."""
        kept = math.exp((self._weighed - now) / _MEMORY)
        self._utilisation += (1 - kept) * ((self.slots - self._free) / self.slots - self._utilisation)
        self._weighed = now


def _earliest(due: float, deadline: int | None) -> float:
    return due if deadline is None else min(due, deadline / SECOND)


def _copy(ended: asyncio.Future[Any], to: asyncio.Future[Any]) -> None:
    if ended.cancelled():
        to.cancel()
    elif (error := ended.exception()) is not None:
        to.set_exception(error)
    else:
        to.set_result(ended.result())
