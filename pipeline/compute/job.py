"""The jobs of the scheduler, and the token by which a running one learns that its result is not wanted any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pipeline.compute.executor import Executor
from pipeline.compute.lane_queue import Waiter

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job(Waiter, Generic[T]):
    """A call that is to run once, in a compute thread or as a task of the event loop."""

    id: int
    """Counts up within a scheduler."""
    slots: int
    """Cores that must be free for it to start."""
    call_off: Callable[[int], None]
    """The scheduler's `cancel`."""
    begin: Callable[[], None] | None = None
    """Called in the event loop at the moment when it starts."""
    future: asyncio.Future[T] = field(init=False)
    """The result or the error. Await it shielded, and use `cancel`, never its own."""
    stopped: bool = field(init=False, default=False)
    """The stop token: set when the result is not wanted any more."""
    running: bool = field(init=False, default=False)
    timer: asyncio.TimerHandle | None = field(init=False, default=None)
    """When it is due, or its deadline."""

    @property
    def occupied(self) -> int:
        """Cores that it takes while it runs."""
        return self.slots

    def cancel(self) -> None:
        """Removes it if it has not started; a running one is told to stop."""
        self.call_off(self.id)

    async def result(self) -> T:
        """Waits for the end; a caller that is cancelled meanwhile cancels the job."""
        try:
            return await asyncio.shield(self.future)
        except asyncio.CancelledError:
            self.cancel()
            raise

    def launch(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> asyncio.Future[T]:
        """Starts it; raises a RuntimeError where the executor has been shut down."""
        raise NotImplementedError

    def stop(self) -> None:
        """Tells it, while it runs, that its result is not wanted any more."""
        self.stopped = True


@dataclass(slots=True, eq=False)
class ThreadJob(Job[T]):
    """A call in a compute thread; when it is told to stop it goes on, unless it looks at `stopped()`."""

    work: Callable[[], T] = field(kw_only=True)

    def launch(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> asyncio.Future[T]:
        return loop.run_in_executor(executor, self._run)

    def _run(self) -> T:
        _thread.job = self
        try:
            return self.work()
        finally:
            _thread.job = None


@dataclass(slots=True, eq=False)
class TaskJob(Job[T]):
    """A coroutine that runs as a task; when it is told to stop the task is cancelled."""

    work: Callable[[], Coroutine[Any, Any, T]] = field(kw_only=True)
    variables: Context = field(kw_only=True)
    """The context variables with which it runs."""
    task: asyncio.Task[T] | None = field(init=False, default=None)

    @property
    def occupied(self) -> int:
        """None: what it computes are jobs of their own."""
        return 0

    def launch(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> asyncio.Future[T]:
        self.task = asyncio.Task(self._run(), loop=loop, name=f"job {self.id}", context=self.variables)
        return self.task

    def stop(self) -> None:
        if self.task is not None and not self.stopped:
            self.task.cancel()
        self.stopped = True

    async def _run(self) -> T:
        return await self.work()


class _Thread(threading.local):
    """What a compute thread works on."""

    job: Job[Any] | None = None


_thread = _Thread()


def stopped() -> bool:
    """Whether the calling compute job has been cancelled; a long job checks this now and then and ends early."""
    return _thread.job is not None and _thread.job.stopped
