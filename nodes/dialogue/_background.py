"""Work on a conversation while nobody waits: it gives way to every turn, of this caller and of all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pipeline.compute.job_context import JOB_CONTEXT, JobContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.compute.pool import Pool


class GaveWay(Exception):
    """Background work was stopped because a caller waits; it is done after a later turn."""


class Background:
    """The background task of one session: one at a time, stopped by every turn."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """How often the work has failed in this session."""

    @property
    def is_free(self) -> bool:
        """Whether nothing runs."""
        return self._task is None or self._task.done()

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Starts the work, with its compute jobs in the low lane; nothing else may run."""
        assert self.is_free
        self._task = asyncio.create_task(_in_low_lane(work))

    def stop(self) -> None:
        """Stops the work; what it computes ends at the model's next token."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stops the work and waits until it has ended."""
        self.stop()
        if self._task is not None:
            await asyncio.wait([self._task])


async def _in_low_lane(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    JOB_CONTEXT.set(JobContext("low", JOB_CONTEXT.get().session))
    await work()


_occupied: WeakSet[Pool[Any]] = WeakSet()


@contextmanager
def alone_with(pool: Pool[Any] | None) -> Iterator[None]:
    """Raises GaveWay where another session has background work for the same pool.

    So it takes at most one instance of a model, or one connection to an endpoint.
    """
    if pool is None:
        yield
        return
    if pool in _occupied or pool.statistics().waiting:
        raise GaveWay
    _occupied.add(pool)
    try:
        yield
    finally:
        _occupied.discard(pool)


async def giving_way(pieces: AsyncGenerator[str, None], pool: Pool[Any] | None) -> AsyncGenerator[str, None]:
    """The pieces; raises GaveWay before the next one as soon as somebody waits for the pool."""
    async with aclosing(pieces) as incoming:
        async for piece in incoming:
            if pool is not None and pool.statistics().waiting:
                raise GaveWay
            yield piece
