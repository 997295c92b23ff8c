"""A task that a flush or a deadline may cancel, while the worker that waits for it stays free.

A task that does not stop is cancelled once more within the grace period, then abandoned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pipeline.packet import SECOND

CANCEL_GRACE = SECOND // 2
"""Nanoseconds that cancelled work may take to stop."""


class SupervisedTask:
    """Runs one coroutine at a time. `abandoned(task)` is called for one that did not stop."""

    def __init__(self, abandoned: Callable[[asyncio.Task[None]], None]) -> None:
        self.task: asyncio.Task[None] | None = None
        """The running task; None as soon as it is abandoned."""
        self._abandoned = abandoned
        self._done: asyncio.Future[None] | None = None
        self._left: list[asyncio.Task[None]] = []
        self._stopping = False

    async def run(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Returns the task when it is done or abandoned."""
        loop = asyncio.get_running_loop()
        self._done = done = loop.create_future()
        self.task = task = loop.create_task(work, name=name)
        self._stopping = False
        task.add_done_callback(self._finished)
        try:
            await done  # not the task itself: that would confuse its cancellation with ours
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            self.task = self._done = None
        return task

    def cancel(self, why: str) -> None:
        """Stops the running task; a second call while it is stopping does nothing."""
        task = self.task
        if task is None or self._stopping:
            return
        self._stopping = True
        task.cancel(why)
        loop = asyncio.get_running_loop()
        loop.call_later(CANCEL_GRACE / 2 / SECOND, lambda: task.cancel(why))
        loop.call_later(CANCEL_GRACE / SECOND, self._abandon, task)

    def tasks(self) -> list[asyncio.Task[None]]:
        """The running task, and abandoned ones that may still run."""
        return [task for task in (*self._left, self.task) if task is not None and not task.done()]

    def _finished(self, task: asyncio.Task[None]) -> None:
        if task is self.task and self._done is not None and not self._done.done():
            self._done.set_result(None)
        elif not task.cancelled():
            task.exception()  # of an abandoned task: retrieved, so that asyncio does not log it

    def _abandon(self, task: asyncio.Task[None]) -> None:
        if task is not self.task or task.done() or self._done is None or self._done.done():
            return
        self._left = [*(left for left in self._left if not left.done()), task]
        self._abandoned(task)
        self.task = None
        self._done.set_result(None)
