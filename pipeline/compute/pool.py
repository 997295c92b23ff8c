"""Models and other heavy things: loaded once a process, shared by all sessions.

    engine = Pooled(load_whisper, key=lambda params: (params.model, params.device))
    ...
    text = await self.engine.run(lambda model: model.transcribe(samples))
    async for token in self.engine.stream(lambda model: model.generate(prompt)): ...
    async with self.connections.lease() as connection: ...  # for what happens in the event loop

Acquiring and computing are one call: a lease ends when its holder has left *and* its job
has really ended, for a cancelled caller must not free a model whose thread is still in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Generic, TypeVar, overload

from pipeline.await_chain import thread_stack
from pipeline.compute.batch import Batches, Together
from pipeline.compute.errors import breaks
from pipeline.compute.instance import End, Member, Steps
from pipeline.compute.instances import PoolSpec
from pipeline.compute.job import Job
from pipeline.compute.job_context import JOB_CONTEXT, JobContext
from pipeline.compute.scheduler import Scheduler
from pipeline.compute.statistics import PoolStatistics
from pipeline.compute.waitlist import Waitlist
from pipeline.errors import NodeError
from pipeline.packet import SECOND

M = TypeVar("M")
T = TypeVar("T")
X = TypeVar("X")


class Pool(Generic[M]):
    """One or more of the same resource, and those who want to compute with it."""

    def __init__(self, first: M, scheduler: Scheduler, spec: PoolSpec[M] | None = None) -> None:
        self._spec = spec or PoolSpec(lambda: first)
        self._scheduler = scheduler
        self._leases = Waitlist(first, scheduler, self._spec)
        self._batches = Batches(self._leases, self._start, self._leave)

    @property
    def member(self) -> M:
        """The resource itself, for a transform that calls it for microseconds and needs no turn."""
        return self._leases.members.all[0].resource

    async def run(self, job: Callable[[M], T]) -> T:
        """Runs `job(member)` in a compute thread, alone with that member.

        Raises PoolExhausted where none becomes free in time, Late where its deadline passes first.
        """
        member = await self._leases.enter()
        running: Job[T] | None = None
        try:
            running = self._start(member, job)
            return await asyncio.shield(running.future)
        finally:
            self._leave(member, running)

    async def stream(self, job: Callable[[M], Iterator[T]]) -> AsyncGenerator[T, None]:
        """Yields what the iterator `job(member)` yields, each step in a compute thread.

        When the caller leaves early the iterator is closed once its step has ended.
        """
        member = await self._leases.enter()
        steps = Steps(job)
        running: Job[T | End] | None = None
        try:
            while True:
                running = self._start(member, steps.next)
                if isinstance(item := await asyncio.shield(running.future), End):
                    return
                yield item
        finally:
            self._leave(member, running, steps)

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[M, None]:
        """Lends a member for the length of the block, for what happens in the event loop: nothing may block there.

        Raises PoolExhausted or Late, as `run` does.
        """
        member = await self._leases.enter()
        try:
            yield member.resource
        finally:
            self._leases.release(member)

    async def batch(self, together: Together[M, X, T], item: X, *, alike: Hashable = None, most: int = 4) -> T:
        """The output of `together(member, items)` for one item, alone with that member.

        Whoever wants the same function with an equal `alike`, in the same lane, when a thread
        becomes free shares the job, so many callers at most. Where it raises, each item is
        computed once more by itself.
        """
        return await self._batches.run(together, item, alike, most)

    def fill(self) -> None:
        """Makes as many members as there are to be at least; nobody has to wait for it."""
        self._leases.fill()

    async def close(self) -> None:
        """Closes the members that can be closed, each when nobody computes with it any more.

        Raises the first error, after the last.
        """
        self._leases.closed = True
        members, errors = self._leases.members, list[BaseException]()
        while members.pending or any(member.closable for member in members.all):
            try:
                member = await self._leases.acquire()
            except NodeError:
                break  # The last one could not be made.
            closing = member.end(self._scheduler)
            await asyncio.wait([closing])
            members.all.remove(member)
            self._leases.forget(member)
            errors += [error] if (error := closing.exception()) else []
        if errors:
            raise errors[0]

    def stack(self) -> tuple[str, ...]:
        """Where a thread is that computes with a member just now, the innermost call first."""
        return next((thread_stack(member.thread) for member in self._leases.members.all if member.thread), ())

    def statistics(self) -> PoolStatistics:
        """What it does at this moment."""
        return self._leases.statistics()

    def _start(
        self,
        member: Member[M],
        job: Callable[[M], T],
        context: JobContext | None = None,
        begin: Callable[[], None] | None = None,
    ) -> Job[T]:
        work = partial(member.alone, job)
        return self._scheduler.submit(work, threads=self._spec.threads, context=context, begin=begin)

    def _leave(self, member: Member[M], running: Job[Any] | None, steps: Steps[M, Any] | None = None) -> None:
        """Ends the lease as soon as the job has ended and the stream is closed."""
        if running is not None and not running.future.done():
            running.cancel()
        if running is not None and not running.future.done():
            running.future.add_done_callback(lambda _: self._leave(member, running, steps))
            return
        member.broken |= running is not None and self._breaks(running.future)
        if steps is not None and steps.closable:
            closing = self._start(member, steps.close, JOB_CONTEXT.get().without_cause())
            closing.future.add_done_callback(lambda _: self._leave(member, closing))
        else:
            self._leases.release(member)

    def _breaks(self, ended: asyncio.Future[Any]) -> bool:
        error = None if ended.cancelled() else ended.exception()
        return error is not None and self._spec.broken(error)


class Pooled(Generic[M]):
    """Declares a resource of a node class; on a node it is the `Pool`."""

    name: str = ""

    def __init__(
        self,
        load: Callable[[Any], M],
        key: Callable[[Any], Hashable] | None = None,
        *,
        threads: Callable[[Any], int] = lambda _: 1,
        members: Callable[[Any], tuple[int, int]] = lambda _: (1, 1),
        wait: int = 30 * SECOND,
        broken: Callable[[BaseException], bool] = breaks,
        small: bool = False,
    ) -> None:
        self.load = load
        """Called in a compute thread with the node's params; raises a NodeError."""
        self._key = key
        self._threads = threads
        self._members = members
        self._wait = wait
        self._broken = broken
        self._small = small

    def key(self, params: Any) -> Hashable:
        """Nodes whose keys are equal share the resource; by default, whose params are."""
        return (self.load, self._key(params) if self._key else params.model_dump_json())

    def spec(self, params: Any) -> PoolSpec[M]:
        """What the pool of these params has in it, where no graph says how much.

        So many cores a job takes (as many threads as the resource computes with), so many
        members there are (at least and at most), so many nanoseconds a caller waits for one,
        which errors say that a member must be replaced, and whether it takes little memory.
        """
        least, most = self._members(params)
        load = partial(self.load, params)
        return PoolSpec(load, self._threads(params), least, most, self._wait, self._broken, self._small)

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
