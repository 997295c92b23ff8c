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

    def compute(self, work: Callable[[M], T]) -> T:
        """Runs `work(resource)`, in a compute thread."""
        self.thread = threading.get_ident()
        try:
            return work(self.resource)
        finally:
            self.thread = 0

    def close(self, scheduler: Scheduler) -> asyncio.Future[None]:
        """Closes the resource, if it can be: by `aclose()` in the event loop, or `close()` in a compute thread."""
        if callable(aclose := getattr(self.resource, "aclose", None)):
            closing: asyncio.Future[None] = asyncio.ensure_future(aclose())
            return closing
        close = getattr(self.resource, "close", lambda: None)
        return scheduler.submit(lambda: self.compute(lambda _: close()), context=JobContext()).future


class Steps(Generic[M, T]):
    """The iterator of a stream; used in compute threads, one at a time. Its last item is itself."""

    def __init__(self, work: Callable[[M], Iterator[T]]) -> None:
        self._work = work
        self._iterator: Iterator[T] | None = None
        self._ended = False

    @property
    def closable(self) -> bool:
        """Whether it has begun, has not ended, and can be closed."""
        return not self._ended and hasattr(self._iterator, "close")

    def next(self, resource: M) -> T | Steps[M, T]:
        """The next item."""
        if self._iterator is None:
            self._iterator = iter(self._work(resource))
        item = next(self._iterator, self)
        self._ended = item is self
        return item

    def close(self, _resource: M) -> None:
        """Ends the iterator early."""
        self._iterator.close()  # type: ignore[union-attr]
