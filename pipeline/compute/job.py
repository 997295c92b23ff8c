"""The jobs of the scheduler, and the stop token that a running job can read."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pipeline.compute.errors import Late
from pipeline.compute.executor import Executor
from pipeline.compute.lane_queue import Waiter
from pipeline.errors import NodeError
from pipeline.packet import SECOND

T = TypeVar("T")
_thread = threading.local()


@dataclass(slots=True, eq=False)
class Job(Waiter, Generic[T]):
    """A call that runs once, in a compute thread."""

    work: Callable[..., Any] = field(kw_only=True)
    wait: float = field(kw_only=True, default=math.inf)
    """Seconds that it waits for its queue to open; until its deadline it waits for cores."""
    id: int = field(init=False, default=0)
    """Counts up within a scheduler."""
    since: float = field(init=False, default=0.0)
    """When it was or will be due, in seconds on the event loop's clock."""
    call_off: Callable[[int], None] = field(init=False)
    """The scheduler's `cancel`."""
    future: asyncio.Future[T] = field(init=False)
    """The result or the error. Await it shielded, and use `cancel`, never its own."""
    stopped: bool = field(init=False, default=False)
    """The stop token: set when the result is not wanted any more."""
    running: bool = field(init=False, default=False)
    timer: asyncio.TimerHandle | None = field(init=False, default=None)
    """When it is due, or the end of its wait."""

    @property
    def deadline(self) -> float:
        """When it is not started any more, in seconds on the event loop's clock."""
        return math.inf if self.context.deadline is None else self.context.deadline / SECOND

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

    def begin(self) -> None:
        """It starts: its cores are free, and its queue is open."""

    def launch(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> asyncio.Future[Any]:
        """Runs `compute` in a thread; raises a RuntimeError where the executor has been shut down."""
        return loop.run_in_executor(executor, self._run)

    def stop(self) -> None:
        """Its result is not wanted any more; a thread goes on, unless it looks at `stopped()`."""
        self.stopped = True

    def end(self, ended: asyncio.Future[Any]) -> None:
        """It has ended, and its cores are free again."""
        future = self.future
        if future is not ended and not future.done():
            if ended.cancelled():
                future.cancel()
            elif (error := ended.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(ended.result())
        if self.stopped and not future.cancelled():
            future.exception()  # Retrieved, for no caller is left that would, and asyncio would report that.

    def overdue(self) -> NodeError:
        """The error of a job that has waited too long."""
        hint = "more cores, or fewer calls at a time"
        return Late("it was dropped: its deadline passed before it could start", hint=hint)

    def compute(self) -> Any:
        """Calls `work`, in a compute thread."""
        return self.work()

    def _run(self) -> Any:
        _thread.job = self
        try:
            return self.compute()
        finally:
            _thread.job = None


@dataclass(slots=True, eq=False)
class TaskJob(Job[T]):
    """A coroutine function that runs as a task; when it is told to stop the task is cancelled."""

    variables: Context = field(kw_only=True)
    """The context variables with which it runs."""
    task: asyncio.Task[T] | None = field(init=False, default=None)

    def launch(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> asyncio.Future[T]:
        self.slots = 0  # What it computes are jobs of their own.
        self.task = asyncio.Task(self._await_work(), loop=loop, name=f"job {self.id}", context=self.variables)
        return self.task

    def stop(self) -> None:
        if self.task is not None and not self.stopped:
            self.task.cancel()
        self.stopped = True

    async def _await_work(self) -> T:
        coroutine: Coroutine[Any, Any, T] = self.work()
        return await coroutine


def stopped() -> bool:
    """Whether the calling compute job has been cancelled; a long job checks this now and then and ends early."""
    job: Job[Any] | None = getattr(_thread, "job", None)
    return job is not None and job.stopped
