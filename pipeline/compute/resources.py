"""Loads what nodes share, once a process, however many sessions ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.compute.executor import Executor
from pipeline.compute.instances import PoolSpec, as_node_error
from pipeline.compute.job_context import JobContext
from pipeline.compute.pool import Pool, Pooled
from pipeline.compute.scheduler import Scheduler

if TYPE_CHECKING:
    from pipeline.policies.spec import PoolBounds

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One resource that is ready, as health looks at it."""

    key: Hashable
    use: str
    """The node that asked for it first, as a graph writes it."""
    pool: Pool[Any]


@dataclass(slots=True)
class _Entry:
    """One resource, loading or loaded."""

    use: str
    ready: asyncio.Future[Pool[Any]]
    spec: PoolSpec[Any]

    @property
    def lost(self) -> bool:
        """Whether its loop was closed while it loaded."""
        return not self.ready.done() and self.ready.get_loop().is_closed()

    def ask(self, bounds: PoolBounds) -> None:
        """A graph says how much of it there is to be: the largest of what they say holds, at once."""
        self.spec.ask(bounds)
        if self.ready.done():
            self.ready.result().fill()


class Resources:
    """Every loaded resource of a process, by its key, and the scheduler that they share."""

    def __init__(self, executor: Executor) -> None:
        self.scheduler = Scheduler(executor)
        self._entries: dict[Hashable, _Entry] = {}

    async def get(self, pooled: Pooled[M], params: Any, use: str = "", bounds: PoolBounds | None = None) -> Pool[M]:
        """The pool of what `pooled` loads for these params, as large as `bounds` say; raises a NodeError.

        Whoever asks while it loads waits for that load, and gets its error. After an error
        the next one to ask loads again. A load goes on when those who asked have left.
        """
        key = pooled.key(params)
        entry = self._entries.get(key)
        if entry is None or entry.lost:
            spec = pooled.spec(params)
            entry = self._entries[key] = _Entry(use, asyncio.get_running_loop().create_future(), spec)
            # On nobody's terms: it outlives whoever asked.
            load = self.scheduler.submit(spec.load, threads=spec.threads, context=JobContext())
            load.future.add_done_callback(partial(self._end_load, key, entry))
        if bounds is not None:
            entry.ask(bounds)
        return await asyncio.shield(entry.ready)

    def loaded(self) -> list[Loaded]:
        """Everything that is ready for use."""
        return [
            Loaded(key, entry.use, entry.ready.result())
            for key, entry in self._entries.items()
            if entry.ready.done() and entry.ready.exception() is None
        ]

    async def close(self) -> None:
        """Cancels the spawned jobs, and closes each resource that has a `close()` once no job uses it any more.

        That may be never: the caller sets the limit. Raises the first error, after the last.
        """
        entries, self._entries = [entry for entry in self._entries.values() if not entry.lost], {}
        ends = await asyncio.gather(
            self.scheduler.close(), *(_close(entry.ready) for entry in entries), return_exceptions=True
        )
        for error in ends:
            if error is not None:
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
        entry.ready.set_exception(as_node_error(error))


async def _close(ready: asyncio.Future[Pool[Any]]) -> None:
    await asyncio.wait([ready])
    if ready.exception() is None:
        await ready.result().close()
