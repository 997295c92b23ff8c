"""One job of the scheduler, and the token by which it learns that nobody wants it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pipeline.compute.lane_queue import Waiter

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job(Waiter, Generic[T]):
    """One call that is to run in a compute thread."""

    id: int
    """Counts up within a scheduler."""
    work: Callable[[], T]
    slots: int
    """Cores that it takes."""
    call_off: Callable[[int], None]
    """The scheduler's `cancel`."""
    begin: Callable[[], None] | None = None
    """Called in the event loop at the moment when a thread is free for it."""
    future: asyncio.Future[T] = field(init=False)
    """The result or the error. Await it shielded, and use `cancel`, never its own."""
    stopped: bool = False
    """The stop token: set when nobody wants the result any more."""
    running: bool = False
    timer: asyncio.TimerHandle | None = None
    """When it is due, or its deadline."""

    def cancel(self) -> None:
        """Removes it if it has not started; else it may look at `stopped()` and end sooner."""
        self.call_off(self.id)

    async def result(self) -> T:
        """Waits for the end; whoever is cancelled while it waits cancels the job."""
        try:
            return await asyncio.shield(self.future)
        except asyncio.CancelledError:
            self.cancel()
            raise

    def run(self) -> T:
        """The work, in its thread."""
        _thread.job = self
        try:
            return self.work()
        finally:
            _thread.job = None


class _Thread(threading.local):
    """What a compute thread has in work."""

    job: Job[Any] | None = None


_thread = _Thread()


def stopped() -> bool:
    """Whether nobody wants the result any more of the job that asks; long ones look now and then."""
    return _thread.job is not None and _thread.job.stopped
