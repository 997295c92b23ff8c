"""One instance of a pool: a loaded resource, and what a compute thread does with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from pipeline.compute.job_context import JobContext
from pipeline.compute.scheduler import Scheduler

M = TypeVar("M")
T = TypeVar("T")

MAX_SESSIONS = 32
"""Sessions that an instance is known to have served: more than a model keeps cached."""


class Instance(Generic[M]):
    """One loaded resource."""

    def __init__(self, resource: M) -> None:
        self.resource = resource
        self.thread = 0
        """The thread that computes with it now; 0 is none."""
        self.since = 0.0
        """When it was granted last, in seconds on the event loop's clock."""
        self.served: dict[int, int] = {}
        """By the hash of a session, the number of its last grant; the newest come last."""

    def serve(self, session: int, grant: int) -> None:
        """Notes that it is granted to the session with this hash."""
        self.served.pop(session, None)
        self.served[session] = grant
        if len(self.served) > MAX_SESSIONS:
            del self.served[next(iter(self.served))]

    @property
    def closable(self) -> bool:
        """Whether the resource has an `aclose` or a `close`."""
        return any(callable(getattr(self.resource, name, None)) for name in ("aclose", "close"))

    def compute(self, job: Callable[[M], T]) -> T:
        """Runs `job(resource)`, in a compute thread."""
        self.thread = threading.get_ident()
        try:
            return job(self.resource)
        finally:
            self.thread = 0

    def close(self, scheduler: Scheduler) -> asyncio.Future[None]:
        """Closes the resource, if it can be: by `aclose()` in the event loop, or `close()` in a compute thread."""
        if callable(aclose := getattr(self.resource, "aclose", None)):
            closing: asyncio.Future[None] = asyncio.ensure_future(aclose())
            return closing
        return scheduler.submit(self._close, context=JobContext()).future

    def _close(self) -> None:
        if callable(close := getattr(self.resource, "close", None)):
            self.compute(lambda _: close())


class End:
    """The last item of a stream's steps."""


class Steps(Generic[M, T]):
    """The iterator of a stream; used in compute threads, one at a time."""

    def __init__(self, job: Callable[[M], Iterator[T]]) -> None:
        self._job = job
        self._iterator: Iterator[T] | None = None
        self.closable = False
        """Whether it has begun, has not ended, and can be closed."""

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
        """Ends the iterator early."""
        self._iterator.close()  # type: ignore[union-attr]
