"""The instances of a pool, and the jobs that need one: made on demand, never too many, replaced when one breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from pipeline.compute.errors import Late, PoolExhausted
from pipeline.compute.executor import Executor
from pipeline.compute.instance import Instance
from pipeline.compute.job import Job
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.lane_queue import LaneQueue
from pipeline.compute.pool_spec import PoolSpec
from pipeline.compute.scheduler import Scheduler
from pipeline.compute.statistics import PoolStatistics
from pipeline.errors import NodeError, ResourceError, load_error
from pipeline.packet import SECOND

M = TypeVar("M")

_BUSY = "raise `max` of its `pool` in the graph if memory and cores allow it, or take fewer calls at a time"


class Instances(Generic[M]):
    """All instances of one pool, which of them are free, and the queue of the jobs that need one."""

    def __init__(self, first: M, scheduler: Scheduler, spec: PoolSpec[M]) -> None:
        self.all = [Instance(first)]
        self.free = list(self.all)
        self.queue: LaneQueue[PoolJob[M]] = LaneQueue(self.free)
        self.closed = False
        """Whether no new callers are taken, and no instances made."""
        self.pending = 0
        """Instances that are being made or closed now."""
        self.scheduler = scheduler
        self.spec = spec
        self._requests = self._joined = self._exhausted = self._grants = self._returned = self._peak = 0
        self._waited = self._longest = self._used = 0.0
        self._made, self._replaced, self._failed = 1, 0, 0

    def enter(self, job: PoolJob[M]) -> PoolJob[M]:
        """Starts a job or lets it wait, and makes more instances for those that wait."""
        self._requests += 1
        self.scheduler.enter(job)
        if job.queued:
            self.grow()
        return job

    def grant(self, job: PoolJob[M]) -> Instance[M]:
        """Takes a free instance: the one that the job's session had last, else the one that has been free longest.

        A model may still know the conversation, which another one would have to read from its beginning.
        """
        self._note_wait(self.queue.opened - job.since)
        self._grants += 1
        self._peak = max(self._peak, self._grants - self._returned)
        if self.spec.max_size == 1:
            instance = self.free.pop()
        else:
            session = hash(job.context.session)  # Not the session, which would be kept alive; a collision does no harm.
            instance = max(self.free, key=lambda each: each.served.get(session, 0))
            self.free.remove(instance)
            instance.serve(session, self._grants)
        instance.since = self.scheduler.loop.time()
        return instance

    def join(self, job: PoolJob[M]) -> None:
        """Takes a job out of the queue whose work is done in another one."""
        self._joined += 1
        self._note_wait(self.scheduler.loop.time() - job.since)
        self.scheduler.join(job)

    def release(self, instance: Instance[M], *, broken: bool = False) -> None:
        """Takes an instance back; a broken one is closed, and the next is made when it is gone, for its memory."""
        if broken:
            self._replaced += 1
            self.pending += 1
            self.all.remove(instance)
            instance.close(self.scheduler).add_done_callback(self._closed)
        else:
            self._put(instance)
        self.forget(instance)

    def forget(self, instance: Instance[M]) -> None:
        """Ends the grant of an instance that does not become free again."""
        self._returned += 1
        self._used += self.scheduler.loop.time() - instance.since
        self._changed()

    def grow(self) -> None:
        """Makes as many more as there are jobs that wait for one, within the bounds and the memory."""
        spec, scheduler = self.spec, self.scheduler
        if self.closed:
            return
        wanted = spec.min_size
        if spec.small or not scheduler.memory_pressure:
            wanted = max(wanted, len(self.all) - len(self.free) + len(self.queue))
        for _ in range(min(spec.max_size, wanted) - len(self.all) - self.pending):
            self.pending += 1
            # In a context of its own: it outlives the caller that it is made for.
            load = scheduler.submit(spec.load, threads=spec.threads, context=JobContext())
            load.future.add_done_callback(self._loaded)

    def exhausted(self, job: PoolJob[M]) -> NodeError:
        """The error of a job that has waited for too long, which is also counted."""
        size = len(self.all)
        busy = f"an instance of its pool, which has {size} and all at work"
        self._note_wait(min(job.deadline - job.since, job.wait))
        self._exhausted += 1
        if job.deadline <= job.since + job.wait:
            return Late(f"its deadline passed while it waited for {busy}", hint=_BUSY)
        retry_after = self._used / max(1, self._returned) * len(self.queue) / max(1, size)
        return PoolExhausted(f"it waited {job.wait:g} s for {busy}", retry_after=retry_after, hint=_BUSY)

    def statistics(self) -> PoolStatistics:
        """What they do at this moment."""
        return PoolStatistics(
            size=len(self.all),
            max_size=self.spec.max_size,
            active=self._grants - self._returned,
            peak=self._peak,
            waiting=len(self.queue),
            requests=self._requests,
            joined=self._joined,
            exhausted=self._exhausted,
            waited=round(self._waited * SECOND),
            longest=round(self._longest * SECOND),
            made=self._made,
            replaced=self._replaced,
            failed=self._failed,
        )

    def _note_wait(self, waited: float) -> None:
        if waited > 0:
            self._waited += waited
            self._longest = max(self._longest, waited)

    def _put(self, instance: Instance[M]) -> None:
        if not self.free:
            self.queue.opened = self.scheduler.loop.time()
        self.free.append(instance)

    def _changed(self) -> None:
        """An instance has come or gone."""
        self.scheduler.dispatch()
        if self.closed and not self.all and not self.pending:
            self._reject_all(closed_error())
        self.grow()

    def _loaded(self, ready: asyncio.Future[M]) -> None:
        self.pending -= 1
        if (error := _error(ready)) is None:
            self._made += 1
            instance = Instance(ready.result())
            self.all.append(instance)
            self._put(instance)
            return self._changed()
        self._failed += 1
        if not self.all and not self.pending:
            self._reject_all(load_error(error))  # The next caller tries again.

    def _closed(self, ended: asyncio.Future[None]) -> None:
        self.pending -= 1
        _error(ended)  # It was broken already.
        self._changed()

    def _reject_all(self, error: NodeError) -> None:
        for job in list(self.queue):
            self.scheduler.reject(job, error)


@dataclass(slots=True, eq=False)
class PoolJob(Job[Any], Generic[M]):
    """A call in a compute thread, alone with the resource of an instance.

    One that takes no core has only the instance as its result, for use in the event loop.
    """

    instances: Instances[M] = field(kw_only=True)
    keeps: bool = field(kw_only=True, default=False)
    """Whether its caller gives the instance back; else its end does."""
    instance: Instance[M] | None = field(init=False, default=None)
    """Granted when it starts."""

    @classmethod
    def of(cls, instances: Instances[M], work: Callable[..., Any], **settings: Any) -> Self:
        """A job in the job context of the caller; by default with the cores and the wait of the pool."""
        spec = instances.spec
        known = {"slots": min(spec.threads, instances.scheduler.slots), "wait": spec.wait / SECOND}
        return cls(JOB_CONTEXT.get(), instances.queue, instances=instances, work=work, **known | settings)

    def begin(self) -> None:
        self.instance = self.instances.grant(self)

    def launch(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> asyncio.Future[Any]:
        if self.slots:
            return Job.launch(self, loop, executor)
        granted = loop.create_future()
        granted.set_result(self.instance)
        return granted

    def compute(self) -> Any:
        assert self.instance is not None, "it has begun"
        return self.instance.compute(self.work)

    def end(self, ended: asyncio.Future[Any]) -> None:
        Job.end(self, ended)
        if not self.keeps:
            self.give_back(ended)

    def overdue(self) -> NodeError:
        return Job.overdue(self) if self.queue.is_open else self.instances.exhausted(self)

    def give_back(self, *ended: asyncio.Future[Any]) -> None:
        """Releases the instance if it was granted, as a broken one if one of these outcomes says so."""
        if self.instance is not None:
            instance, self.instance = self.instance, None
            errors = [error for each in ended if not each.cancelled() and (error := each.exception())]
            self.instances.release(instance, broken=any(map(self.instances.spec.broken, errors)))


def _error(ended: asyncio.Future[Any]) -> BaseException | None:
    """What a job raised; the executor cancels those that wait when it ends."""
    return asyncio.CancelledError() if ended.cancelled() else ended.exception()


def closed_error() -> NodeError:
    """The error of callers that come after the end."""
    return ResourceError("the model has been closed", hint="its runner has ended: make sessions of another one")
