"""A member of a pool: one loaded resource, and what a thread does with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from pipeline.compute.job_context import JobContext
from pipeline.compute.scheduler import Scheduler

M = TypeVar("M")
T = TypeVar("T")

_KNOWN = 32
"""Sessions that a member is known to have served: more than a model keeps read."""


class Member(Generic[M]):
    """One loaded resource."""

    def __init__(self, resource: M) -> None:
        self.resource = resource
        self.thread = 0
        """Which thread computes with it just now; 0 is none."""
        self.since = 0.0
        """When it was lent last, in seconds on the event loop's clock."""
        self.broken = False
        """Whether a job has shown that it must not be used again."""
        self.served: dict[int, int] = {}
        """By the hash of a session, which of its pool's leases it had last; the newest come last."""
        self._inside = threading.Lock()

    def serves(self, session: int, lease: int) -> None:
        """Remembers whom it serves."""
        self.served.pop(session, None)
        self.served[session] = lease
        if len(self.served) > _KNOWN:
            del self.served[next(iter(self.served))]

    @property
    def closable(self) -> bool:
        """Whether there is anything to close."""
        return any(callable(getattr(self.resource, name, None)) for name in ("aclose", "close"))

    def alone(self, job: Callable[[M], T]) -> T:
        """Computes, in a compute thread."""
        # The lease keeps others out; the lock also those of a loop that came after a closed one.
        with self._inside:
            self.thread = threading.get_ident()
            try:
                return job(self.resource)
            finally:
                self.thread = 0

    def end(self, scheduler: Scheduler) -> asyncio.Future[None]:
        """Closes the resource, if it can be: by `aclose()` in the event loop, or `close()` in a compute thread."""
        if callable(aclose := getattr(self.resource, "aclose", None)):
            closing: asyncio.Future[None] = asyncio.ensure_future(aclose())
            return closing
        return scheduler.submit(self._close, context=JobContext()).future

    def _close(self) -> None:
        if callable(close := getattr(self.resource, "close", None)):
            self.alone(lambda _: close())


class End:
    """What a stream yields last."""


class Steps(Generic[M, T]):
    """The iterator of a stream; used in compute threads, one at a time."""

    def __init__(self, job: Callable[[M], Iterator[T]]) -> None:
        self._job = job
        self._iterator: Iterator[T] | None = None
        self.closable = False

    def next(self, resource: M) -> T | End:
        """The next item, or the end."""
        if self._iterator is None:
            self._iterator = iter(self._job(resource))
            self.closable = hasattr(self._iterator, "close")
        try:
            return next(self._iterator)
        except StopIteration:
            self.closable = False
            return End()

    def close(self, _resource: M) -> None:
        """Ends it early."""
        self._iterator.close()  # type: ignore[union-attr]
