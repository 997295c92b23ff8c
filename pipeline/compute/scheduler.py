"""Decides which job starts next, so that all of the machine's cores are used and never more.

A caller waits once. Each job waits in one queue: that of its pool when it needs an instance, else
the scheduler's own. It starts when it is next, its queue is open (an instance is free) and as many
cores are free as it has threads; so no job holds an instance while it waits for a core. A job that
needs more cores than are free is waited for and not passed over, or small jobs would keep it out for
ever. `lane_queue` says which job is next.

All decisions are made in the event loop, so that they are the same in every replay: a job is
given to a thread only when that thread can begin with it.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from pipeline.cause import Cause
from pipeline.compute.executor import Executor
from pipeline.compute.job import Job, TaskJob
from pipeline.compute.job_context import JOB_CONTEXT, LANES, JobContext
from pipeline.compute.lane_queue import LaneQueue, QueueGroup
from pipeline.compute.statistics import SchedulerStatistics
from pipeline.errors import NodeError
from pipeline.packet import SECOND

T = TypeVar("T")

MAX_TASK_WAIT = 5.0
"""Seconds that a spawned task waits for a free core, which it does not take: a stuck thread must not stop them all."""
BACKGROUND = JobContext("low")
"""The context of what no caller waits for."""
_MEMORY = 10.0
"""The time constant of the utilisation's average, in seconds."""


class Scheduler:
    """Gives jobs to the threads of an executor. Serves the event loop in which it is first used."""

    def __init__(self, executor: Executor) -> None:
        self.slots = executor.workers
        self.memory_pressure = False
        """Whether memory is short: pools then load nothing large, and batches are of one."""
        self._executor = executor
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = self.slots
        self._jobs: dict[int, Job[Any]] = {}
        """Those that have not ended, by their ids."""
        self.queue: LaneQueue[Job[Any]] = LaneQueue()
        """Of the jobs that need cores only."""
        self._waiting: QueueGroup[Job[Any]] = QueueGroup()
        self._short = False
        """Whether the next job waits for cores."""
        self._dispatching = self._closed = False
        self._ids = self._done = self._dropped = self._cancelled = 0
        self._started, self._waited = dict.fromkeys(LANES, 0), dict.fromkeys(LANES, 0.0)
        self._utilisation = self._weighed = 0.0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it serves; raises a RuntimeError in another one."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop, self._weighed = loop, loop.time()
        elif self._loop is not loop:
            raise RuntimeError("a scheduler and its pools serve one event loop: make a Runner in each loop")
        return loop

    def submit(
        self, work: Callable[[], T], *, threads: int = 1, delay: int = 0, context: JobContext | None = None
    ) -> Job[T]:
        """Queues a call for a compute thread; what it returns or raises is in the job's future.

        It takes `threads` cores and is due in `delay` nanoseconds. Its context is by default `JOB_CONTEXT`.
        """
        context = JOB_CONTEXT.get() if context is None else context
        return self.enter(Job(context, self.queue, min(threads, self.slots), work=work), delay)

    def spawn(
        self, work: Callable[[], Coroutine[Any, Any, T]], *, delay: int = 0, context: JobContext = BACKGROUND
    ) -> Job[T]:
        """Queues a coroutine function for the event loop; what it returns or raises is in the job's future.

        It is due in `delay` nanoseconds, waits in its lane until it is its turn and a core is free, at most
        five seconds, and then runs as a task. The task takes no core itself; what it computes is queued with
        `context`.
        Cancelling the job cancels the task. After `close` the job is cancelled at once.
        """
        variables = copy_context()
        variables.run(JOB_CONTEXT.set, context)
        job: TaskJob[T] = TaskJob(context, self.queue, work=work, wait=MAX_TASK_WAIT, variables=variables)
        if not self._closed:
            return self.enter(job, delay)
        job.future = self.loop.create_future()
        job.future.cancel()
        return job

    async def close(self) -> None:
        """Cancels all spawned jobs and waits for the tasks that run; thread jobs go on."""
        self._closed = True
        spawned = [job for job in self._jobs.values() if isinstance(job, TaskJob)]
        for job in spawned:
            self._call_off(job)
        self.dispatch()
        if tasks := [job.task for job in spawned if job.task is not None]:
            await asyncio.wait(tasks)

    def cancel(self, id: int) -> None:
        """Cancels a job: it never starts, or is told to stop. Does nothing when it has ended."""
        if (job := self._jobs.get(id)) is not None:
            self._call_off(job)
            self.dispatch()

    def revoke(self, cause: Cause) -> None:
        """Cancels all jobs of a cause that has been revoked."""
        for job in [job for job in self._jobs.values() if job.context.cause is cause]:
            self._call_off(job)
        self.dispatch()

    def statistics(self) -> SchedulerStatistics:
        """What it does at this moment."""
        now = self.loop.time()
        self._weigh(now)
        ready = [job for queue in self._waiting.open for job in queue]
        lanes = Counter(job.context.lane for job in ready)
        running = sum(job.running for job in self._jobs.values())
        return SchedulerStatistics(
            slots=self.slots,
            taken=self.slots - self._free,
            running=running,
            queued={lane: lanes[lane] for lane in LANES},
            delayed=len(self._jobs) - running - len(self._waiting),
            oldest=round(max((now - max(job.since, job.queue.opened) for job in ready), default=0.0) * SECOND),
            utilisation=self._utilisation,
            started=dict(self._started),
            waited={lane: round(waited * SECOND) for lane, waited in self._waited.items()},
            done=self._done,
            dropped=self._dropped,
            cancelled=self._cancelled,
        )

    # --- for pools

    def enter(self, job: Job[T], delay: int = 0) -> Job[T]:
        """Starts a new job, queues it, or sets the timer of its delay, in nanoseconds."""
        loop, context = self.loop, job.context
        self._ids += 1
        job.id, job.since, job.call_off = self._ids, loop.time(), self.cancel
        self._jobs[job.id] = job
        fits = not job.slots or (job.slots <= self._free and not self._short)
        if fits and delay <= 0 and job.queue.is_open and context.is_live and context.deadline is None:
            self._start(job)  # The usual case, by the short way: no other job could start now.
            return job
        if not hasattr(job, "future"):
            job.future = loop.create_future()
        if delay <= 0:
            self.enqueue(job)
        else:
            job.since += delay / SECOND
            job.timer = loop.call_at(min(job.since, job.deadline), self.enqueue, job)
        return job

    def enqueue(self, job: Job[Any]) -> None:
        """Puts a job that is due into its queue, where it waits until its deadline or the end of its patience."""
        self._jobs[job.id] = job
        self._waiting.push(job)
        self._wait_until(job, min(job.deadline, job.since + job.wait))
        self.dispatch()

    def join(self, job: Job[Any]) -> None:
        """Takes a job out of its queue because another one does its work; it is the scheduler's no more."""
        self._waiting.remove(job, served=True)
        self._remove(job)

    def reject(self, job: Job[Any], error: NodeError) -> None:
        """Removes a job that has not started and gives it this error."""
        self._remove(job)
        job.future.set_exception(error)

    def dispatch(self) -> None:
        """Starts the jobs whose turn it is, as long as there are cores for the next one."""
        if self._dispatching:
            return  # What has changed is seen by the call that goes on.
        self._dispatching = self._short = True
        try:
            self._short = self._start_next()
        finally:
            self._dispatching = False

    def _start_next(self) -> bool:
        """Starts jobs in turn; returns whether the next one waits for cores."""
        while (job := self._waiting.next()) is not None:
            if not job.context.is_live:
                self._call_off(job)
            elif job.deadline <= self.loop.time():
                self._drop(job)
            elif job.slots > self._free:
                return True
            else:
                self._waiting.take(job)
                self._start(job)
        return False

    def _start(self, job: Job[Any]) -> None:
        loop = self.loop
        now = loop.time()
        if job.timer is not None:
            job.timer.cancel()
        self._weigh(now)
        self._started[job.context.lane] += 1
        self._waited[job.context.lane] += now - max(job.since, job.queue.opened)
        job.running = True
        job.begin()
        try:
            running = job.launch(loop, self._executor)
        except RuntimeError as error:  # The executor has been shut down.
            running = loop.create_future()
            running.set_exception(error)
        self._free -= job.slots
        if not hasattr(job, "future"):
            job.future = running
        if running.done():
            self._finish(job, running)
        else:
            running.add_done_callback(partial(self._ended, job))

    def _ended(self, job: Job[Any], ended: asyncio.Future[Any]) -> None:
        self._finish(job, ended)
        self.dispatch()

    def _finish(self, job: Job[Any], ended: asyncio.Future[Any]) -> None:
        self._weigh(self.loop.time())
        self._free += job.slots
        self._done += 1
        job.running = False
        del self._jobs[job.id]
        job.end(ended)

    def _wait_until(self, job: Job[Any], limit: float) -> None:
        job.timer = None if limit == math.inf else self.loop.call_at(limit, self._expire, job, limit)

    def _expire(self, job: Job[Any], limit: float) -> None:
        if limit < job.deadline and job.queue.is_open:  # It waits for cores only.
            if not isinstance(job, TaskJob):
                return self._wait_until(job, job.deadline)
            self._waiting.remove(job)
            return self._start(job)
        self._drop(job)
        self.dispatch()

    def _drop(self, job: Job[Any]) -> None:
        self._dropped += 1
        self.reject(job, job.overdue())

    def _call_off(self, job: Job[Any]) -> None:
        job.stop()
        if not job.running:
            self._cancelled += 1
            self._remove(job)
            job.future.cancel()

    def _remove(self, job: Job[Any]) -> None:
        """Forgets a job that has not started."""
        del self._jobs[job.id]
        if job.timer is not None:
            job.timer.cancel()
        if job.queued:
            self._waiting.remove(job)

    def _weigh(self, now: float) -> None:
        """Notes the utilisation since the last change."""
        kept = math.exp((self._weighed - now) / _MEMORY)
        self._utilisation += (1 - kept) * ((self.slots - self._free) / self.slots - self._utilisation)
        self._weighed = now
