"""Models and other heavy resources: loaded once a process, shared by all sessions.

    engine = Pooled(load_whisper, key=lambda params: (params.model, params.device))
    ...
    text = await self.engine.run(lambda model: model.transcribe(samples))
    async for token in self.engine.stream(lambda model: model.generate(prompt)): ...
    async with self.connections.lease() as connection: ...  # for what happens in the event loop

Acquiring and computing are one call: an instance is given back when its caller has left *and* the
job has really ended, for a cancelled caller must not free a model whose thread is still in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from typing import Any, Generic, TypeVar, overload

from pipeline.await_chain import thread_stack
from pipeline.compute.batch import BatchFunction, BatchJob
from pipeline.compute.errors import breaks
from pipeline.compute.instance import Steps
from pipeline.compute.instances import Instances, PoolJob, closed_error
from pipeline.compute.job import Job
from pipeline.compute.job_context import JobContext
from pipeline.compute.pool_spec import PoolSpec
from pipeline.compute.scheduler import Scheduler
from pipeline.compute.statistics import PoolStatistics
from pipeline.errors import NodeError
from pipeline.packet import SECOND

M = TypeVar("M")
T = TypeVar("T")
X = TypeVar("X")


class Pool(Generic[M]):
    """One or more instances of the same resource, and the callers that compute with it."""

    def __init__(self, first: M, scheduler: Scheduler, spec: PoolSpec[M] | None = None) -> None:
        self.instances = Instances(first, scheduler, spec or PoolSpec(lambda: first))

    @property
    def member(self) -> M:
        """The resource of one instance, for a transform that calls it for microseconds and needs no turn."""
        return self.instances.all[0].resource

    async def run(self, work: Callable[[M], T]) -> T:
        """Runs `work(resource)` in a compute thread, alone with that instance.

        Raises PoolExhausted where no instance becomes free in time, Late where its deadline passes first.
        """
        result: T = await self.instances.enter(PoolJob.of(self._open(), work)).result()
        return result

    async def stream(self, work: Callable[[M], Iterator[T]]) -> AsyncGenerator[T, None]:
        """Yields what the iterator `work(resource)` yields, each step in a compute thread.

        When the caller leaves early the iterator is closed once its step has ended. Raises as `run` does.
        """
        steps = Steps(work)
        step: Job[Any]
        step = first = self.instances.enter(PoolJob.of(self._open(), steps.next, keeps=True))
        try:
            while (item := await step.result()) is not steps:
                yield item
                step = self._submit(first, steps.next)
        finally:
            self._leave(first, step, steps)

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[M, None]:
        """Lends an instance for the length of the block, for what happens in the event loop: nothing may block there.

        Raises PoolExhausted or Late, as `run` does.
        """
        job = _lease(self._open())
        try:
            yield (await job.result()).resource
        finally:
            job.give_back()  # Also when it was granted in the moment in which the caller was cancelled.

    async def batch(
        self, function: BatchFunction[M, X, T], item: X, *, batch_key: Hashable = None, max_size: int = 4
    ) -> T:
        """The output of `function(resource, items)` for one item, alone with that instance.

        Callers with the same function and an equal `batch_key` that wait in the same lane when the
        job starts share it, at most `max_size` of them. When it raises, each item is computed once
        more by itself. Raises as `run` does.
        """
        job = BatchJob.of(self._open(), function, item=item, key=(function, batch_key), max_size=max_size)
        job.future = asyncio.get_running_loop().create_future()
        result: T = await self.instances.enter(job).result()
        return result

    def fill(self) -> None:
        """Makes the instances that are to be made beforehand, and those for which callers wait; waits for none."""
        self.instances.grow()

    async def close(self) -> None:
        """Closes the instances that can be closed, each when no job uses it any more.

        Raises the first error, after the last.
        """
        instances, errors = self.instances, list[BaseException]()
        instances.closed = True
        while instances.pending or any(each.closable for each in instances.all):
            try:
                instance = await _lease(instances, wait=inf).result()
            except NodeError:
                break  # The last one could not be made.
            closing = instance.close(instances.scheduler)
            await asyncio.wait([closing])
            instances.all.remove(instance)
            instances.forget(instance)
            errors += [error] if (error := closing.exception()) else []
        if errors:
            raise errors[0]

    def stack(self) -> tuple[str, ...]:
        """The stack of a thread that computes with an instance now, the innermost call first."""
        return next((thread_stack(each.thread) for each in self.instances.all if each.thread), ())

    def statistics(self) -> PoolStatistics:
        """What it does at this moment."""
        return self.instances.statistics()

    def _open(self) -> Instances[M]:
        if self.instances.closed:
            raise closed_error()
        return self.instances

    def _submit(self, holder: PoolJob[M], work: Callable[[M], T], **settings: Any) -> Job[T]:
        """A further job with the instance that a stream holds."""
        assert holder.instance is not None, "it has begun"
        compute = partial(holder.instance.compute, work)
        return self.instances.scheduler.submit(compute, threads=self.instances.spec.threads, **settings)

    def _leave(self, holder: PoolJob[M], step: Job[Any], steps: Steps[M, Any]) -> None:
        """Gives the instance back as soon as the step has ended and the iterator is closed."""
        step.cancel()
        if not step.future.done():
            step.future.add_done_callback(lambda _: self._leave(holder, step, steps))
        elif steps.closable:
            # Without cause and deadline: it has to be closed even when they are over.
            context = JobContext(holder.context.lane, holder.context.session)
            closing = self._submit(holder, steps.close, context=context)
            closing.future.add_done_callback(lambda closed: holder.give_back(step.future, closed))
        else:
            holder.give_back(step.future)


def _lease(instances: Instances[M], **settings: Any) -> PoolJob[M]:
    return instances.enter(PoolJob.of(instances, _nothing, slots=0, keeps=True, **settings))


def _nothing(_: Any) -> None:
    """The work of a lease."""


class Pooled(Generic[M]):
    """Declares a resource of a node class; on a node it is the `Pool`."""

    name: str = ""

    def __init__(
        self,
        load: Callable[[Any], M],
        key: Callable[[Any], Hashable] | None = None,
        *,
        threads: Callable[[Any], int] = lambda _: 1,
        size: Callable[[Any], tuple[int, int]] = lambda _: (1, 1),
        wait: int = 30 * SECOND,
        broken: Callable[[BaseException], bool] = breaks,
        small: bool = False,
    ) -> None:
        self.load = load
        """Called in a compute thread with the node's params; raises a NodeError."""
        self._key = key
        self._threads = threads
        self._size = size
        self._wait = wait
        self._broken = broken
        self._small = small

    def key(self, params: Any) -> Hashable:
        """Nodes whose keys are equal share the resource; by default, whose params are."""
        return (self.load, self._key(params) if self._key else params.model_dump_json())

    def spec(self, params: Any) -> PoolSpec[M]:
        """The pool of these params, where no graph sets bounds."""
        min_size, max_size = self._size(params)
        load = partial(self.load, params)
        return PoolSpec(load, self._threads(params), min_size, max_size, self._wait, self._broken, self._small)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Pooled[M]: ...
    @overload
    def __get__(self, node: Any, owner: type) -> Pool[M]: ...
    def __get__(self, node: Any, owner: type) -> Pooled[M] | Pool[M]:
        if node is None:
            return self
        pool: Pool[M] = node.context.pools[self.name]
        return pool
