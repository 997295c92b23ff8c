"""The resources that nodes share: each is loaded once a process, however many sessions ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pipeline.compute.executor import Executor
from pipeline.compute.job_context import JobContext
from pipeline.compute.pool import Pool, Pooled
from pipeline.compute.pool_spec import PoolBounds, PoolSpec
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import load_error

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One resource that is ready."""

    key: Hashable
    use: str
    """The node that asked for it first, as a graph writes it."""
    pool: Pool[Any]
    threads: int = 1
    """Cores that an instance takes while it computes."""


@dataclass(slots=True)
class _Entry:
    """One resource, loading or loaded."""

    use: str
    ready: asyncio.Future[Pool[Any]]
    spec: PoolSpec[Any]


class Resources:
    """Every loaded resource of a process, by its key, and the scheduler that they share."""

    def __init__(self, executor: Executor) -> None:
        self.scheduler = Scheduler(executor)
        self._entries: dict[Hashable, _Entry] = {}

    async def get(self, pooled: Pooled[M], params: Any, use: str = "", bounds: PoolBounds | None = None) -> Pool[M]:
        """The pool of the resource that `pooled` loads for these params, as large as `bounds` say.

        Raises a NodeError where it cannot be loaded. Concurrent callers share one load and its error;
        after an error the next call loads again. A load goes on when its callers are cancelled.
        """
        key, loop = pooled.key(params), self.scheduler.loop
        entry = self._entries.get(key)
        if entry is None:
            spec = pooled.spec(params)
            entry = self._entries[key] = _Entry(use, loop.create_future(), spec)
            # In a context of its own: it outlives its callers.
            load = self.scheduler.submit(spec.load, threads=spec.threads, context=JobContext())
            load.future.add_done_callback(partial(self._end_load, key, entry))
        if bounds is not None:
            entry.spec.widen(bounds)
            if entry.ready.done():
                entry.ready.result().fill()
        return await asyncio.shield(entry.ready)

    def loaded(self) -> list[Loaded]:
        """Everything that is ready for use."""
        return [
            Loaded(key, entry.use, entry.ready.result(), entry.spec.threads)
            for key, entry in self._entries.items()
            if entry.ready.done() and entry.ready.exception() is None
        ]

    async def close(self) -> None:
        """Cancels the spawned jobs, and closes each resource that has a `close()` once no job uses it any more.

        That may be never: the caller sets the limit. Raises the first error, after the last.
        """
        closing, self._entries = [_close(entry.ready) for entry in self._entries.values()], {}
        ends = await asyncio.gather(self.scheduler.close(), *closing, return_exceptions=True)
        for error in filter(None, ends):
            raise error

    def _end_load(self, key: Hashable, entry: _Entry, load: asyncio.Future[Any]) -> None:
        error = load.exception()
        if error is None:
            pool = Pool(load.result(), self.scheduler, entry.spec)
            pool.fill()
            entry.ready.set_result(pool)
            return
        if self._entries.get(key) is entry:
            del self._entries[key]
        entry.ready.set_exception(load_error(error))


async def _close(ready: asyncio.Future[Pool[Any]]) -> None:
    await asyncio.wait([ready])
    if ready.exception() is None:
        await ready.result().close()
